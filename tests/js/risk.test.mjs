// What the risk page says of limits, without a page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { register } from "node:module";

register(
  "data:text/javascript," +
    encodeURIComponent(`export function resolve(name, context, next) {
      const own = name.startsWith("windhover/");
      return next(own ? new URL("../../static/js/" + name.slice(10) + ".js", ${JSON.stringify(import.meta.url)}).href : name, context);
    }`),
);
const { figureOf, headroom, isTighter, left, levelOf, shadowOf, shadowSummary, usedOf, whose } = await import("../../static/js/risk-figures.js");

test("a limit is written in its own unit", () => {
  assert.equal(figureOf("1000000.00", "money", "INR"), "₹ 10.0 L");
  assert.equal(figureOf("2500", "money", "USDT"), "2.50 k USDT");
  assert.equal(figureOf("0.0300", "share", "INR"), "3 %");
  assert.equal(figureOf("10.0", "seconds", "INR"), "10 s");
  assert.equal(figureOf(["09:20-14:45"], "windows", "INR"), "09:20-14:45");
  assert.equal(figureOf(null, "money", "INR"), "–");
});

test("what is used names its currency once", () => {
  const row = { limit: "1000000", unit: "money" };
  assert.equal(usedOf(row, { used: "840000" }, "INR"), "₹ 8.40 L of 10.0 L");
  assert.equal(usedOf({ limit: "5", unit: "count" }, { used: "2" }, "INR"), "2 of 5");
  assert.equal(usedOf(row, null, "INR"), "₹ 10.0 L");
});

test("a meter warns at 85 per cent and the headroom never rounds up", () => {
  assert.deepEqual([0.5, 0.85, 1].map(levelOf), ["", "warn", "over"]);
  assert.deepEqual([0, 0.999, 1.2].map(headroom), ["100 %", "0 %", "used up"]);
});

test("tightening is told from loosening where the figures say so", () => {
  const most = { tighter: "less" };
  assert.equal(isTighter(most, "100", "90"), true);
  assert.equal(isTighter(most, "100", "110"), false);
  assert.equal(isTighter({ tighter: "more" }, "60", "90"), true);
  assert.equal(isTighter(most, null, "5"), true);
  assert.equal(isTighter(most, "5", null), false);
  assert.equal(isTighter({ tighter: "within" }, ["09:20-14:45"], "10:00-11:00"), null);
});

test("levels, breaches in shadow and the time left have words", () => {
  assert.equal(whose({ level: "strategy", target_name: "rsi" }), "strategy rsi");
  assert.equal(whose({ level: "user" }), "owner");
  assert.deepEqual(shadowOf({ outcome: "passed", is_today: true }), { text: "passed", kind: "loss" });
  assert.equal(shadowOf({ outcome: "refused", is_today: false }).text, "stopped, not today");
  assert.equal(shadowOf(null).text, "not tried");
  assert.equal(left("2026-08-18T05:15:00Z", Date.parse("2026-08-18T05:00:30Z")), "in 14:30");
  assert.equal(left("2026-08-18T05:00:00Z", Date.parse("2026-08-18T05:00:30Z")), "now");
});

test("a breach in shadow that another rule met first is not told as stopped", () => {
  const tried = (outcome, is_today = true) => ({ shadow: { outcome, is_today } });
  const day = [tried("refused"), tried("reduced"), tried("other"), tried("refused", false), { shadow: null }];
  assert.deepEqual(shadowSummary(day), { text: "2 of 5 breaches stopped in shadow today, 1 not reached", isAlarm: false });
  assert.equal(shadowSummary(day.slice(0, 2)).text, "2 of 2 breaches stopped in shadow today");
  assert.equal(shadowSummary(day.slice(3)).text, "");
  assert.deepEqual(shadowSummary([...day, tried("passed")]), { text: "1 limit let a breach pass in shadow", isAlarm: true });
});
