// The time machine: any stored minute of any stored day, and the way back to now.
import { read } from "windhover/api";
import { byId, h, setText } from "windhover/dom";
import { clock } from "windhover/format";
import { expiryText, figure } from "windhover/options/figures";
import { address } from "windhover/options/page";
import { extent, linePath, linear } from "windhover/options/scales";
import { minuteAt } from "windhover/options/shapes";

const REFRESH_MS = 60_000;
const SETTLE_MS = 120;

/** `onMove(at)` gets the stored moment (RFC 3339) that is looked at, or null for now; `onHistory(history)` each history that is read. */
export function scrubber({ onMove, onHistory = () => {} }) {
  const range = byId("time-at");
  const select = byId("time-day");
  let where = null;
  let days = [];
  let minutes = [];
  let day = null;
  let at = null;
  let asked = 0;
  let settling = null;

  const newest = () => day === null || day === days.at(-1);
  /** One step past the last minute is now, on the newest day alone. */
  const last = () => (newest() ? minutes.length : minutes.length - 1);
  const index = () => (at === null ? minutes.length : minuteAt(minutes, at));

  function draw() {
    range.max = String(Math.max(0, last()));
    range.value = String(Math.max(0, index()));
    range.disabled = minutes.length === 0;
    range.setAttribute("aria-valuetext", at === null ? "live" : `${clock(at, { seconds: false })} of ${expiryText(day ?? "")}`);
    byId("time-back").disabled = minutes.length === 0 || index() <= 0;
    byId("time-on").disabled = minutes.length === 0 || index() >= last();
    byId("time-live").setAttribute("aria-pressed", String(at === null));
    setText(byId("time-first"), minutes.length ? clock(minutes[0].at, { seconds: false }) : "No minute is stored yet; the first snapshot is kept within a minute.");
    setText(byId("time-last"), minutes.length ? (newest() ? "now" : clock(minutes.at(-1).at, { seconds: false })) : "");
    setText(byId("time-shown"), at === null ? "" : clock(at, { seconds: false }));
    byId("time-shown").style.left = `${(100 * Math.max(0, index())) / Math.max(1, last())}%`;
    document.body.classList.toggle("in-the-past", at !== null);
    drawLine();
  }

  function drawLine() {
    const line = byId("time-line");
    const box = line.getBoundingClientRect();
    const values = minutes.map((minute) => figure(minute.forward) ?? figure(minute.spot));
    const span = extent(values);
    byId("time-label").hidden = span === null;
    if (span === null || box.width === 0) {
      line.firstElementChild.setAttribute("d", "");
      return;
    }
    const x = linear([0, Math.max(1, last())], [0, box.width]);
    const y = linear(span, [box.height, 0]);
    line.firstElementChild.setAttribute("d", linePath(values.map((value, place) => [place, value]), x, y));
  }

  function drawDays() {
    const wanted = days.join(" ");
    if (select.dataset.drawn !== wanted) {
      select.replaceChildren(...[...days].reverse().map((one) => h("option", { value: one }, expiryText(one))));
      select.dataset.drawn = wanted;
    }
    select.hidden = days.length === 0;
    select.value = day ?? days.at(-1) ?? "";
  }

  function move(next, { settle = false } = {}) {
    at = next;
    draw();
    clearTimeout(settling);
    // a slider that is dragged passes many minutes; the one it rests at is asked for
    if (settle) settling = setTimeout(() => onMove(at), SETTLE_MS);
    else onMove(at);
  }

  function to(place, options) {
    const bounded = Math.min(last(), Math.max(0, place));
    move(bounded >= minutes.length ? null : minutes[bounded].at, options);
  }

  function live() {
    day = null;
    if (at === null && newest()) return;
    move(null);
    load();
  }

  async function load() {
    if (!where) return;
    const mine = (asked += 1);
    try {
      const history = await read(address("/api/options/history", { ...where, day }));
      if (mine !== asked) return;
      days = history.days ?? [];
      minutes = history.minutes ?? [];
      drawDays();
      draw();
      onHistory(history);
    } catch (error) {
      if (mine !== asked) return;
      days = [];
      minutes = [];
      draw();
      setText(byId("time-first"), error.message);
    }
  }

  async function choose(wanted) {
    if (wanted === days.at(-1)) {
      live();
      return;
    }
    day = wanted;
    await load();
    if (minutes.length) move(minutes.at(-1).at);
  }

  range.addEventListener("input", () => to(Number(range.value), { settle: true }));
  select.addEventListener("change", () => choose(select.value));
  byId("time-back").addEventListener("click", () => to(index() - 1));
  byId("time-on").addEventListener("click", () => to(index() + 1));
  byId("time-live").addEventListener("click", live);
  new ResizeObserver(draw).observe(byId("time-line"));
  setInterval(() => document.hidden || at !== null || load(), REFRESH_MS);

  return {
    /** Look at another chain: now, and its newest day. */
    follow(next) {
      const kept = where && where.underlying === next.underlying ? { day, at } : { day: null, at: null };
      // a choice carries more than its place, and the desk refuses what it does not know
      where = { underlying: next.underlying, expiry: next.expiry };
      ({ day, at } = kept);
      load();
    },
    at: () => at,
    minutes: () => minutes,
    acts: [
      { keys: ",", label: "One minute back", run: () => to(index() - 1) },
      { keys: ".", label: "One minute forward", run: () => to(index() + 1) },
      { keys: "l", label: "Back to live", run: live },
    ],
  };
}
