// The geometry of a candle chart: bars and columns become ticks and paths. Pure, in the chart's own pixels.
import { isFigure } from "windhover/format";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const round = (value) => Math.round(value * 10) / 10;

/** Round levels within a span, about as many as asked for: steps of 1, 2 or 5 by powers of ten. */
export function niceTicks(low, high, count) {
  if (!(high > low)) return isFigure(low) ? [low] : [];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((one) => one * power >= rough) * power;
  const ticks = [];
  for (let at = Math.ceil(low / step); at * step <= high + step * 1e-9; at += 1) ticks.push(Number((at * step).toPrecision(12)));
  return ticks;
}

/** A straight scale from a span of values to one of pixels. */
export function linear([low, high], [from, to]) {
  const size = high - low || 1;
  return (value) => from + ((value - low) / size) * (to - from);
}

/** The lowest and highest of figures, with room on both sides as a share of their span; null where there is none. */
export function extent(figures, room = 0.04) {
  const known = figures.filter(isFigure).map(Number);
  if (known.length === 0) return null;
  const low = known.reduce((least, one) => Math.min(least, one));
  const high = known.reduce((most, one) => Math.max(most, one));
  const more = (high - low || Math.abs(high) * 0.1 || 1) * room;
  return [low - more, high + more];
}

/** First bars of months as labels at least `gap` pixels apart: January wears its year. Thinned to quarters, then years. */
export function monthTicks(days, x, gap) {
  const starts = days.flatMap((day, index) => (index > 0 && day.slice(0, 7) !== days[index - 1].slice(0, 7) ? [{ index, year: day.slice(0, 4), month: Number(day.slice(5, 7)) }] : []));
  for (const every of [1, 3, 6, 12]) {
    const kept = starts.filter((start) => (start.month - 1) % every === 0);
    const isRoomy = kept.every((start, at) => at === 0 || x(start.index) - x(kept[at - 1].index) >= gap);
    if (isRoomy || every === 12) return kept.map(({ index, year, month }) => ({ index, text: month === 1 ? year : MONTHS[month - 1] }));
  }
  return [];
}

/** Candles as three paths: wicks, hollow bodies of days that closed at or above their open, filled ones of the others. */
export function candlePaths(bars, x, y, width) {
  const half = Math.max(0.5, (width * 0.66) / 2);
  const paths = { wicks: "", hollow: "", filled: "" };
  bars.forEach(([, open, high, low, close], index) => {
    const at = round(x(index));
    const [top, bottom] = [y(Math.max(open, close)), y(Math.min(open, close))].map(round);
    // the wick leaves the body empty, so that a hollow one is hollow
    paths.wicks += `M${at} ${round(y(high))}V${top}M${at} ${bottom}V${round(y(low))}`;
    const body = `M${round(at - half)} ${top}H${round(at + half)}V${Math.max(bottom, top + 0.8)}H${round(at - half)}Z`;
    paths[close >= open ? "hollow" : "filled"] += body;
  });
  return paths;
}

/** A column as a line that is broken where it is not known. */
export function linePath(values, x, y) {
  let path = "";
  let isOn = false;
  values.forEach((value, index) => {
    if (isFigure(value)) path += `${isOn ? "L" : "M"}${round(x(index))} ${round(y(Number(value)))}`;
    isOn = isFigure(value);
  });
  return path;
}

/** Bars from a base line to each value. */
export function columnsPath(values, x, y, base, width) {
  const half = Math.max(0.5, (width * 0.66) / 2);
  return values.map((value, index) => (isFigure(value) ? `M${round(x(index) - half)} ${round(base)}V${round(y(Number(value)))}H${round(x(index) + half)}V${round(base)}Z` : "")).join("");
}

/** The last known value of a column with its place, or null. */
export function lastKnown(values) {
  const index = values.findLastIndex(isFigure);
  return index < 0 ? null : { index, value: Number(values[index]) };
}

/** Labels that would lie on one another are pushed apart: [{y, …}] comes back in order, at least `gap` pixels apart. */
export function spread(labels, gap) {
  const sorted = [...labels].sort((a, b) => a.y - b.y).map((label) => ({ ...label }));
  sorted.forEach((label, index) => {
    if (index > 0) label.y = Math.max(label.y, sorted[index - 1].y + gap);
  });
  return sorted;
}
