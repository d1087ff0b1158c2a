// A rule as the API writes it ({"all": [...]}, {"any": [...]}, conditions), edited by places. Pure: every edit is a new rule.
export const isGroup = (member) => Array.isArray(member.all) || Array.isArray(member.any);
export const joinOf = (group) => (group.all ? "all" : "any");
export const membersOf = (group) => group.all ?? group.any;

/** A place, the indices from the root, as the API names it: [0, 1] is "1.2". */
export const named = (place) => place.map((index) => index + 1).join(".");

export function memberAt(rule, place) {
  return place.reduce((member, index) => membersOf(member)[index], rule);
}

/** The rule with the member at a place replaced by `change(member)`. */
export function replaced(rule, place, change) {
  if (place.length === 0) return change(rule);
  const [index, ...rest] = place;
  return { [joinOf(rule)]: membersOf(rule).map((member, at) => (at === index ? replaced(member, rest, change) : member)) };
}

/** The rule with a member more at the end of the group at a place. */
export const added = (rule, place, member) => replaced(rule, place, (group) => ({ [joinOf(group)]: [...membersOf(group), member] }));

/** The rule whose group at a place asks for all or for any. */
export const joined = (rule, place, join) => replaced(rule, place, (group) => ({ [join]: membersOf(group) }));

/** The rule without the member at a place; a group that would be empty goes with it, the rule itself never. */
export function removed(rule, place) {
  const parent = place.slice(0, -1);
  const left = membersOf(memberAt(rule, parent)).filter((_, index) => index !== place.at(-1));
  if (left.length === 0) return parent.length ? removed(rule, parent) : rule;
  return replaced(rule, parent, (group) => ({ [joinOf(group)]: left }));
}

/** A typed number: "1,200.5" and "−3" are numbers, an empty or strange text is null. */
export function numberFrom(text) {
  const plain = String(text).trim().replaceAll(",", "").replace("−", "-");
  return plain !== "" && Number.isFinite(Number(plain)) ? Number(plain) : null;
}

/** A side of a condition: a number, or an indicator with what differs from a plain daily candle. */
export function termOf({ indicator = null, number = null, parameters = {}, timeframe = "day", ago = 0 }) {
  if (indicator === null) return number;
  return { indicator, ...parameters, ...(timeframe === "day" ? {} : { timeframe }), ...(ago ? { bars_ago: ago } : {}) };
}

/** The same taken apart again. */
export function partsOf(term) {
  if (term === null || typeof term !== "object") return { indicator: null, number: term, parameters: {}, timeframe: "day", ago: 0 };
  const { indicator, timeframe = "day", bars_ago: ago = 0, ...parameters } = term;
  return { indicator, number: null, parameters, timeframe, ago };
}

/** Every condition with its place, in the rule's order. */
export function conditionsOf(rule, place = []) {
  return membersOf(rule).flatMap((member, index) => {
    const own = [...place, index];
    return isGroup(member) ? conditionsOf(member, own) : [{ place: own, condition: member }];
  });
}

/** The names of the conditions that are not finished: a number or a parameter is missing. */
export function unfinished(rule) {
  const missing = (term) => {
    const { indicator, number, parameters, ago } = partsOf(term);
    return indicator === null ? number === null : ago === null || Object.values(parameters).includes(null);
  };
  return conditionsOf(rule).filter(({ condition }) => missing(condition.left) || missing(condition.right)).map(({ place }) => named(place));
}

/** Which conditions could not be evaluated, for whom: [{path, text, symbols}], in the order of their places. */
export function unknownBy(unknown) {
  const found = new Map();
  for (const { symbol, conditions } of unknown) {
    for (const line of conditions) {
      const [path, text] = [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)];
      const held = found.get(path) ?? { path, text, symbols: [] };
      held.symbols.push(symbol);
      found.set(path, held);
    }
  }
  return [...found.values()].sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
}

export const EXAMPLES = [
  { name: "Pullback in an uptrend", rule: { all: [
    { left: { indicator: "close" }, is: "above", right: { indicator: "sma", period: 200 } },
    { left: { indicator: "rsi", period: 14 }, is: "below", right: 40 },
  ] } },
  { name: "Breakout on volume", rule: { all: [
    { left: { indicator: "close" }, is: "above", right: { indicator: "highest", period: 50, bars_ago: 1 } },
    { left: { indicator: "volume_ratio", period: 20 }, is: "above", right: 1.5 },
  ] } },
  { name: "Weekly trend, daily turn", rule: { all: [
    { left: { indicator: "close", timeframe: "week" }, is: "above", right: { indicator: "sma", period: 30, timeframe: "week" } },
    { any: [
      { left: { indicator: "macd" }, is: "crosses_above", right: { indicator: "macd_signal" } },
      { left: { indicator: "stochastic_k" }, is: "crosses_above", right: { indicator: "stochastic_d" } },
    ] },
  ] } },
];
