import assert from "node:assert/strict";
import { test } from "node:test";

import * as rules from "../../static/js/analysis/rule.js";

const one = (name) => ({ left: { indicator: name }, is: "above", right: 1 });
const nested = () => ({ all: [one("a"), { any: [one("b"), one("c")] }] });

test("names places as the API does", () => {
  assert.equal(rules.named([1, 0]), "2.1");
  assert.deepEqual(rules.conditionsOf(nested()).map(({ place }) => rules.named(place)), ["1", "2.1", "2.2"]);
});

test("edits a member deep in a rule and leaves the rule that was given alone", () => {
  const before = nested();

  const after = rules.replaced(before, [1, 0], () => one("z"));

  assert.deepEqual(after, { all: [one("a"), { any: [one("z"), one("c")] }] });
  assert.deepEqual(before, nested());
});

test("adds to a group and turns its join", () => {
  assert.deepEqual(rules.added(nested(), [1], one("d")).all[1], { any: [one("b"), one("c"), one("d")] });
  assert.deepEqual(rules.joined(nested(), [], "any"), { any: nested().all });
});

test("removes a condition, and with its last one the group, but never the rule", () => {
  const without = rules.removed(rules.removed(nested(), [1, 1]), [1, 0]);

  assert.deepEqual(without, { all: [one("a")] });
  assert.deepEqual(rules.removed(without, [0]), { all: [one("a")] });
});

test("reads numbers as people type them", () => {
  assert.deepEqual(["1,200.5", "−3", "", "x", "1e3"].map(rules.numberFrom), [1200.5, -3, null, null, 1000]);
});

test("writes only what differs from a daily candle, and takes it apart again", () => {
  const term = rules.termOf({ indicator: "sma", parameters: { period: 20 }, timeframe: "week", ago: 2 });

  assert.deepEqual(term, { indicator: "sma", period: 20, timeframe: "week", bars_ago: 2 });
  assert.deepEqual(rules.partsOf(term), { indicator: "sma", number: null, parameters: { period: 20 }, timeframe: "week", ago: 2 });
  assert.equal(rules.termOf({ number: 5 }), 5);
  assert.deepEqual(rules.termOf({ indicator: "close" }), { indicator: "close" });
  assert.equal(rules.partsOf(5).number, 5);
});

test("names the conditions that lack a number", () => {
  const rule = { all: [one("a"), { ...one("b"), right: null }, { any: [{ ...one("c"), left: { indicator: "sma", period: null } }] }] };

  assert.deepEqual(rules.unfinished(rule), ["2", "3.1"]);
});

test("gathers by condition who could not be evaluated", () => {
  const unknown = [{ symbol: "NSE:B", conditions: ["10: RSI(14) above 55", "2: close above 5"] }, { symbol: "NSE:A", conditions: ["2: close above 5"] }];

  assert.deepEqual(rules.unknownBy(unknown), [
    { path: "2", text: "close above 5", symbols: ["NSE:B", "NSE:A"] },
    { path: "10", text: "RSI(14) above 55", symbols: ["NSE:B"] },
  ]);
});

test("offers examples that are whole", () => {
  for (const example of rules.EXAMPLES) assert.deepEqual(rules.unfinished(example.rule), [], example.name);
});
