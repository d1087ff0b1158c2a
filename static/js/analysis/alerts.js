// Watchlists, alerts and what fired: set, seen, removed. The desk watches; this page looks every two seconds.
import { begin, given, query, sayWrong, stockLink } from "windhover/analysis/frame";
import { numberFrom } from "windhover/analysis/rule";
import { alertWords, figureName, instrumentsOf, levelWords, nameWords, repeatWords } from "windhover/analysis/shapes";
import { read, remove, write } from "windhover/api";
import { ask } from "windhover/dialogs";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { MINUS, bareSymbol, clock, counted, moment } from "windhover/format";
import { toast } from "windhover/toast";

const LOOK_EVERY_MS = 2000;
const SEARCH_AFTER_MS = 150;
const LOGGED = 100;
const LISTED = 50;
const STATES = { active: "watched", fired: "fired", removed: "removed" };

let figures = [];
let indicators = { operands: [], timeframes: [] };
let offset = 0;
let older = [];
let hasOlder = null;
let lists = [];
let editing = null;
let known = null;
let waiting = null;
let looking = false;

/** A sentence of the desk with real minus signs. */
const minused = (text) => text.replace(/(?<=\s)-(?=\d)/g, MINUS);

/** Offer what the venue lists by the words typed; the browser shows the offers. */
function offering(input) {
  input?.addEventListener("input", () => {
    clearTimeout(waiting);
    const words = input.value.trim();
    if (words.length < 2) return;
    waiting = setTimeout(async () => {
      try {
        const { results } = await read(`/api/instruments${query({ q: words, limit: 8 })}`);
        byId("found").replaceChildren(...results.map((row) => h("option", { value: row.symbol }, [row.name, row.expiry].filter(Boolean).join(", "))));
      } catch (error) {
        sayWrong(error, "The list of instruments cannot be searched");
      }
    }, SEARCH_AFTER_MS);
  });
}

function makeAlert() {
  const entry = { state: h("span", { class: "chip" }), waits: h("span"), note: h("span", { class: "sub" }), unwatched: h("span", { class: "warned sub" }), name: h("th", { scope: "row" }), fires: h("td", { class: "drops" }), value: h("td", { class: "drops num" }), fired: h("span", { class: "sub" }) };
  const button = given.may_act && h("button", { type: "button", class: "quiet", onclick: () => removeAlert(entry.row) }, "Remove");
  entry.element = h("tr", {}, entry.name, h("td", {}, entry.waits, " ", entry.note, entry.unwatched), entry.fires, h("td", {}, entry.state, " ", entry.fired), entry.value, h("td", { class: "num" }, button));
  entry.button = button;
  return entry;
}

function updateAlert(entry, row) {
  entry.row = row;
  if (!entry.name.childElementCount) entry.name.append(stockLink(row.instrument));
  setText(entry.waits, alertWords(row, figures));
  setText(entry.note, row.note);
  const isUnwatched = row.state === "active" && !row.watched;
  setText(entry.unwatched, isUnwatched ? ` ${row.unwatched_reason ?? "Not watched yet: the desk takes it up within seconds."}` : "");
  setText(entry.fires, repeatWords(row));
  setText(entry.state, isUnwatched ? "not watched" : STATES[row.state] ?? row.state);
  setClass(entry.state, `chip ${isUnwatched ? "warn" : row.state === "active" ? "open" : ""}`);
  setText(entry.fired, row.fired_count ? `${row.state === "active" ? `fired ${row.fired_count === 1 ? "once" : `${row.fired_count} times`}, last ` : ""}${clock(row.last_fired_at)}` : "");
  setText(entry.value, row.last_value === null ? "–" : levelWords(row.last_value));
  entry.button?.setAttribute?.("aria-label", `Remove the alert on ${bareSymbol(row.instrument)}, ${alertWords(row, figures)}`);
}

function drawAlerts(answer) {
  figures = answer.figures;
  const rows = answer.results.filter((row) => row.state !== "removed");
  keyed(byId("alerts").tBodies[0], rows, { key: (row) => row.id, make: makeAlert, update: updateAlert });
  byId("alerts").hidden = rows.length === 0;
  byId("alerts-empty").hidden = answer.count > 0;
  setText(byId("alerts-sub"), answer.count ? `${answer.active} active, ${answer.count - answer.active} fired` : "");
  drawPager(answer.count, rows.length);
  setText(byId("as-of"), "Live");
  setClass(byId("as-of"), "tag ok");
  const field = byId("alert-figure");
  if (field && !field.childElementCount) offerFigures(field, answer.indicators);
}

/** Offer the figures of a quote, and every indicator that bars tell. */
function offerFigures(field, offered) {
  indicators = offered;
  const group = (label, options) => h("optgroup", { label }, ...options.map((one) => h("option", { value: one.value }, one.text)));
  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  field.append(
    group("On every tick", figures.map((one) => ({ value: one.name, text: one.text }))),
    group("When a bar closes", indicators.operands.map((one) => ({ value: `${one.name}@`, text: sentence(one.text) }))));
}

const operandChosen = () => indicators.operands.find((one) => `${one.name}@` === byId("alert-figure").value);

/** Ask how long the bars are and for the indicator's parameters, where one is chosen. */
function drawBars() {
  const operand = operandChosen();
  const parameters = Object.entries(operand?.parameters ?? {}).map(([name, value]) => h("label", {}, nameWords(name), h("input", { name, inputmode: "decimal", autocomplete: "off", value: String(value), required: true })));
  const bars = operand && h("label", {}, "Bars of", h("select", { id: "alert-timeframe" }, ...indicators.timeframes.map((one) => h("option", { value: one, selected: one === "5m" }, `${one.replace("m", "")} min`))));
  byId("alert-bars").hidden = !operand;
  byId("alert-bars").replaceChildren(...(operand ? [bars, ...parameters] : []));
}

/** The chosen figure by its name; null where a parameter is no number. */
function figureChosen() {
  const operand = operandChosen();
  if (!operand) return byId("alert-figure").value;
  const entries = [...byId("alert-bars").querySelectorAll("input")].map((input) => [input.name, numberFrom(input.value)]);
  return entries.some(([, value]) => value === null) ? null : figureName(operand, Object.fromEntries(entries), byId("alert-timeframe").value);
}

function drawPager(count, shown) {
  byId("alerts-pager").hidden = count <= LISTED;
  setText(byId("alerts-page"), shown ? `${offset + 1} to ${offset + shown} of ${count}` : `none here of ${count}`);
  byId("alerts-newer").disabled = offset === 0;
  byId("alerts-older").disabled = offset + shown >= count;
}

function turnPage(by) {
  offset = Math.max(0, offset + by);
  look();
}

/** Read the firings before the oldest one that is shown. */
async function showOlder() {
  const last = byId("log").lastElementChild?.dataset.id;
  if (!last) return;
  byId("log-older").disabled = true;
  try {
    const answer = await read(`/api/analysis/alerts/log${query({ limit: LOGGED, before: last })}`);
    older = [...older, ...answer.results];
    hasOlder = answer.more;
    await look();
  } catch (error) {
    sayWrong(error, "The older firings cannot be read");
  } finally {
    byId("log-older").disabled = false;
  }
}

function drawLog(answer) {
  const rows = answer.results;
  const shown = [...rows, ...older.filter((row) => !rows.some((one) => one.id === row.id))];
  byId("log-older").hidden = !(hasOlder ?? answer.more);
  keyed(byId("log"), shown, {
    key: (row) => row.id,
    make: (row) => ({ element: h("li", { dataset: { id: row.id } }, h("time", { datetime: row.at, title: moment(row.at) }, clock(row.at)), h("span", {}, minused(row.text))) }),
    update: () => {},
  });
  byId("log-empty").hidden = rows.length > 0;
  setText(byId("log-sub"), shown.length ? counted(shown.length, "firing") : "");
  // what was there when the page opened is no news
  if (known) for (const row of rows.filter((one) => !known.has(one.id)).slice(0, 3).reverse()) toast(minused(row.text));
  known = new Set(rows.map((row) => row.id));
}

async function look() {
  if (looking || document.hidden) return;
  looking = true;
  try {
    const [alerts, log] = await Promise.all([read(`/api/analysis/alerts${query({ limit: LISTED, offset })}`), read(`/api/analysis/alerts/log${query({ limit: LOGGED })}`)]);
    drawAlerts(alerts);
    drawLog(log);
    sayWrong(null);
  } catch (error) {
    setText(byId("as-of"), "Not live");
    setClass(byId("as-of"), "tag bad");
    sayWrong(error, "The alerts cannot be read");
  } finally {
    looking = false;
  }
}

async function setAlert(event) {
  event.preventDefault();
  const wrong = byId("alert-wrong");
  const isRecurring = byId("alert-recurring").value === "yes";
  const [level, back] = [numberFrom(byId("alert-level").value), isRecurring ? numberFrom(byId("alert-hysteresis").value) : 0];
  const [instrument] = instrumentsOf(byId("alert-instrument").value.replaceAll(" ", "\u00a0")).map((key) => key.replaceAll("\u00a0", " "));
  const figure = figureChosen();
  setText(wrong, level === null ? "The level must be a number." : figure === null ? "The indicator's parameters must be numbers." : back === null ? "How far back must be a number; 0 lets it fire again at once on the other side." : "");
  if (level === null || back === null || figure === null || !instrument) return;
  byId("alert-submit").disabled = true;
  try {
    await write("/api/analysis/alerts", {
      instrument, figure, direction: byId("alert-direction").value, level: String(level),
      recurring: isRecurring, hysteresis: String(back), at_once: byId("alert-at-once").checked, note: byId("alert-note").value.trim(),
    });
    for (const id of ["alert-level", "alert-note"]) byId(id).value = "";
    await look();
  } catch (error) {
    setText(wrong, `The alert was not set: ${error.message}`);
  } finally {
    byId("alert-submit").disabled = false;
  }
}

async function removeAlert(row) {
  try {
    await remove(`/api/analysis/alerts${query({ id: row.id })}`);
    await look();
    toast(`The alert on ${bareSymbol(row.instrument)} is removed; its log stays.`);
  } catch (error) {
    sayWrong(error, "The alert was not removed");
  }
}

function drawLists() {
  byId("lists-empty").hidden = lists.length > 0;
  byId("lists").replaceChildren(...lists.map((row) => h("li", {},
    h("b", {}, row.name), h("span", { class: "sub" }, counted(row.instruments.length, "instrument")),
    h("span", { class: "members" }, row.instruments.map(bareSymbol).join(", ")),
    row.unknown.length > 0 && h("span", { class: "warned sub" }, `Without candles: ${row.unknown.map(bareSymbol).join(", ")}. A scan names them and judges the others.`),
    h("span", { class: "acts" }, h("a", { class: "button", href: `/analysis${query({ universe: row.key })}` }, "Scan"),
      given.may_act && h("button", { type: "button", class: "quiet", "aria-label": `Edit ${row.name}`, onclick: () => edit(row) }, "Edit"),
      given.may_act && h("button", { type: "button", class: "quiet", "aria-label": `Delete ${row.name}`, onclick: () => eraseList(row) }, "Delete")))));
}

async function loadLists() {
  try {
    lists = (await read("/api/analysis/watchlists")).results;
    drawLists();
  } catch (error) {
    sayWrong(error, "The watchlists cannot be read");
  }
}

function edit(row) {
  editing = row;
  byId("list-name").value = row?.name ?? "";
  byId("list-instruments").value = row?.instruments.join(", ") ?? "";
  byId("list-cancel").hidden = !row;
  setText(byId("list-submit"), row ? "Save changes" : "Save watchlist");
  setText(byId("list-wrong"), "");
  if (row) byId("list-instruments").focus();
}

async function saveList(event) {
  event.preventDefault();
  const instruments = instrumentsOf(byId("list-instruments").value);
  if (instruments.length === 0) {
    setText(byId("list-wrong"), "A watchlist needs at least one instrument.");
    return;
  }
  try {
    await write("/api/analysis/watchlists", { ...(editing ? { id: editing.id } : {}), name: byId("list-name").value.trim(), instruments });
    edit(null);
    await loadLists();
  } catch (error) {
    setText(byId("list-wrong"), `The watchlist was not saved: ${error.message}`);
  }
}

function eraseList(row) {
  ask({
    title: `Delete ${row.name}`, rows: [[row.instruments.length, "instruments leave the list; their candles and alerts stay"]], label: "Delete it",
    act: async () => {
      await remove(`/api/analysis/watchlists${query({ id: row.id })}`);
      if (editing?.id === row.id) edit(null);
      await loadLists();
    },
  });
}

function addOne() {
  const key = byId("list-add").value.trim();
  if (!key) return;
  const held = byId("list-instruments").value.trim().replace(/,$/, "");
  byId("list-instruments").value = [held, key.toUpperCase()].filter(Boolean).join(", ");
  byId("list-add").value = "";
}

function startForms() {
  for (const id of ["alert-instrument", "list-add"]) offering(byId(id));
  byId("alert-form").addEventListener("submit", setAlert);
  byId("alert-recurring").addEventListener("change", () => { byId("alert-back").hidden = byId("alert-recurring").value !== "yes"; });
  byId("alert-figure").addEventListener("change", drawBars);
  byId("list-form").addEventListener("submit", saveList);
  byId("list-cancel").addEventListener("click", () => edit(null));
  byId("list-add").addEventListener("change", addOne);
  byId("list-add").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    addOne();
  });
  const asked = new URLSearchParams(location.search).get("instrument");
  if (!asked) return;
  byId("alert-instrument").value = asked;
  byId("alert-level").focus();
}

if (given.may_act) startForms();
byId("alerts-newer").addEventListener("click", () => turnPage(-LISTED));
byId("alerts-older").addEventListener("click", () => turnPage(LISTED));
byId("log-older").addEventListener("click", showOlder);
document.addEventListener("visibilitychange", look);
setInterval(look, LOOK_EVERY_MS);
begin(given.may_act ? [{ keys: "n", label: "A new alert", run: () => byId("alert-instrument").focus() }] : []);
loadLists();
look();
