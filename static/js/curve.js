// Net P&L over the day: one thin line, its area to zero, the latest figure at the line's end.
import uPlot from "uplot";
import { setText } from "windhover/dom";
import { clock, money } from "windhover/format";

// The labels have no seconds: two of one minute would look alike.
const WHOLE_MINUTES = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => minutes * 60);

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function zeroLine(chart) {
  const y = Math.round(chart.valToPos(0, "y", true)) + 0.5;
  const { ctx, bbox } = chart;
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  ctx.strokeStyle = colour("line-strong");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** Zero always stands inside the range, and a flat line does not fill the card. */
export function rangeWithZero(low, high) {
  const bottom = Math.min(0, low ?? 0);
  const top = Math.max(0, high ?? 0);
  const room = Math.max((top - bottom) * 0.12, 10);
  return [bottom === 0 ? -room / 2 : bottom - room, top === 0 ? room / 2 : top + room];
}

function inShort(value, currency) {
  return money(value, currency, { signed: true, bare: true, places: Math.abs(value) < 100 && value % 1 ? 1 : 0 });
}

/** Draw into `root`; `show(points)` takes [[unix seconds, figure], …] in order. */
export function createCurve(root, label) {
  let chart = null;
  let points = [];
  let unit = "INR";
  const short = (value) => inShort(value, unit);

  function options(box) {
    const gain = () => colour((points.at(-1)?.[1] ?? 0) < 0 ? "loss" : "gain");
    const wash = () => colour((points.at(-1)?.[1] ?? 0) < 0 ? "loss-wash" : "gain-wash");
    const axis = { stroke: () => colour("ink-3"), font: "11px " + getComputedStyle(document.body).fontFamily, ticks: { show: false } };
    return {
      width: Math.max(80, Math.floor(box.width)),
      height: Math.max(60, Math.floor(box.height)),
      padding: [8, 62, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Asia/Kolkata"),
      scales: { x: { time: true }, y: { range: (_, low, high) => rangeWithZero(low, high) } },
      series: [{}, { stroke: gain, fill: wash, width: 1.5, points: { show: false }, fillTo: 0 }],
      axes: [
        { ...axis, size: 22, gap: 4, space: 90, incrs: WHOLE_MINUTES, grid: { show: false }, values: (_, at) => at.map((s) => clock(s * 1000, { seconds: false })) },
        { ...axis, size: 58, gap: 6, space: 34, grid: { stroke: () => colour("line"), width: 1 }, values: (_, at) => at.map(short) },
      ],
      hooks: { drawAxes: [zeroLine], setCursor: [hovered] },
    };
  }

  function hovered(shown) {
    const index = shown.cursor.idx ?? points.length - 1;
    place(Number.isInteger(index) && points[index] ? index : points.length - 1);
  }

  function place(index) {
    const point = points[index];
    label.hidden = !point || !chart;
    if (!point || !chart) return;
    const last = index === points.length - 1;
    setText(label, last ? short(point[1]) : `${clock(point[0] * 1000, { seconds: false })} ${short(point[1])}`);
    label.style.top = `${Math.min(chart.height - 30, Math.max(8, chart.valToPos(point[1], "y") + 8))}px`;
    label.className = `end ${point[1] < 0 ? "loss" : point[1] > 0 ? "gain" : ""}`;
  }

  function draw() {
    if (points.length < 2) return;
    const data = [points.map((point) => point[0]), points.map((point) => point[1])];
    if (chart) chart.setData(data);
    else chart = new uPlot(options(root.getBoundingClientRect()), data, root);
    place(points.length - 1);
  }

  new ResizeObserver(() => {
    const box = root.getBoundingClientRect();
    if (chart && box.width > 0) chart.setSize({ width: Math.floor(box.width), height: Math.floor(box.height) });
    place(points.length - 1);
  }).observe(root);
  document.addEventListener("themechange", () => chart?.redraw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart?.redraw());

  return {
    show(next, currency = unit) {
      points = next;
      unit = currency;
      if (points.length < 2) {
        chart?.destroy();
        chart = null;
        label.hidden = true;
        return;
      }
      draw();
    },
  };
}
