// Limits and their use in words and figures. Pure: no page, no clock of its own.
import { NONE, clock, counted, isFigure, moment, quantity, shortMoney } from "windhover/format";

export const WARN_AT = 0.85;

/** A limit's figure, or what of it is used, in its own unit. */
export function figureOf(value, unit, currency) {
  if (Array.isArray(value)) return value.join(", ");
  if (!isFigure(value)) return value === null || value === undefined || value === "" ? NONE : String(value);
  if (unit === "money") return currency === "INR" ? `₹ ${shortMoney(value, currency)}` : `${shortMoney(value, currency)} ${currency}`;
  if (unit === "share") return `${plain(Number(value) * 100)} %`;
  if (unit === "seconds") return `${plain(value)} s`;
  if (unit === "times") return `${plain(value)} times`;
  return quantity(value, { currency });
}

const plain = (value) => Number(value).toLocaleString("en-US", { maximumFractionDigits: 2 });

/** What is used of what is allowed: "₹ 8.40 L of 12.0 L" says its currency once. */
export function usedOf(row, used, currency) {
  const limit = figureOf(row.limit, row.unit, currency);
  if (!used) return limit;
  return `${figureOf(used.used, row.unit, currency)} of ${limit.replace(/^₹ /, "")}`;
}

/** "over", "warn" or nothing: how near a share of a limit is. */
export const levelOf = (share) => (share >= 1 ? "over" : share >= WARN_AT ? "warn" : "");

/** What is left of a limit in per cent. */
export function headroom(share) {
  return share >= 1 ? "used up" : `${Math.floor((1 - share) * 100)} %`;
}

/** Whose limit it is: "account", "desk", "strategy ema-crossover", "instrument NSE:INFY". */
export function whose(row) {
  return row.level === "strategy" || row.level === "instrument" ? `${row.level} ${row.target_name}` : row.level === "user" ? "owner" : row.level;
}

const SHADOW = { refused: "stopped", reduced: "made smaller", other: "not reached", passed: "passed" };

/** What became of a breach in shadow: its word, and the class it wears. */
export function shadowOf(shadow) {
  if (!shadow) return { text: "not tried", kind: "" };
  const text = SHADOW[shadow.outcome] ?? shadow.outcome;
  return { text: shadow.is_today ? text : `${text}, not today`, kind: shadow.outcome === "passed" ? "loss" : shadow.outcome === "other" ? "warned" : "" };
}

/** What the day's breaches in shadow came to: only what was refused or made smaller was stopped, and the rest is named apart. */
export function shadowSummary(limits) {
  const tried = limits.map((row) => row.shadow).filter((shadow) => shadow?.is_today);
  const count = (...outcomes) => tried.filter((shadow) => outcomes.includes(shadow.outcome)).length;
  const [passed, other, stopped] = [count("passed"), count("other"), count("refused", "reduced")];
  if (passed) return { text: `${counted(passed, "limit")} let a breach pass in shadow`, isAlarm: true };
  const text = tried.length ? `${stopped} of ${limits.length} breaches stopped in shadow today${other ? `, ${other} not reached` : ""}` : "";
  return { text, isAlarm: false };
}

/** Today's time, or the day and time of what is older. */
export function when(at, now) {
  if (!at) return "never";
  const isToday = new Date(at).toDateString() === new Date(now).toDateString();
  return isToday ? clock(at) : moment(at);
}

/** Tell whether a new figure allows less than the old one; null where that cannot be told from the figures alone. */
export function isTighter(kind, before, after) {
  if (before === null) return true;
  if (after === null) return false;
  if (kind.tighter === "within" || !isFigure(after)) return null;
  return kind.tighter === "less" ? Number(after) < Number(before) : Number(after) > Number(before);
}

/** How long until a time, in minutes and seconds. */
export function left(at, now) {
  const seconds = Math.max(0, Math.round((Date.parse(at) - now) / 1000));
  return seconds > 0 ? `in ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` : "now";
}
