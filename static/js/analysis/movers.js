// Who moved most, how many took part, and which sectors.
import { begin, query, sayHead, sayWrong, stockLink, universeField } from "windhover/analysis/frame";
import { createGrid } from "windhover/analysis/grid";
import { decimal, inWash, share, stageWords, volumeWords } from "windhover/analysis/shapes";
import { read } from "windhover/api";
import { byId, h, setText } from "windhover/dom";
import { bareSymbol, counted, percent, tone } from "windhover/format";
import { download } from "windhover/table";

const SPANS = [["1", "1 day"], ["5", "5 days"], ["20", "20 days"], ["60", "60 days"], ["250", "250 days"], ["week", "This week"], ["month", "This month"]];
const MOST = 15;
// moves of these sizes wear the whole wash of a heat map
const FULL = { "1d": 0.03, "5d": 0.06, "20d": 0.12, "60d": 0.24 };

let universe = null;
let span = "1";
let told = {};
let asked = 0;

const moveColumns = (longest) => [
  { key: "symbol", label: "Instrument", text: (row) => bareSymbol(row.symbol), plain: (row) => row.symbol, ascending: true, draw: (row) => stockLink(row.symbol) },
  { key: "sector", label: "Sector", text: (row) => row.sector || "–", ascending: true, className: "drops words" },
  { key: "close", label: "Close", text: (row) => decimal(row.close), by: (row) => row.close, plain: (row) => row.close },
  { key: "move", label: "Move", text: (row) => percent(row.change), by: (row) => row.change, tone: (row) => tone(row.change, 4), draw: (row) => withBar(row.change, longest()) },
  { key: "volume", label: "Volume", text: (row) => volumeWords(row.volume), by: (row) => row.volume, plain: (row) => row.volume, className: "drops" },
  { key: "grade", label: "Grade", text: (row) => row.grade ?? "–", className: "strong" },
];

function withBar(change, longest) {
  const fill = h("i");
  fill.style.width = `${Math.min(100, (Math.abs(change) / (longest || 1)) * 100)}%`;
  return h("span", { class: "grows" }, h("span", { class: "bar-box", "aria-hidden": "true" }, fill), h("b", {}, percent(change)));
}

const longest = () => Math.max(...[...(told.gainers ?? []), ...(told.losers ?? [])].map((row) => Math.abs(row.change)), 0);
const gainers = createGrid({ table: byId("gainers"), columns: moveColumns(longest), rowKey: (row) => row.symbol });
const losers = createGrid({ table: byId("losers"), columns: moveColumns(longest), rowKey: (row) => row.symbol });

const spanColumn = (name) => ({
  key: name, label: name === "1d" ? "1 day" : `${name.slice(0, -1)} days`, text: (row) => percent(row.moves[name]), by: (row) => row.moves[name],
  draw: (row) => washed(row.moves[name], FULL[name]), className: name === "60d" ? "drops" : "",
});

function washed(value, full) {
  const cell = h("span", { class: "wash" }, percent(value));
  const wash = inWash(value, full);
  if (wash) cell.style.background = `color-mix(in srgb, var(--${wash.name}-wash) ${wash.share}%, transparent)`;
  return cell;
}

const sectors = createGrid({
  table: byId("sectors"), rowKey: (row) => row.name, sort: { key: "1d", descending: true },
  columns: [
    { key: "name", label: "Sector", text: (row) => row.name, ascending: true },
    { key: "members", label: "Stocks", text: (row) => String(row.members), by: (row) => row.members },
    ...Object.keys(FULL).map(spanColumn),
    { key: "above", label: "Above 50-day", text: (row) => share(row.above_50), by: (row) => row.above_50, className: "drops" },
    { key: "rating", label: "Median RS", text: (row) => decimal(row.rating, 0), by: (row) => row.rating, className: "drops" },
    { key: "best", label: "Super performers", text: (row) => String(row.super_performers), by: (row) => row.super_performers, className: "drops" },
  ],
});

function drawSpans() {
  byId("spans").replaceChildren(...SPANS.map(([value, text]) => h("button", { type: "button", class: "choice", "aria-pressed": String(value === span), onclick: () => { span = value; drawSpans(); loadMovers(); } }, text)));
}

function drawMovers() {
  const text = SPANS.find(([value]) => value === span)[1].toLowerCase();
  const over = span === "week" || span === "month" ? `since the last close before ${text}` : `over ${text}`;
  byId("gainers-empty").hidden = gainers.show(told.gainers) > 0;
  byId("losers-empty").hidden = losers.show(told.losers) > 0;
  setText(byId("gainers-sub"), over);
  setText(byId("losers-sub"), over);
  setText(byId("too-short"), told.too_short.length ? `Too young to have moved ${over}: ${told.too_short.slice(0, 12).map(bareSymbol).join(", ")}${told.too_short.length > 12 ? ` and ${told.too_short.length - 12} more` : ""}.` : "");
}

function drawBreadth(head) {
  const { breadth } = head;
  setText(byId("breadth-sub"), counted(breadth.members, "stock"));
  const parts = [["advanced", breadth.advances], ["unchanged", breadth.unchanged], ["declined", breadth.declines]];
  byId("advance").setAttribute("aria-label", parts.map(([name, count]) => `${count} ${name}`).join(", "));
  byId("advance").replaceChildren(...parts.filter(([, count]) => count > 0).map(([name, count]) => {
    const part = h("span", { class: name }, `${count} ${name}`);
    part.style.flexGrow = String(count);
    return part;
  }));
  const facts = [
    ["Above the 50-day average", share(breadth.above_50)], ["Above the 200-day average", share(breadth.above_200)], ["In stage 2", share(breadth.advancing_stage)],
    ["New 52-week highs", String(breadth.new_highs)], ["New 52-week lows", String(breadth.new_lows)],
  ];
  byId("breadth").replaceChildren(...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  const stages = ["1", "2", "3", "4"].map((stage) => [`Stage ${stageWords(stage)}`, head.stages[stage] ?? 0]);
  const grades = Object.entries(head.grades).map(([grade, count]) => [grade === "none" ? "No grade, too short" : `Grade ${grade}`, count]);
  byId("counts").replaceChildren(countTable("Stages", [...stages, ["Not known", head.stages.unknown ?? 0]], breadth.members), countTable("Grades", grades, breadth.members));
}

function countTable(title, rows, total) {
  return h("table", { class: "grid", "aria-label": title }, h("tbody", {}, ...rows.map(([name, count]) => {
    const fill = h("i");
    fill.style.width = `${total ? (count / total) * 100 : 0}%`;
    return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, h("span", { class: "grows" }, h("span", { class: "bar-box", "aria-hidden": "true" }, fill), h("b", {}, String(count)))));
  })));
}

async function loadMovers() {
  const mine = (asked += 1);
  try {
    const answer = await read(`/api/analysis/movers${query({ days: span, universe: universe.chosen(), count: MOST })}`);
    if (mine !== asked) return;
    told = answer;
    if (told.on) drawMovers();
    sayWrong(null);
  } catch (error) {
    if (mine === asked) sayWrong(error, "The movers cannot be read");
  }
}

async function load() {
  try {
    const head = await read(`/api/analysis/breadth${query({ universe: universe.chosen() })}`);
    sayHead(head);
    byId("view").hidden = !head.breadth;
    byId("nothing").hidden = Boolean(head.breadth);
    if (!head.breadth) return;
    drawBreadth(head);
    sectors.show(head.sectors);
    await loadMovers();
  } catch (error) {
    sayWrong(error, "The breadth cannot be read");
  }
}

async function start() {
  drawSpans();
  try {
    universe = await universeField(load);
    await load();
  } catch (error) {
    sayWrong(error, "The lists cannot be read");
  }
}

const named = (kind) => `${kind}-${span}-${told.universe}-${told.on}.csv`.replaceAll(" ", "-");
byId("gainers-csv").addEventListener("click", () => download(named("gainers"), gainers.csv()));
byId("losers-csv").addEventListener("click", () => download(named("losers"), losers.csv()));
byId("sectors-csv").addEventListener("click", () => download(named("sectors"), sectors.csv()));
begin();
start();
