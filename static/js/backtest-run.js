// One backtest: its progress, then its verdict, curves, tables and trades, and another run beside it.
import { begin, sayWrong } from "windhover/analysis/frame";
import { createGrid } from "windhover/analysis/grid";
import { dayWords, decimal, share } from "windhover/analysis/shapes";
import { read, write } from "windhover/api";
import { createDays } from "windhover/backtest-chart";
import { paperDialog } from "windhover/backtest-paper";
import { TRADE_COLUMNS, isUnderWay, paramWords, progressWords, runName, stateTag, termWords, verdictParts } from "windhover/backtest-shapes";
import { drawFalls, drawMonths, drawOtherwise, drawStatistics, drawSurface, drawWalk } from "windhover/backtest-tables";
import { byId, h, setClass, setText } from "windhover/dom";
import { bareSymbol, counted, money, moment, percent, shortMoney } from "windhover/format";
import { download } from "windhover/table";

const LOOK_EVERY_MS = 500;
const MOST_COMPARED = 50;
const { id } = JSON.parse(byId("strategies-data").textContent);
const samples = [];
let run = null;
let other = null;

const equity = createDays(byId("equity"), sayEquity);
const price = createDays(byId("price"), sayPrice);
const trades = createGrid({ table: byId("trades"), columns: TRADE_COLUMNS, rowKey: (row) => `${row.entered_on} ${row.entry}`, more: byId("trades-more"), sort: { key: "entered_on", descending: true } });

function sayEquity(index) {
  const result = run?.result;
  if (!result?.days) return;
  const parts = [dayWords(result.days[index]), `run ${money(result.equity[index], "INR", { places: 0 })}`, `held ${money(result.held[index], "INR", { places: 0 })}`, `drawdown ${share(result.underwater[index], 1)}`];
  setText(byId("equity-says"), parts.join(" · "));
}

function sayPrice(index) {
  const result = run?.result;
  if (!result?.days) return;
  const day = result.days[index];
  const acts = result.trades.flatMap((one) => [
    ...(one.entered_on === day ? [`entered ${decimal(one.entry)}`] : []),
    ...(one.left_on === day ? [`left ${decimal(one.exit)}, ${percent(one.profit_quote / (one.entry * one.quantity), 1)}`] : []),
  ]);
  setText(byId("price-says"), [dayWords(day), `close ${decimal(result.close[index])}`, ...acts].join(" · "));
}

/** Another run's equity on this one's days, from the same capital. */
function aligned(theirs) {
  const known = new Map(theirs.result.days.map((day, index) => [day, theirs.result.equity[index]]));
  const factor = run.terms.capital_quote / theirs.terms.capital_quote;
  return run.result.days.map((day) => (known.has(day) ? known.get(day) * factor : null));
}

function drawCurves() {
  const { result } = run;
  const lines = [{ label: "held", values: result.held, className: "quiet" }, ...(other ? [{ label: "other", values: aligned(other), className: "dashed" }] : []), { label: "run", values: result.equity, className: "bold" }];
  equity.show({
    days: result.days,
    panes: [
      { weight: 3, write: (value) => shortMoney(value), lines },
      { weight: 1, write: (value) => share(-value, 0).replace(/^/, value < 0 ? "−" : ""), lines: [], area: result.underwater.map((value) => -value), top: 0 },
    ],
  });
  const placed = new Map(result.days.map((day, index) => [day, index]));
  const marks = result.trades.flatMap((one) => [
    { index: placed.get(one.entered_on), isEntry: one.side === "long" }, ...(one.left_on ? [{ index: placed.get(one.left_on), isEntry: one.side !== "long" }] : []),
  ]).map((mark) => ({ ...mark, value: result.close[mark.index] }));
  price.show({ days: result.days, panes: [{ weight: 1, write: (value) => decimal(value, 0), lines: [{ label: "close", values: result.close, className: "bold" }], marks }] });
}

function drawVerdict() {
  byId("verdicts").hidden = false;
  byId("verdicts").replaceChildren(...verdictParts(run.result).map((part) => h("div", {}, h("h3", {}, part.name), h("b", { class: part.tone }, part.word), ...part.words.map((words) => h("p", {}, words)))));
}

function drawTrades() {
  const { result } = run;
  byId("trades-empty").hidden = trades.show(result.trades) > 0;
  setText(byId("trades-sub"), `${counted(result.trades.length, "trade")}, long only, filled at the next open`);
  byId("remarks").replaceChildren(...result.remarks.map((words) => h("li", {}, words)));
}

function columns() {
  const base = [["Run", run.result.statistics], ["Held", run.result.held_statistics]];
  return other ? [...base, ["Other", other.result.statistics]] : base;
}

function drawResult() {
  byId("view").hidden = false;
  drawVerdict();
  drawStatistics(columns());
  drawMonths(run.result.monthly);
  drawFalls(run.result.drawdowns);
  drawSurface(run.result.surface, run.params);
  drawWalk(run.result.walk_forward);
  drawOtherwise(run.result);
  drawTrades();
  drawCurves();
}

function drawHead() {
  const tag = stateTag(run);
  setText(byId("state"), tag.text);
  setClass(byId("state"), tag.className);
  setText(byId("name"), `${run.title} on ${bareSymbol(run.instrument)}`);
  document.title = `${run.title} on ${bareSymbol(run.instrument)} · Windhover`;
  const span = run.summary.since ? `daily, ${dayWords(run.summary.since)} to ${dayWords(run.summary.until)}` : "daily";
  const mark = run.data_fingerprint ? `data ${run.data_fingerprint.slice(0, 6)}, code ${run.code_version.slice(0, 6)}` : "";
  setText(byId("about"), [span, mark, `asked for ${moment(run.requested_at)}`].filter(Boolean).join(" · "));
  byId("about").title = mark ? "The same data, code, parameters and terms give the same result" : "";
  setText(byId("params"), `${paramWords(run.params)}; ${termWords(run.terms)}.`);
}

function drawProgress() {
  const going = isUnderWay(run);
  byId("progress").hidden = !going;
  byId("ended").hidden = going || run.state === "done";
  setText(byId("ended"), run.state === "failed" ? `${run.problem} Change what was asked for and run it again.` : "It was cancelled before its end; nothing of it was kept.");
  if (byId("again")) {
    byId("again").hidden = going;
    byId("again").href = `/strategies/backtests?like=${run.id}`;
    byId("paper").hidden = run.state !== "done";
  }
  if (!going) return;
  samples.push({ at: performance.now(), done: run.done });
  const part = run.total ? (run.done / run.total) * 100 : 0;
  byId("progress").querySelector("i").style.width = `${part.toFixed(1)}%`;
  byId("progress").querySelector(".meter").setAttribute("aria-valuenow", String(Math.round(part)));
  setText(byId("progress-says"), progressWords(run, samples));
}

async function offerOthers() {
  const { results } = await read(`/api/backtests?limit=${MOST_COMPARED}`);
  const done = results.filter((one) => one.state === "done" && one.id !== run.id);
  byId("other").hidden = done.length === 0;
  byId("other").replaceChildren(h("option", { value: "" }, "Compare with"), ...done.map((one) => h("option", { value: one.id }, runName(one))));
}

async function compare() {
  const wanted = byId("other").value;
  try {
    other = wanted ? await read(`/api/backtests/${wanted}`) : null;
    drawStatistics(columns());
    drawCurves();
    sayWrong(null);
  } catch (error) {
    sayWrong(error, "The other run cannot be read");
  }
}

async function watch() {
  try {
    for (;;) {
      run = await read(`/api/backtests/${id}`);
      drawHead();
      drawProgress();
      if (!isUnderWay(run)) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    sayWrong(null);
    if (run.state !== "done") return;
    drawResult();
    await offerOthers();
  } catch (error) {
    sayWrong(error, "The backtest cannot be read");
  }
}

begin();
byId("other").addEventListener("change", compare);
byId("csv").addEventListener("click", () => download(`backtest-${run.strategy}-${bareSymbol(run.instrument)}.csv`, trades.csv()));
byId("paper")?.addEventListener("click", () => paperDialog(run).catch((error) => sayWrong(error, "The accounts cannot be read")));
byId("cancel")?.addEventListener("click", () => write("/api/backtests/cancel", { id }).catch((error) => sayWrong(error, "It was not cancelled")));
watch();
