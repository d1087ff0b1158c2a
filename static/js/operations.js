// The Operations page: looks once a second while it is seen, and switches the faults of the simulated exchange.
import { read, write } from "windhover/api";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { frame } from "windhover/shell";
import { refusal, toast } from "windhover/toast";

const LOOK_EVERY_MS = 1000;
const GROUPS = [
  ["answers", "Answers of the broker"],
  ["orders", "What happens to orders"],
  ["news", "News of orders on the stream"],
  ["connection", "Connection and session"],
];
const LABELS = { seconds: "seconds", fraction: "share", status: "status", quantity: "above", count: "times" };
const OWN_LABELS = { autoslice_mixed: { quantity: "slices of" }, partial_fills: { seconds: "pause, s" } };
const SCOPES = [["POST /orders", "new orders"], [" /orders", "all order calls"], [" ", "every request"]];
const VENUES = [["", "both exchanges"], ["kite", "Kite"], ["aster", "Aster"]];
const ALONE = { kite: "Kite alone", aster: "Aster alone" };
// What an immediate fault hits; everything else hits streams.
const HIT = {
  token_death: "session", exchange_cancel: "order", liquidate: "position", deleverage: "position", price_shock: "market",
};
const BUDGETS = [["order", "Order calls"], ["quote", "Quotes"], ["historical", "Candles"], ["other", "Others"]];
const SESSIONS = { live: "logged in", needs_login: "needs a login" };

const age = (seconds) => (seconds === null || seconds === undefined ? "–" : `${Number(seconds).toFixed(1)} s`);
const time = (iso) => (iso ? new Date(iso).toLocaleTimeString("en-GB", { timeZone: "Asia/Kolkata" }) : "–");

frame({ acts: [{ keys: "f", label: "First fault", run: () => switches()[0]?.focus() }] });

const rows = new Map();
let looking = false;

function cells(row, texts) {
  texts.forEach((text, index) => setText(row.element.children[index], text));
}

function drawAccounts(state) {
  const feeds = new Map(state.feeds.map((feed) => [feed.account, feed]));
  byId("accounts").hidden = state.accounts.length === 0;
  byId("accounts-empty").hidden = state.accounts.length > 0;
  keyed(byId("accounts").tBodies[0], state.accounts, {
    key: (one) => one.id,
    make: () => ({ element: h("tr", {}, h("th", { scope: "row" }), h("td"), h("td"), h("td"), h("td", { class: "drops" }), h("td"), h("td", { class: "drops" })) }),
    update: (row, one) => {
      const feed = feeds.get(one.id) ?? {};
      cells(row, [one.label, SESSIONS[one.state] ?? one.state.replaceAll("_", " "), one.hosted_by || "nobody", age(one.lease_age_s), feed.state ?? "–", age(feed.age_s), String(feed.instruments ?? "–")]);
      setClass(row.element.children[1], one.state === "needs_login" ? "warned" : "");
      setClass(row.element.children[5], feed.stale ? "stale" : "");
      row.element.children[1].title = one.reason ?? "";
    },
  });
  setText(byId("standby"), `Standby: ${state.standby.length ? state.standby.join(", ") : "nobody stands by; when the holder ends, trading waits for it to return"}`);
}

function drawProcesses(state) {
  keyed(byId("processes"), state.processes, {
    key: (one) => one.name,
    make: (one) => ({ element: h("li", {}, h("b", {}, one.name), h("span", { class: "sub" })) }),
    update: (row, one) => {
      setClass(row.element, one.state);
      const says = [one.state === "silent" ? "silent," : "", one.says, one.age_s === null ? "" : `${age(one.age_s)} ago`].filter(Boolean).join(" ");
      setText(row.element.children[1], says || one.state);
    },
  });
}

function drawDoubt(state) {
  byId("doubt").hidden = state.in_doubt.length === 0;
  byId("doubt-empty").hidden = state.in_doubt.length > 0;
  keyed(byId("doubt").tBodies[0], state.in_doubt, {
    key: (one) => one.id,
    make: () => ({ element: h("tr", {}, h("th", { scope: "row" }), h("td"), h("td"), h("td"), h("td", { class: "drops" }), h("td", { class: "drops words" })) }),
    update: (row, one) => {
      cells(row, [one.symbol, one.side.toLowerCase(), one.quantity, "", time(one.created_at), one.message || "–"]);
      const word = one.status === "UNKNOWN" ? "unknown, the broker is asked" : "unproven, for a person to decide";
      row.element.children[3].replaceChildren(h("span", { class: "chip unknown" }, word));
    },
  });
}

function drawExchange(state) {
  const there = state.exchange;
  setText(byId("exchange-clock"), there ? time(there.market_time) : "");
  const aster = there?.aster;
  const streams = (count) => `${count} ${count === 1 ? "stream" : "streams"}`;
  const says = [`market ${there?.phase}, ${streams(there?.sockets)}`, ...(aster ? [`Aster ${time(aster.market_time)}, ${streams(aster.sockets)}`] : [])];
  setText(byId("exchange-says"), there ? says.join(" · ") : "exchange away");
  if (!there) return;
  const most = there.budgets.most_in_a_second;
  keyed(byId("budgets"), BUDGETS, {
    key: ([kind]) => kind,
    make: ([, name]) => ({ element: h("div", {}, h("dt", {}, name), h("dd")) }),
    update: (row, [kind]) => setText(row.element.children[1], `${most[kind] ?? 0} in a second`),
  });
  byId("weight").hidden = !aster;
  if (aster) setText(byId("weight").lastElementChild, `${aster.budgets.most_weight_in_a_minute} in a minute`);
}

function field(kind, name) {
  if (name === "count") return h("input", { type: "text", inputmode: "numeric", size: "4", dataset: { name }, placeholder: "until off" });
  return h("input", { type: "text", inputmode: "decimal", dataset: { name }, value: String(kind.defaults[name]) });
}

const labelOf = (kind, name) => OWN_LABELS[kind.kind]?.[name] ?? LABELS[name];

function choice(name, values, label) {
  const options = values.map(([value, text]) => h("option", { value }, text));
  return h("select", { dataset: { name }, "aria-label": label }, ...options);
}

function fieldsOf(kind) {
  const parts = Object.keys(LABELS).filter((name) => name in kind.defaults).map((name) => (
    h("label", { title: kind.fields[name] }, labelOf(kind, name), field(kind, name))
  ));
  if (kind.defaults.path === "") {
    parts.unshift(h("label", {}, "on", choice("scope", SCOPES, `${kind.name}: which requests`)));
  }
  if (kind.venues.length > 1) parts.push(h("label", {}, "at", choice("venue", VENUES, `${kind.name}: at which exchange`)));
  else parts.push(h("span", { class: "alone" }, ALONE[kind.venues[0]]));
  return parts;
}

function makeFault(kind) {
  const id = `fault-${kind.kind}`;
  const struck = h("span", { class: "struck" });
  const wrong = h("span", { class: "wrong", role: "alert", id: `${id}-wrong` });
  const fields = h("span", { class: "fields" }, ...fieldsOf(kind));
  const act = kind.immediate
    ? h("button", { type: "button", dataset: { act: "strike" }, "aria-describedby": `${id}-does`, "aria-label": `${kind.name}: strike now` }, "Strike now")
    : h("button", { type: "button", class: "switch", role: "switch", "aria-checked": "false", "aria-label": kind.name, "aria-describedby": `${id}-does`, dataset: { act: "switch" } }, "Off");
  const element = h("div", { class: "fault", id },
    h("span", { class: "what" }, h("span", { class: "name" }, kind.name), h("span", { class: "does", id: `${id}-does` }, kind.does)),
    fields, struck, h("span", { class: "act" }, act), wrong);
  act.addEventListener("click", () => flip(row));
  const row = { element, kind, act, struck, wrong, fields, isOn: false };
  return row;
}

function drawFault(row, waiting) {
  const entry = waiting.find((one) => one.kind === row.kind.kind);
  const left = entry ? (entry.left === 0 ? "until switched off" : `${entry.left} left`) : "";
  const times = row.kind.struck === 1 ? "once" : `${row.kind.struck} times`;
  const words = `struck ${row.kind.struck ? times : "never"}`;
  if (row.said !== `${words}|${left}`) {
    row.said = `${words}|${left}`;
    row.struck.replaceChildren(words, ...(left ? [", ", h("br"), left] : []));
  }
  row.isOn = Boolean(entry);
  setClass(row.element, row.isOn ? "fault on" : "fault");
  if (row.kind.immediate) return;
  row.act.setAttribute("aria-checked", String(row.isOn));
  setText(row.act, row.isOn ? "On" : "Off");
}

function drawFaults(state) {
  byId("faults-empty").hidden = Boolean(state.faults);
  byId("faults").hidden = !state.faults;
  byId("all-off").disabled = !state.faults?.waiting.length;
  if (!state.faults) {
    setText(byId("faults-empty"), state.exchange_says ?? "The simulated exchange does not answer.");
    return;
  }
  const shown = state.faults.kinds.filter((kind) => kind.name);
  if (rows.size === 0) {
    for (const [about, title] of GROUPS) {
      const made = shown.filter((kind) => kind.about === about).map(makeFault);
      for (const row of made) rows.set(row.kind.kind, row);
      byId("faults").append(h("h3", {}, title), ...made.map((row) => row.element));
    }
  }
  for (const kind of shown) {
    const row = rows.get(kind.kind);
    if (!row) continue;
    row.kind = kind;
    drawFault(row, state.faults.waiting);
  }
}

// A text that is no number goes as it is: the exchange names the field and says what is allowed.
function number(text) {
  return text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
}

function valuesOf(row) {
  const values = {};
  for (const input of row.fields.querySelectorAll("input")) {
    const text = input.value.trim();
    if (input.dataset.name === "count") values.count = text === "" ? 0 : number(text);
    else values[input.dataset.name] = number(text);
  }
  const [scope, venue] = ["scope", "venue"].map((name) => row.fields.querySelector(`[data-name=${name}]`));
  if (scope) [values.method, values.path] = scope.value.split(" ");
  if (venue) values.venue = venue.value;
  return values;
}

async function flip(row) {
  const on = row.kind.immediate || !row.isOn;
  setText(row.wrong, "");
  for (const input of row.fields.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  row.act.setAttribute("aria-busy", "true");
  try {
    const answer = await write("/operations/faults", { kind: row.kind.kind, on, fields: on ? valuesOf(row) : {} });
    toast(said(row, on, answer));
    await look();
  } catch (error) {
    refused(row, error);
  } finally {
    row.act.removeAttribute("aria-busy");
  }
}

function said(row, on, answer) {
  const { name, immediate, kind } = row.kind;
  if (!on) return `${name}: switched off.`;
  if (!immediate) return `${name}: on.`;
  const what = HIT[kind] ?? "stream";
  return `${name}: ${answer.struck === 0 ? `no ${what} was there to hit` : `hit ${answer.struck} ${answer.struck === 1 ? what : `${what}s`}`}.`;
}

function refused(row, error) {
  const label = error.field && labelOf(row.kind, error.field);
  const { allowed } = error.details ?? {};
  setText(row.wrong, label && allowed ? `“${label}” takes ${allowed}.` : error.message);
  const input = error.field && row.fields.querySelector(`[data-name="${CSS.escape(error.field)}"]`);
  if (!input) return;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", row.wrong.id);
  input.focus();
}

async function allOff() {
  try {
    const on = [...rows.values()].filter((row) => row.isOn);
    for (const row of on) await write("/operations/faults", { kind: row.kind.kind, on: false });
    toast(`${on.length} ${on.length === 1 ? "fault" : "faults"} switched off.`);
    await look();
  } catch (error) {
    refusal(error);
  }
}

const switches = () => [...byId("faults").querySelectorAll("[data-act]")];

function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const all = switches();
  const at = all.indexOf(document.activeElement);
  if (!step || at < 0) return;
  event.preventDefault();
  all[(at + step + all.length) % all.length].focus();
}

async function look() {
  if (looking || document.hidden) return;
  looking = true;
  try {
    const state = await read("/operations/state");
    for (const draw of [drawAccounts, drawProcesses, drawDoubt, drawExchange, drawFaults]) draw(state);
    setText(byId("looked"), "Live");
    setClass(byId("looked"), "tag ok");
  } catch (error) {
    setText(byId("looked"), error.status === 0 ? "The desk cannot be reached" : error.message);
    setClass(byId("looked"), "tag bad");
  } finally {
    looking = false;
  }
}

byId("faults").addEventListener("keydown", walk);
byId("all-off").addEventListener("click", allOff);
document.addEventListener("visibilitychange", look);
setInterval(look, LOOK_EVERY_MS);
look();
