// The kill switches of the desk, its accounts and its strategies: what is under each, pulled and reset in two steps.
import { write } from "windhover/api";
import { consequences, openDialog, secondStep } from "windhover/dialogs";
import { byId, h, keyed, sayRefused, setClass, setText } from "windhover/dom";
import { bareSymbol, clock } from "windhover/format";
import { pulledRows } from "windhover/kill";
import { toast } from "windhover/toast";

const SCOPES = { desk: "desk, every account and strategy", account: "account", deployment: "strategy" };
const STATES = { running: "running", entries_blocked: "entries blocked", cancelling: "cancelling", flattening: "flattening", halted: "halted" };

function makeSwitch() {
  const entry = { name: h("span"), scope: h("span", { class: "sub" }), state: h("span", { class: "chip" }), reason: h("span", { class: "sub" }) };
  for (const figure of ["strategies", "entries", "exits", "positions"]) entry[figure] = h("td", { class: "drops" });
  entry.button = h("button", { type: "button", onclick: () => ask(entry) });
  entry.element = h("tr", {}, h("th", { scope: "row" }, entry.name, entry.scope), h("td", { class: "words" }, entry.state, " ", entry.reason), entry.strategies, entry.entries, entry.exits, entry.positions, h("td", {}, entry.button));
  return entry;
}

function updateSwitch(entry, row) {
  entry.row = row;
  setText(entry.name, row.name);
  setText(entry.scope, `${SCOPES[row.scope]}${row.instruments.length ? ` on ${row.instruments.map(bareSymbol).join(", ")}` : ""}${row.live ? ", live" : ""}`);
  setText(entry.state, STATES[row.state] ?? row.state);
  setClass(entry.state, `chip ${row.engaged ? "refused" : ""}`);
  setText(entry.reason, row.engaged ? `since ${clock(row.changed_at)}${row.changed_by ? ` by ${row.changed_by}` : ""}: ${row.reason}` : "");
  for (const figure of ["strategies", "entries", "exits", "positions"]) setText(entry[figure], row[figure]);
  setText(entry.button, row.engaged ? "Reset" : "Block entries");
  setClass(entry.button, row.engaged ? "" : "danger");
  entry.button.hidden = !row.may_act;
  entry.button.setAttribute("aria-label", `${row.engaged ? "Reset" : "Block entries of"} ${row.name}, ${SCOPES[row.scope]}`);
  setClass(entry.element, `scope-${row.scope}`);
}

function ask(entry) {
  const { row } = entry;
  const reason = h("input", { id: "switch-reason", maxlength: "300", autocomplete: "off", value: row.engaged ? "Reset on the risk page" : "Pulled on the risk page" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const rows = row.engaged
    ? [[row.strategies, "running strategies may enter again, under the same limits"], [row.positions, "open positions are untouched"]]
    : pulledRows({ ...row, asking: 0 });
  const step = secondStep({ word: row.engaged ? "RELEASE" : "HALT", label: row.engaged ? "Hold to reset" : "Hold to refuse entries", act: () => send(entry, reason, wrong, dialog) });
  const content = h("div", {},
    h("p", {}, row.engaged ? `Pulled ${clock(row.changed_at)}${row.reason ? `: ${row.reason}` : ""}. It stays pulled over restarts until a person resets it.` : `Entries of ${row.name} are refused until a person resets the switch. It survives a restart. Nothing is sold by it.`),
    consequences(rows), h("div", { class: "field" }, h("label", { for: "switch-reason" }, "Reason, for the journal"), reason), step, wrong,
    h("div", { class: "acts" }, h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Leave it as it is")));
  const dialog = openDialog({ title: row.engaged ? `Reset the switch of ${row.name}` : `Block entries of ${row.name}`, className: "kill", content });
  dialog.querySelector("#second-step").focus();
}

async function send(entry, reason, wrong, dialog) {
  const { row, onDone } = entry;
  setText(wrong, "");
  if (!reason.value.trim()) {
    setText(wrong, "A reason is needed: the journal shows it to whoever asks why entries stopped.");
    reason.focus();
    return false;
  }
  try {
    await write("/api/risk/kill-switch", { engaged: !row.engaged, reason: reason.value.trim(), scope: row.scope, target: row.target });
  } catch (error) {
    sayRefused(wrong, error);
    return false;
  }
  dialog.close();
  toast(row.engaged ? `${row.name}: entries are judged by the limits again.` : `${row.name}: entries are refused, exits stay allowed.`, row.engaged ? "info" : "warn");
  onDone();
  return true;
}

/** Draw every switch that the caller sees. */
export function drawSwitches(rows, onDone) {
  keyed(byId("switches").tBodies[0], rows, {
    key: (row) => `${row.scope} ${row.target}`,
    make: makeSwitch,
    update: (entry, row) => {
      entry.onDone = onDone;
      updateSwitch(entry, row);
    },
  });
}
