// What the analysis answers with becomes words, figures and orders of rows. Pure, so that each shape is tested once, here.
import { MINUS, NONE, isFigure, signOf } from "windhover/format";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
export const GRADES = ["A+", "A", "B", "C", "D"];
export const UNJUDGED = "none";
// everything else must be exceeded
const NEEDS = { above_year_low: "≥", near_year_high: "≥", stage_two: "=" };

/** "2026-05-29" as "29 May 2026"; a calendar day has no zone. */
export function dayWords(text) {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)/.exec(text ?? "") ?? [];
  return year ? `${Number(day)} ${MONTHS[Number(month) - 1]} ${year}` : NONE;
}

/** A figure with grouped thousands and a real minus sign; what is smaller than one shows five places unless told. */
export function decimal(value, places = isFigure(value) && Number(value) !== 0 && Math.abs(Number(value)) < 1 ? 5 : 2) {
  if (!isFigure(value)) return NONE;
  const text = Math.abs(Number(value)).toLocaleString("en-IN", { minimumFractionDigits: places, maximumFractionDigits: places });
  return `${signOf(value, places) === MINUS ? MINUS : ""}${text}`;
}

/** A figure of the given places with its sign in front, and the unit behind. */
export function signed(value, places = 1, unit = "") {
  if (!isFigure(value)) return NONE;
  const sign = signOf(value, places);
  return `${sign}${Math.abs(Number(value)).toFixed(places)}${unit}`;
}

/** A share from 0 to 1 as a percentage without a sign. */
export const share = (value, places = 0) => (isFigure(value) ? `${(Number(value) * 100).toFixed(places)} %` : NONE);

/** A large count in lakh and crore. */
export function volumeWords(value) {
  if (!isFigure(value)) return NONE;
  const [size, front] = [Math.abs(Number(value)), Number(value) < 0 ? MINUS : ""];
  const step = [[1e7, "Cr"], [1e5, "L"]].find(([unit]) => size >= unit);
  return front + (step ? `${(size / step[0]).toFixed(size / step[0] < 10 ? 2 : 1)} ${step[1]}` : size.toLocaleString("en-IN", { maximumFractionDigits: 0 }));
}

/** A check's figure or threshold in its unit. */
export function inUnit(value, unit) {
  if (!isFigure(value)) return NONE;
  if (unit === "per cent") return signed(value, Math.abs(value) < 1 && value !== 0 ? 2 : 1, " %");
  if (unit === "points") return decimal(value, 1);
  if (unit === "times") return `${decimal(value, 2)}×`;
  if (unit === "stage") return String(value);
  return decimal(value);
}

/** What a check's figure must do: "> 1,204.50", "≥ −25.0 %", "= 2". */
export const needs = (check) => `${NEEDS[check.check] ?? ">"} ${inUnit(check.threshold, check.unit)}`;

const ANSWERS = new Map([[true, "passes"], [false, "fails"], [null, "not known"]]);
export const answerOf = (check) => ANSWERS.get(check.passed ?? null);

/** What a row comes to, in a sentence. */
export function verdictSentence(row) {
  if (!isFigure(row.score)) return "Not judged: its history is too short for the checks.";
  const failed = row.checks.filter((check) => check.passed !== true);
  const front = `${row.score} of ${row.checks.length} checks pass, grade ${row.grade}${row.super_performer ? ": a super performer" : ""}.`;
  if (failed.length === 0) return `${front} None fails.`;
  const named = failed.slice(0, 3).map((check) => lowered(check.text)).join("; ");
  const more = failed.length > 3 ? `; and ${failed.length - 3} more` : "";
  return `${front} Missing: ${named}${more}.`;
}

// an abbreviation that begins a text keeps its capitals
const lowered = (text) => text.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());

const STAGES = { 1: "1, basing", 2: "2, advancing", 3: "3, topping", 4: "4, declining" };
export const stageWords = (stage) => STAGES[stage] ?? NONE;

const KNOWN = { macd: "MACD", rsi: "RSI", adx: "ADX", mfi: "MFI", cci: "CCI" };

/** A trigger's or figure's name in words, where the answer has none. */
export function nameWords(name) {
  const words = String(name).split("_").map((word) => KNOWN[word] ?? word).join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Rows in the order of a figure or word; what is not known stands last whichever way one sorts. */
export function ordered(rows, by, descending) {
  const blank = (value) => value === null || value === undefined || value === "" || Number.isNaN(value);
  return [...rows].sort((left, right) => {
    const [a, b] = [by(left), by(right)];
    if (blank(a) || blank(b)) return Number(blank(a)) - Number(blank(b));
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return descending ? -order : order;
  });
}

/** How many rows have each grade: [["A+", 3], …], with those that have none as the last. */
export function gradeCounts(rows) {
  const count = (grade) => rows.filter((row) => (row.grade ?? UNJUDGED) === grade).length;
  return [...GRADES, UNJUDGED].map((grade) => [grade, count(grade)]);
}

/** Where a run stands: the share that is done, its rate a second and the seconds that are left; samples are {at (ms), done}. */
export function progressOf({ done, total }, samples) {
  const first = samples.find((sample) => sample.done > 0) ?? samples[0];
  const last = samples.at(-1);
  const seconds = first && last ? (last.at - first.at) / 1000 : 0;
  const rate = seconds > 0 ? (last.done - first.done) / seconds : 0;
  return { share: total > 0 ? done / total : 0, rate, left: rate > 0 ? (total - done) / rate : null };
}

/** The same in words. */
export function progressWords({ state, done, total, universe }, samples, noun = "stocks") {
  if (state === "queued") return `${universe}: waiting for a worker`;
  if (!total) return `${universe}: reading the candles`;
  const { rate, left } = progressOf({ done, total }, samples);
  const count = (value) => Number(value).toLocaleString("en-IN");
  return [
    `${universe}: ${count(done)} of ${count(total)} ${noun}`,
    rate > 0 ? `${count(Math.round(rate))} a second` : null,
    left !== null ? `${Math.ceil(left)} s left` : null,
  ].filter(Boolean).join(" · ");
}

/** How deep a move's wash is in a heat map: {name, share in per cent}, full at `full`; nothing where it is zero or not known. */
export function inWash(value, full) {
  if (!isFigure(value) || Number(value) === 0) return null;
  return { name: Number(value) > 0 ? "gain" : "loss", share: Math.round(Math.min(1, Math.abs(Number(value)) / full) * 100) };
}

/** What an alert waits for, in a sentence's words: "last price at or above 1,500.00". */
export function alertWords(alert, figures = []) {
  const figure = alert.figure_text ?? figures.find((one) => one.name === alert.figure)?.text ?? nameWords(alert.figure);
  const side = alert.direction === "above" ? "at or above" : "at or below";
  return `${figure} ${side} ${levelWords(alert.level)}`;
}

/** The name of an indicator on closed bars, as the desk knows it: `rsi(14)@5m`. */
export function figureName(operand, parameters, timeframe) {
  const values = Object.keys(operand.parameters).map((name) => String(parameters[name] ?? operand.parameters[name]));
  return `${operand.name}${values.length ? `(${values.join(",")})` : ""}@${timeframe}`;
}

/** How often it fires, in words. */
export function repeatWords(alert) {
  if (!alert.recurring) return "once";
  const back = Number(alert.hysteresis) > 0 ? ` once it is back by more than ${levelWords(alert.hysteresis)}` : " once it is back";
  return `every time, again${back}`;
}

/** A level as it was written, grouped; one with a fraction keeps its paise. */
export function levelWords(text) {
  if (!isFigure(text)) return NONE;
  const places = /\.(\d*?)0*$/.exec(String(text))?.[1].length ?? 0;
  return decimal(text, places === 0 ? 0 : Math.max(2, Math.min(8, places)));
}

/** Instruments as they are typed: separated by commas, spaces or lines, a bare name is one of NSE, each once. */
export function instrumentsOf(text) {
  const parts = String(text).toUpperCase().split(/[\s,;]+/).filter(Boolean);
  return [...new Set(parts.map((part) => (part.includes(":") ? part : `NSE:${part}`)))];
}
