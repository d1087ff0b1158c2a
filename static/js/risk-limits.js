// The table of limits, the question that changes one, and what waits to loosen.
import { write } from "windhover/api";
import { openDialog } from "windhover/dialogs";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { NONE, clock, moment } from "windhover/format";
import { figureOf, headroom, isTighter, left, levelOf, shadowOf, shadowSummary, usedOf, when, whose } from "windhover/risk/figures";
import { toast } from "windhover/toast";

function makeLimit() {
  const entry = { label: h("span"), whose: h("span", { class: "sub" }), used: h("td"), fill: h("i"), room: h("td"), nearest: h("td", { class: "drops" }), fired: h("td", { class: "drops" }), shadow: h("td", { class: "drops" }) };
  entry.meter = h("span", { class: "meter", role: "img" }, entry.fill);
  entry.button = h("button", { type: "button", class: "quiet", onclick: () => entry.change(entry.row) }, "Change");
  entry.element = h("tr", {}, h("th", { scope: "row" }, entry.label, entry.whose), entry.used, h("td", { class: "drops meterlet" }, entry.meter), entry.room, entry.nearest, entry.fired, entry.shadow, h("td", {}, entry.button));
  return entry;
}

function updateLimit(entry, row, { account, book, now, change }) {
  Object.assign(entry, { row, change });
  const used = row.used[book];
  const share = used ? Number(used.share) : null;
  const level = share === null ? "" : levelOf(share);
  setText(entry.label, row.label);
  setText(entry.whose, row.holds ? whose(row) : `${whose(row)}, a tighter one holds`);
  setClass(entry.element, row.holds ? "" : "outdone");
  setText(entry.used, usedOf(row, used, account.currency));
  entry.used.title = used?.of ? `most by ${used.of}` : "";
  entry.meter.hidden = share === null;
  setClass(entry.meter, `meter ${level}`);
  entry.fill.style.width = `${Math.min(100, Math.max(0, (share ?? 0) * 100))}%`;
  entry.meter.setAttribute("aria-label", share === null ? "asked of each order" : `${Math.round(share * 100)} percent used`);
  setText(entry.room, share === null ? "each order" : headroom(share));
  setClass(entry.room, level ? "warned strong" : share === null ? "sub" : "");
  const nearest = row.nearest[book];
  setText(entry.nearest, nearest ? `${figureOf(nearest.used, row.unit, account.currency)} at ${clock(nearest.at, { seconds: false })}` : NONE);
  entry.nearest.title = nearest?.of ?? "";
  setText(entry.fired, when(row.last_fired_at, now));
  entry.fired.title = row.last_reason;
  const shadow = shadowOf(row.shadow);
  setText(entry.shadow, shadow.text);
  setClass(entry.shadow, `drops ${shadow.kind}`);
  entry.shadow.title = row.shadow ? `${moment(row.shadow.at)}: ${row.shadow.sentence}` : "";
  entry.button.hidden = !account.may_act;
  entry.button.setAttribute("aria-label", `Change ${row.label}, ${whose(row)}`);
}

/** Draw one account's limits for one book. */
export function drawLimits(account, book, now, change) {
  keyed(byId("limits").tBodies[0], account.limits, {
    key: (row) => `${account.id} ${row.level} ${row.target} ${row.name}`,
    make: makeLimit,
    update: (entry, row) => updateLimit(entry, row, { account, book, now, change }),
  });
  byId("limits").hidden = account.limits.length === 0;
  byId("limits-empty").hidden = account.limits.length > 0;
  const summary = shadowSummary(account.limits);
  setText(byId("limits-sub"), summary.text);
  setClass(byId("limits-sub"), summary.isAlarm ? "loss" : "sub");
  for (const id of ["shadow", "change"]) byId(id).hidden = !account.may_act;
}

/** Ask for a new figure of a limit: what it was, when the new one would hold, and the refusal beside the field. */
export function askForLimit({ account, kinds, row = null, onDone }) {
  const level = h("select", { id: "limit-level" }, ["account", "desk", "user", "strategy", "instrument"].map((name) => h("option", { value: name }, name === "user" ? "owner, all accounts" : name)));
  const target = h("select", { id: "limit-strategy" }, account.strategies.map((one) => h("option", { value: one.id }, `${one.name} on ${one.instruments.join(", ")}`)));
  const key = h("input", { id: "limit-instrument", autocomplete: "off", spellcheck: "false", placeholder: "NSE:RELIANCE" });
  const name = h("select", { id: "limit-name" });
  const value = h("input", { id: "limit-value", autocomplete: "off", spellcheck: "false" });
  const allowed = h("p", { class: "help", id: "limit-allowed" });
  const effect = h("p", { class: "effect", id: "limit-effect", "aria-live": "polite" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const submit = h("button", { type: "submit", class: "primary" }, "Set");
  const cancel = h("button", { type: "button", class: "quiet" }, "Cancel");
  const strategies = h("div", { class: "field" }, h("label", { for: "limit-strategy" }, "Strategy"), target);
  const instruments = h("div", { class: "field" }, h("label", { for: "limit-instrument" }, "Instrument"), key);
  value.setAttribute("aria-describedby", "limit-allowed limit-effect");

  const kind = () => kinds.find((one) => one.name === name.value);
  const targetNow = () => (level.value === "strategy" ? target.value : level.value === "instrument" ? key.value.trim().toUpperCase() : "");
  const known = () => account.limits.find((one) => one.name === name.value && one.level === level.value && (!targetNow() || one.target === targetNow()));

  function say() {
    const before = known()?.limit ?? null;
    const unit = kind()?.unit;
    setText(allowed, kind() ? `Allowed: ${kind().allowed}${kind().required && level.value === "account" ? "" : "; empty takes the limit away"}.` : "");
    const typed = value.value.trim();
    const tighter = kind() ? isTighter(kind(), before, typed === "" ? null : typed) : null;
    const was = before === null ? "Not set now." : `Now ${figureOf(before, unit, account.currency)}.`;
    const holds = typed === String(before ?? "") ? "" : tighter === null ? "What allows more waits 15 minutes." : tighter ? "Tighter: holds at once." : "Looser: takes effect 15 minutes after you ask, and can be taken back until then.";
    setText(effect, `${was} ${holds}`);
    setText(submit, tighter === true ? "Tighten" : tighter === false ? "Loosen in 15 minutes" : "Set");
  }

  function fill() {
    strategies.hidden = level.value !== "strategy";
    instruments.hidden = level.value !== "instrument";
    const fitting = kinds.filter((one) => one.levels.includes(level.value));
    const chosen = name.value;
    name.replaceChildren(...fitting.map((one) => h("option", { value: one.name }, one.label)));
    name.value = fitting.some((one) => one.name === chosen) ? chosen : fitting[0].name;
    take();
  }

  function take() {
    const before = known()?.limit ?? "";
    value.value = Array.isArray(before) ? before.join(", ") : before;
    say();
  }

  const form = h("form", { class: "limit-form", method: "dialog" },
    h("div", { class: "field" }, h("label", { for: "limit-level" }, "Of"), level), strategies, instruments,
    h("div", { class: "field" }, h("label", { for: "limit-name" }, "Limit"), name),
    h("div", { class: "field" }, h("label", { for: "limit-value" }, "Value"), value, allowed),
    effect, wrong, h("div", { class: "acts" }, cancel, submit));
  level.value = row?.level ?? "account";
  if (row?.level === "strategy") target.value = row.target;
  if (row?.level === "instrument") key.value = row.target;
  fill();
  if (row) name.value = row.name;
  take();
  const dialog = openDialog({ title: `Change a limit of ${account.label}`, content: form, className: "limit" });
  (row ? value : level).focus();
  level.addEventListener("change", fill);
  for (const field of [name, target, key]) field.addEventListener("change", take);
  value.addEventListener("input", say);
  cancel.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    for (const field of [level, key, value]) field.removeAttribute("aria-invalid");
    setText(wrong, "");
    try {
      const done = await write("/api/risk/limits", { account: account.id, level: level.value, target: targetNow(), name: name.value, value: value.value.trim() || null });
      dialog.close();
      const label = kind().label;
      toast(done.state === "applied" ? `${label} is set: it holds now.` : `${label} loosens at ${clock(done.effective_at)}. Until then the old one holds.`);
      onDone();
    } catch (error) {
      setText(wrong, error.message);
      const field = { target: key, level }[error.field] ?? value;
      field.setAttribute("aria-invalid", "true");
      field.focus();
    } finally {
      submit.disabled = false;
    }
  });
}

function makeWait() {
  const entry = { what: h("b"), about: h("span", { class: "sub" }), left: h("span", { class: "num" }), fill: h("i"), button: h("button", { type: "button" }, "Take it back") };
  entry.button.addEventListener("click", () => withdraw(entry));
  entry.element = h("li", {}, entry.what, h("div", { class: "delay" }, entry.about, entry.left, h("span", { class: "meter", "aria-hidden": "true" }, entry.fill)), entry.button);
  return entry;
}

async function withdraw(entry) {
  entry.button.disabled = true;
  try {
    await write("/api/risk/limits/withdraw", { id: Number(entry.row.id) });
    toast(`${entry.row.label} stays as it is.`);
    entry.onDone();
  } catch (error) {
    toast(error.message, "bad");
  } finally {
    entry.button.disabled = false;
  }
}

/** Draw the loosenings that wait, with the time left of each. */
export function drawWaiting(rows, now, { mayAct, onDone }) {
  keyed(byId("waits"), rows, {
    key: (row) => row.id,
    make: makeWait,
    update: (entry, row) => {
      Object.assign(entry, { row, onDone });
      const after = row.after === null ? "no limit" : figureOf(row.after, row.unit, row.currency);
      setText(entry.what, `${row.label}: ${row.before === null ? NONE : figureOf(row.before, row.unit, row.currency)} to ${after}, ${whose(row)}`);
      setText(entry.about, `asked ${clock(row.asked_at)}${row.asked_by ? ` by ${row.asked_by}` : ""}, takes effect ${clock(row.effective_at)}`);
      setText(entry.left, left(row.effective_at, now));
      const [from, to] = [Date.parse(row.asked_at), Date.parse(row.effective_at)];
      entry.fill.style.width = `${Math.min(100, Math.max(0, ((now - from) / (to - from)) * 100))}%`;
      entry.button.hidden = !mayAct;
    },
  });
  byId("waits-empty").hidden = rows.length > 0;
  byId("waiting-count").hidden = rows.length === 0;
  setText(byId("waiting-count"), rows.length);
}
