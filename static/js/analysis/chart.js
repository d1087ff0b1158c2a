// A candle chart as SVG: hollow and filled bodies that read without colour, averages named at their ends, volume below,
// one more figure in a pane of its own.
import { candlePaths, columnsPath, extent, lastKnown, linePath, linear, monthTicks, niceTicks, spread } from "windhover/analysis/scale";

const SVG = "http://www.w3.org/2000/svg";
const RIGHT = 58;
const FOOT = 18;
const GAP = 10;
const VOLUME = 54;
const PANE = 84;

function s(name, attributes = {}, text = null) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== null) element.textContent = text;
  return element;
}

/**
 * Draw into `root`. `show({bars, lines, pane})`: bars [[day, open, high, low, close, volume], …]; lines [{name, label,
 * values, className}]; pane {label, lines, guides, bars} or null. `onPoint(index | null)` tells where the pointer or the
 * arrow keys are.
 */
export function createChart(root, onPoint) {
  let given = { bars: [], lines: [], pane: null };
  let at = null;
  let x = null;
  let step = 1;
  const svg = s("svg", { focusable: "false", "aria-hidden": "true" });
  const cross = s("line", { class: "cross" });
  root.append(svg);

  function places() {
    const { width, height } = root.getBoundingClientRect();
    const inner = Math.max(40, width - RIGHT);
    const pane = given.pane ? PANE + GAP : 0;
    const priceFoot = height - FOOT - VOLUME - GAP - pane;
    return { width, height, inner, price: [6, priceFoot], volume: [priceFoot + GAP, priceFoot + GAP + VOLUME], pane: [height - FOOT - PANE, height - FOOT] };
  }

  function axis(ticks, y, inner, write) {
    return ticks.flatMap((tick) => [
      s("line", { class: "rule", x1: 0, x2: inner, y1: y(tick), y2: y(tick) }),
      s("text", { class: "tick", x: inner + 6, y: y(tick) + 3.5 }, write(tick)),
    ]);
  }

  const short = (value) => (Math.abs(value) >= 1e7 ? `${+(value / 1e7).toFixed(1)} Cr` : Math.abs(value) >= 1e5 ? `${+(value / 1e5).toFixed(1)} L` : Number(value).toLocaleString("en-IN", { maximumFractionDigits: 2 })).replace("-", "−");

  function priceParts(where) {
    const { bars, lines } = given;
    // the candles set the scale; a line that leaves it is cut at the edge
    const span = extent(bars.flatMap((bar) => [bar[2], bar[3]])) ?? [0, 1];
    const y = linear(span, [where.price[1], where.price[0]]);
    const paths = candlePaths(bars, x, y, step);
    const box = s("svg", { x: 0, y: where.price[0], width: where.inner, height: where.price[1] - where.price[0], viewBox: `0 ${where.price[0]} ${where.inner} ${where.price[1] - where.price[0]}` });
    box.append(...lines.map((line) => s("path", { class: `line ${line.className ?? ""}`, d: linePath(line.values, x, y) })));
    const ends = lines.map((line) => ({ line, end: lastKnown(line.values) })).filter(({ end }) => end && end.value >= span[0] && end.value <= span[1])
      .map(({ line, end }) => ({ y: y(end.value), text: line.label }));
    return [
      ...axis(niceTicks(span[0], span[1], Math.max(2, (where.price[1] - where.price[0]) / 56)), y, where.inner, short),
      s("path", { class: "wicks", d: paths.wicks }), s("path", { class: "hollow", d: paths.hollow }), s("path", { class: "filled", d: paths.filled }),
      box,
      ...spread(ends, 11).map((label) => s("text", { class: "end-label", x: where.inner - 4, y: label.y - 4, "text-anchor": "end" }, label.text)),
    ];
  }

  function volumeParts(where) {
    const values = given.bars.map((bar) => bar[5]);
    const most = extent(values, 0)?.[1] || 1;
    const y = linear([0, most], [where.volume[1], where.volume[0]]);
    return [
      s("path", { class: "volume", d: columnsPath(values, x, y, where.volume[1], step) }),
      s("text", { class: "tick", x: where.inner + 6, y: where.volume[0] + 8 }, short(most)),
      s("text", { class: "pane-label", x: 2, y: where.volume[0] + 8 }, "Volume"),
    ];
  }

  function paneParts(where) {
    const { pane } = given;
    if (!pane) return [];
    const span = extent([...pane.lines.flatMap((line) => line.values), ...(pane.bars ?? []), ...pane.guides], 0.08) ?? [0, 1];
    const y = linear(span, [where.pane[1], where.pane[0]]);
    return [
      ...axis(pane.guides, y, where.inner, short),
      ...(pane.bars ? [s("path", { class: "volume", d: columnsPath(pane.bars, x, y, y(0), step) })] : []),
      ...pane.lines.map((line) => s("path", { class: `line ${line.className ?? ""}`, d: linePath(line.values, x, y) })),
      s("text", { class: "pane-label", x: 2, y: where.pane[0] + 8 }, pane.label),
    ];
  }

  function draw() {
    const where = places();
    if (where.width < 60 || given.bars.length === 0) return;
    svg.setAttribute("viewBox", `0 0 ${where.width} ${where.height}`);
    step = where.inner / given.bars.length;
    x = (index) => (index + 0.5) * step;
    const months = monthTicks(given.bars.map((bar) => bar[0]), x, 46).map((tick) =>
      s("text", { class: "tick", x: x(tick.index), y: where.height - 4, "text-anchor": "middle" }, tick.text));
    svg.replaceChildren(...priceParts(where), ...volumeParts(where), ...paneParts(where), ...months, cross);
    mark(where);
  }

  function mark(where = places()) {
    cross.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at === null || !x) return;
    for (const [name, value] of [["x1", x(at)], ["x2", x(at)], ["y1", 0], ["y2", where.height - FOOT]]) cross.setAttribute(name, String(value));
  }

  function point(index) {
    at = index === null ? null : Math.max(0, Math.min(given.bars.length - 1, index));
    mark();
    onPoint(at);
  }

  root.addEventListener("pointermove", (event) => point(Math.floor((event.clientX - root.getBoundingClientRect().left) / step)));
  root.addEventListener("pointerleave", () => point(null));
  root.addEventListener("blur", () => point(null));
  root.addEventListener("keydown", (event) => {
    const last = given.bars.length - 1;
    const next = { ArrowLeft: (at ?? last + 1) - 1, ArrowRight: (at ?? last) + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    point(next);
  });
  new ResizeObserver(draw).observe(root);

  return {
    show(next) {
      given = next;
      at = null;
      draw();
      onPoint(null);
    },
  };
}
