// The straddle's page: the premium at the money, or of the legs that were picked, with its VWAP through the day.
import { read } from "windhover/api";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { clock } from "windhover/format";
import { expiryText, figure, level, points, volatility } from "windhover/options/figures";
import { address, dated, linked, optionsPage, polled, twin } from "windhover/options/page";
import { createPlot } from "windhover/options/plot";
import { legsOf, legsText, premiumOf } from "windhover/options/shapes";

const EVERY_MS = 15_000;
const plot = createPlot(byId("premium-plot"), { right: 60, left: 56 });
const ivPlot = createPlot(byId("iv-plot"), { right: 60, left: 56 });
let legs = legsOf(new URLSearchParams(location.search).get("legs"));
let day = null;
let history = null;
let combined = null;

const page = optionsPage({
  onChoice() {
    history = null;
    combined = null;
    day = null;
    answers.again();
  },
  acts: [{ keys: "l", label: "Show the ATM straddle instead of the legs", run: () => straddle() }],
});
const answers = polled({
  every: EVERY_MS,
  path: () => page.chosen().expiry && address("/api/options/history", { ...page.chosen(), day }),
  take(answer) {
    history = answer;
    page.show("content");
    drawDays();
    if (legs.length) premium();
    draw();
  },
  fail: (error) => (history === null ? page.failed(error) : linked("warn", error.message)),
  when: () => day === null,
});

async function premium() {
  const where = address("/api/options/premium", { underlying: page.chosen().underlying, day, legs: legsText(legs) });
  try {
    const answer = await read(where);
    combined = { ...answer, reason: (answer.said ?? []).join(" ") };
  } catch (error) {
    combined = { minutes: [], reason: error.message };
  }
  draw();
}

/** The minutes that are drawn: of the legs where some were picked, else of the straddle; each with premium and mean. */
function shown() {
  if (legs.length) return (combined?.minutes ?? []).map((minute) => ({ at: minute.at, premium: figure(minute.premium), mean: figure(minute.vwap) }));
  return (history?.minutes ?? []).map((minute) => ({ at: minute.at, premium: figure(minute.straddle), mean: figure(minute.straddle_vwap) }));
}

const ms = (minute) => Date.parse(minute.at);
const said = (at) => clock(at, { seconds: false });

function draw() {
  if (!history) return;
  const minutes = shown();
  const newest = history.minutes?.at(-1) ?? {};
  linked(day === null ? "ok" : "info", day === null ? "Connected" : "Time machine");
  dated({ as_of: newest.at ?? history.as_of, said: history.said ?? [], source: "" }, day === null ? null : newest.at ?? null);
  drawLegs();
  drawStrip(minutes, newest);
  drawPlots(minutes);
}

function drawLegs() {
  byId("legs-shown").hidden = legs.length === 0;
  setText(byId("premium-title"), legs.length ? "Combined premium of the picked legs" : "Straddle at the money through the day");
  setText(byId("premium-name"), legs.length ? "Premium" : "Straddle");
  keyed(byId("premium-legs"), legs, {
    key: (leg) => leg.instrument,
    make: () => ({ element: h("li", {}, h("span", { class: "side" }), h("b"), h("span", { class: "sub" })) }),
    update({ element }, leg) {
      setText(element.children[0], leg.side[0]);
      setClass(element.children[0], leg.side === "SELL" ? "side sold" : "side bought");
      setText(element.children[1], leg.instrument.split(":").at(-1));
      setText(element.children[2], `${leg.lots} ${leg.lots === 1 ? "lot" : "lots"}`);
    },
  });
}

function drawStrip(minutes, newest) {
  const told = premiumOf(minutes, "premium", "mean");
  setText(byId("premium-now"), level(told?.last.value));
  setText(byId("premium-at"), told ? said(ms(told.last)) : "");
  setText(byId("premium-vwap"), level(told?.mean));
  setText(byId("premium-gap"), level(told?.gap, { signed: true }));
  setText(byId("premium-change"), told ? level(told.last.value - told.first.value, { signed: true }) : "–");
  setText(byId("premium-first"), told ? `${level(told.first.value)} at ${said(ms(told.first))}` : "");
  setText(byId("premium-high"), level(told?.high));
  setText(byId("premium-low"), level(told?.low));
  setText(byId("premium-forward"), level(newest.forward));
  setText(byId("premium-iv"), volatility(newest.atm_iv));
}

function drawPlots(minutes) {
  const of = (at) => minutes.find((minute) => ms(minute) === at) ?? {};
  const empty = legs.length && combined?.reason ? combined.reason : "The line begins with the first stored minute in which every leg has a price.";
  plot.show({
    label: "Premium and its VWAP through the day; the button Table lists its figures", empty,
    x: { time: true, text: said }, y: { text: (value) => level(value, { places: value % 1 ? 1 : 0 }), least: 1 },
    lines: [{ name: legs.length ? "premium" : "straddle", kind: "strong", points: minutes.map((minute) => [ms(minute), minute.premium]) }, { name: "VWAP", kind: "dashed", points: minutes.map((minute) => [ms(minute), minute.mean]) }],
    readout: (at) => `${said(at)}: ${level(of(at).premium)}, VWAP ${level(of(at).mean)}`,
  });
  const all = history.minutes ?? [];
  ivPlot.show({
    label: "Volatility at the money through the day; the button Table lists its figures", empty: "The line begins with the first stored minute.",
    x: { time: true, text: said }, y: { text: (value) => level(value, { places: 1 }), least: 0.5 },
    lines: [{ name: "ATM IV", kind: "strong", points: all.map((minute) => [ms(minute), figure(minute.atm_iv) === null ? null : minute.atm_iv * 100]) }],
    readout: (at) => `${said(at)}: ${volatility(all.find((minute) => ms(minute) === at)?.atm_iv, { places: 2 })}`,
  });
}

function drawDays() {
  const days = history.days ?? [];
  const select = byId("premium-day");
  const wanted = days.join(" ");
  if (select.dataset.drawn !== wanted) {
    select.replaceChildren(...[...days].reverse().map((one) => h("option", { value: one }, expiryText(one))));
    select.dataset.drawn = wanted;
  }
  select.disabled = days.length === 0;
  select.value = day ?? days.at(-1) ?? "";
}

function straddle() {
  legs = [];
  combined = null;
  const query = new URLSearchParams(location.search);
  query.delete("legs");
  window.history.replaceState(null, "", `${location.pathname}?${query}`);
  draw();
}

byId("premium-day").addEventListener("change", () => {
  const chosen = byId("premium-day").value;
  day = chosen === history?.days?.at(-1) ? null : chosen;
  answers.again();
});
byId("legs-off").addEventListener("click", straddle);
byId("premium-table").addEventListener("click", () => twin({ title: legs.length ? "Combined premium" : "Straddle at the money", columns: ["Time, IST", "Premium", "VWAP"], rows: [...shown()].reverse().map((minute) => [said(ms(minute)), level(minute.premium), level(minute.mean)]) }));
byId("iv-table").addEventListener("click", () => twin({ title: "ATM IV", columns: ["Time, IST", "ATM IV, %"], rows: [...(history?.minutes ?? [])].reverse().map((minute) => [said(ms(minute)), points(minute.atm_iv, { places: 2 })]) }));
