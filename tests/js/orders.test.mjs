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
const { chipOf, orderPage, span, stages, whose, withoutRepeats } = await import("../../static/js/orders-shapes.js");

test("says a time in the unit that it is of", () => {
  const said = [null, "0.4", "84", "3200", "240000", "7200000"].map(span);

  assert.deepEqual(said, ["–", "0.4 ms", "84 ms", "3.20 s", "4 min", "2 h"]);
});

test("names every stage, also one that has not happened", () => {
  const found = stages({ decision_to_journal: "0", journal_to_venue: "12.5", venue_to_first_fill: null });

  assert.deepEqual(found.map(([figure]) => figure), ["0.0 ms", "13 ms", "–", "–"]);
});

test("names a person and a strategy, and the others by what they are", () => {
  assert.equal(whose({ who: "person", name: "Asha" }), "Person, Asha");
  assert.equal(whose({ who: "strategy", name: "ema-crossover" }), "Strategy, EMA crossover");
  assert.equal(whose({ who: "venue", name: "" }), "Venue");
});

test("a reason is said once, however many steps follow from it", () => {
  const said = withoutRepeats([{ reason: "crossed" }, { reason: "crossed" }, { reason: "" }, { reason: "crossed" }]);

  assert.deepEqual(said.map(({ reason }) => reason), ["crossed", "", "", "crossed"]);
});

test("an unknown outcome wears its own colour", () => {
  const classes = ["UNKNOWN", "FILLED", "REJECTED", "NOT_PLACED", "OPEN", "CANCELLED"].map(chipOf);

  assert.deepEqual(classes, ["chip unknown", "chip filled", "chip refused", "chip warn", "chip open", "chip"]);
});

test("an order's page is found by its id", () => {
  assert.equal(orderPage("a b"), "/orders/a%20b");
});
