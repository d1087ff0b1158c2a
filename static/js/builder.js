// The builder: legs, what they come to now, elsewhere and at expiry, and the way to send them on paper.
import { read, write } from "windhover/api";
import { byId, h, setClass, setText } from "windhover/dom";
import { drawDock, drawFigures, figureOf } from "windhover/builder/figures";
import { legsTable } from "windhover/builder/legs";
import { createPayoff } from "windhover/builder/payoff";
import { chainDialog, savedDialog, saveDialog, templatesDialog } from "windhover/builder/pickers";
import { sendDialog } from "windhover/builder/send";
import { bare, breakevenText, dateWords, doubtsOf, signedMoney, thenName, twinRows } from "windhover/builder/shapes";
import { level, volatility } from "windhover/options/figures";
import { address, dated, linked, optionsPage, twin } from "windhover/options/page";
import { legsOf, legsText, withLeg } from "windhover/options/shapes";
import { refusal } from "windhover/toast";

const SETTLE_MS = 140;
const MARGIN_SETTLE_MS = 500;
const LOOK_EVERY_MS = 4000;
const SUGGESTED = ["iron_condor", "short_strangle", "long_straddle", "bull_call_spread", "bear_put_spread", "call_calendar"];
const API = "/api/options/builder";

const { accounts } = JSON.parse(byId("builder-data").textContent);
const query = new URLSearchParams(location.search);
const payoff = createPayoff(byId("payoff"));

let legs = legsOf(query.get("legs")).map(bare);
let rows = [];
let answer = null;
let margin = null;
let template = null;
let name = "";
let templates = null;
const chains = new Map();

// --- the market the page is on

const page = optionsPage({
  onChoice: choose,
  acts: [
    { keys: "m", label: "Choose a template", run: openTemplates },
    { keys: "a", label: "Add a leg from the chain", run: addLeg },
    { keys: "s", label: "Save the combination", run: save },
    { keys: "o", label: "Open what is saved", run: openSaved },
    { keys: "[", label: "Move every strike down", run: () => shift(-1) },
    { keys: "]", label: "Move every strike up", run: () => shift(1) },
    { keys: "p", label: "Send on paper", run: send },
  ],
  things: () => (templates ?? []).map((one) => ({ name: one.title, kind: "template", run: () => build(one) })),
});
const table = legsTable({
  onChange: changeLeg,
  strikes: (expiry) => (chains.get(expiry)?.strikes ?? []).map((row) => String(row.strike)),
  expiries: () => page.row()?.expiries ?? [],
});

let underlying = null;

async function choose({ underlying: chosen }) {
  if (underlying !== null && underlying !== chosen) {
    chains.clear();
    templates = null;
    setLegs([]);
  }
  underlying = chosen;
  await begin();
}

/** Read the templates, and build what the address asks for; a chain that is not heard of yet is asked for again. */
async function begin() {
  try {
    templates = (await read(address(`${API}/templates`, { underlying }))).results;
  } catch (error) {
    wrongLegs(error);
    linked("", "Waiting for prices");
    return;
  }
  wrongLegs(null);
  drawSuggested();
  const wanted = query.get("template");
  query.delete("template");
  const known = templates.find((one) => one.name === wanted);
  if (known) build(known);
  else if (legs.length && rows.length === 0) setLegs(legs);
  else draw();
}

/** One expiry's chain, read once a minute at most: for strikes to choose from, never for prices that are sent. */
async function chainOf(expiry, { fresh = false } = {}) {
  const held = chains.get(expiry);
  if (held && !fresh) return held;
  const found = await read(address("/api/options/chain", { underlying, expiry }));
  chains.set(expiry, found);
  return found;
}

// --- legs

function keep() {
  const kept = new URLSearchParams(location.search);
  kept.delete("template");
  if (legs.length) kept.set("legs", legsText(legs));
  else kept.delete("legs");
  history.replaceState(null, "", `${location.pathname}?${kept.toString().replaceAll("%3A", ":").replaceAll("%2C", ",")}`);
}

function setLegs(next, { from = null, called = null } = {}) {
  legs = next.map(bare);
  template = from;
  if (called !== null) name = called;
  if (legs.length === 0) {
    name = "";
    rows = [];
    answer = margin = null;
  }
  keep();
  rows = legs.map((leg) => ({ ...(rows.find((row) => row.instrument === leg.instrument) ?? {}), ...leg })).filter((row) => row.strike !== undefined);
  draw();
  if (legs.length === 0) return;
  evaluate();
  askMargin();
}

async function changeLeg(instrument, change) {
  const leg = legs.find((one) => one.instrument === instrument);
  if (!leg) return;
  if (change.gone) {
    setLegs(legs.filter((one) => one !== leg));
    return;
  }
  if (change.strike === undefined) {
    setLegs(legs.map((one) => (one === leg ? { ...one, ...change } : one)));
    return;
  }
  try {
    const found = contract(await chainOf(change.expiry), change.strike, change.kind);
    if (legs.some((one) => one !== leg && one.instrument === found)) throw new Error("That contract is a leg already: change its lots.");
    setLegs(legs.map((one) => (one === leg ? { ...one, instrument: found } : one)));
  } catch (error) {
    wrongLegs(error);
    table.show(rows);
  }
}

function contract(chain, strike, kind) {
  const row = chain.strikes.find((one) => one.strike === Number(strike));
  const found = row?.[kind.toLowerCase()]?.instrument;
  if (!found) throw new Error(`No ${strike} ${kind} is listed in that expiry.`);
  return found;
}

/** Move every leg by one listed strike, or none of them. */
async function shift(by) {
  if (rows.length === 0) return;
  try {
    const moved = [];
    for (const row of rows) {
      const chain = await chainOf(row.expiry);
      const at = chain.strikes.findIndex((one) => one.strike === Number(row.strike));
      moved.push({ ...bare(row), instrument: contract(chain, chain.strikes[at + by]?.strike, row.kind) });
    }
    setLegs(moved);
  } catch {
    wrongLegs(new Error("The chain lists no further strike in that direction."));
  }
}

async function build(one, width = null) {
  try {
    const found = await write(`${API}/legs`, { underlying, template: one.name, ...(width ? { width: String(width) } : {}), ...expiryFor(one) });
    rows = found.legs;
    setLegs(found.legs, { from: { ...one, width: found.width, widths: found.widths }, called: one.title });
  } catch (error) {
    wrongLegs(error);
  }
}

/** The chosen expiry, unless the template needs a later one that is not followed. */
function expiryFor(one) {
  const { expiry } = page.chosen();
  const days = page.row()?.expiries ?? [];
  const enough = days.indexOf(expiry) + one.expiries <= days.length;
  return expiry && enough ? { expiry } : {};
}

// --- what it comes to

let asked = 0;
let settling = null;
let sliding = null;

function place() {
  const days = Math.min(Number(byId("what-days").value), answer?.days_left ?? Infinity);
  return {
    spot_shift_percent: byId("what-spot").value,
    volatility_shift_points: byId("what-points").value,
    days: String(Math.round(days * 1e4) / 1e4),
  };
}

async function evaluate() {
  clearTimeout(settling);
  const mine = (asked += 1);
  const wanted = legs;
  try {
    const found = await write(`${API}/evaluate`, { underlying, legs: wanted, what_if: place() });
    if (mine !== asked) return;
    answer = found;
    rows = found.legs;
    wrongLegs(null);
    learn(rows);
  } catch (error) {
    if (mine !== asked) return;
    await unpriced(error, wanted, mine);
  }
  draw();
}

/** Legs that cannot be evaluated still stand in the table, with what is wrong beside them. */
async function unpriced(error, wanted, mine) {
  answer = margin = null;
  wrongLegs(error);
  if (!String(error.field ?? "").startsWith("legs.") || error.code === "leg.twice") return;
  try {
    const found = await write(`${API}/legs`, { underlying, legs: wanted });
    if (mine === asked) rows = found.legs;
  } catch {
    // what cannot even be listed keeps the sentence that is shown
    rows = rows.filter((row) => wanted.some((leg) => leg.instrument === row.instrument));
  }
}

function learn(found) {
  for (const expiry of new Set(found.map((row) => row.expiry))) {
    if (!chains.has(expiry)) chainOf(expiry).then(() => table.show(rows), () => null);
  }
}

let marginAsked = 0;
let marginTimer = null;

function askMargin() {
  clearTimeout(marginTimer);
  const mine = (marginAsked += 1);
  margin = null;
  marginTimer = setTimeout(async () => {
    try {
      const found = await write(`${API}/margin`, { underlying, legs, ...(accounts[0] ? { account: accounts[0].id } : {}) });
      if (mine === marginAsked) margin = found;
    } catch {
      // what is wrong with the legs is said where they are evaluated; the estimate of that answer stands
      return;
    }
    draw();
  }, MARGIN_SETTLE_MS);
}

// --- what is shown

function wrongLegs(error) {
  const doubts = error ? [] : doubtsOf(rows);
  setText(byId("legs-wrong"), error?.message ?? doubts.join(" "));
  setClass(byId("legs-wrong"), `says ${error ? "wrong" : "warned"}`);
}

function drawSuggested() {
  const root = byId("suggested");
  const shown = SUGGESTED.map((wanted) => templates.find((one) => one.name === wanted)).filter(Boolean);
  root.replaceChildren(...shown.map((one) => h("button", { type: "button", class: "template", dataset: { template: one.name }, onclick: () => build(one) }, h("b", {}, one.title), h("span", { class: "sentence" }, one.sentence))));
}

function draw() {
  byId("begin").hidden = legs.length > 0;
  table.show(rows);
  setText(byId("legs-title"), name || (legs.length ? "Own combination" : "New combination"));
  setText(byId("legs-says"), legs.length ? "bought legs first, as they are sent" : "");
  byId("save").disabled = byId("clear").disabled = legs.length === 0;
  byId("send").disabled = byId("payoff-table").disabled = answer === null;
  for (const id of ["what-spot", "what-points", "what-days", "what-reset"]) byId(id).disabled = answer === null;
  drawWidth();
  drawFigures(answer, margin, rows);
  drawPayoff();
  drawDock(answer, margin, legs);
  if (answer) {
    dated(answer);
    linked("ok", "Priced");
  } else {
    linked("", legs.length ? "Not priced" : "Ready");
  }
}

function drawWidth() {
  byId("width-label").hidden = !template || template.widths.length < 2;
  const key = template ? `${template.name} ${template.width} ${template.widths.length}` : "";
  if (byId("width-label").hidden || byId("width").dataset.drawn === key) return;
  byId("width").dataset.drawn = key;
  byId("width").replaceChildren(...template.widths.map((width) => h("option", { value: width, selected: width === template.width }, String(width))));
}

function drawPayoff() {
  if (!answer) {
    payoff.clear(legs.length ? "There is no payoff while a leg has no price." : "The payoff appears with the first leg.");
    for (const id of ["what-spot-says", "what-points-says", "what-days-says", "what-profit"]) setText(byId(id), "–");
    setText(byId("payoff-says"), "");
    return;
  }
  const what = answer.what_if;
  const then = thenName(what);
  const outcome = answer.after_charges;
  byId("what-days").max = String(Math.max(1, Math.ceil(answer.days_left)));
  byId("what-days").step = answer.days_left > 2 ? "1" : "0.125";
  setText(byId("what-spot-says"), `${level(what.level)} ${level(what.spot_shift_percent, { signed: true, places: 1 })} %`);
  setText(byId("what-points-says"), `${level(what.volatility_shift_points, { signed: true, places: 1 })} points`);
  setText(byId("what-days-says"), what.days > 0 && !what.is_expiry ? `${dateWords(what)}, +${Number(what.days.toFixed(1))} d` : dateWords(what));
  figureOf("what-profit", signedMoney(what.profit), what.profit);
  setText(byId("payoff-says"), `₹ after the charges of entering, by level of ${underlying}; σ of ${volatility(answer.curve.volatility)} for ${Number(answer.days_left.toFixed(1))} d${answer.is_of_one_expiry ? "" : ", at the first expiry"}`);
  payoff.show({
    curve: answer.curve, breakevens: outcome.breakevens, spot: answer.level, what, thenName: then,
    label: `Profit and loss by level of ${underlying}: now ${signedMoney(answer.curve.now_profit)}, ${then ?? dateWords(what)} at ${level(what.level)} ${signedMoney(what.profit)}; breakevens at expiry ${breakevenText(outcome.breakevens)}`,
  });
}

// --- acts

function openTemplates() {
  if (templates) templatesDialog({ templates, onPick: build });
}

async function addLeg() {
  const { expiry } = page.chosen();
  if (!expiry) return;
  try {
    const chain = await chainOf(expiry, { fresh: true });
    chainDialog({ underlying, expiry, chain, onPick: (side, instrument) => setLegs(withLeg(legs, side, instrument), { called: template ? "" : name }) });
  } catch (error) {
    refusal(error);
  }
}

function openSaved() {
  savedDialog({ onOpen: (row) => {
    rows = [];
    if (row.underlying !== underlying) {
      if (!isFollowed(row.underlying)) {
        wrongLegs(new Error(`${row.name} is on ${row.underlying}, whose chain is not followed: follow it first.`));
        return;
      }
      page.choose(row.underlying);
      underlying = row.underlying;
    }
    setLegs(row.legs, { called: row.name });
  } });
}

const isFollowed = (wanted) => [...byId("underlying").options].some((option) => option.value === wanted);

function save() {
  if (legs.length) saveDialog({ underlying, legs, name, onSaved: (row) => { name = row.name; draw(); } });
}

let sending = false;

function send() {
  if (!answer || sending || document.querySelector("dialog[open]")) return;
  sending = true;
  sendDialog({ answer, margin: margin ?? answer.margin, name: name || `${underlying} combination`, accounts, onSent: () => {}, onClose: () => { sending = false; } });
}

function reset() {
  byId("what-spot").value = byId("what-points").value = byId("what-days").value = "0";
  evaluate();
}

byId("open-templates").addEventListener("click", openTemplates);
byId("add-leg").addEventListener("click", addLeg);
byId("open-saved").addEventListener("click", openSaved);
byId("save").addEventListener("click", save);
byId("send").addEventListener("click", send);
byId("clear").addEventListener("click", () => setLegs([]));
byId("what-reset").addEventListener("click", reset);
byId("width").addEventListener("change", () => build(template, byId("width").value));
for (const id of ["what-spot", "what-points", "what-days"]) {
  byId(id).addEventListener("input", () => {
    clearTimeout(sliding);
    sliding = setTimeout(evaluate, SETTLE_MS);
  });
}
byId("payoff-table").addEventListener("click", () => twin({
  title: `Payoff by level of ${underlying}, ₹`,
  columns: ["Level", "Now", thenName(answer.what_if) ?? "Then", "At expiry", "Chance below"],
  rows: twinRows(answer.curve),
}));
setInterval(() => {
  if (document.hidden || underlying === null) return;
  // a price that is being confirmed does not move under the hand
  if (templates === null) begin();
  else if (legs.length && !sending) evaluate();
}, LOOK_EVERY_MS);
