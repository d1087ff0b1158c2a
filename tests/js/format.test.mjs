import assert from "node:assert/strict";
import { test } from "node:test";

import { age, clock, money, percent, placesOf, price, quantity, shortMoney, signOf, titled, tone } from "../../static/js/format.js";

test("groups rupees the Indian way and puts the sign before the currency", () => {
  assert.equal(money("704218", "INR"), "₹ 7,04,218.00");
  assert.equal(money("-412.6", "INR"), "−₹ 412.60");
  assert.equal(money("3254.9", "INR", { signed: true }), "+₹ 3,254.90");
  assert.equal(money("50.18", "USDT", { signed: true }), "+50.18 USDT");
});

test("gives a rounded zero no sign and no colour", () => {
  assert.equal(money("-0.004", "INR", { signed: true, bare: true }), "0.00");
  assert.equal(signOf(0.001), "");
  assert.equal(tone("-0.001"), "");
  assert.equal(tone("-0.01"), "loss");
});

test("shows a dash for what is not a figure", () => {
  for (const nothing of [null, undefined, "", "abc", NaN]) assert.equal(money(nothing), "–");
});

test("prints a price with the decimals of its tick", () => {
  assert.equal(placesOf("0.05"), 2);
  assert.equal(placesOf("0.1"), 1);
  assert.equal(placesOf("1"), 0);
  assert.equal(price("61204", "USDT", "0.1"), "61,204.0");
  assert.equal(price("1411.85", "INR", null), "1,411.85");
  assert.equal(price("1411.8", "INR", "0.1"), "1,411.80");
  assert.equal(price("83.2575", "INR", "0.0025"), "83.2575");
});

test("signs positions and drops trailing zeros of quantities", () => {
  assert.equal(quantity("120.00000000", { signed: true }), "+120");
  assert.equal(quantity("-0.150"), "−0.15");
});

test("shortens gauges to lakh and crore", () => {
  assert.equal(shortMoney(840000), "8.40 L");
  assert.equal(shortMoney(1200000), "12.0 L");
  assert.equal(shortMoney(25000000), "2.50 Cr");
  assert.equal(shortMoney(3120), "3,120");
});

test("words ages from tenths of a second to days", () => {
  assert.deepEqual([0.04, 9.96, 41, 130, 7300, 200000].map(age), ["0.0 s", "10.0 s", "41 s", "2 min", "2 h", "2 d"]);
});

test("tells the time of the exchange whatever the browser's zone", () => {
  assert.equal(clock("2026-08-18T03:45:00.000000Z"), "09:15:00");
  assert.equal(clock("nonsense"), "–");
});

test("writes percentages with a real minus and slugs as words", () => {
  assert.equal(percent(-0.0123), "−1.23 %");
  assert.equal(titled("ema-crossover"), "EMA crossover");
  assert.equal(titled("order_value"), "Order value");
});
