// How published states become what the panels show. Pure, so that each shape is tested once, here.
import { isFigure, quantity, titled } from "windhover/format";

const FINAL = new Set(["FILLED", "CANCELLED", "REJECTED", "EXPIRED", "NOT_SENT", "NOT_PLACED", "REFUSED"]);
const ASKING = new Set(["UNKNOWN", "UNPROVEN"]);
const number = (value) => (isFigure(value) ? Number(value) : 0);
const seconds = (at) => Date.parse(at) / 1000;

/** "asking", "flight" or "recent": the lane in which an order stands. */
export function laneOf(order) {
  if (ASKING.has(order.status)) return "asking";
  return FINAL.has(order.status) ? "recent" : "flight";
}

/** Refusals that follow one another for the same reason become the newest of them, with `times` and `symbols`. */
export function folded(rows) {
  const shown = [];
  for (const row of rows) {
    const last = shown.at(-1);
    const same = last && row.kind === "refusal" && last.kind === "refusal" && last.account === row.account && last.reason === row.reason;
    if (same) {
      last.times += 1;
      if (!last.symbols.includes(row.symbol)) last.symbols.push(row.symbol);
    } else {
      shown.push(row.kind === "refusal" ? { ...row, times: 1, symbols: [row.symbol] } : row);
    }
  }
  return shown;
}

/** A position's profit or loss today, net of its charges: the rows add up to the headline. */
export function netOf(row) {
  return isFigure(row.pnl_net) ? Number(row.pnl_net) : number(row.pnl_realised) + number(row.pnl_unrealised) - number(row.charges) + number(row.funding);
}

/** Whether a row is of a perpetual contract. */
export const isPerpetual = (row) => row.product === "PERP";

/** Sums by currency, in the order in which the currencies come: [["INR", 12.5], …]. */
export function sumsBy(rows, currencyOf, valueOf) {
  const sums = new Map();
  for (const row of rows) sums.set(currencyOf(row), (sums.get(currencyOf(row)) ?? 0) + valueOf(row));
  return [...sums];
}

const FIGURES = ["net", "realised", "unrealised", "charges", "funding"];
const RUPEES = "INR";

/**
 * What one unit of a currency is worth in the page's one currency: that itself where all accounts share it, rupees
 * else. `fx` are the API's rates; a currency without one has null.
 */
export function ratesOf(currencies, fx) {
  const known = [...new Set(currencies)];
  const base = known.length === 1 ? known[0] : RUPEES;
  const rates = new Map(known.map((name) => {
    const row = (fx ?? []).find((one) => one.base === name && one.quote === base);
    return [name, name === base ? 1 : isFigure(row?.rate) ? Number(row.rate) : null];
  }));
  return { base, rates, of: (currency) => rates.get(currency) ?? null };
}

/** One book's P&L over all accounts, in one currency as far as rates are known: `states` are those of the topic portfolio. */
export function bookFigures(states, book, fx = []) {
  const held = states.filter((state) => state.data[book] && typeof state.data[book] === "object");
  if (held.length === 0) return null;
  const currencyOf = (state) => state.data.currency ?? RUPEES;
  const rates = ratesOf(held.map(currencyOf), fx);
  const counted = held.filter((state) => rates.of(currencyOf(state)) !== null);
  const today = (state) => state.data[book].pnl_today ?? state.data[book];
  const sum = (name) => counted.reduce((total, state) => total + number(today(state)[name]) * rates.of(currencyOf(state)), 0);
  const cashOf = (state) => state.data[book].cash ?? (book === "live" ? state.data.cash : null);
  const cash = counted.filter((state) => isFigure(cashOf(state)));
  return {
    ...Object.fromEntries(FIGURES.map((name) => [name, sum(name)])),
    cash: cash.length ? cash.reduce((total, state) => total + Number(cashOf(state)) * rates.of(currencyOf(state)), 0) : null,
    currency: rates.base,
    // each currency's own net, and which of them are left out of the figures for want of a rate
    parts: sumsBy(held, currencyOf, (state) => number(today(state).net)).map(([currency, net]) => ({ currency, net, rate: rates.of(currency) })),
  };
}

function pointsOf(state, book) {
  return Object.values(state.data).filter((point) => point?.book === book).map((point) => [point.at, point.net]);
}

/**
 * The curve of one book over all accounts: [[unix seconds, net], …] in order, accounts carried forward. `rateOf(account)`
 * turns an account's figures into the page's currency; one whose rate is null is left out.
 */
export function curvePoints(states, book, rateOf = () => 1) {
  const series = states.filter((state) => rateOf(state.account) !== null).map((state) =>
    pointsOf(state, book)
      .map(([at, net]) => [seconds(at), Number(net) * rateOf(state.account)])
      .filter(([at, net]) => Number.isFinite(at) && Number.isFinite(net))
      .sort((a, b) => a[0] - b[0]),
  );
  const times = [...new Set(series.flat().map(([at]) => at))].sort((a, b) => a - b);
  return times.map((at) => [
    at,
    series.reduce((total, one) => total + (one.findLast((point) => point[0] <= at)?.[1] ?? 0), 0),
  ]);
}

/** Engaged switches, the broadest first. */
export function engagedSwitches(rows) {
  const breadth = ["desk", "account", "deployment"];
  return rows.filter((row) => row.engaged).sort((a, b) => breadth.indexOf(a.scope) - breadth.indexOf(b.scope));
}

/** What pulling the switch would meet: working entries, open positions, running strategies. */
export function killNumbers({ orders, positions, strategies }) {
  const working = orders.filter((order) => laneOf(order) === "flight");
  const entries = working.filter((order) => !["EXIT", "STOP"].includes(order.purpose));
  return {
    entries: entries.length,
    exits: working.length - entries.length,
    asking: orders.filter((order) => laneOf(order) === "asking").length,
    positions: positions.filter((row) => number(row.quantity) !== 0).length,
    strategies: strategies.filter((row) => ["running", "starting"].includes(row.state)).length,
  };
}

/** The accounts whose venue takes no orders for now, with the end of it: `states` are those of the topic feeds. */
export function orderBans(states) {
  return states.filter((state) => state.data.orders_banned_until).map((state) => ({ account: state.account, until: state.data.orders_banned_until }));
}

const SHARED = ["bar_minutes", "order_value_quote", "lots", "product", "direction"];
// a perpetual has one product and no lots: it is sized by its value, in steps of its quantity
const NOT_OF_PERPETUALS = new Set(["lots", "product"]);
const SYMBOLS = { INR: "₹" };
// the catalogue's own suggestion is one in rupees
const FIRST_VALUE = { USDT: "500" };

/** A parameter's name as its field's label: units leave the name and stand behind it. */
export function paramLabel(name, currency = RUPEES) {
  const units = { quote: SYMBOLS[currency] ?? currency, fraction: "as a fraction" };
  const words = name.split("_");
  const unit = units[words.at(-1)];
  return unit ? `${titled(words.slice(0, -1).join("_"))}, ${unit}` : titled(name);
}

/** The parameters of a strategy for its form: its own first, then those that every strategy has. */
export function paramRows(params, { currency = RUPEES, perpetuals = false } = {}) {
  const isShared = (row) => SHARED.includes(row.name);
  const fitting = params.filter((row) => !perpetuals || !NOT_OF_PERPETUALS.has(row.name));
  const suggested = (row) => (row.name === "order_value_quote" ? FIRST_VALUE[currency] ?? row.default : row.default);
  return [...fitting.filter((row) => !isShared(row)), ...fitting.filter(isShared)].map((row) => ({
    ...row, default: suggested(row), label: paramLabel(row.name, currency), range: rangeOf(row),
  }));
}

function rangeOf({ minimum, maximum }) {
  if (isFigure(minimum) && isFigure(maximum)) return `${quantity(minimum)} to ${quantity(maximum)}`;
  if (isFigure(minimum)) return `from ${quantity(minimum)}`;
  return isFigure(maximum) ? `up to ${quantity(maximum)}` : "";
}
