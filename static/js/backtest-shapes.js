// What a backtest answers with becomes words, rows and names. Pure, so that each shape is tested once, here.
import { dayWords, decimal, share, signed } from "windhover/analysis/shapes";
import { MINUS, NONE, bareSymbol, isFigure, money, percent, quantity, signOf, tone } from "windhover/format";

const STATES = { queued: "Waiting for a worker", running: "Running", done: "Done", failed: "Failed", cancelled: "Cancelled" };
const STANDINGS = { worthless: "Says nothing", doubtful: "Doubtful", "not refuted": "Not refuted" };
const CAUSES = { signal: "signal", stop: "stop", target: "target", trail: "trailing stop", open: "still open" };
export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
// parameters that days do not use
const NOT_SHOWN = new Set(["bar_minutes", "order_value_quote", "lots", "product", "direction", "quiet_minutes"]);

/** The terms that the form asks for; `scale` is what a typed figure is divided by. */
export const TERMS = [
  { name: "capital_quote", label: "Capital, ₹", value: "1000000", scale: 1, help: "what the run begins with" },
  { name: "size_fraction", label: "In one position, %", value: "100", scale: 100, help: "share of the equity when it enters" },
  { name: "slippage_fraction", label: "Slippage a side, %", value: "0.05", scale: 100, help: "worse than the price, up to 5" },
  { name: "stop_fraction", label: "Stop, %", value: "0", scale: 100, help: "below the entry; 0 for none" },
  { name: "target_fraction", label: "Target, %", value: "0", scale: 100, help: "above the entry; 0 for none" },
  { name: "trail_fraction", label: "Trailing stop, %", value: "0", scale: 100, help: "below the highest since; 0 for none" },
];

export const stateWords = (state) => STATES[state] ?? state;
export const standingWords = (standing) => STANDINGS[standing] ?? standing;
export const causeWords = (cause) => CAUSES[cause] ?? cause;
export const isUnderWay = (run) => run.state === "queued" || run.state === "running";

/** A typed figure as the API takes it: a share where the form asks for per cent; what is no figure goes as it is. */
export function termValue(term, text) {
  const typed = text.trim().replaceAll(",", "");
  return isFigure(typed) ? Number((Number(typed) / term.scale).toPrecision(12)) : text;
}

/** A stored term as the form writes it. */
export const termText = (term, value) => (isFigure(value) ? String(Number((Number(value) * term.scale).toPrecision(12))) : term.value);

/** "fast 9, slow 21": the parameters that a run over days used. */
export function paramWords(params) {
  const shown = Object.entries(params ?? {}).filter(([name]) => !NOT_SHOWN.has(name));
  return shown.map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`).join(", ");
}

/** What a run was told besides: money, size, slippage, guards. */
export function termWords(terms) {
  const guards = [["stop", terms.stop_fraction], ["target", terms.target_fraction], ["trailing stop", terms.trail_fraction]];
  return [
    `capital ${money(terms.capital_quote, "INR", { places: 0 })}`, `${share(terms.size_fraction, 0)} in one position`,
    `slippage ${share(terms.slippage_fraction, 2)} a side`, ...guards.filter(([, value]) => value > 0).map(([name, value]) => `${name} ${share(value, 1)}`),
  ].join(", ");
}

/** How far a run is, with its rate and the time that is left. */
export function progressWords(run, samples) {
  if (run.state === "queued") return "Waiting for a worker";
  const [first, last] = [samples[0], samples.at(-1)];
  const rate = first && last && last.at > first.at ? ((last.done - first.done) * 1000) / (last.at - first.at) : 0;
  const left = rate > 0 ? `, about ${Math.max(1, Math.ceil((run.total - run.done) / rate))} s left` : "";
  return `${run.stage || "Starting"}: ${run.done} of ${run.total || "?"} steps${left}`;
}

/** The bar's tag for a run: its words and its class. */
export function stateTag(run) {
  const className = { done: "tag ok", failed: "tag warn", cancelled: "tag" }[run.state] ?? "tag info";
  return { text: stateWords(run.state), className };
}

/** The rows of the statistics: [name, text(figures), tone?(figures)]. */
export const STATISTICS = [
  ["Return a year", (one) => percent(one.cagr, 1), (one) => tone(one.cagr, 3)],
  ["Return in all", (one) => percent(one.total_return, 1), (one) => tone(one.total_return, 3)],
  ["Sharpe, √252", (one) => signed2(one.sharpe)],
  ["Sortino", (one) => signed2(one.sortino)],
  ["Worst drawdown", (one) => (one.max_drawdown > 0 ? `${MINUS}${share(one.max_drawdown, 1)}` : share(0, 1))],
  ["Calmar", (one) => signed2(one.calmar)],
  ["Volatility a year", (one) => share(one.volatility, 1)],
  ["Time invested", (one) => share(one.exposure_fraction, 0)],
  ["Closed trades, won", (one) => (isFigure(one.win_rate) ? `${one.trades}, ${share(one.win_rate, 0)}` : String(one.trades))],
  ["Average won, ₹", (one) => money(one.average_win_quote, "INR", { bare: true, signed: true, places: 0 })],
  ["Average lost, ₹", (one) => money(one.average_loss_quote, "INR", { bare: true, places: 0 })],
  ["Expectancy a trade, ₹", (one) => money(one.expectancy_quote, "INR", { bare: true, signed: true, places: 0 })],
  ["Profit factor", (one) => decimal(one.profit_factor, 2)],
  ["Turnover a year", (one) => (isFigure(one.turnover) ? `${one.turnover.toFixed(1)}×` : NONE)],
  ["Charges, ₹", (one) => money(one.costs_quote, "INR", { bare: true, places: 0 })],
];

function signed2(value) {
  return isFigure(value) ? `${signOf(value) === MINUS ? MINUS : ""}${Math.abs(Number(value)).toFixed(2)}` : NONE;
}
export { signed2 as ratio };

/** The four columns of the head: {name, word, tone, words: [sentence, …]}. */
export function verdictParts(result) {
  const { verdict, bias, luck, by_cost: costs } = result;
  return [
    { name: "Verdict", word: standingWords(verdict.standing), tone: verdict.standing === "not refuted" ? "" : "warned", words: [verdict.sentence, ...verdict.reasons.slice(1).map(sentence)] },
    {
      name: "Bias", word: bias.leak ? "Sees the future" : "No lookahead found", tone: bias.leak ? "warned" : "",
      words: [
        bias.leak ? sentence(bias.leak) : `The days after ${bias.cuts} places were cut off and changed: no decision before them moved.`,
        bias.warm_up ? sentence(bias.warm_up) : "The warm-up was not looked into.",
      ],
    },
    {
      name: "Luck", word: isFigure(luck.deflated_sharpe) ? `${share(luck.deflated_sharpe, 0)} skill` : "Not known",
      tone: isFigure(luck.deflated_sharpe) && luck.deflated_sharpe >= 0.95 ? "" : "warned",
      words: [
        `The deflated Sharpe ratio after ${luck.trials === 1 ? "one trial" : `${luck.trials} trials`}; 95 % are asked for.`,
        isFigure(luck.overfitting) ? `The best parameters of one half fall below the median of the other in ${share(luck.overfitting, 0)} of ${luck.splits} splits.` : "Overfitting was not looked into.",
      ],
    },
    { name: "Costs", ...costWords(costs) },
  ];
}

function costWords(costs) {
  const gone = costs.find((one) => one.value > 0 && isFigure(one.cagr) && one.cagr <= 0);
  const words = `Return a year at ${costs.map((one) => one.value).join(", ")} times the modelled charges and slippage: ${costs.map((one) => percent(one.cagr, 1)).join(", ")}.`;
  const word = !gone ? "Bears three times the cost" : gone.value <= 1 ? "Nothing left after costs" : `Gone at ${gone.value} times the cost`;
  return { word, tone: gone ? "warned" : "", words: [words] };
}

/** A phrase of the desk as a sentence. */
export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

/** How strongly a cell is washed, 0 to 34 per cent, by its share of the greatest figure. */
export function wash(value, greatest) {
  return isFigure(value) && greatest > 0 ? `${Math.round((Math.abs(value) / greatest) * 34)}%` : "0%";
}

/** A table's columns of the trades. */
export const TRADE_COLUMNS = [
  { key: "entered_on", label: "In", text: (row) => dayWords(row.entered_on), by: (row) => row.entered_on, plain: (row) => row.entered_on },
  { key: "left_on", label: "Out", text: (row) => (row.left_on ? dayWords(row.left_on) : "open"), by: (row) => row.left_on ?? "9", plain: (row) => row.left_on ?? "" },
  { key: "bars", label: "Days", text: (row) => String(row.bars), by: (row) => row.bars, className: "drops" },
  { key: "side", label: "Side", text: (row) => row.side, className: "drops" },
  { key: "quantity", label: "Qty", text: (row) => quantity(row.quantity), by: (row) => row.quantity, plain: (row) => row.quantity, className: "drops" },
  { key: "entry", label: "Entry", text: (row) => decimal(row.entry, 2), by: (row) => row.entry, plain: (row) => row.entry, className: "drops" },
  { key: "exit", label: "Exit", text: (row) => decimal(row.exit, 2), by: (row) => row.exit, plain: (row) => row.exit, className: "drops" },
  { key: "best", label: "MFE", hint: "How far the price went for the trade, of its entry", text: (row) => signed(row.best * 100, 1, " %"), by: (row) => row.best, plain: (row) => row.best, className: "drops" },
  { key: "worst", label: "MAE", hint: "How far the price went against the trade, of its entry", text: (row) => signed(row.worst * 100, 1, " %"), by: (row) => row.worst, plain: (row) => row.worst, className: "drops" },
  { key: "cause", label: "Left by", text: (row) => causeWords(row.cause), className: "drops" },
  { key: "costs_quote", label: "Charges, ₹", text: (row) => decimal(row.costs_quote, 2), by: (row) => row.costs_quote, plain: (row) => row.costs_quote, className: "drops" },
  { key: "profit_quote", label: "Net P&L, ₹", text: (row) => money(row.profit_quote, "INR", { bare: true, signed: true }), by: (row) => row.profit_quote, plain: (row) => row.profit_quote, tone: (row) => tone(row.profit_quote), className: "strong" },
];

/** A run's name in a list or a field: strategy, stock, and the parameters that tell it apart. */
export const runName = (run) => `${run.title} on ${bareSymbol(run.instrument)}, ${paramWords(run.params)}`;
