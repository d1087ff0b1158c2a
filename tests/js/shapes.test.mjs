import assert from "node:assert/strict";
import { test } from "node:test";
import { register } from "node:module";

// The pages resolve these names by their import map; here they stand for the files themselves.
register(
  "data:text/javascript," +
    encodeURIComponent(`export function resolve(name, context, next) {
      const own = name.startsWith("windhover/");
      return next(own ? new URL("../../static/js/" + name.slice(10) + ".js", ${JSON.stringify(import.meta.url)}).href : name, context);
    }`),
);
const shapes = await import("../../static/js/shapes.js");

const state = (data, account = "a") => ({ account, data });

test("sums a book over accounts and leaves the other book out", () => {
  const live = (net) => ({ net, realised: net, unrealised: "0", charges: "0" });
  const states = [state({ currency: "INR", live: live("10.50"), paper: live("99") }), state({ currency: "INR", live: live("-4.25") }, "b")];

  assert.equal(shapes.bookFigures(states, "live").net, 6.25);
  assert.equal(shapes.bookFigures([], "live"), null);
});

test("puts every status into one lane", () => {
  assert.equal(shapes.laneOf({ status: "UNKNOWN" }), "asking");
  assert.equal(shapes.laneOf({ status: "PARTIALLY_FILLED" }), "flight");
  assert.equal(shapes.laneOf({ status: "NOT_PLACED" }), "recent");
});

test("counts what a kill switch would meet", () => {
  const orders = [{ status: "OPEN", purpose: "ENTRY" }, { status: "OPEN", purpose: "EXIT" }, { status: "UNKNOWN" }, { status: "FILLED" }];

  const numbers = shapes.killNumbers({ orders, positions: [{ quantity: "5" }, { quantity: "0" }], strategies: [{ state: "running" }, { state: "stopped" }] });

  assert.deepEqual(numbers, { entries: 1, exits: 1, asking: 1, positions: 1, strategies: 1 });
});

test("carries accounts forward when their curves are added", () => {
  const at = (minute) => `2026-08-18T04:0${minute}:00Z`;
  const first = Date.parse(at(0)) / 1000;
  const point = (minute, net, book = "live") => ({ [`${book}:${minute}`]: { book, at: at(minute), net } });
  const states = [state({ ...point(0, "1"), ...point(2, "3"), ...point(2, "99", "paper") }), state(point(1, "10"), "b")];

  assert.deepEqual(shapes.curvePoints(states, "live"), [[first, 1], [first + 60, 11], [first + 120, 13]]);
});

test("puts a strategy's own parameters first, units behind the label", () => {
  const rows = shapes.paramRows([
    { name: "order_value_quote", minimum: 0, maximum: 1000000 },
    { name: "fast", minimum: 2, maximum: 200 },
  ]);

  assert.deepEqual(rows.map((row) => [row.name, row.label, row.range]), [["fast", "Fast", "2 to 200"], ["order_value_quote", "Order value, ₹", "0 to 10,00,000"]]);
});

test("folds refusals that follow one another for one reason", () => {
  const refusal = (symbol, reason) => ({ kind: "refusal", account: "a", symbol, reason });
  const rows = [refusal("A", "killed"), refusal("B", "killed"), refusal("A", "killed"), { kind: "order" }, refusal("A", "killed"), refusal("A", "too large")];

  const shown = shapes.folded(rows);

  assert.deepEqual(shown.map((row) => row.times ?? 0), [3, 0, 1, 1]);
  assert.deepEqual(shown[0].symbols, ["A", "B"]);
  assert.equal(rows[0].times, undefined);
});

const FX = [{ base: "USDT", quote: "INR", rate: "83.5" }];
const day = (currency, net, more = {}) => ({ currency, live: { pnl_today: { net, realised: net, unrealised: "0", charges: "0", funding: "0", ...more } } });

test("adds two currencies only by a rate, and keeps each one's own net", () => {
  const states = [state(day("INR", "100")), state(day("USDT", "-2", { funding: "-0.5" }), "b")];

  const figures = shapes.bookFigures(states, "live", FX);

  assert.deepEqual([figures.currency, figures.net, figures.funding], ["INR", -67, -41.75]);
  assert.deepEqual(figures.parts, [{ currency: "INR", net: 100, rate: 1 }, { currency: "USDT", net: -2, rate: 83.5 }]);
});

test("leaves a currency without a rate out of the total and says so", () => {
  const states = [state(day("INR", "100")), state(day("USDT", "-2"), "b")];

  const figures = shapes.bookFigures(states, "live", []);

  assert.equal(figures.net, 100);
  assert.deepEqual(figures.parts[1], { currency: "USDT", net: -2, rate: null });
});

test("shows one foreign account in its own currency, without any rate", () => {
  const figures = shapes.bookFigures([state(day("USDT", "-2"))], "live", []);

  assert.deepEqual([figures.currency, figures.net], ["USDT", -2]);
});

test("adds curves of two currencies by the rate and leaves out what has none", () => {
  const at = Date.parse("2026-08-18T04:00:00Z") / 1000;
  const point = (net) => ({ p: { book: "live", at: "2026-08-18T04:00:00Z", net } });
  const states = [state(point("1")), state(point("10"), "b")];

  assert.deepEqual(shapes.curvePoints(states, "live", (account) => (account === "b" ? 80 : 1)), [[at, 801]]);
  assert.deepEqual(shapes.curvePoints(states, "live", (account) => (account === "b" ? null : 1)), [[at, 1]]);
});

test("counts funding into a position's net, once", () => {
  assert.equal(shapes.netOf({ pnl_realised: "5", charges: "1", funding: "-0.5" }), 3.5);
  assert.equal(shapes.netOf({ pnl_net: "3.5", pnl_realised: "5", charges: "1", funding: "-0.5" }), 3.5);
});

test("asks neither lots nor a product of a perpetual, and its value in its own currency", () => {
  const params = [{ name: "fast", default: 9 }, { name: "lots" }, { name: "product" }, { name: "order_value_quote", default: "100000" }];

  const rows = shapes.paramRows(params, { currency: "USDT", perpetuals: true });

  assert.deepEqual(rows.map((row) => [row.label, row.default]), [["Fast", 9], ["Order value, USDT", "500"]]);
  assert.equal(shapes.paramRows(params).length, 4);
});

test("names the accounts whose venue takes no orders, and until when", () => {
  const states = [state({ orders_banned_until: "2026-08-18T06:30:20.000000Z" }), state({ orders_banned_until: null }, "b")];

  assert.deepEqual(shapes.orderBans(states), [{ account: "a", until: "2026-08-18T06:30:20.000000Z" }]);
});
