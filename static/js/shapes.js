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
  return number(row.pnl_realised) + number(row.pnl_unrealised) - number(row.charges);
}

/** One book's P&L over all accounts: `states` are those of the topic portfolio. */
export function bookFigures(states, book) {
  const parts = states.map((state) => state.data[book]).filter((part) => part && typeof part === "object");
  if (parts.length === 0) return null;
  const today = parts.map((part) => part.pnl_today ?? part);
  const sum = (name) => today.reduce((total, part) => total + number(part[name]), 0);
  const cash = states.map((state) => state.data[book]?.cash ?? (book === "live" ? state.data.cash : null)).filter(isFigure);
  return {
    net: sum("net"),
    realised: sum("realised"),
    unrealised: sum("unrealised"),
    charges: sum("charges"),
    cash: cash.length ? cash.reduce((total, one) => total + Number(one), 0) : null,
    currency: states.find((state) => state.data.currency)?.data.currency ?? "INR",
  };
}

function pointsOf(state, book) {
  return Object.values(state.data).filter((point) => point?.book === book).map((point) => [point.at, point.net]);
}

/** The curve of one book over all accounts: [[unix seconds, net], …] in order, accounts carried forward. */
export function curvePoints(states, book) {
  const series = states.map((state) =>
    pointsOf(state, book)
      .map(([at, net]) => [seconds(at), Number(net)])
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

const SHARED = ["bar_minutes", "order_value_quote", "lots", "product", "direction"];
const UNITS = { quote: "₹", fraction: "as a fraction" };

/** A parameter's name as its field's label: units leave the name and stand behind it. */
export function paramLabel(name) {
  const words = name.split("_");
  const unit = UNITS[words.at(-1)];
  return unit ? `${titled(words.slice(0, -1).join("_"))}, ${unit}` : titled(name);
}

/** The parameters of a strategy for its form: its own first, then those that every strategy has. */
export function paramRows(params) {
  const isShared = (row) => SHARED.includes(row.name);
  return [...params.filter((row) => !isShared(row)), ...params.filter(isShared)].map((row) => ({ ...row, label: paramLabel(row.name), range: rangeOf(row) }));
}

function rangeOf({ minimum, maximum }) {
  if (isFigure(minimum) && isFigure(maximum)) return `${quantity(minimum)} to ${quantity(maximum)}`;
  if (isFigure(minimum)) return `from ${quantity(minimum)}`;
  return isFigure(maximum) ? `up to ${quantity(maximum)}` : "";
}
