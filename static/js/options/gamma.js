// The gamma page: what dealers would have to trade, strike by strike, were they positioned as is customarily assumed.
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { amount, figure, level, points, strikeText } from "windhover/options/figures";
import { address, dated, linked, linkedAt, optionsPage, polled, reachChoice, twin } from "windhover/options/page";
import { createPlot } from "windhover/options/plot";
import { scrubber } from "windhover/options/scrubber";
import { nearestIndex, steadyCentre, windowOf } from "windhover/options/shapes";

const EVERY_MS = 10_000;
const CRORE = 1e7;
const plot = createPlot(byId("gex-plot"), { right: 24, left: 56 });
let told = null;
let asked = null;
let toldAt = null;
let centre = null;

const reach = reachChoice(() => {
  centre = null;
  if (told) drawRows();
});
const time = scrubber({
  onMove() {
    linkedAt(time.at(), toldAt);
    answers.again();
  },
});
const page = optionsPage({
  whole: true,
  onChoice(choice) {
    told = null;
    centre = null;
    time.follow({ underlying: choice.underlying, expiry: choice.expiry || choice.row.expiries[0] });
    answers.again();
  },
  acts: time.acts,
});
const answers = polled({
  every: EVERY_MS,
  path() {
    asked = time.at();
    return page.chosen().underlying && address("/api/options/exposure", { ...page.chosen(), at: asked });
  },
  take(answer) {
    told = answer;
    toldAt = asked;
    page.show("content");
    draw();
  },
  fail: (error) => (told === null ? page.failed(error) : linked("warn", error.message)),
  when: () => time.at() === null,
});

/** Crore with two decimals below ten: a table's figure without its unit. */
function crore(value, { signed = true } = {}) {
  const units = figure(value) === null ? null : Number(value) / CRORE;
  return level(units, { signed, places: units !== null && Math.abs(units) >= 100 ? 0 : 2 });
}

function draw() {
  linkedAt(time.at(), toldAt);
  dated(told, toldAt);
  drawStrip();
  drawPlot();
  drawRows();
}

function drawStrip() {
  const flip = told.flip;
  setText(byId("gex-spot"), level(told.spot));
  setText(byId("gex-forward"), level(told.forward));
  setText(byId("gex-total"), amount(told.gex));
  setText(byId("gex-dex"), amount(told.dex));
  setText(byId("gex-flip"), flip ? level(flip.level, { places: 0 }) : "none");
  setText(byId("gex-flip-move"), flip ? `${points(flip.move, { signed: true, places: 2 })} %` : "within ±10 %");
  const known = told.strikes.filter((row) => figure(row.gex) !== null);
  const extreme = (better) => (known.length ? known.reduce((best, row) => (better(row.gex, best.gex) ? row : best)) : null);
  for (const [id, row] of [["high", extreme((a, b) => a > b)], ["low", extreme((a, b) => a < b)]]) {
    const fits = row && (id === "high" ? row.gex > 0 : row.gex < 0);
    setText(byId(`gex-${id}`), fits ? strikeText(row.strike) : "none");
    setText(byId(`gex-${id}-size`), fits ? amount(row.gex) : "");
  }
  setText(byId("assumption"), `${told.assumption} ${flipWords(flip)}`);
}

/** What the flip would mean: with negative gamma dealers trade with the market, with positive gamma against it. */
function flipWords(flip) {
  if (!flip) return "Within ±10 % of today’s level the total keeps its sign.";
  const after = told.profile.find((point) => point.level > flip.level);
  const [against, along] = !after || after.gex >= 0 ? ["above", "below"] : ["below", "above"];
  const at = level(flip.level, { places: 0 });
  return `If that holds, they trade against the market ${against} ${at}, which calms it, and with it ${along} ${at}, which drives it.`;
}

function drawPlot() {
  const marks = [
    ...(figure(told.forward) === null ? [] : [{ at: told.forward, text: `forward ${level(told.forward, { places: 0 })}` }]),
    ...(told.flip ? [{ at: told.flip.level, text: `flip ${level(told.flip.level, { places: 0 })}` }] : []),
  ];
  plot.show({
    label: "Total gamma exposure by level of the market; the button Table lists its figures", marks, rest: nearestLevel(),
    x: { text: (value) => strikeText(value), space: 80 }, y: { text: (value) => level(value, { signed: true, places: Math.abs(value) < 10 && value % 1 ? 1 : 0 }), zero: true },
    lines: [{ kind: "strong", points: told.profile.map((point) => [point.level, figure(point.gex) === null ? null : point.gex / CRORE]) }],
    empty: "No strike has both open interest and a volatility yet.",
    readout(at) {
      const point = told.profile.find((one) => one.level === at);
      return point ? `At ${level(at, { places: 0 })} (${points(point.move, { signed: true, places: 2 })} %): ${amount(point.gex)} per 1 % move` : "";
    },
  });
}

function nearestLevel() {
  const known = told.profile.filter((point) => figure(point.gex) !== null);
  return known.length ? known.reduce((best, point) => (Math.abs(point.move) < Math.abs(best.move) ? point : best)).level : null;
}

function drawRows() {
  const rows = told.strikes;
  byId("gex-empty").hidden = rows.length > 0;
  const forward = figure(told.forward) ?? figure(told.spot);
  centre = steadyCentre(rows, centre, forward);
  const shown = windowOf(rows, centre, reach());
  const atm = forward === null || rows.length === 0 ? null : rows[nearestIndex(rows, forward)].strike;
  const most = Math.max(1, ...rows.map((row) => Math.abs(figure(row.gex) ?? 0)));
  keyed(byId("gex-rows").tBodies[0], shown, {
    key: (row) => row.strike,
    make: () => ({ element: h("tr", {}, h("th", { scope: "row", class: "k" }, h("span"), h("small")), h("td"), h("td"), h("td", { class: "strong" }), h("td", { class: "bars call" }, h("i", { class: "sized cut" })), h("td", { class: "bars put" }, h("i", { class: "sized" })), h("td", { class: "drops" }), h("td", { class: "drops" }), h("td", { class: "drops" })) }),
    update({ element }, row) {
      const [name, calls, puts, net, below, above, dexCalls, dexPuts, dex] = element.children;
      setClass(element, row.strike === atm ? "atm" : "");
      setText(name.firstElementChild, strikeText(row.strike));
      setText(name.lastElementChild, row.strike === atm ? "ATM" : "");
      for (const [cell, value] of [[calls, row.gex_call], [puts, row.gex_put], [net, row.gex], [dexCalls, row.dex_call], [dexPuts, row.dex_put], [dex, row.dex]]) setText(cell, crore(value));
      const share = `${(100 * Math.abs(figure(row.gex) ?? 0)) / most}%`;
      below.firstElementChild.style.setProperty("--w", row.gex < 0 ? share : "0");
      above.firstElementChild.style.setProperty("--w", row.gex > 0 ? share : "0");
      below.firstElementChild.hidden = !(row.gex < 0);
    },
  });
}

byId("gex-table").addEventListener("click", () => twin({ title: "GEX were the market elsewhere", columns: ["Level", "Move, %", "GEX, ₹ crore"], rows: (told?.profile ?? []).map((point) => [level(point.level, { places: 0 }), points(point.move, { signed: true, places: 2 }), crore(point.gex)]) }));
