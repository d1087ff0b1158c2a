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
const { STATISTICS, TERMS, paramWords, progressWords, sentence, stateTag, termText, termValue, termWords, verdictParts, wash } = await import("../../static/js/backtest-shapes.js");

const slippage = TERMS.find((term) => term.name === "slippage_fraction");
const result = {
  verdict: { standing: "doubtful", sentence: "Do not trade on this yet: few.", reasons: ["few", "it lost 5.5%"] },
  bias: { leak: null, cuts: 12, warm_up: "a warm-up of 63 bars is enough", is_warm_up_enough: true },
  luck: { trials: 44, deflated_sharpe: 0.25, overfitting: 0.39, splits: 252 },
  by_cost: [{ value: 0, cagr: 0.02 }, { value: 1, cagr: 0.01 }, { value: 2, cagr: -0.01 }, { value: 3, cagr: -0.03 }],
};

test("a typed per cent is sent as a share and a text that is none as it is", () => {
  assert.equal(termValue(slippage, "0.05"), 0.0005);
  assert.equal(termValue(slippage, " 1,0 "), 0.1);
  assert.equal(termValue(slippage, "much"), "much");
  assert.equal(termText(slippage, 0.0005), "0.05");
  assert.equal(termText(slippage, undefined), "0.05");
});

test("parameters that days do not use are not told", () => {
  assert.equal(paramWords({ bar_minutes: 1, fast: 9, rsi_bars: 14, product: "CNC" }), "fast 9, rsi bars 14");
});

test("terms name the guards that are set", () => {
  const words = termWords({ capital_quote: 1e6, size_fraction: 0.5, slippage_fraction: 0.0005, stop_fraction: 0.08, target_fraction: 0, trail_fraction: 0 });

  assert.match(words, /10,00,000/);
  assert.match(words, /50 % in one position/);
  assert.match(words, /stop 8.0 %/);
  assert.doesNotMatch(words, /target/);
});

test("progress tells the stage, the steps and the time that is left", () => {
  const run = { state: "running", stage: "Trying", done: 30, total: 50 };

  assert.equal(progressWords(run, [{ at: 0, done: 10 }, { at: 2000, done: 30 }]), "Trying: 30 of 50 steps, about 2 s left");
  assert.equal(progressWords(run, []), "Trying: 30 of 50 steps");
  assert.equal(progressWords({ state: "queued" }, []), "Waiting for a worker");
  assert.equal(stateTag({ state: "failed" }).className, "tag warn");
});

test("the verdict has four columns, and says at which costs nothing is left", () => {
  const [verdict, bias, luck, costs] = verdictParts(result);

  assert.equal(verdict.word, "Doubtful");
  assert.deepEqual(verdict.words, ["Do not trade on this yet: few.", "It lost 5.5%."]);
  assert.equal(bias.word, "No lookahead found");
  assert.equal(luck.word, "25 % skill");
  assert.equal(costs.word, "Gone at 2 times the cost");
  assert.match(costs.words[0], /\+2.0 %, \+1.0 %, −1.0 %, −3.0 %/);
});

test("a leak is told as what it is, and what bears every cost too", () => {
  const parts = verdictParts({ ...result, bias: { ...result.bias, leak: "it sees the future", warm_up: null }, by_cost: result.by_cost.map((one) => ({ ...one, cagr: 0.1 })) });

  assert.equal(parts[1].word, "Sees the future");
  assert.equal(parts[1].words[0], "It sees the future.");
  assert.equal(parts[3].word, "Bears three times the cost");
});

test("what is not defined is a dash among the statistics", () => {
  const rows = Object.fromEntries(STATISTICS.map(([name, text]) => [name, text({ trades: 0, max_drawdown: 0, turnover: null })]));

  assert.equal(rows.Calmar, "–");
  assert.equal(rows["Closed trades, won"], "0");
  assert.equal(rows["Worst drawdown"], "0.0 %");
});

test("a wash deepens with its figure", () => {
  assert.equal(wash(-2, 4), "17%");
  assert.equal(wash(null, 4), "0%");
  assert.equal(sentence("it is so"), "It is so.");
});
