// The grid of scenarios: every figure printed, washed by its size, now and the worst cell outlined.
import { read } from "windhover/api";
import { byId, h, setText } from "windhover/dom";
import { bareSymbol, money, percent, shortMoney, signOf } from "windhover/format";

const PLUS_DAYS = (days) => (days === 0 ? "Now" : days === 1 ? "1 day on" : `${days} days on`);
let known = null;
let day = 0;
let chosen = null;

const group = () => known?.groups.find((one) => one.underlying === chosen) ?? known?.groups[0];
const points = (shift) => `${signOf(shift * 100, 0)}${Math.abs(Math.round(shift * 100))}`;

function cell(value, { most, isNow, isWorst, currency }) {
  const share = most ? Math.min(Math.abs(value) / most, 1) : 0;
  const element = h("td", { class: `${value < 0 ? "lost" : value > 0 ? "won" : ""} ${isNow ? "now" : ""} ${isWorst ? "worst" : ""}`.trim(), title: money(value, currency, { signed: true }) }, `${value > 0 ? "+" : ""}${shortMoney(value, currency)}`);
  element.style.setProperty("--share", `${Math.round(share * 38)}%`);
  return element;
}

function drawGrid() {
  const shown = group();
  byId("grid").hidden = byId("grid-note").hidden = byId("days").hidden = !shown;
  if (!shown) return;
  const plane = shown.cells[day];
  const most = Math.max(...shown.cells.flat(2).map(Math.abs));
  byId("moves").replaceChildren(h("th", { scope: "col" }, "Vol"), ...known.moves.map((move) => h("th", { scope: "col", class: move === 0 ? "here" : "" }, move === 0 ? "0 %" : percent(move, 0))));
  byId("grid").tBodies[0].replaceChildren(...known.shifts.map((shift, row) => h("tr", {},
    h("th", { scope: "row", class: shift === 0 ? "here" : "" }, shift === 0 ? "0" : points(shift)),
    ...plane[row].map((value, column) => cell(value, {
      most,
      currency: known.currency,
      isNow: day === 0 && shift === 0 && known.moves[column] === 0,
      isWorst: shown.worst < 0 && shown.worst_at.days === known.days[day] && shown.worst_at.shift === shift && shown.worst_at.move === known.moves[column],
    })))));
  const at = shown.worst_at;
  setText(byId("scenarios-sub"), shown.worst < 0 ? `worst ${money(shown.worst, known.currency, { places: 0 })}: price ${percent(at.move, 0)}, volatility ${points(at.shift)} points, ${PLUS_DAYS(at.days).toLowerCase()}` : "no cell of the grid loses");
}

function drawChoices() {
  byId("days").replaceChildren(...known.days.map((days, place) => h("button", { type: "button", "aria-pressed": String(place === day), onclick: () => { day = place; drawChoices(); drawGrid(); } }, PLUS_DAYS(days))));
  const field = byId("underlying");
  field.hidden = known.groups.length < 2;
  if (field.childElementCount !== known.groups.length || !known.groups.some((one) => one.underlying === field.value)) {
    field.replaceChildren(...known.groups.map((one) => h("option", { value: one.underlying }, one.underlying || "All together")));
  }
  chosen = group()?.underlying ?? null;
  field.value = chosen ?? "";
}

/** Read and draw the scenarios of one book. */
export async function drawScenarios(account, book) {
  const asked = new URLSearchParams({ account: account.id, book });
  known = await read(`/api/risk/scenarios?${asked}`);
  drawChoices();
  drawGrid();
  byId("grid-empty").hidden = known.groups.length > 0;
  setText(byId("grid-empty"), known.unpriced.length ? "Nothing of this book can be valued now." : "Nothing is held in this book. With positions, this shows what each move of price and volatility would bring or cost.");
  if (!known.groups.length) setText(byId("scenarios-sub"), "");
  const reasons = [...new Set(known.unpriced.map((row) => row.reason))];
  byId("unpriced").replaceChildren(...reasons.map((reason) => {
    const names = known.unpriced.filter((row) => row.reason === reason).map((row) => bareSymbol(row.instrument));
    return h("li", { class: "warned" }, `In no figure: ${names.join(", ")}. ${reason}`);
  }));
}

byId("underlying").addEventListener("change", () => {
  chosen = byId("underlying").value;
  drawGrid();
});
