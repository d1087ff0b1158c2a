// Words and figures of the option pages. Pure: no page, no clock of its own.
import { MINUS, NONE, isFigure, signOf } from "windhover/format";

const LAKH = 1e5;
const DAY_MS = 86_400_000;

/** The figure at last, or null: what an API writes as null, and what is not a figure, is none. */
export const figure = (value) => (isFigure(value) ? Number(value) : null);

/** Units in lakh: two decimals below ten, so that a small strike still says something. */
export function lakh(units, { signed = false } = {}) {
  if (!isFigure(units)) return NONE;
  const value = Number(units) / LAKH;
  const places = Math.abs(value) < 10 ? 2 : 1;
  const sign = signOf(value, places);
  const text = Math.abs(value).toLocaleString("en-IN", { minimumFractionDigits: places, maximumFractionDigits: places });
  return `${sign === "+" && !signed ? "" : sign}${text}`;
}

/** A strike or another listed level: decimals only where it has them. */
export function strikeText(level) {
  return isFigure(level) ? Number(level).toLocaleString("en-IN", { maximumFractionDigits: 2 }) : NONE;
}

/** A price or a level with two decimals, grouped. */
export function level(value, { signed = false, places = 2 } = {}) {
  if (!isFigure(value)) return NONE;
  const sign = signOf(value, places);
  const text = Math.abs(Number(value)).toLocaleString("en-IN", { minimumFractionDigits: places, maximumFractionDigits: places });
  return `${sign === "+" && !signed ? "" : sign}${text}`;
}

/** A volatility or another fraction in points: 0.124 is 12.4, without a unit. */
export function points(fraction, { signed = false, places = 1 } = {}) {
  return isFigure(fraction) ? level(Number(fraction) * 100, { signed, places }) : NONE;
}

/** A volatility with its unit. */
export const volatility = (fraction, options = {}) => (isFigure(fraction) ? `${points(fraction, options)} %` : NONE);

/** A ratio with two decimals. */
export const ratio = (value) => level(value);

/** A Greek with its sign and the given decimals. */
export const greek = (value, places = 2) => level(value, { signed: true, places });

/** An amount of rupees in lakh and crore, signed. */
export function amount(value) {
  if (!isFigure(value)) return NONE;
  const size = Math.abs(Number(value));
  const [unit, word] = size >= 1e7 ? [1e7, " Cr"] : size >= LAKH ? [LAKH, " L"] : [1, ""];
  const places = word === "" ? 0 : size / unit < 10 ? 2 : 1;
  return `${Number(value) < 0 ? MINUS : "+"}₹ ${level(size / unit, { places })}${word}`;
}

const DATE = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });
const DATE_WITH_YEAR = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "2-digit" });

/** An expiry's date as a trader writes it; with the year where it is not this one. */
export function expiryText(day, today = null) {
  const date = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime())) return NONE;
  const isOtherYear = today !== null && String(today).slice(0, 4) !== String(day).slice(0, 4);
  return (isOtherYear ? DATE_WITH_YEAR : DATE).format(date);
}

const IST_DAY = new Intl.DateTimeFormat("en-CA", { timeZone: "Asia/Kolkata", year: "numeric", month: "2-digit", day: "2-digit" });

/** The exchange's day (YYYY-MM-DD) of a moment; null where there is none. */
export function dayOf(at) {
  const date = new Date(at);
  return at === null || at === undefined || Number.isNaN(date.getTime()) ? null : IST_DAY.format(date);
}

/** Calendar days from a moment to an expiry: 0 on the day itself, null where the moment is not known. */
export function daysTo(expiry, at) {
  const today = dayOf(at);
  if (!today) return null;
  return Math.round((Date.parse(`${expiry}T00:00:00Z`) - Date.parse(`${today}T00:00:00Z`)) / DAY_MS);
}

/** "24 Nov", "11 d": an expiry's two words. */
export function expiryWords(expiry, at) {
  const days = daysTo(expiry, at);
  return [expiryText(expiry, dayOf(at)), days === null ? "" : days === 0 ? "today" : `${days} d`];
}

/** "24,800 CE": an option as it is spoken of where its expiry is clear. */
export const optionName = (strike, kind) => `${strikeText(strike)} ${kind}`;
