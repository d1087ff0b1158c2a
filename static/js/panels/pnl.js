// Net P&L today: one book at a time with its parts and its curve; the other book stands apart.
import { createCurve } from "windhover/curve";
import { openDialog } from "windhover/dialogs";
import { byId, h, oncePerFrame, setClass, setText, tint } from "windhover/dom";
import { clock, isFigure, money, moment, quantity, tone } from "windhover/format";
import { bookFigures, curvePoints, ratesOf } from "windhover/shapes";

const OTHER = { live: "paper", paper: "live" };

export function pnlPanel({ store, marketTime, onBook, currencies, currencyOf, fx }) {
  const curve = createCurve(byId("curve-plot"), byId("curve-end"));
  let book = "live";
  let chosenByHand = false;
  let minutes = [];
  let points = [];
  let readFrom = "";

  function busy(name) {
    const figures = bookFigures(store.states("portfolio"), name, fx());
    const moved = figures && [figures.net, figures.realised, figures.unrealised, figures.charges, figures.funding].some((value) => value !== 0);
    const books = (row) => (row.book ?? row.mode) === name;
    return moved || store.rows("positions").some(books) || store.rows("strategies").some(books);
  }

  function choose() {
    if (book === "paper" || chosenByHand || busy("live") || !busy("paper")) return;
    select("paper");
  }

  function select(name) {
    book = name;
    for (const one of ["live", "paper"]) byId(`book-${one}`).setAttribute("aria-pressed", String(one === book));
    curve.show([]);
    readMinutes();
    onBook(book);
    draw();
  }

  const rates = () => ratesOf(currencies(), fx());

  function readMinutes() {
    const known = rates();
    const equity = store.states("equity");
    const from = JSON.stringify([book, [...known.rates], equity.map((state) => [state.account, state.seq])]);
    if (from === readFrom) return;
    readFrom = from;
    minutes = curvePoints(equity, book, (account) => known.of(currencyOf(account)));
  }

  function amount(id, value, currency, options = {}) {
    const cell = byId(id);
    const changed = setText(cell, money(value, currency, options));
    if (changed) tint(cell);
  }

  function draw() {
    const states = store.states("portfolio");
    if (states.length === 0) return;
    choose();
    readMinutes();
    const figures = bookFigures(states, book, fx());
    const other = bookFigures(states, OTHER[book], fx());
    const currency = figures?.currency ?? other?.currency ?? "INR";
    setText(byId("pnl-net"), money(figures?.net ?? 0, currency, { signed: true }));
    setClass(byId("pnl-net"), `figure live ${tone(figures?.net ?? 0)}`);
    // a code is written once, at the headline; the sign of the rupee is short enough to stand everywhere
    const bare = currency !== "INR";
    amount("pnl-realised", figures?.realised ?? 0, currency, { signed: true, bare });
    amount("pnl-unrealised", figures?.unrealised ?? 0, currency, { signed: true, bare });
    amount("pnl-charges", -(figures?.charges ?? 0), currency, { bare });
    if (byId("pnl-funding")) amount("pnl-funding", figures?.funding ?? 0, currency, { signed: true, bare });
    drawRates(figures);
    setText(byId("pnl-cash"), isFigure(figures?.cash) ? money(figures.cash, currency, { bare }) : "–");
    setText(byId("pnl-other"), other ? `after charges · ${OTHER[book]} ${money(other.net, currency, { signed: true })} apart` : "after charges");
    const held = states[0];
    byId("pnl-net").title = `as of ${clock(held.data.as_of ?? held.at)} IST, from the desk's journal`;
    drawCurve(figures?.net ?? null, currency);
  }

  /** Each currency by itself, the rate between them with its source and time, and what the rate itself moved. */
  function drawRates(figures) {
    const line = byId("pnl-fx");
    if (!line) return;
    const own = (figures?.parts ?? []).map((part) => money(part.net, part.currency, { signed: true }) + (part.rate === null ? " apart: no rate is known" : ""));
    const used = fx().filter((row) => (figures?.parts ?? []).some((part) => part.currency === row.base && part.currency !== figures.currency));
    const moved = used.filter((row) => isFigure(row.pnl)).map((row) => `FX ${money(row.pnl, row.quote, { signed: true })} on ${quantity(row.held, { currency: row.base })} ${row.base} held`);
    const quoted = used.map((row) => `1 ${row.base} is ${money(row.rate, row.quote)}, ${row.source}, ${moment(row.as_of)}`);
    const words = figures && figures.parts.length > 1 ? [own.join(" and "), ...moved, ...quoted].join(" · ") : "";
    setText(line, words);
    line.title = words;
  }

  function drawCurve(net, currency) {
    const at = marketTime();
    const isNewer = isFigure(net) && at !== null && minutes.length > 0 && at / 1000 > minutes.at(-1)[0];
    points = isNewer ? [...minutes, [at / 1000, net]] : minutes;
    byId("curve-says").hidden = points.length >= 2;
    curve.show(points, currency);
  }

  function asTable() {
    const { base } = rates();
    const rows = points.map(([at, net]) => h("tr", {}, h("th", { scope: "row" }, clock(at * 1000)), h("td", { class: tone(net) }, money(net, base, { signed: true, bare: true }))));
    const table = h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time, IST"), h("th", { scope: "col" }, `Net P&L, ${base}`))), h("tbody", {}, ...rows.reverse()));
    const close = h("button", { type: "button" }, "Close");
    const shown = h("div", { class: "curve-table", tabindex: "0", role: "group", "aria-label": "Net P&L minute by minute" }, rows.length ? table : h("p", {}, "No minute has closed yet."));
    const dialog = openDialog({ title: `Net P&L today, ${book}`, content: h("div", {}, shown, h("div", { class: "acts" }, close)) });
    close.addEventListener("click", () => dialog.close());
  }

  for (const one of ["live", "paper"]) {
    byId(`book-${one}`).addEventListener("click", () => {
      chosenByHand = true;
      select(one);
    });
  }
  byId("curve-table").addEventListener("click", asTable);
  const soon = oncePerFrame(draw);
  for (const topic of ["equity", "portfolio", "strategies"]) store.on(topic, soon);
  return { draw: soon };
}
