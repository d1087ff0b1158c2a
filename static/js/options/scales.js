// Scales, ticks and paths of the option pages' charts. Pure.

/** Round steps between two values, about `count` of them, inside the range. */
export function niceTicks(low, high, count = 5) {
  if (!(Number.isFinite(low) && Number.isFinite(high)) || low >= high) return [];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

const MINUTE_MS = 60_000;
const IST_MS = 330 * MINUTE_MS;
const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 180];

/** Whole times of day (ms) of the exchange's zone between two moments, about `count` of them. */
export function timeTicks(from, to, count = 6) {
  if (!(to > from)) return [];
  const rough = (to - from) / MINUTE_MS / Math.max(1, count);
  const step = (STEPS_MIN.find((one) => one >= rough) ?? 360) * MINUTE_MS;
  const found = [];
  for (let at = Math.ceil((from + IST_MS) / step) * step - IST_MS; at <= to; at += step) found.push(at);
  return found;
}

/** The least and greatest of the figures, with room on both sides; null where there is none. */
export function extent(values, { room = 0.06, zero = false, least = 0 } = {}) {
  const told = values.filter((value) => value !== null && Number.isFinite(value));
  if (told.length === 0) return null;
  const low = Math.min(...told, ...(zero ? [0] : []));
  const high = Math.max(...told, ...(zero ? [0] : []));
  const span = Math.max(high - low, least, Math.abs(high) * 1e-6, 1e-9);
  const middle = (low + high) / 2;
  return [Math.min(low, middle - span / 2) - span * room, Math.max(high, middle + span / 2) + span * room];
}

/** A linear map from one range onto another. */
export function linear([low, high], [from, to]) {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

/** An SVG path through [[x, y|null], …]: a point without a figure breaks the line. */
export function linePath(points, x, y) {
  let pen = "M";
  const parts = [];
  for (const [at, value] of points) {
    if (value === null || value === undefined || !Number.isFinite(value)) {
      pen = "M";
      continue;
    }
    parts.push(`${pen}${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    pen = "L";
  }
  return parts.join(" ");
}

/** The index of the x nearest a wanted one in an ascending list; -1 for an empty list. */
export function nearest(xs, wanted) {
  if (xs.length === 0) return -1;
  const after = xs.findIndex((at) => at >= wanted);
  if (after === -1) return xs.length - 1;
  return after > 0 && wanted - xs[after - 1] < xs[after] - wanted ? after - 1 : after;
}

/** Labels at the ends of lines pushed apart so that none covers another; y downwards, in order of the input. */
export function spread(places, apart, [top, bottom]) {
  const order = places.map((at, index) => ({ at, index })).sort((a, b) => a.at - b.at);
  order.forEach((one, rank) => { one.at = Math.max(one.at, rank ? order[rank - 1].at + apart : top); });
  for (let rank = order.length - 1; rank >= 0; rank -= 1) order[rank].at = Math.min(order[rank].at, rank === order.length - 1 ? bottom : order[rank + 1].at - apart);
  const found = [];
  for (const one of order) found[one.index] = one.at;
  return found;
}
