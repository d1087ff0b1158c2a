// What the builder shows, from what the desk answered. Pure: no page, no clock of its own.
import { isFigure, money, signOf } from "windhover/format";
import { expiryText, level, optionName, strikeText } from "windhover/options/figures";

/** The part of a leg that is sent and kept. */
export const bare = ({ instrument, side, lots }) => ({ instrument, side, lots });

/** Money without paise from a thousand on, signed. */
export function signedMoney(value) {
  return isFigure(value) ? money(value, "INR", { signed: true }) : "–";
}

/** Whole rupees, for figures that are estimates. */
export const roundMoney = (value, { signed = true } = {}) => (isFigure(value) ? money(value, "INR", { signed, places: 0 }) : "–");

/** "Net credit" or "Net debit", by the sign of the premium. */
export const premiumName = (value) => (Number(value) < 0 ? "Net debit" : "Net credit");

/** A bound's figure: its amount, or the word. */
export const boundText = (bound) => (bound.is_bounded ? signedMoney(bound.amount) : "unbounded");

/** "1 : 3.1": profit to loss; nothing where one is unbounded or neither is a profit and a loss. */
export function oddsText({ max_profit: best, max_loss: worst }) {
  const [gain, loss] = [Number(best.amount), -Number(worst.amount)];
  if (!best.is_bounded || !worst.is_bounded || gain <= 0 || loss <= 0) return "–";
  return loss >= gain ? `1 : ${(loss / gain).toFixed(1)}` : `${(gain / loss).toFixed(1)} : 1`;
}

/** A probability in whole percent; at the ends it never claims certainty that it does not have. */
export function chanceText(value) {
  if (!isFigure(value)) return "–";
  const percent = Number(value) * 100;
  if (percent > 99 && percent < 100) return "> 99 %";
  if (percent < 1 && percent > 0) return "< 1 %";
  return `${Math.round(percent)} %`;
}

/** "23,751.07 and 24,848.93". */
export const breakevenText = (levels) => (levels.length ? levels.map((at) => level(at)).join(" and ") : "none");

/** The words of a what-if's date: "now", "19 Nov", "at expiry". */
export function dateWords({ days, at, is_expiry: isExpiry }) {
  if (isExpiry) return "at expiry";
  return days > 0 ? expiryText(String(at).slice(0, 10)) : "now";
}

/** What the line of the what-if is called; null where it is the line of now or of the expiry. */
export function thenName(what) {
  const points = Number(what.volatility_shift_points);
  const shift = points ? `IV ${signOf(points, 1)}${Math.abs(points).toFixed(1)}` : "";
  if (what.is_expiry || (!shift && !(what.days > 0))) return null;
  return [what.days > 0 ? dateWords(what) : "now", shift].filter(Boolean).join(", ");
}

/** A leg in words: "Buy 65 NIFTY 25,000 CE 24 Nov". */
export function legWords(leg, underlying) {
  const act = leg.side === "BUY" ? "Buy" : "Sell";
  return `${act} ${Number(leg.quantity).toLocaleString("en-IN")} ${underlying} ${optionName(leg.strike, leg.kind)} ${expiryText(leg.expiry)}`;
}

/** What a trader must know of legs that have a price all the same: "24,800 CE: The quote is old." */
export const doubtsOf = (rows) => rows.filter((row) => row.why?.length).map((row) => `${optionName(row.strike, row.kind)}: ${row.why.join(" ")}`);

/** The orders of a basket, one a leg: limited at the price of the side that it trades, or following the market. */
export const basketLegs = (rows, follows = false) => rows.map((row) => ({
  instrument: row.instrument, side: row.side, quantity: row.quantity, product: "NRML",
  ...(follows ? { type: "MARKET" } : { type: "LIMIT", price: row.price }),
}));

/** "1 lot" where all legs have as many, else how many there are in all. */
export function lotsWords(legs) {
  const counts = new Set(legs.map((leg) => leg.lots));
  const total = legs.reduce((sum, leg) => sum + leg.lots, 0);
  const count = counts.size === 1 ? [...counts][0] : total;
  return `${count} ${count === 1 ? "lot" : "lots"}${counts.size > 1 ? " in all" : ""}`;
}

/** Templates in which every typed word occurs: those that are called so, then those that are told so; the desk's own first of either. */
export function templatesFound(templates, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (text) => wanted.every((word) => text.toLowerCase().includes(word));
  const rank = (one) => 2 * Number(has(one.title)) + Number(one.in_library);
  return templates.filter((one) => has(`${one.title} ${one.group} ${one.sentence}`)).sort((a, b) => rank(b) - rank(a));
}

/** Rows of a chain around the money, with whichever strikes are asked for beside. */
export function nearMoney(rows, middle, reach = 12) {
  const place = rows.reduce((best, row, index) => (Math.abs(row.strike - middle) < Math.abs(rows[best].strike - middle) ? index : best), 0);
  return rows.slice(Math.max(0, place - reach), place + reach + 1);
}

/** About `count` rows of the payoff as texts, corners among them. */
export function twinRows(curve, count = 25) {
  const step = Math.max(1, Math.floor(curve.level.length / count));
  const kept = curve.level.map((_, index) => index).filter((index) => index % step === 0 || Number.isInteger(curve.level[index] / 50));
  return kept.map((index) => [
    strikeText(curve.level[index]),
    ...["now", "then", "expiry"].map((name) => money(curve[name][index], "INR", { signed: true, bare: true, places: 0 })),
    curve.chance_below ? `${(curve.chance_below[index] * 100).toFixed(1)} %` : "–",
  ]);
}

/** What each state of a basket means to whoever sent it. */
export const BASKET_WORDS = {
  pending: "Waiting for the desk to take it.",
  accepted: "Waiting for the desk to take it.",
  working: "At work: bought legs first, a sold one once its cover is filled.",
  filled: "Every leg is filled.",
  unwinding: "A leg was not filled in time: what filled is being closed.",
  unwound: "A leg was not filled, and what had filled was closed again.",
  held: "A leg was not filled; what filled is held.",
  refused: "Refused before the first order: nothing was sent.",
};

/** Whether a basket changes no more. */
export const isOver = (state) => ["filled", "unwound", "held", "refused"].includes(state);
