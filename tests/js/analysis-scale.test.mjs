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
const scale = await import("../../static/js/analysis/scale.js");

const x = (index) => index * 10;
const y = (value) => 100 - value;

test("finds round levels inside a span", () => {
  assert.deepEqual(scale.niceTicks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(scale.niceTicks(0.113, 0.31, 4), [0.15, 0.2, 0.25, 0.3]);
  assert.deepEqual(scale.niceTicks(7, 7, 4), [7]);
  assert.deepEqual(scale.niceTicks(null, null, 4), []);
});

test("gives a span room, and a flat one too", () => {
  assert.deepEqual(scale.extent([10, null, 20], 0.1), [9, 21]);
  const [low, high] = scale.extent([50, 50], 0.1);
  assert.ok(low < 50 && high > 50);
  assert.equal(scale.extent([null, undefined]), null);
});

test("draws a rising day hollow, a falling one filled, and leaves the body free of its wick", () => {
  const paths = scale.candlePaths([["2026-01-01", 10, 30, 5, 20, 1], ["2026-01-02", 20, 22, 8, 12, 1]], x, y, 10);

  assert.equal(paths.hollow, "M-3.3 80H3.3V90H-3.3Z");
  assert.equal(paths.filled, "M6.7 80H13.3V88H6.7Z");
  assert.equal(paths.wicks, "M0 70V80M0 90V95M10 78V80M10 88V92");
});

test("breaks a line where its value is not known", () => {
  assert.equal(scale.linePath([null, 1, 2, null, 4], x, y), "M10 99L20 98M40 96");
});

test("draws columns from their base, below it where they are negative", () => {
  assert.equal(scale.columnsPath([5, null, -5], x, y, 100, 10), "M-3.3 100V95H3.3V100ZM16.7 100V105H23.3V100Z");
});

test("labels months as far apart as there is room, with the year at January", () => {
  const days = ["2025-11-28", "2025-12-01", "2025-12-31", "2026-01-01", "2026-02-02", "2026-04-01"];

  assert.deepEqual(scale.monthTicks(days, (index) => index * 60, 50).map((tick) => tick.text), ["Dec", "2026", "Feb", "Apr"]);
  assert.deepEqual(scale.monthTicks(days, (index) => index * 30, 50).map((tick) => tick.text), ["2026", "Apr"]);
  assert.deepEqual(scale.monthTicks([], x, 50), []);
});

test("finds the last value that is known", () => {
  assert.deepEqual(scale.lastKnown([1, 2, null]), { index: 1, value: 2 });
  assert.equal(scale.lastKnown([null]), null);
});

test("pushes labels apart that would lie on one another", () => {
  assert.deepEqual(scale.spread([{ y: 12, text: "b" }, { y: 10, text: "a" }, { y: 60, text: "c" }], 11).map((label) => [label.text, label.y]), [["a", 10], ["b", 21], ["c", 60]]);
});
