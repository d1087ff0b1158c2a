// Line charts of the option pages: thin lines, few grid lines, labels at the lines, a readout by pointer or arrow keys.
import { h, setText } from "windhover/dom";
import { extent, linePath, linear, nearest, niceTicks, spread, timeTicks } from "windhover/options/scales";

const NS = "http://www.w3.org/2000/svg";
const LABEL_APART = 12;
const EMPTY = "No figure has come yet.";

function svg(name, attributes = {}, text = null) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  return element;
}

/**
 * A chart in `root`. `show(drawing)` takes `{x, y, lines, marks, floor, readout, label}`:
 * `x`/`y` are `{text(value), domain?, zero?, least?, time?}`, `lines` are `{name, kind, points: [[x, y|null], …], ends?}` with
 * kind "strong", "thin", "dashed", "dots" or "bars"; `marks` are vertical `{at, text}`, `levels` horizontal ones;
 * `readout(x)` says what stands at a place of the first axis.
 */
export function createPlot(root, { left = 46, right = 64, top = 16, bottom = 22 } = {}) {
  const canvas = svg("svg", { "aria-hidden": "true" });
  const readout = h("p", { class: "readout" }, EMPTY);
  const title = root.closest("section")?.querySelector("h2")?.textContent ?? "Chart";
  const stage = h("div", { class: "stage", tabindex: "0", role: "img", "aria-label": `${title}: ${EMPTY}` }, canvas);
  root.replaceChildren(stage, readout);
  let drawing = null;
  let scale = null;
  let xs = [];
  let at = null;

  function domains(box) {
    const all = drawing.lines.flatMap((line) => line.points);
    const xDomain = drawing.x.domain ?? extent(all.filter(([, y]) => y !== null).map(([x]) => x), { room: 0 });
    const yDomain = drawing.y.domain ?? extent(all.map(([, y]) => y), { zero: drawing.y.zero, least: drawing.y.least ?? 0 });
    if (!xDomain || !yDomain || box.width < 40) return null;
    const wide = [left, Math.max(left + 20, box.width - right)];
    const high = [box.height - bottom, top];
    return { x: linear(xDomain, wide), y: linear(yDomain, high), back: linear(wide, xDomain), xDomain, yDomain, wide, high };
  }

  function axes(parts, box) {
    const { x, y, wide, high } = scale;
    for (const tick of niceTicks(...scale.yDomain, Math.max(2, Math.round((high[0] - high[1]) / 34)))) {
      parts.push(svg("line", { class: tick === 0 && drawing.y.zero ? "zero" : "grid", x1: wide[0], x2: wide[1], y1: y(tick), y2: y(tick) }));
      parts.push(svg("text", { class: "y", x: wide[0] - 6, y: y(tick) + 3.5 }, drawing.y.text(tick)));
    }
    const count = Math.max(2, Math.round((wide[1] - wide[0]) / (drawing.x.space ?? 90)));
    const ticks = drawing.x.ticks ?? (drawing.x.time ? timeTicks(...scale.xDomain, count) : niceTicks(...scale.xDomain, count));
    for (const tick of ticks) parts.push(svg("text", { class: "x", x: x(tick), y: box.height - 6 }, drawing.x.text(tick)));
  }

  function line(parts, one) {
    const { x, y } = scale;
    if (one.kind === "dots") {
      for (const [a, b, hollow] of one.points) if (b !== null) parts.push(svg("circle", { class: hollow ? "dot hollow" : "dot", cx: x(a), cy: y(b), r: 2.75 }));
    } else if (one.kind === "bars") {
      for (const [a, b] of one.points) if (b !== null) parts.push(svg("line", { class: "stick", x1: x(a), x2: x(a), y1: y(0), y2: y(b) }));
    } else {
      parts.push(svg("path", { class: one.kind, d: linePath(one.points, x, y) }));
    }
  }

  function names(parts) {
    const ended = drawing.lines.filter((one) => one.name && one.kind !== "bars").map((one) => ({ one, end: one.points.findLast(([, y]) => y !== null) })).filter(({ end }) => end);
    const places = spread(ended.map(({ end }) => scale.y(end[1])), LABEL_APART, [scale.high[1], scale.high[0]]);
    ended.forEach(({ one, end }, index) => parts.push(svg("text", { class: `end ${one.kind}`, x: Math.min(scale.x(end[0]), scale.wide[1]) + 6, y: places[index] + 3.5 }, one.name)));
  }

  function marks(parts) {
    const { x, y, wide, high } = scale;
    let upTo = -Infinity;
    let row = 0;
    const inside = (drawing.marks ?? []).filter(({ at: place }) => place >= scale.xDomain[0] && place <= scale.xDomain[1]).sort((a, b) => a.at - b.at);
    for (const mark of inside) {
      // a label that would cover the one before it stands one line lower
      row = x(mark.at) < upTo ? row + 1 : 0;
      upTo = x(mark.at) + mark.text.length * 6 + 10;
      parts.push(svg("line", { class: "mark", x1: x(mark.at), x2: x(mark.at), y1: high[1] - 2, y2: high[0] }));
      parts.push(svg("text", { class: "mark-says", x: x(mark.at) + 4, y: high[1] + 7 + row * 12 }, mark.text));
    }
    for (const { at: place, text } of drawing.levels ?? []) {
      parts.push(svg("line", { class: "mark", x1: wide[0], x2: wide[1], y1: y(place), y2: y(place) }));
      parts.push(svg("text", { class: "mark-says", x: wide[0] + 4, y: y(place) - 4 }, text));
    }
  }

  function draw() {
    if (!drawing) return;
    const box = stage.getBoundingClientRect();
    canvas.setAttribute("width", box.width);
    canvas.setAttribute("height", box.height);
    scale = domains(box);
    if (!scale) {
      canvas.replaceChildren();
      setText(readout, drawing.empty ?? EMPTY);
      return;
    }
    const parts = [];
    axes(parts, box);
    marks(parts);
    for (const one of drawing.lines) line(parts, one);
    names(parts);
    if (at !== null) cursor(parts);
    canvas.replaceChildren(...parts);
    say();
  }

  function cursor(parts) {
    const place = scale.x(at);
    if (place < scale.wide[0] - 1 || place > scale.wide[1] + 1) return;
    parts.push(svg("line", { class: "cursor", x1: place, x2: place, y1: scale.high[1], y2: scale.high[0] }));
  }

  function say() {
    const place = at ?? drawing.rest ?? xs.at(-1);
    setText(readout, place === undefined || place === null ? "" : drawing.readout(place));
  }

  function move(next) {
    at = next;
    draw();
  }

  stage.addEventListener("pointermove", (event) => {
    if (!scale) return;
    const wanted = scale.back(event.clientX - stage.getBoundingClientRect().left);
    move(xs[nearest(xs, wanted)] ?? null);
  });
  stage.addEventListener("pointerleave", () => move(null));
  // it is read aloud while somebody walks along the line, not each time that figures come
  stage.addEventListener("focus", () => readout.setAttribute("aria-live", "polite"));
  stage.addEventListener("blur", () => {
    readout.removeAttribute("aria-live");
    move(null);
  });
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || xs.length === 0) return;
    event.preventDefault();
    const held = at === null ? xs.length - 1 : nearest(xs, at) + step;
    move(xs[Math.min(xs.length - 1, Math.max(0, held))]);
  });
  new ResizeObserver(draw).observe(stage);

  return {
    show(next) {
      drawing = next;
      xs = [...new Set(next.lines.flatMap((one) => one.points.filter(([, y]) => y !== null).map(([x]) => x)))].sort((a, b) => a - b);
      stage.setAttribute("aria-label", next.label);
      draw();
    },
  };
}
