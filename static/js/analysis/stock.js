// One stock: its candles with a table twin, the figures of a day, its judgement, and notes.
import { createChart } from "windhover/analysis/chart";
import { checksTable, part, trendSentence, trendTable, triggersList } from "windhover/analysis/explain";
import { backtestPage, begin, given, query, sayHead, sayWrong } from "windhover/analysis/frame";
import { createGrid } from "windhover/analysis/grid";
import { dayWords, decimal, stageWords, verdictSentence, volumeWords } from "windhover/analysis/shapes";
import { read, remove, write } from "windhover/api";
import { byId, h, setClass, setText } from "windhover/dom";
import { bareSymbol, moment, percent, tone } from "windhover/format";

const RANGES = [["3M", 63], ["6M", 126], ["1Y", 252], ["2Y", 500]];
const OVERLAYS = [
  { name: "averages", label: "Averages", lines: [["sma_50", "50", "bold"], ["sma_150", "150", ""], ["sma_200", "200", "dotted"]] },
  { name: "bands", label: "Bollinger bands", lines: [["bollinger_upper", "upper band", "faint"], ["bollinger_lower", "lower band", "faint"]] },
  { name: "trail", label: "Supertrend", lines: [["supertrend", "supertrend", "dashed"]] },
];
const PANES = {
  rsi: { label: "RSI 14", lines: [["rsi", "bold"]], guides: [30, 50, 70] },
  macd: { label: "MACD 12, 26, 9", lines: [["macd", "bold"], ["macd_signal", "dotted"]], bars: "macd_histogram", guides: [0] },
  adx: { label: "ADX 14 with +DI and −DI (dotted)", lines: [["adx", "bold"], ["plus_di", "faint"], ["minus_di", "dotted"]], guides: [25] },
  stochastic: { label: "Stochastic 14, 3, 3", lines: [["stochastic_k", "bold"], ["stochastic_d", "dotted"]], guides: [20, 80] },
  mfi: { label: "Money flow index 14", lines: [["mfi", "bold"]], guides: [20, 80] },
  cci: { label: "CCI 20", lines: [["cci", "bold"]], guides: [-200, 0, 200] },
  obv: { label: "On-balance volume", lines: [["obv", "bold"]], guides: [] },
  none: { label: "No figure below", lines: [], guides: [] },
};
const FIGURES = [
  ["sma_20", "20-day average"], ["sma_50", "50-day average"], ["sma_150", "150-day average"], ["sma_200", "200-day average"],
  ["bollinger_upper", "Upper band"], ["bollinger_lower", "Lower band"], ["supertrend", "Supertrend"], ["atr", "ATR 14"],
  ["rsi", "RSI 14", 1], ["macd", "MACD", 2], ["macd_signal", "MACD signal", 2], ["macd_histogram", "MACD histogram", 2],
  ["adx", "ADX 14", 1], ["plus_di", "+DI", 1], ["minus_di", "−DI", 1], ["stochastic_k", "Stochastic %K", 1], ["stochastic_d", "Stochastic %D", 1],
  ["mfi", "Money flow 14", 1], ["cci", "CCI 20", 1], ["volume_ratio", "Volume ratio", 2],
];

let stock = null;
let bars = matchMedia("(max-width: 44rem)").matches ? 126 : 252;
let overlay = new Set(["averages"]);

const chart = createChart(byId("chart"), point);
const column = (name) => stock.indicators[name] ?? [];
const shownFrom = () => Math.max(0, stock.bars.length - bars);

const figure = (name, places) => (row) => decimal(column(name)[row.index], places);
const twin = createGrid({
  table: byId("twin-table"), more: byId("twin-more"), rowKey: (row) => row.bar[0], sort: { key: "day", descending: true },
  columns: [
    { key: "day", label: "Day", text: (row) => dayWords(row.bar[0]), by: (row) => row.bar[0], plain: (row) => row.bar[0] },
    ...["Open", "High", "Low", "Close"].map((label, at) => ({ key: label, label, text: (row) => decimal(row.bar[at + 1]), by: (row) => row.bar[at + 1], className: at < 3 ? "drops" : "" })),
    { key: "volume", label: "Volume", text: (row) => volumeWords(row.bar[5]), by: (row) => row.bar[5] },
    ...[["sma_50", "50-day"], ["sma_150", "150-day"], ["sma_200", "200-day"], ["rsi", "RSI", 1]].map(([name, label, places]) => ({ key: name, label, text: figure(name, places), by: (row) => column(name)[row.index], className: name === "rsi" ? "" : "drops" })),
  ],
});

/** Tell the figures of one day: the one under the pointer, else the newest. */
function point(shown) {
  if (!stock?.bars.length) return;
  const index = shown === null ? stock.bars.length - 1 : shownFrom() + shown;
  const [day, open, high, low, close, volume] = stock.bars[index];
  const before = stock.bars[index - 1]?.[4];
  setText(byId("readout"), `${dayWords(day)} · open ${decimal(open)} high ${decimal(high)} low ${decimal(low)} close ${decimal(close)}${before ? ` (${percent(close / before - 1)})` : ""} · volume ${volumeWords(volume)}`);
  setText(byId("figures-day"), `at the close of ${dayWords(day)}`);
  const stage = stock.stage_by_bar?.[index];
  const rows = [...FIGURES.map(([name, label, places]) => [label, decimal(column(name)[index], places)]), ["OBV", volumeWords(column("obv")[index])], ["Stage", stageWords(stage)]];
  byId("figures").replaceChildren(...rows.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}

function drawChart() {
  const from = shownFrom();
  const cut = (name) => column(name).slice(from);
  const lines = OVERLAYS.filter((one) => overlay.has(one.name)).flatMap((one) => one.lines.map(([name, label, className]) => ({ name, label, className, values: cut(name) })));
  const chosen = byId("pane").value;
  const pane = chosen === "none" ? null : PANES[chosen];
  byId("chart").classList.toggle("has-pane", Boolean(pane));
  chart.show({
    bars: stock.bars.slice(from), lines,
    pane: pane && { label: pane.label, guides: pane.guides, bars: pane.bars ? cut(pane.bars) : null, lines: pane.lines.map(([name, className]) => ({ className, values: cut(name) })) },
  });
}

function drawControls() {
  byId("ranges").replaceChildren(...RANGES.map(([label, count]) => h("button", {
    type: "button", class: "choice", "aria-pressed": String(bars === count), onclick: () => { bars = count; drawControls(); drawChart(); },
  }, label)));
  byId("overlays").replaceChildren(...OVERLAYS.map((one) => h("button", {
    type: "button", class: "choice", "aria-pressed": String(overlay.has(one.name)),
    onclick: () => { overlay = new Set([...overlay].filter((name) => name !== one.name).concat(overlay.has(one.name) ? [] : [one.name])); drawControls(); drawChart(); },
  }, one.label)));
}

function drawJudgement() {
  const row = stock.judged;
  if (!row) {
    byId("why").replaceChildren(h("header", {}, h("h2", {}, "Not judged")), h("p", { class: "verdict" }, stock.reason ?? "No scan holds this instrument. Run the scan of a list that it belongs to."));
    return;
  }
  const facts = [
    ["Score", row.score === null ? "–" : `${row.score} of ${row.checks.length}`], ["Grade", row.grade ?? "–"], ["Relative strength", decimal(row.rating, 1)], ["Stage", stageWords(row.stage)],
    ...Object.entries(row.moves ?? {}).filter(([span]) => span.endsWith("d")).map(([span, move]) => [`${span.slice(0, -1)} ${span === "1d" ? "day" : "days"}`, percent(move, 1)]),
  ];
  byId("why").replaceChildren(
    h("header", {}, h("h2", {}, row.super_performer ? "Super performer" : "Judgement")),
    h("p", { class: "verdict" }, verdictSentence(row)),
    h("dl", { class: "facts" }, ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    ...(row.checks.length ? [part("Checks", checksTable(row.checks))] : stock.reason ? [h("p", { class: "verdict" }, stock.reason)] : []),
    part("Triggers", triggersList(row.triggers)),
    part("Trend", h("p", { class: "verdict" }, trendSentence(row.trend)), trendTable(row.trend)),
  );
}

const factorWords = (action) => `${dayWords(action.ex_date)}: ${action.kind === "shares" ? "split or bonus" : "demerger, rights or dividend"}, factor ${decimal(action.factor, 2)}`;

function drawBasis() {
  const parts = [
    "Hollow candles closed at or above their open, filled ones below. Prices before an action are divided by its factor: the newest are the market's own.",
    stock.actions.length ? `Actions: ${stock.actions.map(factorWords).join("; ")}.` : "No corporate action is recorded.",
    stock.former_names.length ? `Formerly ${stock.former_names.map((one) => `${bareSymbol(one.name)} until ${dayWords(one.until)}`).join(", ")}.` : "",
  ];
  setText(byId("basis"), parts.filter(Boolean).join(" "));
}

function drawNotes() {
  byId("notes-empty").hidden = stock.notes.length > 0;
  byId("notes").replaceChildren(...stock.notes.map((note) => h("li", {}, h("p", {}, note.text), h("span", { class: "sub" }, `${note.by}, ${moment(note.at)}`),
    given.may_act && h("button", { type: "button", class: "plain", "aria-label": `Remove the note of ${moment(note.at)}`, onclick: () => removeNote(note) }, "Remove"))));
}

async function removeNote(note) {
  try {
    await remove(`/api/analysis/notes${query({ id: note.id })}`);
    await readNotes();
    setText(byId("note-wrong"), "");
  } catch (error) {
    setText(byId("note-wrong"), `The note was not removed: ${error.message}`);
  }
}

async function saveNote(event) {
  event.preventDefault();
  const text = byId("note").value.trim();
  if (!text) return;
  try {
    await write("/api/analysis/notes", { instrument: given.instrument, text });
    byId("note").value = "";
    setText(byId("note-wrong"), "");
    await readNotes();
  } catch (error) {
    setText(byId("note-wrong"), `The note was not saved: ${error.message}`);
  }
}

async function readNotes() {
  stock.notes = (await ask(1)).notes;
  drawNotes();
}

const ask = (days) => read(`/api/analysis/stock${query({ instrument: given.instrument, days })}`);

function draw() {
  sayHead(stock);
  const [last, before] = [stock.bars.at(-1), stock.bars.at(-2)];
  setText(byId("name"), bareSymbol(stock.instrument));
  byId("name").title = stock.instrument;
  setText(byId("about"), [stock.instrument.split(":")[0], stock.sector].filter(Boolean).join(", "));
  byId("view").hidden = false;
  byId("reading").hidden = true;
  const past = backtestPage(stock.judged ?? { symbol: stock.instrument });
  byId("backtest").hidden = !past;
  if (past) byId("backtest").href = past;
  if (last) {
    setText(byId("close"), decimal(last[4]));
    setText(byId("change"), before ? percent(last[4] / before[4] - 1) : "");
    setClass(byId("change"), `num ${before ? tone(last[4] / before[4] - 1, 4) : ""}`);
    byId("close").title = `close of ${dayWords(last[0])}`;
  }
  drawControls();
  drawChart();
  twin.show(stock.bars.map((bar, index) => ({ bar, index })));
  drawJudgement();
  drawBasis();
  drawNotes();
}

function flip() {
  const isTable = byId("twin-box").hidden;
  byId("twin-box").hidden = !isTable;
  byId("chart").hidden = isTable;
  byId("twin").setAttribute("aria-pressed", String(isTable));
  setText(byId("twin"), isTable ? "Chart" : "Table");
}

async function start() {
  try {
    stock = await ask(RANGES.at(-1)[1]);
  } catch (error) {
    byId("reading").hidden = true;
    if (error.status !== 404) {
      sayWrong(error, "The stock cannot be read");
      return;
    }
    byId("nothing").hidden = false;
    setText(byId("nothing-says"), `${error.message} Choose a stock on the Scan page, or find it by / and its name.`);
    setText(byId("as-of"), "Not known");
    return;
  }
  draw();
}

byId("pane").replaceChildren(...Object.entries(PANES).map(([value, pane]) => h("option", { value }, pane.label)));
byId("pane").addEventListener("change", drawChart);
byId("twin").addEventListener("click", flip);
byId("note-form")?.addEventListener("submit", saveNote);
begin([
  { keys: "c", label: "To the chart; then the arrow keys", run: () => byId("chart").focus() },
  { keys: "v", label: "Chart or table", run: flip },
]);
start();
