import assert from "node:assert/strict";
import { test } from "node:test";
import { register } from "node:module";

// The pages resolve these names by their import map; here they stand for the files themselves.
register(
  "data:text/javascript," +
    encodeURIComponent(`export function resolve(name, context, next) {
      const own = name.startsWith("windhover/");
      const path = name.slice(10).replace(/^builder\\//, "builder-");
      return next(own ? new URL("../../static/js/" + path + ".js", ${JSON.stringify(import.meta.url)}).href : name, context);
    }`),
);
const shapes = await import("../../static/js/builder-shapes.js");

const bounded = (amount) => ({ amount, is_bounded: true, said: "" });
const unbounded = { amount: null, is_bounded: false, said: "" };
const leg = { instrument: "NFO:X", side: "SELL", lots: 2, quantity: "130", kind: "CE", strike: "24800.00", expiry: "2026-11-24", price: "46.60" };

test("a bound is its amount with a sign, or the word", () => {
  assert.equal(shapes.boundText(bounded("-9819.51")), "−₹ 9,819.51");
  assert.equal(shapes.boundText(bounded("3180.49")), "+₹ 3,180.49");
  assert.equal(shapes.boundText(unbounded), "unbounded");
});

test("profit stands to loss only where both are bounded", () => {
  assert.equal(shapes.oddsText({ max_profit: bounded("1000"), max_loss: bounded("-3100") }), "1 : 3.1");
  assert.equal(shapes.oddsText({ max_profit: bounded("3000"), max_loss: bounded("-1000") }), "3.0 : 1");
  assert.equal(shapes.oddsText({ max_profit: bounded("1000"), max_loss: unbounded }), "–");
  assert.equal(shapes.oddsText({ max_profit: bounded("1000"), max_loss: bounded("20") }), "–");
});

test("a chance claims no certainty that it does not have", () => {
  assert.equal(shapes.chanceText(0.7049), "70 %");
  assert.equal(shapes.chanceText(0.9999), "> 99 %");
  assert.equal(shapes.chanceText(0.0001), "< 1 %");
  assert.equal(shapes.chanceText(1), "100 %");
  assert.equal(shapes.chanceText(null), "–");
});

test("the line of a what-if is named by what differs from now", () => {
  const what = { volatility_shift_points: 0, days: 0, at: "2026-11-19T05:00:00+00:00", is_expiry: false };
  assert.equal(shapes.thenName(what), null);
  assert.equal(shapes.thenName({ ...what, volatility_shift_points: -1 }), "now, IV −1.0");
  assert.equal(shapes.thenName({ ...what, days: 3, volatility_shift_points: 2 }), "19 Nov, IV +2.0");
  assert.equal(shapes.thenName({ ...what, days: 7, is_expiry: true }), null);
});

test("a leg is said as it is sent, and its order is limited at the price it was shown at", () => {
  assert.equal(shapes.legWords(leg, "NIFTY"), "Sell 130 NIFTY 24,800 CE 24 Nov");
  assert.deepEqual(shapes.basketLegs([leg]), [{ instrument: "NFO:X", side: "SELL", quantity: "130", product: "NRML", type: "LIMIT", price: "46.60" }]);
  assert.deepEqual(shapes.basketLegs([leg], true), [{ instrument: "NFO:X", side: "SELL", quantity: "130", product: "NRML", type: "MARKET" }]);
  assert.equal(shapes.lotsWords([leg, leg]), "2 lots");
  assert.equal(shapes.lotsWords([leg, { ...leg, lots: 1 }]), "3 lots in all");
});

test("templates are found by any of their words, the desk's own first", () => {
  const templates = [
    { title: "Call calendar", group: "neutral", sentence: "Time pays.", in_library: false },
    { title: "Iron condor", group: "neutral", sentence: "Spreads sold.", in_library: true },
  ];
  assert.deepEqual(shapes.templatesFound(templates, "neutral").map((one) => one.title), ["Iron condor", "Call calendar"]);
  assert.deepEqual(shapes.templatesFound(templates, "time CALL").map((one) => one.title), ["Call calendar"]);
  assert.deepEqual(shapes.templatesFound(templates, "butterfly"), []);
});

test("a template that is called by the typed words comes before the desk's own that is only told by them", () => {
  const templates = [
    { title: "Broken-wing butterfly", group: "neutral", sentence: "A butterfly whose wing below is farther.", in_library: true },
    { title: "Call butterfly", group: "neutral", sentence: "Pays at the money.", in_library: false },
    { title: "Put butterfly below", group: "bearish", sentence: "Pays at a lower strike.", in_library: false },
  ];
  assert.deepEqual(shapes.templatesFound(templates, "butterfly below").map((one) => one.title), ["Put butterfly below", "Broken-wing butterfly"]);
  assert.deepEqual(shapes.templatesFound(templates, "butterfly").map((one) => one.title), ["Broken-wing butterfly", "Call butterfly", "Put butterfly below"]);
});

test("strikes around the money are shown, however few are listed", () => {
  const rows = [100, 200, 300, 400, 500].map((strike) => ({ strike }));
  assert.deepEqual(shapes.nearMoney(rows, 310, 1).map((row) => row.strike), [200, 300, 400]);
  assert.deepEqual(shapes.nearMoney(rows, 90, 1).map((row) => row.strike), [100, 200]);
});

test("a table of the payoff has figures in text and says where there is no chance", () => {
  const curve = { level: [100, 101, 150], now: [1, 2, 3], then: [1, 2, 3], expiry: [-5, 0, 5], chance_below: null };
  assert.deepEqual(shapes.twinRows(curve, 3)[0], ["100", "+1", "+1", "−5", "–"]);
});

test("a leg that is priced all the same says what is wrong with its quote", () => {
  assert.deepEqual(shapes.doubtsOf([{ ...leg, why: ["The quote is old."] }, { ...leg, why: [] }, leg]), ["24,800 CE: The quote is old."]);
});

test("a basket is over in four states, each with its words", () => {
  assert.deepEqual(["pending", "working", "filled", "unwinding", "unwound", "held", "refused"].map(shapes.isOver), [false, false, true, false, true, true, true]);
  for (const state of ["pending", "working", "filled", "unwinding", "unwound", "held", "refused"]) assert.ok(shapes.BASKET_WORDS[state].endsWith("."));
});
