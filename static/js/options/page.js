// What every option page has: the underlying and its expiries, the way to follow another, failures in words.
import { read, write } from "windhover/api";
import { openDialog } from "windhover/dialogs";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { age, clock, isFigure, moment } from "windhover/format";
import { expiryWords } from "windhover/options/figures";
import { frame } from "windhover/shell";
import { toast } from "windhover/toast";

const LIST_EVERY_MS = 15_000;
const ANOTHER = "+";
const LATE_S = 8;

/** An address of the API with its query; what is null or empty is left out. */
export function address(path, query) {
  const told = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return `${path}?${new URLSearchParams(told)}`;
}

/**
 * Run a page. `onChoice({underlying, expiry, row})` is called with each choice, and on the first; `acts` are its own keys;
 * `whole` offers all expiries together, as the expiry "". The choice stands in the address, and is kept for the tab.
 */
export function optionsPage({ onChoice, acts = [], things = () => [], whole = false }) {
  const query = new URLSearchParams(location.search);
  let rows = [];
  let listed = [];
  let chosen = { underlying: query.get("underlying") ?? sessionStorage.getItem("options-underlying"), expiry: query.get("expiry") ?? null };
  let told = null;

  const offered = (row) => (whole ? ["", ...row.expiries] : row.expiries);
  const rowOf = (name) => rows.find((row) => row.underlying === name);

  function keep() {
    sessionStorage.setItem("options-underlying", chosen.underlying);
    const kept = new URLSearchParams(location.search);
    kept.set("underlying", chosen.underlying);
    if (chosen.expiry) kept.set("expiry", chosen.expiry);
    else kept.delete("expiry");
    history.replaceState(null, "", `${location.pathname}?${kept}`);
    const carried = new URLSearchParams({ underlying: chosen.underlying, ...(chosen.expiry ? { expiry: chosen.expiry } : {}) });
    for (const link of document.querySelectorAll(".tabs a")) link.href = `${link.pathname}?${carried}`;
  }

  function choose(underlying, expiry = null) {
    const row = rowOf(underlying);
    const fitting = row.expiries.includes(expiry) ? expiry : whole ? "" : row.expiries[0] ?? null;
    const key = `${underlying} ${fitting}`;
    chosen = { underlying, expiry: fitting };
    drawHead();
    if (key === told) return;
    told = key;
    keep();
    onChoice({ ...chosen, row });
  }

  function drawHead() {
    const select = byId("underlying");
    const names = rows.map((row) => row.underlying);
    const wanted = JSON.stringify([names, listed.length > 0]);
    if (select.dataset.drawn !== wanted) {
      select.replaceChildren(...names.map((name) => h("option", { value: name }, name)), h("option", { value: ANOTHER }, "Follow another…"));
      select.dataset.drawn = wanted;
    }
    select.value = chosen.underlying ?? "";
    select.hidden = rows.length === 0;
    const row = rowOf(chosen.underlying);
    if (!byId("expiries") || !row) return;
    keyed(byId("expiries"), offered(row), {
      key: (expiry) => expiry,
      make: (expiry) => ({ element: h("button", { type: "button", onclick: () => choose(chosen.underlying, expiry) }, h("span"), h("span", { class: "sub" })) }),
      update: ({ element }, expiry) => {
        const [day, left] = expiry ? expiryWords(expiry, row.as_of) : ["All expiries", ""];
        setText(element.firstElementChild, day);
        setText(element.lastElementChild, left);
        element.setAttribute("aria-pressed", String(expiry === chosen.expiry));
      },
    });
  }

  /** Show one of: the page's content, the way to begin, or what failed. */
  function show(part) {
    for (const id of ["content", "nothing", "failed"]) byId(id).hidden = id !== part;
  }

  function failed(error) {
    const sentence = error.status === 0
      ? "The desk cannot be reached. Figures on this page are not renewed; orders that rest at the exchange are not touched by that."
      : error.message;
    setText(byId("failed-says"), sentence);
    show("failed");
    linked("bad", "No figures");
  }

  async function list() {
    try {
      const answer = await read("/api/options/underlyings");
      rows = answer.results;
      listed = answer.listed ?? [];
      byId("track-listed").replaceChildren(...listed.map((name) => h("option", { value: name })));
    } catch (error) {
      if (rows.length === 0) failed(error);
      return;
    }
    if (rows.length === 0) {
      drawHead();
      show("nothing");
      linked("", "Nothing followed");
      return;
    }
    // what failed before is asked for again
    if (!byId("failed").hidden) told = null;
    if (!byId("nothing").hidden || !byId("failed").hidden) show("content");
    if (told === null) {
      show("content");
      choose(rowOf(chosen.underlying) ? chosen.underlying : rows[0].underlying, chosen.expiry);
    } else if (rowOf(chosen.underlying)) {
      choose(chosen.underlying, chosen.expiry);
    }
  }

  /** Ask the desk to follow a chain; it appears once its instruments are listened to. */
  async function follow(name, wrong) {
    const underlying = name.trim().toUpperCase();
    if (!underlying) {
      setText(wrong, "Name an underlying, such as NIFTY or BANKNIFTY.");
      return false;
    }
    try {
      await write("/api/oi/start", { underlying });
    } catch (error) {
      setText(wrong, error.message);
      return false;
    }
    toast(`The desk begins to follow ${underlying}; its chain fills within some seconds.`);
    chosen = { underlying, expiry: null };
    told = null;
    setTimeout(list, 1500);
    return true;
  }

  function another() {
    const input = h("input", { id: "another-name", list: "track-listed", autocomplete: "off", spellcheck: "false", placeholder: "BANKNIFTY" });
    const wrong = h("p", { class: "wrong", role: "alert" });
    const cancel = h("button", { type: "button", class: "quiet" }, "Cancel");
    const form = h("form", { method: "dialog" },
      h("p", {}, "The desk listens to the nearest expiries of what you name and keeps a snapshot of them each minute."),
      h("div", { class: "field" }, h("label", { for: "another-name" }, "Underlying"), input), wrong,
      h("div", { class: "acts" }, cancel, h("button", { type: "submit", class: "primary" }, "Follow its chain")));
    const dialog = openDialog({ title: "Follow another chain", content: form });
    cancel.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await follow(input.value, wrong)) dialog.close();
    });
  }

  function step(by) {
    const row = rowOf(chosen.underlying);
    if (!row) return;
    const all = offered(row);
    choose(chosen.underlying, all[(all.indexOf(chosen.expiry) + by + all.length) % all.length]);
  }

  byId("underlying").addEventListener("change", () => {
    const name = byId("underlying").value;
    if (name !== ANOTHER) {
      choose(name);
      return;
    }
    drawHead();
    another();
  });
  byId("track").addEventListener("submit", (event) => {
    event.preventDefault();
    follow(byId("track-name").value, byId("track-wrong"));
  });
  byId("failed-again").addEventListener("click", list);

  frame({
    acts: [
      { keys: "u", label: "Choose the underlying", run: () => byId("underlying").focus() },
      { keys: "e", label: "Next expiry", run: () => step(1) },
      ...acts,
    ],
    things: () => [
      ...rows.map((row) => ({ name: row.underlying, kind: "option chain", run: () => choose(row.underlying) })),
      ...(rowOf(chosen.underlying)?.expiries ?? []).map((expiry) => ({ name: `${chosen.underlying} ${expiryWords(expiry, null)[0]}`, kind: "expiry", run: () => choose(chosen.underlying, expiry) })),
      ...things(),
    ],
  });
  list();
  setInterval(() => document.hidden || list(), LIST_EVERY_MS);

  return { failed, show, chosen: () => chosen, row: () => rowOf(chosen.underlying), choose };
}

/** The first tag of the bar: how the page is fed. */
export function linked(kind, text) {
  setText(byId("link"), text);
  setClass(byId("link"), `tag ${kind}`);
}

/** The same for a page that looks at the moment `at` (null: now) while its figures are still those of `shown`. */
export function linkedAt(at, shown) {
  if (at !== shown) linked("", at === null ? "Coming back to now" : "Reading the minute");
  else linked(at === null ? "ok" : "info", at === null ? "Connected" : "Time machine");
}

/** The bar's words for figures of a moment: their market time, their age, and where they come from. */
export function dated({ as_of: at, age_s: seconds, source, said = [] }, past = null) {
  setText(byId("market-clock"), at ? (past ? moment(at) : `${clock(at)} IST`) : "");
  const late = isFigure(seconds) && Number(seconds) > LATE_S;
  setText(byId("data-source"), past ? "from the time machine" : source === "snapshot" ? "last snapshot" : isFigure(seconds) ? `figures ${age(seconds)} old` : "");
  setClass(byId("data-source"), `tag wide ${past ? "info" : late ? "warn" : ""}`);
  byId("said").hidden = said.length === 0;
  setText(byId("said"), said.join(" "));
}

/** A chart's or a list's figures as a table, in a dialog. `rows` are texts; the first column is the row's name. */
export function twin({ title, columns, rows, empty = "No figure has come yet." }) {
  const cells = ([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), ...rest.map((text) => h("td", {}, text)));
  const table = h("table", {}, h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, ...rows.map(cells)));
  const close = h("button", { type: "button" }, "Close");
  const shown = h("div", { class: "twin", tabindex: "0", role: "group", "aria-label": title }, rows.length ? table : h("p", {}, empty));
  const dialog = openDialog({ title, content: h("div", {}, shown, h("div", { class: "acts" }, close)) });
  close.addEventListener("click", () => dialog.close());
}

/** Read an address again and again while the page is seen; `again()` reads at once. Answers that were overtaken are dropped. */
export function polled({ every, path, take, fail, when = () => true }) {
  let asked = 0;
  let timer = null;

  async function again() {
    clearTimeout(timer);
    const mine = (asked += 1);
    const where = path();
    try {
      const answer = where ? await read(where) : null;
      if (mine === asked && answer) take(answer);
    } catch (error) {
      if (mine === asked) fail(error);
    }
    if (mine === asked) timer = setTimeout(tick, every);
  }
  function tick() {
    if (!document.hidden && when()) again();
    else timer = setTimeout(tick, every);
  }
  document.addEventListener("visibilitychange", () => document.hidden || !when() || again());
  return { again };
}

/** The choice of how many strikes are shown around the money: kept for the tab, and room made for them. */
export function reachChoice(onChange) {
  const select = byId("reach");
  const room = () => byId("rows").style.setProperty("--rows", String(select.value === "0" ? 25 : 2 * Number(select.value) + 1));
  select.value = sessionStorage.getItem("options-reach") ?? (matchMedia("(max-width: 44rem)").matches ? "7" : "12");
  room();
  select.addEventListener("change", () => {
    sessionStorage.setItem("options-reach", select.value);
    room();
    onChange();
  });
  return () => Number(select.value);
}
