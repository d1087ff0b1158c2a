// Words and figures as the desk prints them. Pure: no page, no clock of its own.
export const MINUS = "−";
export const NONE = "–";

const SYMBOLS = { INR: "₹" };
const LOCALES = { INR: "en-IN" };
const IST = "Asia/Kolkata";

/** Tell whether a value carries a figure at all. */
export function isFigure(value) {
  return value !== null && value !== undefined && value !== "" && Number.isFinite(Number(value));
}

function grouped(value, places, currency) {
  const locale = LOCALES[currency] ?? "en-US";
  const options = { minimumFractionDigits: places, maximumFractionDigits: places };
  return Math.abs(Number(value)).toLocaleString(locale, options);
}

/** The sign a figure would show after rounding: nothing in front of a zero. */
export function signOf(value, places = 2) {
  const rounded = Number(Number(value).toFixed(places));
  return rounded < 0 ? MINUS : rounded > 0 ? "+" : "";
}

/** An amount of money: `signed` puts a plus before gains; the currency stands once, as symbol or as code. */
export function money(value, currency = "INR", { signed = false, bare = false, places = 2 } = {}) {
  if (!isFigure(value)) return NONE;
  const sign = signOf(value, places);
  const front = sign === "+" && !signed ? "" : sign;
  const digits = grouped(value, places, currency);
  if (bare) return `${front}${digits}`;
  const symbol = SYMBOLS[currency];
  return symbol ? `${front}${symbol} ${digits}` : `${front}${digits} ${currency}`;
}

/** A round amount for gauges: lakh and crore for rupees, thousand and million elsewhere. */
export function shortMoney(value, currency = "INR") {
  if (!isFigure(value)) return NONE;
  const size = Math.abs(Number(value));
  const steps = currency === "INR" ? [[1e7, "Cr"], [1e5, "L"]] : [[1e6, "M"], [1e3, "k"]];
  const step = steps.find(([unit]) => size >= unit);
  const front = Number(value) < 0 ? MINUS : "";
  if (!step) return `${front}${grouped(size, 0, currency)}`;
  return `${front}${(size / step[0]).toFixed(size / step[0] < 10 ? 2 : 1)} ${step[1]}`;
}

/** How many decimals a tick size shows: "0.05" has two, "0.1" one. */
export function placesOf(tick, fallback = 2) {
  if (!isFigure(tick) || Number(tick) <= 0) return fallback;
  const text = Number(tick).toFixed(8).replace(/0+$/, "");
  return Math.max(0, text.length - text.indexOf(".") - 1);
}

/** A price with the decimals of its instrument's tick; rupees are written with their paise, whatever the tick. */
export function price(value, currency = "INR", tick = null) {
  if (!isFigure(value)) return NONE;
  const front = Number(value) < 0 ? MINUS : "";
  return `${front}${grouped(value, Math.max(placesOf(tick), currency === "INR" ? 2 : 0), currency)}`;
}

/** A quantity without trailing zeros, grouped as its account counts; positions carry a sign. */
export function quantity(value, { signed = false, currency = "INR" } = {}) {
  if (!isFigure(value)) return NONE;
  const text = Math.abs(Number(value)).toLocaleString(LOCALES[currency] ?? "en-US", { maximumFractionDigits: 8 });
  const sign = signOf(value, 8);
  return `${sign === "+" && !signed ? "" : sign}${text}`;
}

/** A fraction as a percentage with its sign. */
export function percent(fraction, places = 2) {
  if (!isFigure(fraction)) return NONE;
  const value = Number(fraction) * 100;
  return `${signOf(value, places)}${Math.abs(value).toFixed(places)} %`;
}

/** "gain", "loss" or nothing: the colour a signed figure wears. */
export function tone(value, places = 2) {
  if (!isFigure(value)) return "";
  const sign = signOf(value, places);
  return sign === "+" ? "gain" : sign === MINUS ? "loss" : "";
}

/** An age in words short enough for a cell: 0.4 s, 41 s, 3 min, 2 h. */
export function age(seconds) {
  if (!isFigure(seconds)) return NONE;
  const value = Math.max(0, Number(seconds));
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 120) return `${Math.floor(value)} s`;
  if (value < 7200) return `${Math.floor(value / 60)} min`;
  if (value < 172800) return `${Math.floor(value / 3600)} h`;
  return `${Math.floor(value / 86400)} d`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  timeZone: IST, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat("en-GB", { timeZone: IST, day: "numeric", month: "short" });

/** The exchange's time of day of an RFC 3339 text, a Date or milliseconds. */
export function clock(at, { seconds = true } = {}) {
  const date = at instanceof Date ? at : new Date(at);
  if (at === null || at === undefined || Number.isNaN(date.getTime())) return NONE;
  const text = CLOCK.format(date);
  return seconds ? text : text.slice(0, 5);
}

/** The exchange's date and time, for hovers. */
export function moment(at) {
  const date = new Date(at);
  if (at === null || at === undefined || Number.isNaN(date.getTime())) return NONE;
  return `${DAY.format(date)}, ${CLOCK.format(date)} IST`;
}

/** The symbol without its exchange; the exchange is shown where it tells two apart. */
export function bareSymbol(key) {
  const text = String(key ?? "");
  return text.includes(":") ? text.slice(text.indexOf(":") + 1) : text;
}

/** "1 position", "3 positions". */
export function counted(count, noun) {
  return `${count} ${noun}${Number(count) === 1 ? "" : "s"}`;
}

/** A slug or a word of the code as a person writes it: "ema-crossover" is "Ema crossover" unless known. */
export function titled(slug) {
  const KNOWN = { ema: "EMA", vwap: "VWAP", rsi: "RSI" };
  const words = String(slug ?? "").replace(/[_-]+/g, " ").trim().split(" ");
  return words.map((word, index) => KNOWN[word] ?? (index === 0 ? word.charAt(0).toUpperCase() + word.slice(1) : word)).join(" ");
}
