// The tables of a backtest that are drawn once: statistics, months, surface, walk-forward, drawdowns, what-ifs.
import { dayWords, share } from "windhover/analysis/shapes";
import { MONTHS, STATISTICS, ratio, wash } from "windhover/backtest-shapes";
import { byId, h, setText } from "windhover/dom";
import { MINUS, NONE, isFigure, money, percent, tone } from "windhover/format";

const bodyOf = (id) => byId(id).tBodies[0];
const headOf = (id) => byId(id).tHead.rows[0];
const head = (text) => h("th", { scope: "col" }, text);

function washed(text, value, greatest, className = "") {
  const cell = h("td", { class: [className, value > 0 ? "pos" : value < 0 ? "neg" : ""].filter(Boolean).join(" ") }, text);
  cell.style.setProperty("--a", wash(value, greatest));
  return cell;
}

const greatestOf = (values) => values.filter(isFigure).reduce((most, one) => Math.max(most, Math.abs(one)), 0);

/** `columns` are [[name, figures], …]: the run, the stock held, and another run where one is compared. */
export function drawStatistics(columns) {
  headOf("statistics").replaceChildren(head(""), ...columns.map(([name]) => head(name)));
  bodyOf("statistics").replaceChildren(...STATISTICS.map(([name, text, toned]) => h("tr", {}, h("th", { scope: "row", class: "quietly" }, name),
    ...columns.map(([, figures], index) => h("td", { class: index === 0 ? `strong ${toned?.(figures) ?? ""}` : "quietly" }, text(figures))))));
}

export function drawMonths(years) {
  const greatest = greatestOf(years.flatMap((year) => year.months));
  const text = (value) => (isFigure(value) ? percent(value, 1).replace(" %", "") : "");
  headOf("months").replaceChildren(head(""), ...MONTHS.map(head), head("Year"));
  bodyOf("months").replaceChildren(...years.map((year) => h("tr", {}, h("th", { scope: "row" }, String(year.year)),
    ...year.months.map((value) => washed(text(value), value, greatest)), h("td", { class: `year ${tone(year.total, 3)}` }, text(year.total)))));
}

export function drawFalls(falls) {
  bodyOf("falls").replaceChildren(...falls.map((one) => h("tr", {}, h("th", { scope: "row" }, dayWords(one.peak_on)), h("td", { class: "loss" }, `${MINUS}${share(one.depth, 1)}`), h("td", {}, dayWords(one.trough_on)), h("td", {}, one.recovered_on ? dayWords(one.recovered_on) : "not yet"))));
}

/** The surface of the parameters around: every figure printed, the chosen cell outlined, the best one named. */
export function drawSurface(surface, params) {
  byId("surface-card").hidden = !surface;
  if (!surface) return;
  const [row, column] = [surface.row_name, surface.column_name].map((name) => name.replaceAll("_", " "));
  const greatest = greatestOf(surface.sharpe.flat());
  const isChosen = (r, c) => Number(params[surface.row_name]) === Number(surface.rows[r]) && Number(params[surface.column_name]) === Number(surface.columns[c]);
  setText(byId("surface-sub"), `Sharpe ratio by ${row} (down) and ${column} (across)`);
  headOf("surface").replaceChildren(head(""), ...surface.columns.map((one) => head(String(one))));
  bodyOf("surface").replaceChildren(...surface.rows.map((name, r) => h("tr", {}, h("th", { scope: "row" }, String(name)),
    ...surface.sharpe[r].map((value, c) => washed(isFigure(value) ? ratio(value) : "·", value, greatest, isChosen(r, c) ? "now" : "")))));
  const [best, steadiest] = [surface.best, surface.steadiest].map(([r, c]) => `${row} ${surface.rows[r]}, ${column} ${surface.columns[c]}`);
  const [r, c] = surface.best;
  setText(byId("surface-says"), `Outlined: what was tested. Best ${best} at ${ratio(surface.sharpe[r][c])}, with ${ratio(surface.around[r][c])} around it: a best cell far above its neighbours is chance. Steadiest ${steadiest}. A dot is a pair that contradicts itself.`);
}

export function drawWalk(walked) {
  byId("walk-card").hidden = !walked;
  if (!walked) return;
  const chosen = (one) => Object.values(one.chosen).join(" / ");
  setText(byId("walk-sub"), Object.keys(walked.stretches[0]?.chosen ?? {}).map((name) => name.replaceAll("_", " ")).join(" / "));
  bodyOf("walk").replaceChildren(...walked.stretches.map((one) => h("tr", {}, h("th", { scope: "row", class: "quietly" }, dayWords(one.traded_from)), h("td", {}, chosen(one)), h("td", {}, ratio(one.sharpe_in)), h("td", { class: `strong ${tone(one.sharpe_out)}` }, ratio(one.sharpe_out)))));
  const kept = isFigure(walked.efficiency) ? share(Math.max(0, walked.efficiency), 0) : "nothing";
  setText(byId("walk-says"), `Chosen on the days before, traded on those after: ${percent(walked.total_return, 1)} in all; ${kept} of the Sharpe ratio was kept.`);
}

export function drawOtherwise(result) {
  const row = (name, one) => h("tr", {}, h("th", { scope: "row", class: "quietly" }, name), h("td", { class: tone(one.cagr, 3) }, percent(one.cagr, 1)), h("td", {}, ratio(one.sharpe)));
  const costs = result.by_cost.map((one) => row(one.value === 0 ? "Without costs" : one.value === 1 ? "As it is" : `Costs times ${one.value}`, one));
  const late = result.by_delay.filter((one) => one.value > 0).map((one) => row(one.value === 1 ? "Filled a day later" : `Filled ${one.value} days later`, one));
  bodyOf("otherwise").replaceChildren(...costs, ...late);
  setText(byId("chance"), chanceWords(result.chance));
}

function chanceWords(chance) {
  if (!chance) return NONE;
  const [low, , middle, , high] = chance.final_quote.map((value) => money(value, "INR", { places: 0 }));
  return `The same days dealt anew a thousand times, in blocks: half end below ${middle}, one in twenty below ${low} or above ${high}; ${share(chance.lost, 0)} lose money. Drawdown in the worst twentieth: ${share(chance.max_drawdown[4], 0)}.`;
}
