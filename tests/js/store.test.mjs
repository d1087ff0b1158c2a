import assert from "node:assert/strict";
import { test } from "node:test";

import { backoff } from "../../static/js/live.js";
import { createStore, merged, scoped } from "../../static/js/store.js";

const frame = (type, seq, data, topic = "quotes") => ({ v: 1, type, topic, account: "a", seq, at: "", data });

test("merges a delta at the top level and removes what is null", () => {
  assert.deepEqual(merged({ A: { p: 1 }, B: { p: 2 } }, { A: { p: 3 }, B: null }), { A: { p: 3 } });
});

test("keeps rows of a snapshot and what deltas changed", () => {
  const store = createStore(() => 0);

  store.apply(frame("snapshot", 4, { A: { p: 1 }, B: { p: 2 } }));
  store.apply(frame("delta", 5, { B: null, C: { p: 9 } }));

  assert.deepEqual(store.rows("quotes").map((row) => [row.key, row.p]), [["A", 1], ["C", 9]]);
});

test("notices a missing frame and leaves its state alone", () => {
  const store = createStore(() => 0);
  store.apply(frame("snapshot", 4, { A: { p: 1 } }));

  assert.equal(store.apply(frame("delta", 6, { A: { p: 7 } })), "gap");

  assert.equal(store.rows("quotes")[0].p, 1);
});

test("ignores a frame it has had and takes a snapshot with any number", () => {
  const store = createStore(() => 0);
  store.apply(frame("snapshot", 9, { A: { p: 1 } }));

  assert.equal(store.apply(frame("delta", 9, { A: { p: 2 } })), "old");
  assert.equal(store.apply(frame("snapshot", 2, { A: { p: 3 } })), "applied");

  assert.equal(store.rows("quotes")[0].p, 3);
});

test("asks for a snapshot when a delta comes first", () => {
  assert.equal(createStore(() => 0).apply(frame("delta", 1, {})), "gap");
});

test("knows how long ago each row came, not only the frame", () => {
  let now = 0;
  const store = createStore(() => now);
  store.apply(frame("snapshot", 1, { A: { p: 1 }, B: { p: 1 } }));
  now = 3000;

  store.apply(frame("delta", 2, { B: { p: 2 } }));

  assert.deepEqual(store.rows("quotes").map((row) => row.sinceFrame), [3, 0]);
});

test("waits longer after each failure, with jitter, never beyond half a minute", () => {
  assert.equal(backoff(0, () => 0), 250);
  assert.equal(backoff(0, () => 1), 500);
  assert.equal(backoff(3, () => 1), 4000);
  assert.equal(backoff(50, () => 1), 30000);
});

test("looks at one account alone and tells every listener of the choice", () => {
  const every = createStore(() => 0);
  const store = scoped(every);
  let told = 0;
  store.on("quotes", () => { told += 1; });
  every.apply(frame("snapshot", 1, { A: { p: 1 } }));
  every.apply({ ...frame("snapshot", 1, { B: { p: 2 } }), account: "b" });

  store.choose("b");

  assert.deepEqual(store.rows("quotes").map((row) => row.key), ["B"]);
  assert.deepEqual(every.rows("quotes").map((row) => row.key), ["A", "B"]);
  assert.equal(told, 3);
  store.choose("c");
  assert.deepEqual([store.rows("quotes"), store.has("quotes")], [[], true]);
});
