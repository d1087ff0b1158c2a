// The rule builder: hits are counted as it is written, conditions that cannot be told are named, the past is asked.
import { conditionFields } from "windhover/analysis/conditions";
import { begin, given, listName, query, sayHead, sayWrong, stockLink, universeField } from "windhover/analysis/frame";
import { createGrid } from "windhover/analysis/grid";
import { EXAMPLES, unfinished, unknownBy } from "windhover/analysis/rule";
import { dayWords, decimal, share } from "windhover/analysis/shapes";
import { read, remove, write } from "windhover/api";
import { ask } from "windhover/dialogs";
import { byId, h, setText } from "windhover/dom";
import { bareSymbol, counted, percent, tone } from "windhover/format";
import { download } from "windhover/table";
import { toast } from "windhover/toast";

const COUNT_AFTER_MS = 250;

let universe = null;
let saved = [];
let fields = null;
let waiting = null;
let asked = 0;
let past = 0;
let told = null;

const hits = createGrid({
  table: byId("hits"), more: byId("hits-more"), rowKey: (row) => row.symbol, sort: { key: "symbol", descending: false },
  columns: [
    { key: "symbol", label: "Instrument", text: (row) => bareSymbol(row.symbol), plain: (row) => row.symbol, ascending: true, draw: (row) => stockLink(row.symbol) },
    { key: "sector", label: "Sector", text: (row) => row.sector || "–", ascending: true, className: "words drops" },
    { key: "close", label: "Close", text: (row) => decimal(row.close), by: (row) => row.close, plain: (row) => row.close },
    { key: "change", label: "Day", text: (row) => percent(row.change), by: (row) => row.change, tone: (row) => tone(row.change, 4) },
  ],
});

const horizons = createGrid({
  table: byId("past"), rowKey: (row) => String(row.days),
  columns: [
    { key: "days", label: "After", text: (row) => `${row.days} days`, by: (row) => row.days },
    { key: "n", label: "n", hint: "Hits whose span is over", text: (row) => row.n.toLocaleString("en-IN"), by: (row) => row.n },
    { key: "mean", label: "Mean", text: (row) => percent(row.mean), by: (row) => row.mean, tone: (row) => tone(row.mean, 4) },
    { key: "median", label: "Median", text: (row) => percent(row.median), by: (row) => row.median, className: "drops" },
    { key: "positive", label: "Rose", hint: "Share that rose", text: (row) => share(row.positive), by: (row) => row.positive },
    { key: "base", label: "Base mean", hint: "What followed any day of the same stocks", text: (row) => percent(row.base.mean), by: (row) => row.base.mean },
    { key: "base_positive", label: "Base rose", text: (row) => share(row.base.positive), by: (row) => row.base.positive },
    { key: "base_n", label: "Base n", text: (row) => row.base.n.toLocaleString("en-IN"), by: (row) => row.base.n, className: "drops" },
    { key: "edge", label: "Edge", hint: "Mean less the base mean", text: (row) => percent(row.edge), by: (row) => row.edge, tone: (row) => tone(row.edge, 4), className: "strong" },
    { key: "fresh", label: "Fresh n, mean", hint: "Hits that were none the day before", text: (row) => `${row.fresh.n.toLocaleString("en-IN")}: ${percent(row.fresh.mean)}`, by: (row) => row.fresh.mean, className: "drops" },
    { key: "worst", label: "Worst", text: (row) => percent(row.worst), by: (row) => row.worst, className: "drops" },
    { key: "best", label: "Best", text: (row) => percent(row.best), by: (row) => row.best, className: "drops" },
  ],
});

const recentColumn = (days) => ({ key: `after-${days}`, label: `After ${days}`, text: (row) => percent(row.returns[days]), by: (row) => row.returns[days], tone: (row) => tone(row.returns[days], 4) });
let recent = null;

function drawRecent(answer) {
  recent ??= createGrid({
    table: byId("recent"), more: byId("recent-more"), part: 10, rowKey: (row) => `${row.symbol}/${row.on}`, sort: { key: "on", descending: true },
    columns: [
      { key: "symbol", label: "Instrument", text: (row) => bareSymbol(row.symbol), ascending: true, draw: (row) => stockLink(row.symbol) },
      { key: "on", label: "Hit on", text: (row) => dayWords(row.on), by: (row) => row.on },
      { key: "entry", label: "Entry", text: (row) => decimal(row.entry), by: (row) => row.entry, className: "drops" },
      ...answer.horizons.map((one) => recentColumn(String(one.days))),
    ],
  });
  byId("recent-title").hidden = recent.show(answer.recent) === 0;
}

/** Every edit: what was found in the past is of another rule, and the count is asked for anew. */
function changed() {
  if (!fields) return;
  past += 1;
  byId("past-box").hidden = true;
  byId("past-empty").hidden = false;
  setText(byId("past-sub"), "");
  clearTimeout(waiting);
  const missing = unfinished(fields.rule());
  if (missing.length) {
    asked += 1;
    fields.tell(new Map(missing.map((path) => [path, { text: "A number is missing.", isWrong: true }])));
    sayCount("–", `waits for ${missing.length === 1 ? `condition ${missing[0]}` : `conditions ${missing.join(", ")}`}`);
    return;
  }
  byId("count").setAttribute("aria-busy", "true");
  waiting = setTimeout(count, COUNT_AFTER_MS);
}

function sayCount(figure, words) {
  byId("count").removeAttribute("aria-busy");
  setText(byId("count"), figure);
  setText(byId("count-says"), words);
}

async function count() {
  const mine = (asked += 1);
  try {
    const answer = await write("/api/analysis/rules/try", { rule: fields.rule(), universe: universe.chosen() });
    if (mine === asked) drawHits(answer);
  } catch (error) {
    if (mine === asked) drawRefusal(error);
  }
}

function drawHits(answer) {
  told = answer;
  sayWrong(null);
  sayHead(answer);
  setText(byId("rule-text"), answer.text);
  byId("rule-text").title = answer.text;
  const others = [`${answer.misses} ${answer.misses === 1 ? "does" : "do"} not`, answer.unknown.length ? `${answer.unknown.length} cannot be told` : null, answer.absent.length ? `${answer.absent.length} without a candle that day` : null];
  sayCount(String(answer.count), `of ${counted(answer.members, "member")} hit · ${others.filter(Boolean).join(" · ")}`);
  setText(byId("hits-sub"), `${listName(answer.universe)}, close of ${dayWords(answer.on)} · ${Math.round(answer.took_ms)} ms`);
  const unknown = unknownBy(answer.unknown);
  fields.tell(new Map(unknown.map((one) => [one.path, { text: `Cannot be told for ${counted(one.symbols.length, "stock")}: too little history.`, isWrong: false }])));
  byId("unknowns").replaceChildren(...unknown.map((one) => h("li", {}, `Condition ${one.path}, ${one.text}, cannot be told for ${listed(one.symbols)}.`)),
    ...(answer.absent.length ? [h("li", {}, `Without a candle that day: ${listed(answer.absent.map((one) => one.symbol))}.`)] : []));
  byId("hits-empty").hidden = hits.show(answer.hits) > 0;
  setText(byId("hits-empty"), "Nobody hits this rule. Loosen a threshold, or let any condition do instead of all.");
}

const listed = (symbols) => `${symbols.slice(0, 6).map(bareSymbol).join(", ")}${symbols.length > 6 ? ` and ${symbols.length - 6} more` : ""}`;

function drawRefusal(error) {
  const path = /^\d+(\.\d+)*$/.test(error.field ?? "") ? error.field : null;
  sayCount("–", "not counted");
  fields.tell(new Map(path ? [[path, { text: error.message, isWrong: true }]] : []));
  byId("unknowns").replaceChildren();
  if (path) sayWrong(null);
  else sayWrong(error, "The rule cannot be counted");
  byId("hits-empty").hidden = hits.show([]) > 0;
  setText(byId("hits-empty"), path ? `Condition ${path} cannot be evaluated; it says why.` : "");
}

async function backtest() {
  const mine = (past += 1);
  byId("backtest").setAttribute("aria-busy", "true");
  setText(byId("past-sub"), "reading the past");
  try {
    const answer = await write("/api/analysis/rules/backtest", { rule: fields.rule(), universe: universe.chosen() });
    if (mine === past) drawPast(answer);
  } catch (error) {
    if (mine !== past) return;
    setText(byId("past-sub"), "");
    byId("past-empty").hidden = false;
    setText(byId("past-empty"), `The past cannot be asked: ${error.message}`);
  } finally {
    byId("backtest").removeAttribute("aria-busy");
  }
}

function drawPast(answer) {
  byId("past-box").hidden = false;
  byId("past-empty").hidden = true;
  setText(byId("past-sub"), `${dayWords(answer.since)} to ${dayWords(answer.until)} · n ${answer.hits.toLocaleString("en-IN")}, of these ${answer.fresh_hits.toLocaleString("en-IN")} fresh · entry at the ${answer.entry}`);
  horizons.show(answer.horizons);
  const unknown = answer.unknown.length ? [`Not told on some days, for want of history: ${listed(answer.unknown.map((one) => one.symbol))}.`] : [];
  byId("past-said").replaceChildren(...[...new Set([answer.caveat, ...answer.said, ...unknown])].filter(Boolean).map((text) => h("li", {}, text)));
  drawRecent(answer);
}

function drawSaved(chosen = "") {
  const options = saved.map((row) => h("option", { value: row.id, selected: row.id === chosen }, row.name));
  byId("load").replaceChildren(h("option", { value: "" }, saved.length ? "Choose a rule" : "None yet"), ...options);
  byId("load").disabled = saved.length === 0;
  drawOwn();
}

const own = () => saved.find((row) => row.id === byId("load").value);

function drawOwn() {
  if (!byId("save-form")) return;
  byId("delete").hidden = !own();
  setText(byId("save"), own() ? "Save changes" : "Save");
}

function load() {
  const row = own();
  if (!row) {
    fresh();
    return;
  }
  if (byId("rule-name")) byId("rule-name").value = row.name;
  if (row.universe && row.universe !== universe.chosen() && universe.rows.some((one) => one.key === row.universe)) {
    byId("universe").value = row.universe;
    byId("universe").dispatchEvent(new Event("change"));
  }
  fields.show(row.rule);
  drawOwn();
  changed();
}

function fresh(rule = fields.fresh(), name = "") {
  byId("load").value = "";
  if (byId("rule-name")) byId("rule-name").value = name;
  fields.show(rule);
  drawOwn();
  changed();
}

async function save(event) {
  event.preventDefault();
  const held = own();
  const name = byId("rule-name").value.trim();
  setText(byId("save-wrong"), "");
  if (!name) {
    setText(byId("save-wrong"), "A rule needs a name to be found by.");
    byId("rule-name").focus();
    return;
  }
  try {
    const row = await write("/api/analysis/rules", { ...(held ? { id: held.id } : {}), name, universe: universe.chosen(), rule: fields.rule() });
    saved = (await read("/api/analysis/rules")).results;
    drawSaved(row.id);
    toast(`Rule ${name} is saved.`);
  } catch (error) {
    setText(byId("save-wrong"), `The rule was not saved: ${error.message}`);
  }
}

function erase() {
  const held = own();
  ask({
    title: `Delete ${held.name}`, rows: [[1, "saved rule goes; what you see here stays until you leave"]], label: "Delete it",
    act: async () => {
      await remove(`/api/analysis/rules${query({ id: held.id })}`);
      saved = saved.filter((row) => row.id !== held.id);
      drawSaved();
      toast(`Rule ${held.name} is deleted.`);
    },
  });
}

async function start() {
  try {
    universe = await universeField(changed);
    byId("nothing").hidden = universe.rows.length > 0;
    if (!universe.rows.length) return;
    const offered = await read("/api/analysis/rules");
    saved = offered.results;
    fields = conditionFields({ root: byId("conditions"), offered, onChange: changed });
  } catch (error) {
    sayWrong(error, "The rules cannot be read");
    return;
  }
  byId("view").hidden = false;
  byId("starts").append(...EXAMPLES.map((example) => h("button", { type: "button", class: "plain", onclick: () => fresh(example.rule, example.name) }, example.name)));
  drawSaved();
  fresh(EXAMPLES[0].rule, given.may_act ? EXAMPLES[0].name : "");
}

byId("load").addEventListener("change", load);
byId("fresh").addEventListener("click", () => fresh());
byId("backtest").addEventListener("click", backtest);
byId("save-form")?.addEventListener("submit", save);
byId("delete")?.addEventListener("click", erase);
byId("csv").addEventListener("click", () => told && download(`rule-hits-${told.on}.csv`, hits.csv()));
begin([
  { keys: "n", label: "A new rule", run: () => byId("fresh").click() },
  { keys: "b", label: "Backtest the rule", run: () => byId("backtest").click() },
]);
start();
