// The open interest page: where it lies, how it moved since a moment, what price and interest together say.
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { clock } from "windhover/format";
import { connect } from "windhover/live";
import { figure, lakh, level, points, ratio, strikeText } from "windhover/options/figures";
import { address, dated, linked, linkedAt, optionsPage, polled, reachChoice, twin } from "windhover/options/page";
import { createPlot } from "windhover/options/plot";
import { scrubber } from "windhover/options/scrubber";
import { classesOf, nearestIndex, steadyCentre, windowOf } from "windhover/options/shapes";
import { createStore } from "windhover/store";

const PROFILE_EVERY_MS = 5000;
const SINCE = { close: "the previous close", open: "the open", "1m": "1 minute ago", "3m": "3 minutes ago", "5m": "5 minutes ago", "15m": "15 minutes ago", "60m": "60 minutes ago" };

const store = createStore();
let since = sessionStorage.getItem("options-since") ?? "open";
let profile = null;
let asked = null;
let profileAt = null;
let minutes = [];
let centre = null;
const dayPlot = createPlot(byId("day-plot"), { right: 48 });
const pcrPlot = createPlot(byId("pcr-plot"), { right: 48 });

const reach = reachChoice(() => {
  centre = null;
  if (profile) drawProfile();
});
const time = scrubber({
  onMove() {
    linkedAt(time.at(), profileAt);
    profiles.again();
  },
  onHistory(history) {
    minutes = history.minutes ?? [];
    drawDay();
  },
});
const page = optionsPage({
  onChoice(choice) {
    profile = null;
    centre = null;
    minutes = [];
    drawDay();
    time.follow(choice);
    profiles.again();
  },
  acts: [...time.acts, { keys: "o", label: "Compare with the next earlier moment", run: () => turn() }],
});
const profiles = polled({
  every: PROFILE_EVERY_MS,
  path() {
    asked = time.at();
    return page.chosen().expiry && address("/api/options/profile", { ...page.chosen(), since, at: asked });
  },
  take(answer) {
    profile = answer;
    profileAt = asked;
    page.show("content");
    draw();
  },
  fail: (error) => (profile === null ? page.failed(error) : setText(byId("against"), error.message)),
  when: () => time.at() === null,
});

/** The newest sums of the socket for the expiry that is looked at; null in the past. */
function summed() {
  const { underlying, expiry } = page.chosen();
  if (time.at() !== null || profileAt !== null) return null;
  const told = store.states("oi").map((state) => state.data[underlying]).find(Boolean);
  return told?.expiries?.find((one) => one.expiry === expiry) ?? null;
}

function draw() {
  drawSums();
  drawProfile();
}

function drawSums() {
  if (!profile) return;
  const sums = { ...profile, ...(summed() ?? {}) };
  // the change is the chosen one, whatever the socket compares with
  const change = (value) => (figure(value) === null ? "" : lakh(value, { signed: true }));
  setText(byId("sum-calls"), `${lakh(sums.call_oi)} lakh`);
  setText(byId("sum-calls-change"), change(profile.call_oi_change));
  setText(byId("sum-puts"), `${lakh(sums.put_oi)} lakh`);
  setText(byId("sum-puts-change"), change(profile.put_oi_change));
  setText(byId("sum-pcr"), ratio(sums.pcr));
  setText(byId("sum-strikes"), `${profile.strikes.length} strikes`);
  setText(byId("sum-pcr-volume"), ratio(sums.pcr_volume));
  setText(byId("sum-pain"), strikeText(sums.max_pain));
  const [pain, forward] = [figure(sums.max_pain), figure(sums.forward)];
  setText(byId("sum-pain-gap"), pain === null || forward === null ? "" : `${level(pain - forward, { signed: true, places: 0 })} from forward`);
  for (const [id, walls] of [["call", profile.call_walls], ["put", profile.put_walls]]) {
    const wall = walls?.[0];
    setText(byId(`sum-${id}-wall`), wall ? strikeText(wall.strike) : "–");
    setText(byId(`sum-${id}-share`), wall ? `${points(wall.share, { places: 0 })} % of the side` : "");
  }
  setText(byId("sum-forward"), level(sums.forward));
  linkedAt(time.at(), profileAt);
  dated(sums.said ? sums : { ...sums, said: profile.said ?? [] }, profileAt);
}

function drawProfile() {
  const rows = profile.strikes;
  byId("profile-empty").hidden = rows.length > 0;
  for (const button of byId("since").children) button.setAttribute("aria-pressed", String(button.dataset.since === since));
  setText(byId("against"), profile.against ? `Change since ${SINCE[since]}, ${clock(profile.against, { seconds: false })}.` : `No change is shown: nothing was recorded at ${SINCE[since]}, or not within 90 s of it.`);
  const forward = figure(profile.forward) ?? figure(profile.spot);
  centre = steadyCentre(rows, centre, forward);
  const shown = windowOf(rows, centre, reach());
  const atm = forward === null || rows.length === 0 ? null : rows[nearestIndex(rows, forward)].strike;
  const most = Math.max(1, ...rows.flatMap((row) => [row.ce, row.pe].map((side) => figure(side.oi) ?? 0)));
  const walls = { ce: new Map((profile.call_walls ?? []).map((wall, at) => [wall.strike, at + 1])), pe: new Map((profile.put_walls ?? []).map((wall, at) => [wall.strike, at + 1])) };
  keyed(byId("profile").tBodies[0], shown, { key: (row) => row.strike, make: makeRow, update: (entry, row) => updateRow(entry, row, { atm, most, walls }) });
  const said = (kind, word) => {
    const counted = classesOf(rows, kind);
    return counted.length ? `${word}: ${counted.map(([name, count]) => `${name} at ${count}`).join(", ")}.` : "";
  };
  setText(byId("classes"), [said("ce", "Strikes of calls"), said("pe", "Strikes of puts")].filter(Boolean).join(" "));
}

function makeRow() {
  const side = (kind) => {
    const bar = h("i", { class: "sized" });
    const wall = h("span", { class: "chip", hidden: true });
    const cells = { class: h("td", { class: `class ${kind}` }), change: h("td"), oi: h("td", {}, wall, h("span")), bars: h("td", { class: `bars ${kind}` }, bar) };
    return { ...cells, bar, wall, order: Object.values(cells) };
  };
  const call = side("call");
  const put = side("put");
  const name = h("th", { scope: "row", class: "k" }, h("span"), h("small"));
  return { element: h("tr", {}, ...call.order, name, ...[...put.order].reverse()), call, put, name };
}

function updateRow(entry, row, { atm, most, walls }) {
  setClass(entry.element, row.strike === atm ? "atm" : "");
  setText(entry.name.firstElementChild, strikeText(row.strike));
  setText(entry.name.lastElementChild, [row.strike === atm ? "ATM" : "", row.strike === profile.max_pain ? "max pain" : ""].filter(Boolean).join(", "));
  for (const [part, kind] of [[entry.call, "ce"], [entry.put, "pe"]]) {
    const side = row[kind];
    setText(part.class, side.build_up && side.build_up !== "none" ? side.build_up : "");
    setText(part.change, lakh(side.change, { signed: true }));
    setText(part.oi.lastElementChild, lakh(side.oi));
    part.bar.style.setProperty("--w", `${(100 * (figure(side.oi) ?? 0)) / most}%`);
    const wall = walls[kind].get(row.strike);
    part.wall.hidden = !wall;
    setText(part.wall, wall ? `wall ${wall}` : "");
    part.class.title = figure(side.price_change) === null ? "" : `price ${level(side.price_change, { signed: true })}`;
  }
}

const at = (minute) => Date.parse(minute.at);
const said = (ms) => clock(ms, { seconds: false });
const minuteOf = (ms) => minutes.find((minute) => at(minute) === ms);

function drawDay() {
  const line = (name, value) => minutes.map((minute) => [at(minute), value(figure(minute[name]))]);
  const inLakh = (value) => (value === null ? null : value / 1e5);
  const same = (value) => value;
  dayPlot.show({
    label: "Open interest of calls and puts through the day; the button Table lists its figures",
    x: { time: true, text: said }, y: { text: (value) => level(value, { places: value % 1 ? 1 : 0 }) },
    lines: [{ name: "calls", kind: "strong", points: line("call_oi", inLakh) }, { name: "puts", kind: "dashed", points: line("put_oi", inLakh) }],
    empty: "The lines begin with the first stored minute.",
    readout(ms) {
      const minute = minuteOf(ms) ?? {};
      return `${said(ms)}: calls ${lakh(minute.call_oi)} lakh, puts ${lakh(minute.put_oi)} lakh, PCR ${ratio(minute.pcr_oi)}`;
    },
  });
  pcrPlot.show({
    label: "Put-call ratio of open interest through the day; the button Table lists its figures",
    x: { time: true, text: said }, y: { text: (value) => ratio(value), least: 0.05 },
    lines: [{ name: "PCR", kind: "strong", points: line("pcr_oi", same) }],
    empty: "The line begins with the first stored minute.",
    readout(ms) {
      const minute = minuteOf(ms) ?? {};
      return `${said(ms)}: PCR ${ratio(minute.pcr_oi)}, max pain ${strikeText(minute.max_pain)}, forward ${level(minute.forward)}`;
    },
  });
}

function tabled(title, columns, row) {
  twin({ title: `${title}, ${page.chosen().underlying}`, columns: ["Time, IST", ...columns], rows: [...minutes].reverse().map((minute) => [said(at(minute)), ...row(minute)]) });
}

function choose(next) {
  since = next;
  sessionStorage.setItem("options-since", since);
  for (const button of byId("since").children) button.setAttribute("aria-pressed", String(button.dataset.since === since));
  profiles.again();
}

function turn() {
  const all = Object.keys(SINCE);
  choose(all[(all.indexOf(since) + 1) % all.length]);
}

byId("since").addEventListener("click", (event) => event.target.dataset.since && choose(event.target.dataset.since));
byId("day-table").addEventListener("click", () => tabled("Open interest", ["Calls, lakh", "Puts, lakh"], (minute) => [lakh(minute.call_oi), lakh(minute.put_oi)]));
byId("pcr-table").addEventListener("click", () => tabled("PCR and max pain", ["PCR", "Max pain", "Forward"], (minute) => [ratio(minute.pcr_oi), strikeText(minute.max_pain), level(minute.forward)]));
store.on("oi", drawSums);
connect({ path: "/ws/oi", store, onState: (state) => state.name === "down" && linked("bad", "Offline: figures are history") });
