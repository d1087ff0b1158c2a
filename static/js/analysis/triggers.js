// What fired on the day of the scan, by kind, side and strength.
import { strengthBar } from "windhover/analysis/explain";
import { begin, query, sayHead, sayWrong, stockLink, universeField } from "windhover/analysis/frame";
import { createGrid } from "windhover/analysis/grid";
import { dayWords, decimal, nameWords } from "windhover/analysis/shapes";
import { read } from "windhover/api";
import { byId, h, setText } from "windhover/dom";
import { bareSymbol, counted, percent, tone } from "windhover/format";
import { download } from "windhover/table";

const SIDES = [["", "All"], ["bullish", "Bullish"], ["bearish", "Bearish"], ["neutral", "Neutral"]];

let universe = null;
let head = null;
let side = "";
let kind = "";

const grid = createGrid({
  table: byId("fired"), more: byId("fired-more"), rowKey: (row) => `${row.symbol}/${row.name}`, sort: { key: "strength", descending: true },
  columns: [
    { key: "symbol", label: "Instrument", text: (row) => bareSymbol(row.symbol), plain: (row) => row.symbol, ascending: true, draw: (row) => stockLink(row.symbol) },
    { key: "trigger", label: "Trigger", text: (row) => row.text ?? nameWords(row.name), ascending: true, className: "words" },
    { key: "side", label: "Side", text: (row) => row.side, ascending: true, className: "words drops" },
    { key: "strength", label: "Strength", text: (row) => String(row.strength), by: (row) => row.strength, draw: (row) => strengthBar(row.strength) },
    { key: "close", label: "Close", text: (row) => decimal(row.close), by: (row) => row.close, plain: (row) => row.close, className: "drops" },
    { key: "change", label: "Day", text: (row) => percent(row.change), by: (row) => row.change, tone: (row) => tone(row.change, 4) },
    { key: "grade", label: "Grade", text: (row) => row.grade ?? "–", by: (row) => row.score, className: "strong drops" },
  ],
});

function keep() {
  drawChoices();
  const count = grid.keep((row) => (!side || row.side === side) && (!kind || row.name === kind));
  byId("fired-empty").hidden = count > 0;
  setText(byId("fired-sub"), `${counted(count, "trigger")} on ${dayWords(head.on)}`);
}

function drawChoices() {
  const sideCount = (name) => head.results.filter((row) => !name || row.side === name).length;
  byId("sides").replaceChildren(...SIDES.map(([name, text]) => h("button", {
    type: "button", class: "choice", "aria-pressed": String(name === side), onclick: () => { side = name; kind = ""; keep(); },
  }, `${text} ${sideCount(name)}`)));
  const kinds = head.names.filter((one) => !side || one.side === side).sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
  byId("kinds").replaceChildren(...kinds.map((one) => h("li", {}, h("button", {
    type: "button", class: "choice", "aria-pressed": String(one.name === kind), onclick: () => { kind = kind === one.name ? "" : one.name; keep(); },
  }, h("span", {}, one.text ?? nameWords(one.name)), h("b", {}, String(one.count))))));
}

async function load() {
  try {
    head = await read(`/api/analysis/triggers${query({ universe: universe.chosen() })}`);
    sayHead(head);
    byId("view").hidden = !head.on;
    byId("nothing").hidden = Boolean(head.on);
    sayWrong(null);
    if (!head.on) return;
    grid.show(head.results);
    keep();
  } catch (error) {
    sayWrong(error, "The triggers cannot be read");
  }
}

async function start() {
  try {
    universe = await universeField(load);
    await load();
  } catch (error) {
    sayWrong(error, "The lists cannot be read");
  }
}

byId("filter").addEventListener("input", () => { byId("fired-empty").hidden = grid.filterBy(byId("filter").value) > 0; });
byId("csv").addEventListener("click", () => download(`triggers-${head.universe}-${head.on}.csv`.replaceAll(" ", "-"), grid.csv()));
begin([{ keys: "f", label: "Filter the triggers", run: () => byId("filter").focus() }]);
start();
