// Lines over days as SVG, one pane above another on the same days: thin lines named at their ends, few rules, marks of trades.
import { extent, lastKnown, linePath, linear, monthTicks, niceTicks, spread } from "windhover/analysis/scale";

const SVG = "http://www.w3.org/2000/svg";
const [LEFT, RIGHT, FOOT, GAP, TOP] = [52, 74, 18, 14, 8];
const MARK = 4.5;

function s(name, attributes = {}, text = null) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== null) element.textContent = text;
  return element;
}

/**
 * Draw into `root`. `show({days, panes})`; a pane is `{weight, write(value), lines: [{label, values, className}], area: values?,
 * top: value?, marks: [{index, value, isEntry}]?}`. `onPoint(index)` hears the day that is pointed at, the last one when none is.
 */
export function createDays(root, onPoint) {
  let given = { days: [], panes: [] };
  let x = null;
  let at = null;
  const svg = s("svg", { focusable: "false", "aria-hidden": "true" });
  const cross = s("line", { class: "cross" });
  root.append(svg);

  function bounds(pane) {
    const figures = [...pane.lines.flatMap((line) => line.values), ...(pane.area ?? [])];
    const [low, high] = extent(figures) ?? [0, 1];
    return pane.top === undefined ? [low, high] : [low, pane.top];
  }

  function drawPane(pane, [top, bottom], inner) {
    const y = linear(bounds(pane), [bottom, top]);
    const parts = niceTicks(...bounds(pane), Math.max(2, Math.round((bottom - top) / 48))).flatMap((tick) => [
      s("line", { class: "rule", x1: LEFT, x2: inner, y1: y(tick), y2: y(tick) }),
      s("text", { class: "tick y", x: LEFT - 6, y: y(tick) + 3.5 }, pane.write(tick)),
    ]);
    if (pane.area) {
      const body = linePath(pane.area, x, y);
      parts.push(s("path", { class: "under", d: `${body}L${x(pane.area.length - 1)} ${y(0)}L${x(0)} ${y(0)}Z` }));
    }
    for (const line of pane.lines) parts.push(s("path", { class: `line ${line.className}`, d: linePath(line.values, x, y) }));
    for (const mark of pane.marks ?? []) parts.push(markOf(mark, y));
    const ends = pane.lines.map((line) => ({ ...line, y: y(lastKnown(line.values)?.value ?? 0) }));
    for (const end of spread(ends, 13)) parts.push(s("text", { class: `name ${end.className}`, x: inner + 6, y: Math.min(bottom, end.y) + 3.5 }, end.label));
    return parts;
  }

  function markOf({ index, value, isEntry }, y) {
    const [a, b] = [x(index), y(value) + (isEntry ? MARK + 2 : -MARK - 2)];
    const tip = isEntry ? -MARK : MARK;
    return s("path", { class: isEntry ? "entry" : "exit", d: `M${a} ${b + tip}L${a + MARK} ${b - tip}L${a - MARK} ${b - tip}Z` });
  }

  function draw() {
    const { width, height } = root.getBoundingClientRect();
    if (!given.days.length || width < 120) return;
    const inner = width - RIGHT;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    x = linear([0, Math.max(1, given.days.length - 1)], [LEFT, inner]);
    const whole = given.panes.reduce((sum, pane) => sum + pane.weight, 0);
    const room = height - TOP - FOOT - GAP * (given.panes.length - 1);
    let top = TOP;
    const parts = [];
    for (const pane of given.panes) {
      const bottom = top + (room * pane.weight) / whole;
      parts.push(...drawPane(pane, [top, bottom], inner));
      top = bottom + GAP;
    }
    for (const tick of monthTicks(given.days, x, 44)) parts.push(s("text", { class: "tick x", x: x(tick.index), y: height - 4 }, tick.text));
    for (const [name, value] of [["y1", TOP], ["y2", height - FOOT]]) cross.setAttribute(name, value);
    svg.replaceChildren(...parts, cross);
    place(at);
  }

  function place(index) {
    at = index;
    cross.toggleAttribute("hidden", index === null);
    cross.classList.toggle("on", index !== null);
    if (index !== null && x) for (const name of ["x1", "x2"]) cross.setAttribute(name, x(index));
    onPoint(index ?? given.days.length - 1);
  }

  function pointed(event) {
    if (!x) return;
    const box = root.getBoundingClientRect();
    const reach = (event.clientX - box.left - LEFT) / Math.max(1, box.width - RIGHT - LEFT);
    place(Math.min(given.days.length - 1, Math.max(0, Math.round(reach * (given.days.length - 1)))));
  }

  root.addEventListener("pointermove", pointed);
  root.addEventListener("pointerleave", () => x && place(null));
  root.addEventListener("keydown", (event) => {
    const last = given.days.length - 1;
    const next = { ArrowLeft: (at ?? last) - 1, ArrowRight: (at ?? last) + 1, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0) return;
    event.preventDefault();
    place(Math.min(last, Math.max(0, next)));
  });
  new ResizeObserver(draw).observe(root);
  return {
    show(next) {
      given = next;
      at = null;
      draw();
    },
  };
}
