// The page of alerts on chains: wished for, switched, taken back, and what they told. The desk judges them each minute.
import { read, remove, write } from "windhover/api";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { clock, moment } from "windhover/format";
import { expiryText, points, ratio, strikeText } from "windhover/options/figures";
import { address, linked, optionsPage, polled } from "windhover/options/page";
import { toast } from "windhover/toast";

const EVERY_MS = 4000;
const MEASURES = {
  oi_velocity: {
    name: "OI velocity", level: "Units a minute", words: (level) => `open interest of a strike moves by ${strikeText(level)} a minute`,
    says: "Told when an option’s open interest is added or closed at this pace, in units of the underlying.",
  },
  build_up: {
    name: "Build-up", level: "Units", words: (level) => `a build-up of ${strikeText(level)} at a strike`,
    says: "Told when price and open interest of an option move together by at least so many units within a minute: long or short build-up, covering, unwinding.",
  },
  pcr: {
    name: "PCR", level: "Ratio", words: (level) => `PCR crosses ${ratio(level)}`,
    says: "Told when put over call open interest of an expiry crosses this level, either way.",
  },
  atm_iv: {
    name: "ATM IV", level: "Percent a year", words: (level) => `ATM IV crosses ${points(level)} %`,
    says: "Told when the volatility at the money of an expiry crosses this level, either way.", scale: 100,
  },
};
let known = null;

const page = optionsPage({
  onChoice: () => answers.again(),
  acts: [{ keys: "n", label: "A new alert", run: () => byId("level").focus() }],
});
const answers = polled({
  every: EVERY_MS,
  path: () => page.chosen().underlying && "/api/oi/alerts",
  take(answer) {
    page.show("content");
    linked("ok", "Connected");
    drawAlerts(answer.results);
    drawLog(answer.fired);
  },
  fail: (error) => (known === null ? page.failed(error) : linked("warn", error.message)),
});

function makeAlert() {
  const entry = { name: h("th", { scope: "row" }), tells: h("td", { class: "words" }), state: h("span", { class: "chip" }) };
  entry.switched = h("button", { type: "button", class: "quiet", onclick: () => switchAlert(entry.row) });
  entry.gone = h("button", { type: "button", class: "quiet", onclick: () => removeAlert(entry.row) }, "Remove");
  entry.element = h("tr", {}, entry.name, entry.tells, h("td", { class: "words" }, entry.state), h("td", {}, entry.switched, entry.gone));
  return entry;
}

function updateAlert(entry, row) {
  entry.row = row;
  const words = MEASURES[row.measure].words(row.level);
  setText(entry.name, row.underlying);
  setText(entry.tells, words);
  setText(entry.state, row.is_watched ? "watched" : row.is_on ? "not followed" : "off");
  setClass(entry.state, `chip ${row.is_watched ? "open" : row.is_on ? "warn" : ""}`);
  setText(entry.switched, row.is_on ? "Switch off" : "Switch on");
  entry.switched.setAttribute("aria-label", `Switch ${row.is_on ? "off" : "on"}: ${row.underlying}, ${words}`);
  entry.gone.setAttribute("aria-label", `Remove: ${row.underlying}, ${words}`);
}

function drawAlerts(rows) {
  keyed(byId("alerts").tBodies[0], rows, { key: (row) => row.id, make: makeAlert, update: updateAlert });
  byId("alerts").hidden = rows.length === 0;
  byId("alerts-empty").hidden = rows.length > 0;
  const watched = rows.filter((row) => row.is_watched).length;
  setText(byId("alerts-sub"), rows.length ? `${watched} watched of ${rows.length}` : "");
}

const keyOf = (row) => `${row.at} ${row.expiry} ${row.text}`;

function drawLog(rows) {
  keyed(byId("log"), rows, {
    key: keyOf,
    make: (row) => ({ element: h("li", {}, h("time", { datetime: row.at, title: `${moment(row.at)}, ${row.underlying} ${expiryText(row.expiry)}` }, clock(row.at, { seconds: false })), h("span", {}, row.text)) }),
    update: () => {},
  });
  byId("log-empty").hidden = rows.length > 0;
  setText(byId("log-sub"), rows.length ? `the newest ${rows.length}` : "");
  // what was there when the page opened is no news
  if (known) for (const row of rows.filter((one) => !known.has(keyOf(one))).slice(0, 3).reverse()) toast(row.text);
  known = new Set(rows.map(keyOf));
}

function drawMeasure() {
  const chosen = MEASURES[byId("measure").value];
  setText(byId("level-name"), chosen.level);
  setText(byId("measure-says"), chosen.says);
}

async function setAlert(event) {
  event.preventDefault();
  const measure = byId("measure").value;
  const typed = Number(byId("level").value.replaceAll(",", "").trim());
  const isLevel = Number.isFinite(typed) && typed > 0;
  setText(byId("wish-wrong"), isLevel ? "" : "The level must be a number above 0.");
  if (!isLevel) return;
  byId("wish-submit").disabled = true;
  try {
    const level = typed / (MEASURES[measure].scale ?? 1);
    const made = await write("/api/oi/alerts", { underlying: page.chosen().underlying, measure, level });
    toast(`${made.underlying}: the desk tells when ${MEASURES[measure].words(made.level)}.`);
    byId("level").value = "";
    await answers.again();
  } catch (error) {
    setText(byId("wish-wrong"), `The alert was not set: ${error.message}`);
  } finally {
    byId("wish-submit").disabled = false;
  }
}

async function act(work, failed) {
  try {
    await work();
    setText(byId("wish-wrong"), "");
    await answers.again();
  } catch (error) {
    setText(byId("wish-wrong"), `${failed}: ${error.message}`);
  }
}

const switchAlert = (row) => act(() => write("/api/oi/alerts/switch", { id: row.id, is_on: !row.is_on }), "The alert was not switched");
const removeAlert = (row) => act(async () => {
  await remove(address("/api/oi/alerts", { id: row.id }));
  toast(`Removed: ${row.underlying}, ${MEASURES[row.measure].words(row.level)}. What it told stays.`);
}, "The alert was not removed");

byId("measure").replaceChildren(...Object.entries(MEASURES).map(([value, { name }]) => h("option", { value }, name)));
byId("measure").addEventListener("change", drawMeasure);
byId("wish").addEventListener("submit", setAlert);
drawMeasure();
