// The risk page: one account and one book at a time, read every three seconds while it is looked at.
import { read, write } from "windhover/api";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { NONE, clock, counted, money } from "windhover/format";
import { levelOf } from "windhover/risk/figures";
import { askForLimit, drawLimits, drawWaiting } from "windhover/risk/limits";
import { drawScenarios } from "windhover/risk/scenarios";
import { drawSwitches } from "windhover/risk/switches";
import { frame } from "windhover/shell";
import { toast } from "windhover/toast";

const LOOK_EVERY_MS = 3000;
const SCENARIOS_EVERY = 4;
let state = null;
let book = null;
let looks = 0;
let looking = false;

const account = () => state?.accounts.find((one) => one.id === byId("account").value) ?? state?.accounts[0];
const changeOf = (row) => askForLimit({ account: account(), kinds: state.kinds, row, onDone: look });

function sayWrong(error, what) {
  setText(byId("wrong"), error ? `${what}: ${error.message ?? error}` : "");
}

function drawAccounts() {
  const field = byId("account");
  field.hidden = state.accounts.length < 2;
  if (field.childElementCount === state.accounts.length) return;
  const chosen = field.value || new URLSearchParams(location.search).get("account");
  field.replaceChildren(...state.accounts.map((one) => h("option", { value: one.id }, one.label)));
  if (state.accounts.some((one) => one.id === chosen)) field.value = chosen;
}

/** The book that has something in it, live before paper. */
function firstBook(shown) {
  return shown.exposure.live.length || !shown.exposure.paper.length ? "live" : "paper";
}

function drawExposure(shown) {
  const rows = shown.exposure[book];
  const bound = shown.limits.find((row) => row.name === "max_underlying_value_quote" && row.holds);
  keyed(byId("exposure").tBodies[0], rows, {
    key: (row) => row.underlying,
    make: (row) => {
      const entry = { net: h("td"), worst: h("td"), fill: h("i"), about: h("span", { class: "sub" }) };
      entry.meter = h("span", { class: "meter", role: "img" }, entry.fill);
      entry.element = h("tr", {}, h("th", { scope: "row" }, row.underlying, entry.about), entry.net, entry.worst, h("td", { class: "drops meterlet" }, entry.meter));
      return entry;
    },
    update: (entry, row) => {
      setText(entry.about, [row.instruments.length > 1 ? counted(row.instruments.length, "instrument") : "", row.pending ? counted(row.pending, "open order") : ""].filter(Boolean).join(", "));
      entry.element.title = row.instruments.join(", ");
      setText(entry.net, money(row.net, shown.currency, { bare: true, signed: true }));
      setText(entry.worst, money(row.worst, shown.currency, { bare: true }));
      const share = bound ? Number(row.worst) / Number(bound.limit) : 0;
      entry.meter.hidden = !bound;
      setClass(entry.meter, `meter ${levelOf(share)}`);
      entry.fill.style.width = `${Math.min(100, share * 100)}%`;
      entry.meter.setAttribute("aria-label", `${Math.round(share * 100)} percent of the limit`);
    },
  });
  byId("exposure").hidden = rows.length === 0;
  byId("exposure-empty").hidden = rows.length > 0;
  const sum = (name) => rows.reduce((total, row) => total + Number(row[name]), 0);
  setText(byId("exposure-net"), money(sum("net"), shown.currency, { bare: true, signed: true }));
  setText(byId("exposure-worst"), money(sum("worst"), shown.currency, { bare: true }));
  setText(byId("exposure-sub"), bound ? `${shown.currency}, limit ${money(bound.limit, shown.currency, { bare: true, places: 0 })} each` : `${shown.currency}, no limit for one underlying`);
}

function drawBreaches(shown) {
  const rows = state.breaches.filter((row) => row.account === shown.id);
  keyed(byId("breaches"), rows, {
    key: (row) => `${row.fired_at} ${row.rule} ${row.symbol}`,
    make: (row) => ({ element: h("li", {}, h("time", { datetime: row.market_at ?? row.fired_at }, clock(row.market_at ?? row.fired_at)), h("span", {}, row.reason, row.symbol && h("span", { class: "sub" }, ` ${row.symbol}`))) }),
    update: () => {},
  });
  byId("breaches-empty").hidden = rows.length > 0;
  setText(byId("breaches-sub"), rows.length ? counted(rows.length, "refusal") : "");
}

function draw() {
  drawAccounts();
  const shown = account();
  if (!shown) {
    byId("limits-empty").hidden = false;
    setText(byId("limits-empty"), "No trading account is connected yet. Connect one under Accounts; its limits then stand here.");
    return;
  }
  book ??= firstBook(shown);
  for (const name of ["live", "paper"]) byId(`book-${name}`).setAttribute("aria-pressed", String(name === book));
  const now = Date.parse(state.as_of);
  drawLimits(shown, book, now, changeOf);
  drawWaiting(state.waiting.filter((row) => !row.account || row.account === shown.id), now, { mayAct: shown.may_act, onDone: look });
  drawExposure(shown);
  drawBreaches(shown);
  drawSwitches(state.switches, look);
  setText(byId("as-of"), `As of ${state.as_of ? clock(state.as_of) : NONE}`);
  setClass(byId("as-of"), "tag ok");
}

async function look() {
  if (looking) return;
  looking = true;
  try {
    state = await read("/api/risk/limits");
    draw();
    if (account() && looks++ % SCENARIOS_EVERY === 0) await drawScenarios(account(), book);
    sayWrong(null);
  } catch (error) {
    setText(byId("as-of"), "Not live");
    setClass(byId("as-of"), "tag bad");
    sayWrong(error, "The limits cannot be read");
  } finally {
    looking = false;
  }
}

function choose(name) {
  book = name;
  looks = 0;
  if (state) draw();
  look();
}

async function tryBreaches() {
  const button = byId("shadow");
  button.disabled = true;
  try {
    const done = await write("/api/risk/shadow", { account: account().id });
    const passed = done.outcomes.passed ?? 0;
    toast(passed ? `${counted(passed, "breach")} of ${done.tried} passed: that limit does not hold.` : `${done.tried} breaches tried in shadow, none passed.`, passed ? "bad" : "info");
    await look();
  } catch (error) {
    toast(error.message, "bad");
  } finally {
    button.disabled = false;
  }
}

byId("book-live").addEventListener("click", () => choose("live"));
byId("book-paper").addEventListener("click", () => choose("paper"));
byId("account").addEventListener("change", () => choose(null));
byId("change").addEventListener("click", () => changeOf(null));
byId("shadow").addEventListener("click", tryBreaches);
document.addEventListener("visibilitychange", () => document.hidden || look());
setInterval(() => document.hidden || look(), LOOK_EVERY_MS);
frame({ acts: [{ keys: "n", label: "Change a limit", run: () => byId("change").hidden || byId("change").click() }] });
look();
