// Watchlists, alerts and what fired: set, seen, removed. The desk watches; this page looks every two seconds.
import { begin, given, query, sayWrong, stockLink } from "windhover/analysis/frame";
import { numberFrom } from "windhover/analysis/rule";
import { alertWords, instrumentsOf, levelWords, repeatWords } from "windhover/analysis/shapes";
import { read, remove, write } from "windhover/api";
import { ask } from "windhover/dialogs";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { MINUS, bareSymbol, clock, counted, moment } from "windhover/format";
import { toast } from "windhover/toast";

const LOOK_EVERY_MS = 2000;
const SEARCH_AFTER_MS = 150;
const LOGGED = 100;
const STATES = { active: "watched", fired: "fired", removed: "removed" };

let figures = [];
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
  byId("alerts-empty").hidden = rows.length > 0;
  const active = rows.filter((row) => row.state === "active").length;
  setText(byId("alerts-sub"), rows.length ? `${active} active, ${rows.length - active} fired` : "");
  setText(byId("as-of"), "Live");
  setClass(byId("as-of"), "tag ok");
  const field = byId("alert-figure");
  if (field && field.childElementCount !== figures.length) field.replaceChildren(...figures.map((one) => h("option", { value: one.name }, one.text)));
}

function drawLog(rows) {
  keyed(byId("log"), rows, {
    key: (row) => row.id,
    make: (row) => ({ element: h("li", {}, h("time", { datetime: row.at, title: moment(row.at) }, clock(row.at)), h("span", {}, minused(row.text))) }),
    update: () => {},
  });
  byId("log-empty").hidden = rows.length > 0;
  setText(byId("log-sub"), rows.length ? counted(rows.length, "firing") : "");
  // what was there when the page opened is no news
  if (known) for (const row of rows.filter((one) => !known.has(one.id)).slice(0, 3).reverse()) toast(minused(row.text));
  known = new Set(rows.map((row) => row.id));
}

async function look() {
  if (looking || document.hidden) return;
  looking = true;
  try {
    const [alerts, log] = await Promise.all([read("/api/analysis/alerts"), read(`/api/analysis/alerts/log${query({ limit: LOGGED })}`)]);
    drawAlerts(alerts);
    drawLog(log.results);
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
  setText(wrong, level === null ? "The level must be a number." : back === null ? "How far back must be a number; 0 lets it fire again at once on the other side." : "");
  if (level === null || back === null || !instrument) return;
  byId("alert-submit").disabled = true;
  try {
    await write("/api/analysis/alerts", {
      instrument, figure: byId("alert-figure").value, direction: byId("alert-direction").value, level: String(level),
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
document.addEventListener("visibilitychange", look);
setInterval(look, LOOK_EVERY_MS);
begin(given.may_act ? [{ keys: "n", label: "A new alert", run: () => byId("alert-instrument").focus() }] : []);
loadLists();
look();
