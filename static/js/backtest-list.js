// The form of a backtest and the runs that there are.
import { begin, sayWrong } from "windhover/analysis/frame";
import { createGrid } from "windhover/analysis/grid";
import { share } from "windhover/analysis/shapes";
import { read, write } from "windhover/api";
import { asked, clearWrong, drawParams, drawTerms, showWrong } from "windhover/backtest-fields";
import { isUnderWay, paramWords, ratio, standingWords, stateWords } from "windhover/backtest-shapes";
import { byId, h, setText } from "windhover/dom";
import { bareSymbol, counted, moment, percent, tone } from "windhover/format";

const LOOK_EVERY_MS = 1000;
const form = byId("form");
const query = new URLSearchParams(location.search);
let offered = { strategies: [], instruments: [] };

const done = (row) => row.state === "done";
const grid = createGrid({
  table: byId("runs"), rowKey: (row) => row.id, more: byId("runs-more"),
  columns: [
    { key: "title", label: "Strategy", text: (row) => row.title, draw: (row) => h("a", { href: `/strategies/backtests/${row.id}` }, row.title) },
    { key: "instrument", label: "Stock", text: (row) => bareSymbol(row.instrument), className: "words" },
    { key: "params", label: "Parameters", text: (row) => paramWords(row.params), className: "drops words one-line", draw: (row) => h("span", { title: paramWords(row.params) }, paramWords(row.params)) },
    { key: "cagr", label: "A year", hint: "Return a year after charges", text: (row) => (done(row) ? percent(row.summary.cagr, 1) : ""), by: (row) => row.summary.cagr, tone: (row) => tone(row.summary.cagr, 3) },
    { key: "sharpe", label: "Sharpe", text: (row) => (done(row) ? ratio(row.summary.sharpe) : ""), by: (row) => row.summary.sharpe, className: "drops" },
    { key: "fall", label: "Drawdown", text: (row) => (done(row) ? share(row.summary.max_drawdown, 1) : ""), by: (row) => row.summary.max_drawdown, className: "drops" },
    { key: "trades", label: "Trades", text: (row) => (done(row) ? String(row.summary.trades) : ""), by: (row) => row.summary.trades, className: "drops" },
    { key: "standing", label: "Verdict", text: (row) => (done(row) ? standingWords(row.summary.standing) : stateWords(row.state)), className: "words" },
    { key: "at", label: "Asked for", text: (row) => moment(row.requested_at), by: (row) => row.requested_at, className: "drops" },
  ],
});

function drawRuns(rows) {
  const count = grid.show(rows);
  byId("runs-empty").hidden = count > 0;
  setText(byId("runs-empty"), form ? "No backtest yet. Choose a strategy and a stock, and run it: it takes seconds." : "No backtest yet. Somebody who may act has to run one; your role may look.");
  setText(byId("runs-sub"), rows.length ? counted(rows.length, "run") : "");
}

async function watch() {
  for (;;) {
    try {
      const { results } = await read("/api/backtests?limit=200");
      drawRuns(results);
      sayWrong(null);
      if (!results.some(isUnderWay)) return;
    } catch (error) {
      sayWrong(error, "The runs cannot be read");
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

const chosen = () => offered.strategies.find((one) => one.slug === byId("strategy").value);

function drawStrategy(given = {}) {
  const one = chosen();
  setText(byId("strategy-help"), one ? one.reason || one.summary : "");
  drawParams(one?.is_testable ? one.params : [], given);
  byId("run").disabled = !one?.is_testable;
}

function sayStock() {
  const known = offered.instruments.find((one) => one.key === byId("instrument").value.trim().toUpperCase());
  setText(byId("instrument-help"), known ? `${known.days} daily candles since ${known.since}, the last of ${known.last_day}` : `Any of ${counted(offered.instruments.length, "stock")} with daily candles`);
}

async function drawForm() {
  offered = await read("/api/backtests/offered");
  setText(byId("places"), `${offered.places.taken} of ${offered.places.total} places taken`);
  byId("desk").replaceChildren(...offered.desks.map((one) => h("option", { value: one.id }, one.name)));
  byId("desk").parentElement.hidden = offered.desks.length < 2;
  byId("strategy").replaceChildren(...offered.strategies.map((one) => h("option", { value: one.slug }, one.title)));
  byId("instruments").replaceChildren(...offered.instruments.map((one) => h("option", { value: one.key })));
  const like = query.get("like") ? await read(`/api/backtests/${query.get("like")}`) : null;
  const wanted = like?.strategy ?? query.get("strategy");
  if (offered.strategies.some((one) => one.slug === wanted)) byId("strategy").value = wanted;
  byId("instrument").value = like?.instrument ?? query.get("instrument") ?? "";
  drawStrategy(like?.params);
  drawTerms(like?.terms);
  sayStock();
}

async function submit(event) {
  event.preventDefault();
  clearWrong(form);
  byId("run").disabled = true;
  try {
    const made = await write("/api/backtests", asked());
    location.href = `/strategies/backtests/${made.id}`;
  } catch (error) {
    showWrong(form, error);
    byId("run").disabled = false;
  }
}

begin();
byId("filter").addEventListener("input", (event) => grid.filterBy(event.target.value));
if (form) {
  form.addEventListener("submit", submit);
  byId("strategy").addEventListener("change", () => drawStrategy());
  byId("instrument").addEventListener("input", sayStock);
  drawForm().catch((error) => sayWrong(error, "The form cannot be drawn"));
}
watch();
