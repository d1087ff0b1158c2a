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
const figures = await import("../../static/js/options/figures.js");
const shapes = await import("../../static/js/options/shapes.js");
const scales = await import("../../static/js/options/scales.js");

const COLUMNS = ["strike", "moneyness", "iv", "ce.bid", "ce.ask", "ce.oi", "ce.quoted_at", "ce.marks", "ce.refusal", "pe.bid", "pe.ask", "pe.oi", "pe.quoted_at", "pe.marks", "pe.refusal"];
const AS_OF = "2026-08-18T06:00:00.000000Z";
const NOW_S = Date.parse(AS_OF) / 1000;
const legend = {
  columns: COLUMNS,
  marks: { 2: "Nobody bids.", 32: "The quote is old." },
  refusals: { 1: "Nothing to work it out from." },
  instruments: { 24500: ["NFO:C", "NFO:P"] },
};

test("reads a socket's columns into the rows of the API", () => {
  const data = { head: { as_of: AS_OF }, legend, 24500: [24500, 0.01, 0.12, 10, 10.5, 75, NOW_S - 2, 0, 0, null, 7, 150, NOW_S - 41, 34, 1] };

  const { rows: [row] } = shapes.chainOfState(data);

  assert.deepEqual([row.strike, row.iv, row.ce.instrument, row.ce.bid, row.ce.age_s], [24500, 0.12, "NFO:C", 10, 2]);
  assert.deepEqual([row.ce.is_liquid, row.pe.is_liquid], [true, false]);
  assert.deepEqual(row.pe.why, ["Nobody bids.", "The quote is old.", "Nothing to work it out from."]);
  assert.deepEqual([shapes.isStale(row.ce), shapes.isStale(row.pe)], [false, true]);
});

test("has no chain before its head has come, and sorts strikes as numbers", () => {
  assert.equal(shapes.chainOfState({ 24500: [24500] }), null);

  const rows = shapes.chainOfState({ head: { as_of: null }, legend, 10000: [10000], 9900: [9900] }).rows;

  assert.deepEqual(rows.map((row) => row.strike), [9900, 10000]);
  assert.equal(rows[0].ce.age_s, null);
});

test("shows as many strikes on each side of the centre as there is room for", () => {
  const rows = [1, 2, 3, 4, 5, 6, 7].map((strike) => ({ strike }));

  const shown = (centre, reach) => shapes.windowOf(rows, centre, reach).map((row) => row.strike);

  assert.deepEqual(shown(4.2, 1), [3, 4, 5]);
  assert.deepEqual(shown(7, 1), [5, 6, 7]);
  assert.deepEqual(shown(0, 1), [1, 2, 3]);
  assert.equal(shown(4, 0).length, 7);
  assert.equal(shown(null, 1).length, 7);
});

test("keeps the centre until the money has left it by more than three strikes", () => {
  const rows = Array.from({ length: 20 }, (_, index) => ({ strike: index * 50 }));

  assert.equal(shapes.steadyCentre(rows, null, 500), 500);
  assert.equal(shapes.steadyCentre(rows, 500, 650), 500);
  assert.equal(shapes.steadyCentre(rows, 500, 700), 700);
  assert.equal(shapes.steadyCentre(rows, 500, null), 500);
});

test("works out the expected move and leaves out what is not known", () => {
  const strip = shapes.stripOf({ forward: 24000, spot: 23950, atm_iv: 0.12, years: 0.25, max_pain: 24100 });

  assert.equal(strip.move, 24000 * 0.12 * 0.5);
  assert.equal(strip.move_share, 0.06);
  assert.deepEqual([strip.carry, strip.pain_gap, strip.pcr, strip.straddle], [50, 100, null, null]);
  assert.equal(shapes.stripOf({ forward: null, atm_iv: 0.12, years: 0.1 }).move, null);
});

test("carries legs in an address and leaves out what cannot be read", () => {
  const legs = [{ side: "SELL", instrument: "NFO:NIFTY26NOV24800CE", lots: 2 }];

  assert.equal(shapes.legsText(legs), "SELL:NFO:NIFTY26NOV24800CE:2");
  assert.deepEqual(shapes.legsOf("SELL:NFO:NIFTY26NOV24800CE:2, HOLD:NFO:X:1,BUY:NFO:Y:0,BUY:NFO:Y"), legs);
  assert.deepEqual(shapes.legsOf(null), []);
});

test("adds a lot on the same side and takes one off on the other", () => {
  const once = shapes.withLeg([], "BUY", "A");
  const twice = shapes.withLeg(once, "BUY", "A");

  assert.deepEqual(twice, [{ side: "BUY", instrument: "A", lots: 2 }]);
  assert.deepEqual(shapes.withLeg(twice, "SELL", "A"), once);
  assert.deepEqual(shapes.withLeg(once, "SELL", "A"), []);
});

const CHAIN = [
  { strike: 24800, ce: { instrument: "C248", bid: 46.6, ask: 46.8 }, pe: { instrument: null } },
  { strike: 25000, ce: { instrument: "C250", bid: 20.6, ask: 20.7 }, pe: { instrument: "P250", bid: 0, ask: 710 } },
];

test("prices a leg at the side it trades and sends what is bought first", () => {
  const legs = shapes.legsPriced([{ side: "SELL", instrument: "C248", lots: 1 }, { side: "BUY", instrument: "C250", lots: 1 }, { side: "SELL", instrument: "P250", lots: 1 }], CHAIN);

  assert.deepEqual(legs.map((leg) => [leg.side, leg.strike, leg.kind, leg.price]), [["BUY", 25000, "CE", 20.7], ["SELL", 24800, "CE", 46.6], ["SELL", 25000, "PE", null]]);
  assert.equal(shapes.outcomeOf(legs, 65), null);
});

test("says what a credit spread comes to at expiry", () => {
  const legs = shapes.legsPriced([{ side: "SELL", instrument: "C248", lots: 1 }, { side: "BUY", instrument: "C250", lots: 1 }], CHAIN);

  const outcome = shapes.outcomeOf(legs, 65);

  assert.equal(outcome.credit.toFixed(2), "1683.50");
  assert.equal(outcome.maxProfit.toFixed(2), "1683.50");
  assert.equal(outcome.maxLoss.toFixed(2), "-11316.50");
  assert.deepEqual(outcome.breakevens.map((at) => at.toFixed(2)), ["24825.90"]);
});

test("has no figure for a side without a bound", () => {
  const leg = (side, kind) => ({ side, kind, strike: 100, lots: 1, price: 5 });

  const long = shapes.outcomeOf([leg("BUY", "CE"), leg("BUY", "PE")], 1);
  const short = shapes.outcomeOf([leg("SELL", "CE")], 1);

  assert.deepEqual([long.maxProfit, long.maxLoss, long.breakevens], [null, -10, [90, 110]]);
  assert.deepEqual([short.maxProfit, short.maxLoss, short.breakevens], [5, null, [105]]);
});

test("names the strike to which most was added, and none where all was cut", () => {
  const rows = [{ strike: 1, ce: { oi_change: 5 }, pe: { oi_change: -1 } }, { strike: 2, ce: { oi_change: 9 }, pe: { oi_change: null } }];

  assert.deepEqual(shapes.mostAdded(rows, "ce"), { strike: 2, change: 9 });
  assert.equal(shapes.mostAdded(rows, "pe"), null);
});

test("counts the build-up classes of a side, the most frequent first", () => {
  const strikes = ["short build-up", "none", "long unwinding", "short build-up"].map((build_up) => ({ ce: { build_up }, pe: {} }));

  assert.deepEqual(shapes.classesOf(strikes, "ce"), [["short build-up", 2], ["long unwinding", 1]]);
  assert.deepEqual(shapes.classesOf(strikes, "pe"), []);
});

test("tells what a premium did over the day", () => {
  const minutes = [{ at: "a", straddle: null }, { at: "b", straddle: 400, straddle_vwap: 400 }, { at: "c", straddle: 380, straddle_vwap: 390 }];

  const told = shapes.premiumOf(minutes, "straddle", "straddle_vwap");

  assert.deepEqual([told.first.value, told.last.value, told.high, told.low, told.mean, told.gap], [400, 380, 400, 380, 390, -10]);
  assert.equal(shapes.premiumOf([{ at: "a", straddle: null }], "straddle", "straddle_vwap"), null);
});

test("finds the newest minute that is not after a moment", () => {
  const minutes = [{ at: "2026-08-18T04:00:00Z" }, { at: "2026-08-18T04:01:00Z" }];

  assert.equal(shapes.minuteAt(minutes, "2026-08-18T04:00:59Z"), 0);
  assert.equal(shapes.minuteAt(minutes, "2026-08-18T05:00:00Z"), 1);
  assert.equal(shapes.minuteAt(minutes, "2026-08-18T03:00:00Z"), -1);
});

test("writes option figures as a trader reads them", () => {
  assert.deepEqual([figures.lakh(6_040_000), figures.lakh(-20_000, { signed: true }), figures.lakh(12_120_000, { signed: true }), figures.lakh(null)], ["60.4", "−0.20", "+121.2", "–"]);
  assert.deepEqual([figures.points(0.1239), figures.points(-0.003, { signed: true }), figures.volatility(0.12), figures.volatility(null)], ["12.4", "−0.3", "12.0 %", "–"]);
  assert.deepEqual([figures.greek(-0.104), figures.greek(0), figures.ratio(1.0567)], ["−0.10", "0.00", "1.06"]);
  assert.deepEqual([figures.strikeText(24300), figures.strikeText(102.5), figures.level(24279.149)], ["24,300", "102.5", "24,279.15"]);
  assert.deepEqual([figures.amount(-12_345_678), figures.amount(5e5), figures.amount(undefined), figures.amount(4.2e10)], ["−₹ 1.23 Cr", "+₹ 5.00 L", "–", "+₹ 4,200.0 Cr"]);
});

test("counts days to an expiry in the exchange's zone", () => {
  assert.deepEqual(figures.expiryWords("2026-11-24", "2026-11-23T19:00:00Z"), ["24 Nov", "today"]);
  assert.deepEqual(figures.expiryWords("2027-01-05", "2026-11-23T05:00:00Z"), ["5 Jan 27", "43 d"]);
  assert.deepEqual(figures.expiryWords("2026-11-24", null), ["24 Nov", ""]);
  assert.equal(figures.expiryText("nonsense"), "–");
});

test("ticks fall on round figures and whole minutes", () => {
  assert.deepEqual(scales.niceTicks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(scales.niceTicks(11.8, 13.4, 4), [12, 12.5, 13]);
  assert.deepEqual(scales.niceTicks(3, 3), []);
  const from = Date.parse("2026-08-18T03:45:00Z"); // 09:15 of the exchange
  assert.deepEqual(scales.timeTicks(from, from + 3_600_000, 3).map((at) => new Date(at).toISOString().slice(11, 16)), ["04:00", "04:30"]);
});

test("a range has room, and a flat line does not fill the chart", () => {
  assert.deepEqual(scales.extent([10, 20], { room: 0.1 }), [9, 21]);
  assert.deepEqual(scales.extent([5, 5], { room: 0, least: 2 }), [4, 6]);
  assert.deepEqual(scales.extent([5], { room: 0, zero: true }), [0, 5]);
  assert.equal(scales.extent([null, NaN]), null);
});

test("a line breaks where there is no figure", () => {
  const same = (value) => value;

  assert.equal(scales.linePath([[0, 1], [1, null], [2, 3], [3, 4]], same, same), "M0.0,1.0 M2.0,3.0 L3.0,4.0");
});

test("labels stay apart and inside the chart", () => {
  assert.deepEqual(scales.spread([50, 52], 12, [0, 100]), [50, 62]);
  assert.deepEqual(scales.spread([98, 97], 12, [0, 100]), [100, 88]);
});

test("finds the nearest place on an axis", () => {
  assert.deepEqual([0, 2, 2.6, 9].map((at) => scales.nearest([1, 2, 3], at)), [0, 1, 2, 2]);
  assert.equal(scales.nearest([], 1), -1);
});
