// The volatility page: the smile with its fit and residuals, expiries side by side, and where today stands in its history.
import { byId, h, keyed, setText } from "windhover/dom";
import { daysTo, expiryText, figure, level, points, strikeText, volatility } from "windhover/options/figures";
import { address, dated, linked, linkedAt, optionsPage, polled, twin } from "windhover/options/page";
import { createPlot } from "windhover/options/plot";
import { scrubber } from "windhover/options/scrubber";

const EVERY_MS = 10_000;
const smilePlot = createPlot(byId("smile-plot"), { right: 56 });
const residualPlot = createPlot(byId("residual-plot"), { right: 56 });
const termPlot = createPlot(byId("term-plot"), { right: 40 });
const closesPlot = createPlot(byId("closes-plot"), { right: 40 });
let told = null;
let asked = null;
let toldAt = null;

const time = scrubber({
  onMove() {
    linkedAt(time.at(), toldAt);
    answers.again();
  },
});
const page = optionsPage({
  onChoice(choice) {
    if (told?.underlying !== choice.underlying) told = null;
    time.follow(choice);
    if (told) draw();
    answers.again();
  },
  acts: time.acts,
});
const answers = polled({
  every: EVERY_MS,
  path() {
    asked = time.at();
    return page.chosen().underlying && address("/api/options/volatility", { underlying: page.chosen().underlying, at: asked });
  },
  take(answer) {
    told = answer;
    toldAt = asked;
    page.show("content");
    draw();
  },
  fail: (error) => (told === null ? page.failed(error) : linked("warn", error.message)),
  when: () => time.at() === null,
});

const percent = (value) => (figure(value) === null ? null : Number(value) * 100);
const chosenRow = () => told.expiries.find((row) => row.expiry === page.chosen().expiry) ?? told.expiries[0] ?? null;

function draw() {
  const row = chosenRow();
  linkedAt(time.at(), toldAt);
  dated(told, toldAt);
  drawStrip(row);
  drawSmile(row);
  drawTerm();
  drawCloses();
  drawExpiries();
}

function drawStrip(row) {
  const move = row?.expected_move ?? {};
  setText(byId("vol-atm"), volatility(row?.atm_iv));
  setText(byId("vol-strike"), figure(row?.atm_strike) === null ? "" : strikeText(row.atm_strike));
  setText(byId("vol-move"), figure(move.deviation) === null ? "–" : `±${level(move.deviation, { places: 0 })}`);
  setText(byId("vol-move-share"), figure(move.deviation) === null || !figure(row.forward) ? "" : `${points(move.deviation / row.forward, { places: 2 })} %, 1σ`);
  setText(byId("vol-straddle"), level(move.straddle));
  setText(byId("vol-reversal"), points(row?.skew?.risk_reversal, { signed: true, places: 2 }));
  setText(byId("vol-butterfly"), points(row?.skew?.butterfly, { signed: true, places: 2 }));
  setText(byId("vol-30"), volatility(told.iv_30d));
  setText(byId("vol-rank"), figure(told.rank) === null ? "not yet" : String(Math.round(told.rank * 100)));
  setText(byId("vol-percentile"), figure(told.percentile) === null ? "not yet" : String(Math.round(told.percentile * 100)));
  setText(byId("vol-reason"), told.rank_reason ?? "");
}

function drawSmile(row) {
  const found = row?.points ?? [];
  const market = found.map((point) => [point.strike, percent(point.iv), !point.is_liquid]);
  const fit = found.map((point) => [point.strike, percent(point.fit)]);
  const forward = figure(row?.forward);
  // the far wings carry little money: the range is that of the strikes within three deviations, where there are any
  const near = nearMoney(row, found);
  const x = { text: (value) => strikeText(value), space: 70, ...(near ? { domain: near } : {}) };
  const inside = (list) => (near ? list.filter(([at]) => at >= near[0] && at <= near[1]) : list);
  const marks = forward === null ? [] : [{ at: forward, text: `forward ${level(forward, { places: 0 })}` }];
  const pointOf = (strike) => found.find((point) => point.strike === strike) ?? {};
  const readout = (strike) => {
    const point = pointOf(strike);
    return `${strikeText(strike)}: IV ${volatility(point.iv, { places: 2 })}, fit ${volatility(point.fit, { places: 2 })}, residual ${points(point.residual, { signed: true, places: 2 })}; call ${points(point.ce_iv, { places: 2 })}, put ${points(point.pe_iv, { places: 2 })}`;
  };
  smilePlot.show({
    label: "Implied volatility by strike with the fitted curve; the button Table lists its figures", x, y: { text: (value) => level(value, { places: value % 1 ? 1 : 0 }), least: 1 }, marks, readout, rest: figure(row?.atm_strike),
    lines: [{ kind: "dots", points: inside(market) }, { name: "fit", kind: "strong", points: inside(fit) }],
    empty: "No strike of this expiry has a volatility yet.",
  });
  residualPlot.show({
    label: "Residuals: the market's volatility less the fit's, in points", x, y: { text: (value) => level(value, { signed: true, places: 1 }), zero: true, least: 0.2 }, marks: [], readout: (strike) => `residual at ${strikeText(strike)}: ${points(pointOf(strike).residual, { signed: true, places: 2 })} points`, rest: figure(row?.atm_strike),
    lines: [{ kind: "bars", points: inside(found.map((point) => [point.strike, percent(point.residual)])) }],
    empty: "No residual without a fit.",
  });
  setText(byId("fit-says"), fitWords(row));
}

function nearMoney(row, found) {
  const [forward, sigma, years] = [figure(row?.forward), figure(row?.atm_iv), figure(row?.years)];
  if (forward === null || sigma === null || !(years > 0)) return null;
  const away = 3 * sigma * Math.sqrt(years);
  const near = found.filter((point) => figure(point.iv) !== null && Math.abs(Math.log(point.strike / forward)) <= away).map((point) => point.strike);
  return near.length >= 5 ? [near[0], near.at(-1)] : null;
}

function fitWords(row) {
  if (!row) return "No expiry is followed.";
  const failures = [...new Set([...(row.failures ?? []), ...(row.fit?.failures ?? [])])];
  if (failures.length) return `The fit does not stand: ${failures.join(" ")}`;
  if (!row.fit) return "No smile is fitted: too few strikes have a volatility.";
  const { a, b, rho, m, sigma } = row.fit;
  return `SVI passes every check: a ${level(a, { signed: true, places: 5 })}, b ${level(b, { places: 4 })}, ρ ${level(rho, { signed: true })}, m ${level(m, { signed: true, places: 4 })}, σ ${level(sigma, { places: 4 })}.`;
}

function drawTerm() {
  const term = (told.term ?? []).map((point) => [daysTo(point.expiry, told.as_of) ?? point.years * 365, percent(point.iv), point.expiry]);
  const nameOf = (days) => term.find(([at]) => at === days);
  termPlot.show({
    label: "Volatility at the money by days to expiry; the button Table lists its figures",
    x: { text: (value) => `${value} d`, space: 70 }, y: { text: (value) => level(value, { places: 1 }), least: 1 },
    lines: [{ kind: "thin", points: term }, { kind: "dots", points: term.map(([days, iv]) => [days, iv]) }], empty: "No expiry has a volatility at the money.",
    readout(days) {
      const [, iv, expiry] = nameOf(days) ?? [];
      return expiry ? `${expiryText(expiry)}, ${days} d: ${level(iv)} %` : "";
    },
  });
}

const dayMs = (close) => Date.parse(`${close.day}T10:00:00Z`);

function drawCloses() {
  const closes = told.closes ?? [];
  closesPlot.show({
    label: "30-day volatility at the closes of its sessions; the button Table lists its figures",
    x: { text: (ms) => expiryText(new Date(ms).toISOString().slice(0, 10)), ticks: closes.length > 1 ? [closes[0], closes[Math.floor(closes.length / 2)], closes.at(-1)].map(dayMs) : [] }, y: { text: (value) => level(value, { places: 1 }), least: 1 },
    lines: [{ kind: closes.length > 1 ? "strong" : "dots", points: closes.map((close) => [dayMs(close), percent(close.iv)]) }],
    empty: "No close is recorded yet: one is kept at the end of each session in which the desk follows this underlying.",
    readout: (ms) => {
      const close = closes.find((one) => dayMs(one) === ms);
      return close ? `${expiryText(close.day)}: ${volatility(close.iv, { places: 2 })}` : "";
    },
  });
}

function drawExpiries() {
  const cells = (row) => [
    level(row.forward), volatility(row.atm_iv), figure(row.expected_move?.deviation) === null ? "–" : `±${level(row.expected_move.deviation, { places: 0 })}`, level(row.expected_move?.straddle),
    points(row.skew?.put, { places: 2 }), points(row.skew?.call, { places: 2 }), points(row.skew?.risk_reversal, { signed: true, places: 2 }), points(row.skew?.butterfly, { signed: true, places: 2 }),
    row.failures?.length || row.fit?.failures?.length ? (row.failures?.[0] ?? row.fit.failures[0]) : row.fit ? "passes" : "no fit",
  ];
  keyed(byId("expiry-rows").tBodies[0], told.expiries, {
    key: (row) => row.expiry,
    make: () => ({ element: h("tr", {}, h("th", { scope: "row" }), ...Array.from({ length: 8 }, (_, index) => h("td", { class: index > 2 ? "drops" : "" })), h("td", { class: "drops words" })) }),
    update: ({ element }, row) => {
      const days = daysTo(row.expiry, told.as_of);
      setText(element.firstElementChild, `${expiryText(row.expiry)}${days === null ? "" : `, ${days} d`}`);
      cells(row).forEach((text, index) => setText(element.children[index + 1], text));
    },
  });
}

byId("smile-table").addEventListener("click", () => {
  const row = told && chosenRow();
  twin({
    title: `Smile of ${row ? expiryText(row.expiry) : "no expiry"}`, columns: ["Strike", "IV, %", "Fit, %", "Residual", "Call IV", "Put IV", "Quotes"],
    rows: (row?.points ?? []).map((point) => [strikeText(point.strike), points(point.iv, { places: 2 }), points(point.fit, { places: 2 }), points(point.residual, { signed: true, places: 2 }), points(point.ce_iv, { places: 2 }), points(point.pe_iv, { places: 2 }), point.is_liquid ? "liquid" : "marked"]),
  });
});
byId("term-table").addEventListener("click", () => twin({ title: "Term structure", columns: ["Expiry", "Days", "ATM IV, %"], rows: (told?.term ?? []).map((point) => [expiryText(point.expiry), String(daysTo(point.expiry, told.as_of) ?? "–"), points(point.iv, { places: 2 })]) }));
byId("closes-table").addEventListener("click", () => twin({ title: "30-day IV at its closes", columns: ["Session", "IV, %"], rows: [...(told?.closes ?? [])].reverse().map((close) => [expiryText(close.day), points(close.iv, { places: 2 })]), empty: "No close is recorded yet." }));
