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
const shapes = await import("../../static/js/analysis/shapes.js");

const check = (name, unit, passed, figure, threshold) => ({ check: name, text: name, unit, passed, figure, threshold });

test("writes a calendar day without asking any zone", () => {
  assert.equal(shapes.dayWords("2026-05-29"), "29 May 2026");
  assert.equal(shapes.dayWords(null), "–");
});

test("shows a check's figure and what it needs in the check's own unit", () => {
  assert.equal(shapes.inUnit(-17.25, "per cent"), "−17.3 %");
  assert.equal(shapes.inUnit(0.04, "per cent"), "+0.04 %");
  assert.equal(shapes.inUnit(1.236, "times"), "1.24×");
  assert.equal(shapes.inUnit(123456.5, "price"), "1,23,456.50");
  assert.equal(shapes.needs(check("near_year_high", "per cent", true, -1, -25)), "≥ −25.0 %");
  assert.equal(shapes.needs(check("stage_two", "stage", true, 2, 2)), "= 2");
  assert.equal(shapes.needs(check("rsi_strong", "points", false, 40, 50)), "> 50.0");
});

test("shows five places of what is worth less than one", () => {
  assert.deepEqual([0.08123, 0, 12.5, -0.5].map((value) => shapes.decimal(value)), ["0.08123", "0.00", "12.50", "−0.50000"]);
});

test("names what is missing, and that a short history is not judged", () => {
  const checks = [check("A", "points", true), { ...check("b", "points", false), text: "RSI above 50" }, { ...check("c", "points", null), text: "Stage 2, advancing" }];

  assert.equal(shapes.verdictSentence({ score: 1, grade: "D", checks }), "1 of 3 checks pass, grade D. Missing: RSI above 50; stage 2, advancing.");
  assert.equal(shapes.verdictSentence({ score: 1, grade: "A+", super_performer: true, checks: checks.slice(0, 1) }), "1 of 1 checks pass, grade A+: a super performer. None fails.");
  assert.match(shapes.verdictSentence({ score: null, checks: [] }), /Not judged/);
});

test("tells a check that is not known from one that fails", () => {
  assert.deepEqual([true, false, null, undefined].map((passed) => shapes.answerOf({ passed })), ["passes", "fails", "not known", "not known"]);
});

test("puts what is not known last, whichever way one sorts", () => {
  const rows = [{ v: 2 }, { v: null }, { v: 10 }, { v: undefined }];

  assert.deepEqual(shapes.ordered(rows, (row) => row.v, true).map((row) => row.v), [10, 2, null, undefined]);
  assert.deepEqual(shapes.ordered(rows, (row) => row.v, false).map((row) => row.v), [2, 10, null, undefined]);
  assert.deepEqual(shapes.ordered([{ v: "b" }, { v: "a" }], (row) => row.v, false).map((row) => row.v), ["a", "b"]);
});

test("counts grades from the best, those without one last", () => {
  const counts = shapes.gradeCounts([{ grade: "A" }, { grade: "A" }, { grade: null }, { grade: "D" }]);

  assert.deepEqual(counts, [["A+", 0], ["A", 2], ["B", 0], ["C", 0], ["D", 1], ["none", 1]]);
});

test("reckons rate and time left from the first row that was done", () => {
  const samples = [{ at: 0, done: 0 }, { at: 1000, done: 100 }, { at: 3000, done: 500 }];

  assert.deepEqual(shapes.progressOf({ done: 500, total: 1000 }, samples), { share: 0.5, rate: 200, left: 2.5 });
  assert.equal(shapes.progressWords({ state: "running", done: 500, total: 1000, universe: "NIFTY 50" }, samples), "NIFTY 50: 500 of 1,000 stocks · 200 a second · 3 s left");
});

test("says that a run waits or reads before it has a count", () => {
  assert.equal(shapes.progressWords({ state: "queued", done: 0, total: 0, universe: "X" }, []), "X: waiting for a worker");
  assert.equal(shapes.progressWords({ state: "running", done: 0, total: 0, universe: "X" }, []), "X: reading the candles");
  assert.deepEqual(shapes.progressOf({ done: 0, total: 0 }, []), { share: 0, rate: 0, left: null });
});

test("names what the answer has no words for by its own name", () => {
  assert.equal(shapes.nameWords("rsi_oversold"), "RSI oversold");
  assert.equal(shapes.nameWords("open_interest"), "Open interest");
});

test("writes volumes in lakh and crore", () => {
  assert.equal(shapes.volumeWords(12345678), "1.23 Cr");
  assert.equal(shapes.volumeWords(1500000), "15.0 L");
  assert.equal(shapes.volumeWords(4200), "4,200");
  assert.equal(shapes.volumeWords(-65782324), "−6.58 Cr");
  assert.equal(shapes.volumeWords(null), "–");
});

test("deepens a wash with its move, and leaves out what is zero or not known", () => {
  assert.deepEqual(shapes.inWash(0.015, 0.03), { name: "gain", share: 50 });
  assert.deepEqual(shapes.inWash(-0.3, 0.03), { name: "loss", share: 100 });
  assert.equal(shapes.inWash(0, 0.03), null);
  assert.equal(shapes.inWash(null, 0.03), null);
});

test("tells what an alert waits for and how often", () => {
  const alert = { figure: "last_price", direction: "above", level: "1500.5", recurring: false, hysteresis: "0" };

  assert.equal(shapes.alertWords(alert, [{ name: "last_price", text: "last price" }]), "last price at or above 1,500.50");
  assert.equal(shapes.repeatWords(alert), "once");
  assert.equal(shapes.repeatWords({ ...alert, recurring: true, hysteresis: "2.50" }), "every time, again once it is back by more than 2.50");
  assert.equal(shapes.repeatWords({ ...alert, recurring: true }), "every time, again once it is back");
});

test("keeps the decimals a level was written with", () => {
  assert.deepEqual(["1500", "0.12345", "1500.00000", ""].map(shapes.levelWords), ["1,500", "0.12345", "1,500", "–"]);
});

test("reads instruments as they are typed, each once", () => {
  assert.deepEqual(shapes.instrumentsOf("infy, NSE:TCS\nnse:infy  BSE:SBIN"), ["NSE:INFY", "NSE:TCS", "BSE:SBIN"]);
  assert.deepEqual(shapes.instrumentsOf(" "), []);
});

test("names an indicator on bars as the desk knows it", () => {
  const macd = { name: "macd", parameters: { fast: 12, slow: 26, signal: 9 } };

  assert.equal(shapes.figureName(macd, { slow: 30 }, "15m"), "macd(12,30,9)@15m");
  assert.equal(shapes.figureName({ name: "close", parameters: {} }, {}, "5m"), "close@5m");
  assert.equal(shapes.alertWords({ figure: "rsi(14)@5m", figure_text: "RSI(14), 5 min", direction: "below", level: "30" }), "RSI(14), 5 min at or below 30");
});
