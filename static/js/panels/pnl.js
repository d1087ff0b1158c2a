// Net P&L today: one book at a time with its parts and its curve; the other book stands apart.
import { createCurve } from "windhover/curve";
import { openDialog } from "windhover/dialogs";
import { byId, h, oncePerFrame, setClass, setText, tint } from "windhover/dom";
import { clock, isFigure, money, tone } from "windhover/format";
import { bookFigures, curvePoints } from "windhover/shapes";

const OTHER = { live: "paper", paper: "live" };

export function pnlPanel({ store, marketTime, onBook }) {
  const curve = createCurve(byId("curve-plot"), byId("curve-end"));
  let book = "live";
  let chosenByHand = false;
  let minutes = [];
  let points = [];

  function busy(name) {
    const figures = bookFigures(store.states("portfolio"), name);
    const moved = figures && [figures.net, figures.realised, figures.unrealised, figures.charges].some((value) => value !== 0);
    const books = (row) => (row.book ?? row.mode) === name;
    return moved || store.rows("positions").some(books) || store.rows("strategies").some(books);
  }

  function choose() {
    if (chosenByHand || busy("live") || !busy("paper")) return;
    select("paper");
  }

  function select(name) {
    book = name;
    for (const one of ["live", "paper"]) byId(`book-${one}`).setAttribute("aria-pressed", String(one === book));
    curve.show([]);
    minutes = curvePoints(store.states("equity"), book);
    onBook(book);
    draw();
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
    const figures = bookFigures(states, book);
    const other = bookFigures(states, OTHER[book]);
    const currency = figures?.currency ?? other?.currency ?? "INR";
    setText(byId("pnl-net"), money(figures?.net ?? 0, currency, { signed: true }));
    setClass(byId("pnl-net"), `figure live ${tone(figures?.net ?? 0)}`);
    amount("pnl-realised", figures?.realised ?? 0, currency, { signed: true });
    amount("pnl-unrealised", figures?.unrealised ?? 0, currency, { signed: true });
    amount("pnl-charges", -(figures?.charges ?? 0), currency);
    setText(byId("pnl-cash"), isFigure(figures?.cash) ? money(figures.cash, currency) : "–");
    setText(byId("pnl-other"), other ? `after charges · ${OTHER[book]} ${money(other.net, currency, { signed: true })} apart` : "after charges");
    const held = states[0];
    byId("pnl-net").title = `as of ${clock(held.data.as_of ?? held.at)} IST, from the desk's journal`;
    drawCurve(figures?.net ?? null);
  }

  function drawCurve(net) {
    const at = marketTime();
    const isNewer = isFigure(net) && at !== null && minutes.length > 0 && at / 1000 > minutes.at(-1)[0];
    points = isNewer ? [...minutes, [at / 1000, net]] : minutes;
    byId("curve-says").hidden = points.length >= 2;
    curve.show(points);
  }

  function asTable() {
    const rows = points.map(([at, net]) => h("tr", {}, h("th", { scope: "row" }, clock(at * 1000)), h("td", { class: tone(net) }, money(net, "INR", { signed: true, bare: true }))));
    const table = h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time, IST"), h("th", { scope: "col" }, "Net P&L"))), h("tbody", {}, ...rows.reverse()));
    openDialog({ title: `Net P&L today, ${book}`, content: h("div", { class: "curve-table", tabindex: "0" }, rows.length ? table : h("p", {}, "No minute has closed yet.")) });
  }

  for (const one of ["live", "paper"]) {
    byId(`book-${one}`).addEventListener("click", () => {
      chosenByHand = true;
      select(one);
    });
  }
  byId("curve-table").addEventListener("click", asTable);
  const soon = oncePerFrame(draw);
  store.on("equity", () => {
    minutes = curvePoints(store.states("equity"), book);
    soon();
  });
  for (const topic of ["portfolio", "strategies"]) store.on(topic, soon);
}
