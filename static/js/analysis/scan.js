// The scan: choose a list, run it, watch it, read it.
import { explained, strip } from "windhover/analysis/explain";
import { backtestPage, begin, given, listName, query, sayHead, sayWrong, stockPage, universeField } from "windhover/analysis/frame";
import { createGrid } from "windhover/analysis/grid";
import { UNJUDGED, dayWords, decimal, gradeCounts, progressOf, progressWords, nameWords } from "windhover/analysis/shapes";
import { read, write } from "windhover/api";
import { openDialog } from "windhover/dialogs";
import { byId, h, setText } from "windhover/dom";
import { bareSymbol, counted, moment, percent, tone } from "windhover/format";
import { download } from "windhover/table";
import { toast } from "windhover/toast";

const LOOK_EVERY_MS = 500;
const narrow = matchMedia("(max-width: 74rem)");

let head = {};
let samples = [];
let watching = false;
let grade = "";
let universe = null;

const strongest = (row) => row.triggers.map((trigger) => trigger.text ?? nameWords(trigger.name)).join(", ");

const columns = [
  { key: "symbol", label: "Instrument", text: (row) => bareSymbol(row.symbol), plain: (row) => row.symbol, ascending: true, draw: (row) => bareSymbol(row.symbol) },
  { key: "close", label: "Close", text: (row) => decimal(row.close), by: (row) => row.close, plain: (row) => row.close, className: "drops" },
  { key: "change", label: "Day", text: (row) => percent(row.change), by: (row) => row.change, tone: (row) => tone(row.change, 4) },
  { key: "score", label: "Checks", hint: "How many of the thirteen pass", text: (row) => String(row.score ?? ""), by: (row) => row.score, draw: strip, className: "strips" },
  { key: "grade", label: "Grade", text: (row) => row.grade ?? "–", by: (row) => row.score, className: "strong" },
  { key: "rating", label: "RS", hint: "Relative strength: percentile among the members of the day", text: (row) => decimal(row.rating, 0), by: (row) => row.rating },
  { key: "trend", label: "Trend", hint: "Points for and against, 0 to 100", text: (row) => decimal(row.trend.score, 0), by: (row) => row.trend.score, className: "drops" },
  { key: "stage", label: "Stage", hint: "Weinstein's stage: 2 advances, 4 declines", text: (row) => String(row.stage ?? "–"), by: (row) => row.stage, className: "drops" },
  { key: "triggers", label: "Triggers", hint: "The strongest first", text: strongest, by: (row) => row.triggers[0]?.strength, className: "drops words one-line", draw: (row) => h("span", { title: strongest(row) }, strongest(row)) },
  ...(given.backtests ? [{ key: "past", label: "Test a strategy on it", text: () => "", isAct: true, className: "drops", draw: (row) => h("a", { href: backtestPage(row), "aria-label": `Test a strategy on ${bareSymbol(row.symbol)}` }, "Test") }] : []),
];

const grid = createGrid({
  table: byId("results"), columns, rowKey: (row) => row.symbol, sort: { key: "score", descending: true },
  more: byId("results-more"), onOpen: open,
});

function open(row, byHand) {
  const content = explained(row, { on: head.on, href: stockPage(row.symbol), past: backtestPage(row) });
  if (!narrow.matches) {
    byId("why").replaceChildren(...content);
    return;
  }
  if (!byHand) return;
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = openDialog({ title: `Why ${bareSymbol(row.symbol)}`, className: "why-dialog", content: h("div", { class: "why" }, ...content, h("div", { class: "acts" }, close)) });
}

function drawGrades() {
  const counts = gradeCounts(head.results).filter(([, count]) => count > 0);
  const options = [["", `All ${head.results.length}`], ...counts.map(([name, count]) => [name, `${name === UNJUDGED ? "Too short" : name} ${count}`])];
  byId("grades").replaceChildren(...options.map(([name, text]) => h("button", { type: "button", class: "choice", "aria-pressed": String(name === grade), onclick: () => keep(name) }, text)));
}

function keep(name) {
  grade = name;
  drawGrades();
  told(grid.keep((row) => !grade || (row.grade ?? UNJUDGED) === grade));
}

function told(count) {
  byId("results-empty").hidden = count > 0;
  setText(byId("results-empty"), head.results?.length ? "No row fits the filter. Empty it, or choose All." : "");
}

function drawUnjudged() {
  byId("unjudged").hidden = head.remarks.length === 0;
  setText(byId("unjudged-title"), `Not judged, or to be known: ${counted(head.remarks.length, "instrument")}`);
  byId("unjudged-rows").replaceChildren(...head.remarks.map((remark) => h("tr", {}, h("th", { scope: "row" }, bareSymbol(remark.symbol)), h("td", {}, remark.text))));
}

function drawNothing() {
  const name = listName(universe?.chosen() ?? "");
  const words = !universe?.rows.length
    ? "No list and no candle is stored. Fetch candles asks the venue for them; an operator can also import files (candles_import) and the members of a list (analysis_list)."
    : `${name} has not been scanned. ${given.may_act ? "Run scan judges every member by thirteen checks on the newest day that has candles, and names whoever cannot be judged." : "Somebody who may act has to run the scan; your role may look."}`;
  setText(byId("nothing-says"), words);
}

function draw(answer) {
  head = answer;
  sayHead(head);
  const isThere = Boolean(head.id);
  byId("view").hidden = !isThere;
  byId("nothing").hidden = isThere;
  setText(byId("scanned"), isThere ? `${listName(head.universe)}, members of ${dayWords(head.on)} · scanned ${moment(head.finished_at)}` : "");
  if (!isThere) {
    drawNothing();
    return;
  }
  const best = head.results.filter((row) => row.super_performer).length;
  setText(byId("results-sub"), `${counted(head.results.length, "stock")}, ${counted(best, "super performer")}`);
  drawGrades();
  drawUnjudged();
  told(grid.show(head.results));
  const first = grid.first();
  if (first && !narrow.matches) grid.choose(first);
}

async function load() {
  try {
    draw(await read(`/api/analysis/results${query({ universe: universe?.chosen() })}`));
    sayWrong(null);
  } catch (error) {
    sayWrong(error, "The results cannot be read");
  }
}

/** What is under way, a scan before a fetch of candles; null when nothing is. */
function activeOf(status) {
  if (status.scanning) return { kind: "scan", ...status.progress };
  return status.candles?.fetching ? { kind: "fetch", ...status.candles.progress } : null;
}

function drawProgress(progress) {
  byId("progress").hidden = !progress;
  for (const id of ["run", "fetch"]) if (byId(id)) byId(id).disabled = Boolean(progress) || !universe?.rows.length;
  if (!progress) return;
  if (samples[0]?.kind !== progress.kind) samples = [];
  samples.push({ kind: progress.kind, at: performance.now(), done: progress.done });
  const { share } = progressOf(progress, samples);
  byId("progress").querySelector("i").style.width = `${(share * 100).toFixed(1)}%`;
  byId("progress").querySelector(".meter").setAttribute("aria-valuenow", String(Math.round(share * 100)));
  const isFetch = progress.kind === "fetch";
  byId("cancel").hidden = !isFetch || !byId("fetch");
  const name = isFetch ? `Candles of ${listName(progress.universe)}` : listName(progress.universe);
  setText(byId("progress-says"), progressWords({ ...progress, universe: name }, samples, isFetch ? "calls" : "stocks"));
  byId("progress-says").title = progress.text ?? "";
}

/** Look until nothing is under way, then read what was found; a scan that was asked for may have ended before the first look. */
async function watch(isAsked = false) {
  if (watching) return;
  watching = true;
  let fetched = false;
  try {
    let status = await read("/api/analysis/status");
    let active = activeOf(status);
    const isNews = isAsked || active !== null;
    while (active) {
      fetched ||= active.kind === "fetch";
      drawProgress(active);
      if (fetched) byId("cancel").dataset.fetch = active.id;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      status = await read("/api/analysis/status");
      active = activeOf(status);
    }
    drawProgress(null);
    const problem = fetched ? status.candles.problem : status.problem;
    if (fetched) sayLeftOut(status.candles.left_out);
    if (problem) sayWrong(problem, fetched ? "The candles were not fetched" : "The last scan failed");
    else if (isNews) await load();
  } catch (error) {
    drawProgress(null);
    sayWrong(error, "The progress cannot be seen");
  } finally {
    samples = [];
    watching = false;
  }
}

function sayLeftOut(rows) {
  const named = rows.slice(0, 5).map((row) => `${bareSymbol(row.symbol)}: ${row.text}`);
  const more = rows.length > named.length ? `; and ${rows.length - named.length} more` : "";
  setText(byId("left-out"), rows.length ? `Left out of the fetch: ${named.join("; ")}${more}` : "");
}

async function fetchCandles() {
  byId("fetch").disabled = true;
  sayWrong(null);
  try {
    await write("/api/analysis/candles/fetch", { universe: universe.chosen() });
    await watch(true);
  } catch (error) {
    drawProgress(null);
    sayWrong(error, "The candles are not fetched");
  }
}

async function cancelFetch() {
  byId("cancel").disabled = true;
  try {
    await write("/api/analysis/candles/cancel", { id: byId("cancel").dataset.fetch });
    toast("The fetch ends after its next call; what it has stored stays.");
  } catch (error) {
    sayWrong(error, "The fetch was not cancelled");
  } finally {
    byId("cancel").disabled = false;
  }
}

async function run() {
  byId("run").disabled = true;
  sayWrong(null);
  try {
    const answer = await write("/api/analysis/scan", { universe: universe.chosen() });
    if (answer.state === "done") {
      await load();
      toast("Nothing changed since the last scan of this list: its results stand.");
      drawProgress(null);
    } else {
      drawProgress({ kind: "scan", state: answer.state, universe: answer.universe, done: 0, total: 0 });
      await watch(true);
    }
  } catch (error) {
    drawProgress(null);
    sayWrong(error, "The scan was not started");
  }
}

async function start() {
  try {
    universe = await universeField(load);
  } catch (error) {
    sayWrong(error, "The lists cannot be read");
    return;
  }
  await load();
  drawProgress(null);
  await watch();
}

byId("run")?.addEventListener("click", run);
byId("fetch")?.addEventListener("click", fetchCandles);
byId("cancel").addEventListener("click", cancelFetch);
byId("filter").addEventListener("input", () => told(grid.filterBy(byId("filter").value)));
byId("csv").addEventListener("click", () => download(`scan-${head.universe}-${head.on}.csv`.replaceAll(" ", "-"), grid.csv()));
begin([
  ...(byId("run") ? [{ keys: "r", label: "Run the scan", run: () => byId("run").click() }] : []),
  { keys: "f", label: "Filter the results", run: () => byId("filter").focus() },
]);
start();
