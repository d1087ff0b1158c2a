// Why a stock stands where it stands: its checks, the points of its trend and its triggers, each with numbers.
import { answerOf, dayWords, decimal, inUnit, needs, signed, stageWords, nameWords, verdictSentence } from "windhover/analysis/shapes";
import { h } from "windhover/dom";
import { bareSymbol, percent, tone } from "windhover/format";

const MARKS = { passes: "yes", fails: "no", "not known": "unknown" };

/** Thirteen cells in the order of the checks: filled passes, hollow fails, dashed is not known. */
export function strip(row) {
  if (!row.checks?.length) return h("span", { class: "sub" }, "too short");
  const cells = row.checks.map((check) => h("i", { class: MARKS[answerOf(check)] }));
  return h("span", { class: "strip", role: "img", "aria-label": `${row.score} of ${row.checks.length} checks pass` }, h("b", {}, String(row.score)), ...cells);
}

export function checksTable(checks) {
  const rows = checks.map((check) => h("tr", { class: MARKS[answerOf(check)] },
    h("th", { scope: "row" }, h("i", { class: "mark" }), check.text),
    h("td", {}, inUnit(check.figure, check.unit)), h("td", { class: "needs" }, needs(check)), h("td", { class: "answer" }, answerOf(check))));
  const heads = ["Check", "Figure", "Needs", ""].map((text) => h("th", { scope: "col" }, text));
  return h("table", { class: "grid checks" }, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows));
}

const SIDES = new Map([[1, "for"], [-1, "against"], [0, "neither"]]);

export function trendTable(trend) {
  const rows = trend.points.map((point) => h("tr", {}, h("th", { scope: "row" }, point.name.charAt(0).toUpperCase() + point.name.slice(1)),
    h("td", {}, point.side ? signed(point.side * point.points, 0) : point.side === 0 ? "0" : "–"), h("td", { class: "answer" }, SIDES.get(point.side) ?? "not known")));
  return h("table", { class: "grid checks" }, h("tbody", {}, ...rows));
}

export function trendSentence(trend) {
  const flow = trend.flow ? ` Volume speaks of ${trend.flow === "mixed" ? "neither accumulation nor distribution" : trend.flow}.` : "";
  if (trend.score === null) return `No verdict: under half of the points are known.${flow}`;
  const word = trend.verdict.charAt(0).toUpperCase() + trend.verdict.slice(1);
  return `${word}, ${trend.score} of 100: ${trend.bull} points for, ${trend.bear} against.${flow}`;
}

/** A bar that grows from the figure it explains. */
export function strengthBar(value) {
  const fill = h("i");
  fill.style.width = `${Math.max(0, Math.min(100, value))}%`;
  return h("span", { class: "grows" }, h("b", {}, String(value)), h("span", { class: "bar-box", "aria-hidden": "true" }, fill));
}

export function triggersList(triggers) {
  if (!triggers.length) return h("p", { class: "sub" }, "None fired this day.");
  const rows = triggers.map((trigger) => h("tr", {}, h("th", { scope: "row" }, trigger.text ?? nameWords(trigger.name)), h("td", { class: "answer" }, trigger.side), h("td", {}, strengthBar(trigger.strength))));
  return h("table", { class: "grid checks" }, h("tbody", {}, ...rows));
}

export const part = (title, ...children) => h("section", { class: "part" }, h("h3", {}, title), ...children);

/** The whole explanation of one row of a scan. */
export function explained(row, { on, href, past }) {
  const facts = [
    ["Relative strength", decimal(row.rating, 1)], ["Stage", stageWords(row.stage)],
    ...["5d", "20d", "250d"].filter((span) => row.moves).map((span) => [`${span.slice(0, -1)} days`, percent(row.moves[span], 1)]),
  ];
  return [
    h("header", {}, h("h2", {}, bareSymbol(row.symbol)), h("span", { class: "sub" }, row.traded_as !== row.symbol ? `traded as ${bareSymbol(row.traded_as)} then` : row.sector || ""), h("span", { class: "grow" }),
      h("a", { class: "button", href }, "Chart and notes")),
    h("p", { class: "lead" }, h("b", { class: "num" }, decimal(row.close)), " ", h("span", { class: tone(row.change, 4) }, percent(row.change)), h("span", { class: "sub" }, ` close of ${dayWords(on)}`)),
    h("p", { class: "verdict" }, verdictSentence(row)),
    h("dl", { class: "facts" }, ...facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    ...(row.checks.length ? [part("Checks", checksTable(row.checks))] : []),
    part("Triggers", triggersList(row.triggers)),
    part("Trend", h("p", { class: "verdict" }, trendSentence(row.trend)), trendTable(row.trend)),
    h("p", { class: "acts" }, past && h("a", { class: "button", href: past }, "Test a strategy on its past"), " ", h("a", { class: "button", href: `/#start=${encodeURIComponent(row.symbol)}` }, "Start a strategy on it")),
  ];
}

