// The payoff: lines of now, a date and the expiry over levels, the density under them, deviations, breakevens.
import { h, setText } from "windhover/dom";
import { money, tone } from "windhover/format";
import { level, strikeText } from "windhover/options/figures";
import { extent, linePath, linear, nearest, niceTicks, spread } from "windhover/options/scales";

const NS = "http://www.w3.org/2000/svg";
const LEFT = 58;
const RIGHT = 96;
const TOP = 22;
const BOTTOM = 24;
const APART = 13;
const DENSITY_SHARE = 0.24;
const NARROW = 560;

function svg(name, attributes = {}, text = null) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== null) element.textContent = text;
  return element;
}

const short = (value) => money(value, "INR", { signed: true, bare: true, places: 0 });

/** Draw into `root`. `show({curve, breakevens, spot, what, thenName, label})`; `clear(text)` says why there is nothing. */
export function createPayoff(root) {
  const canvas = svg("svg", { "aria-hidden": "true" });
  const readout = h("p", { class: "readout", "aria-live": "polite" });
  const stage = h("div", { class: "stage", tabindex: "0", role: "img", "aria-label": "Payoff" }, canvas);
  root.replaceChildren(stage, readout);
  let shown = null;
  let says = "The payoff appears with the first leg.";
  let scale = null;
  let at = null;

  function scaled(box) {
    const { curve } = shown;
    const range = extent([...curve.now, ...curve.then, ...curve.expiry], { zero: true, room: 0.08, least: 100 });
    const wide = [LEFT, box.width - (box.width < NARROW ? 12 : RIGHT)];
    const high = [box.height - BOTTOM, TOP];
    const domain = [curve.level[0], curve.level.at(-1)];
    return { x: linear(domain, wide), y: linear(range, high), back: linear(wide, domain), wide, high, range, domain, narrow: box.width < NARROW };
  }

  const pairs = (values) => shown.curve.level.map((where, index) => [where, values[index]]);

  function bands(parts) {
    const { x, wide, high } = scale;
    const inside = (place) => Math.min(Math.max(x(place), wide[0]), wide[1]);
    const of = (count) => shown.curve.deviations.find((one) => one.count === count)?.level;
    for (const count of [2, 1]) {
      if (of(count) === undefined) continue;
      const [from, to] = [inside(of(-count)), inside(of(count))];
      parts.push(svg("rect", { class: `sigma s${count}`, x: from, width: Math.max(0, to - from), y: high[1], height: high[0] - high[1] }));
    }
    for (const { count, level: place } of shown.curve.deviations) {
      if (place < scale.domain[0] || place > scale.domain[1] || (scale.narrow && Math.abs(count) > 1)) continue;
      parts.push(svg("text", { class: "deviation", x: x(place), y: high[1] - 8 }, `${count > 0 ? "+" : "−"}${Math.abs(count)}σ`));
    }
  }

  function density(parts) {
    if (!shown.curve.density) return;
    const { x, wide, high } = scale;
    const tall = (high[0] - high[1]) * DENSITY_SHARE;
    const line = linePath(pairs(shown.curve.density), x, (share) => high[0] - share * tall);
    parts.push(svg("path", { class: "density", d: `${line} L${wide[1]},${high[0]} L${wide[0]},${high[0]} Z` }));
  }

  function areas(parts) {
    const zero = scale.y(0);
    for (const [name, keep] of [["won", (value) => Math.max(value, 0)], ["lost", (value) => Math.min(value, 0)]]) {
      const line = linePath(pairs(shown.curve.expiry.map(keep)), scale.x, scale.y);
      parts.push(svg("path", { class: name, d: `${line} L${scale.wide[1]},${zero} L${scale.wide[0]},${zero} Z` }));
    }
  }

  function axes(parts) {
    const { x, y, wide, high } = scale;
    for (const tick of niceTicks(...scale.range, 7)) {
      parts.push(svg("line", { class: tick === 0 ? "zero" : "grid", x1: wide[0], x2: wide[1], y1: y(tick), y2: y(tick) }));
      parts.push(svg("text", { class: "y", x: wide[0] - 7, y: y(tick) + 3.5 }, tick === 0 ? "0" : short(tick)));
    }
    for (const tick of niceTicks(...scale.domain, scale.narrow ? 4 : 8)) {
      parts.push(svg("text", { class: "x", x: x(tick), y: high[0] + 16 }, strikeText(tick)));
    }
  }

  function lines(parts) {
    const { x, y } = scale;
    const drawn = [["now", "now", "now"], ["expiry", "end", "at expiry"]];
    if (shown.thenName) drawn.splice(1, 0, ["then", "dated", shown.thenName]);
    for (const [name, kind] of drawn) parts.push(svg("path", { class: kind, d: linePath(pairs(shown.curve[name]), x, y) }));
    const ends = drawn.map(([name]) => y(shown.curve[name].at(-1)));
    const places = spread(ends, APART, [scale.high[1], scale.high[0]]);
    drawn.forEach(([, kind, text], index) => parts.push(svg("text", scale.narrow
      ? { class: `name ${kind} inside`, x: scale.wide[1] - 4, y: places[index] - 5 }
      : { class: `name ${kind}`, x: scale.wide[1] + 6, y: places[index] + 3.5 }, text)));
  }

  function places(parts) {
    const { x, y, high, domain } = scale;
    parts.push(svg("line", { class: "spot", x1: x(shown.spot), x2: x(shown.spot), y1: high[1], y2: high[0] }));
    parts.push(svg("text", { class: "spot-says", x: x(shown.spot), y: high[1] - 8 }, scale.narrow ? strikeText(Math.round(shown.spot)) : `spot ${level(shown.spot)}`));
    const middle = (domain[0] + domain[1]) / 2;
    for (const where of shown.breakevens) {
      if (where < domain[0] || where > domain[1]) continue;
      parts.push(svg("circle", { class: "even", cx: x(where), cy: y(0), r: 4 }));
      parts.push(svg("text", { class: `even-says ${where < middle ? "left" : "right"}`, x: x(where) + (where < middle ? -8 : 8), y: y(0) - 7 }, level(where)));
    }
    const { level: there, profit } = shown.what;
    if (there >= domain[0] && there <= domain[1]) parts.push(svg("circle", { class: "there", cx: x(there), cy: y(Number(profit)), r: 4.5 }));
  }

  function cursor(parts) {
    if (at === null) return;
    const place = scale.x(shown.curve.level[at]);
    parts.push(svg("line", { class: "cursor", x1: place, x2: place, y1: scale.high[1], y2: scale.high[0] }));
  }

  function say() {
    if (!shown) {
      setText(readout, says);
      return;
    }
    const index = at ?? nearest(shown.curve.level, shown.spot);
    const figures = [["now", "now"], ...(shown.thenName ? [[shown.thenName, "then"]] : []), ["at expiry", "expiry"]];
    readout.replaceChildren(h("b", {}, strikeText(shown.curve.level[index])), ...figures.flatMap(([name, key]) => {
      const value = shown.curve[key][index];
      return [` ${name} `, h("span", { class: tone(value, 0) }, short(value))];
    }), shown.curve.chance_below ? ` chance to settle below ${(shown.curve.chance_below[index] * 100).toFixed(0)} %` : "");
  }

  function draw() {
    const box = stage.getBoundingClientRect();
    if (box.width < 60) return;
    canvas.setAttribute("width", box.width);
    canvas.setAttribute("height", box.height);
    const parts = [];
    if (shown) {
      scale = scaled(box);
      for (const part of [bands, areas, density, axes, lines, places, cursor]) part(parts);
    }
    canvas.replaceChildren(...parts);
    say();
  }

  function move(next) {
    at = next;
    draw();
  }

  stage.addEventListener("pointermove", (event) => {
    if (shown && scale) move(nearest(shown.curve.level, scale.back(event.clientX - stage.getBoundingClientRect().left)));
  });
  stage.addEventListener("pointerleave", () => move(null));
  stage.addEventListener("blur", () => move(null));
  stage.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !shown) return;
    event.preventDefault();
    const from = at ?? nearest(shown.curve.level, shown.spot);
    move(Math.min(shown.curve.level.length - 1, Math.max(0, from + step)));
  });
  new ResizeObserver(draw).observe(stage);

  return {
    show(next) {
      shown = next;
      if (at !== null) at = Math.min(at, next.curve.level.length - 1);
      stage.setAttribute("aria-label", next.label);
      draw();
    },
    clear(text) {
      shown = null;
      says = text;
      at = null;
      draw();
    },
  };
}
