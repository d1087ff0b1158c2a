// Words and figures of the agents, and the picture of their votes. Pure but for elements.
import { bareSymbol, isFigure, percent } from "windhover/format";

const MINUS = "−";
const SVG = "http://www.w3.org/2000/svg";
const FRACTIONS = /^(ret_|slope_|oi_change|mark_premium)/;
const SIZES = /^(bb_width$|atr_frac|rv_\d|spread_frac)/;
const SHARES = /(_rank|vpin_48)$/;

/** A signed score with two places. */
export function signed(value, places = 2) {
  if (!isFigure(value)) return "–";
  const text = Math.abs(Number(value)).toFixed(places);
  return Number(text) === 0 ? text : `${Number(value) < 0 ? MINUS : "+"}${text}`;
}

/** What a vote says in two words: the side with its score, or that there is none. */
export function voteWords(vote) {
  if (vote.stance === "abstain") return "Abstained";
  return `${{ long: "Long", short: "Short", flat: "Flat" }[vote.stance]} ${signed(vote.score)}`;
}

export function consensusWords(consensus) {
  const side = { 1: "Long", "-1": "Short", 0: "No trade" }[consensus.side];
  return `${side} ${signed(consensus.score)}`;
}

export function regimeWords(regime) {
  return { bull_trending: "Bull, trending", bull_volatile: "Bull, volatile", bear_trending: "Bear, trending", bear_volatile: "Bear, volatile", range_bound: "Range-bound", unknown: "Not known" }[regime] ?? "Not known";
}

/** How long a horizon is. */
export function span(seconds) {
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(seconds % 3600 ? 1 : 0)} h`;
}

/** A field of the snapshot as people read it: fractions as per cent, prices with what their size deserves. */
export function fieldWords(name, value) {
  if (!isFigure(value)) return "missing";
  const number = Number(value);
  if (name === "funding_rate") return percent(number, 4);
  if (name === "iv_atm" || SHARES.test(name)) return `${(number * 100).toFixed(0)} %`;
  if (FRACTIONS.test(name)) return percent(number);
  if (SIZES.test(name)) return `${(number * 100).toFixed(2)} %`;
  const size = Math.abs(number);
  const places = size >= 10000 ? 0 : size >= 1 ? 2 : 4;
  const text = size.toLocaleString("en-IN", { minimumFractionDigits: places, maximumFractionDigits: places });
  return number < 0 ? `${MINUS}${text}` : text;
}

/** A figure with its 95 % margin. */
export function withMargin(estimate, text) {
  if (!estimate) return "–";
  return estimate.margin === null ? text(estimate.value) : `${text(estimate.value)} ±${text(estimate.margin).replace(/^[+−]/, "")}`;
}

export function basisPoints(fraction) {
  return isFigure(fraction) ? `${signed(Number(fraction) * 10000, 1)} bp` : "–";
}

/** What a record amounts to: its figures once there are enough, else how many there are of how many. */
export function enough(record) {
  return record.is_enough ? null : `too few yet: ${record.blocks} of ${record.needed}`;
}

export { bareSymbol };

const make = (name, attributes, text) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
};

const LEFT = 150;
const WIDTH = 480;
const RIGHT = 60;
const at = (score) => LEFT + ((Number(score) + 1) / 2) * (WIDTH - LEFT - RIGHT);

/** Votes from minus one to plus one: a filled dot is a vote, its area the weight; a hollow one an abstention. */
export function votesPicture(votes, consensus, threshold) {
  const step = 19;
  const foot = votes.length * step + 4;
  const picture = make("svg", { viewBox: `0 0 ${WIDTH} ${foot + 18}`, "aria-hidden": "true" });
  const rule = (score, name) => picture.append(make("line", { class: name, x1: at(score), x2: at(score), y1: 0, y2: foot }));
  rule(-1, "edge");
  rule(1, "edge");
  rule(0, "zero");
  rule(-threshold, "dash");
  rule(threshold, "dash");
  rule(consensus.score, "mean");
  votes.forEach((vote, index) => {
    const y = index * step + 11;
    picture.append(make("text", { x: 0, y: y + 4 }, vote.name));
    if (vote.score === null) {
      picture.append(make("circle", { class: "hollow", cx: at(0), cy: y, r: 4 }));
      picture.append(make("text", { class: "quiet", x: WIDTH, y: y + 4, "text-anchor": "end" }, "abstained"));
      return;
    }
    picture.append(make("line", { class: "stem", x1: at(0), x2: at(vote.score), y1: y, y2: y }));
    picture.append(make("circle", { cx: at(vote.score), cy: y, r: (3.6 * Math.sqrt(vote.weight.value)).toFixed(2) }));
    picture.append(make("text", { x: WIDTH, y: y + 4, "text-anchor": "end" }, signed(vote.score)));
  });
  const label = (score, text, name = "quiet") => picture.append(make("text", { class: name, x: at(score), y: foot + 14, "text-anchor": "middle" }, text));
  label(-1, `${MINUS}1 short`);
  label(1, "+1 long");
  label(consensus.score, signed(consensus.score), "strong");
  return picture;
}

/** Claimed across, right upwards, each with its interval; the diagonal is as often right as claimed. */
export function calibrationPicture(bins) {
  const [low, high, size, left] = [0.3, 0.9, 190, 34];
  const across = (value) => left + ((value - 0.5) / 0.25) * (size + 60);
  const up = (value) => size - ((Math.min(Math.max(value, low), high) - low) / (high - low)) * size + 8;
  const picture = make("svg", { viewBox: `0 0 ${size + left + 76} ${size + 32}`, "aria-hidden": "true" });
  for (const value of [0.3, 0.5, 0.7, 0.9]) {
    picture.append(make("line", { x1: left, x2: across(0.75), y1: up(value), y2: up(value) }));
    picture.append(make("text", { class: "quiet", x: left - 6, y: up(value) + 4, "text-anchor": "end" }, `${Math.round(value * 100)}`));
  }
  for (const value of [0.5, 0.6, 0.7]) picture.append(make("text", { class: "quiet", x: across(value), y: size + 26, "text-anchor": "middle" }, `${Math.round(value * 100)} %`));
  picture.append(make("line", { class: "dash", x1: across(0.5), y1: up(0.5), x2: across(0.75), y2: up(0.75) }));
  for (const bin of bins) {
    if (bin.margin !== null) picture.append(make("line", { class: "stem", x1: across(bin.claimed), x2: across(bin.claimed), y1: up(bin.right - bin.margin), y2: up(bin.right + bin.margin) }));
    picture.append(make("circle", { cx: across(bin.claimed), cy: up(bin.right), r: 3.5 }));
  }
  return picture;
}
