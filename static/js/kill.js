// The kill switch: consequences in numbers, a reason, and a second step. Releasing takes the same two steps.
import { write } from "windhover/api";
import { consequences, openDialog, secondStep } from "windhover/dialogs";
import { byId, h, sayRefused } from "windhover/dom";
import { clock } from "windhover/format";
import { engagedSwitches, killNumbers } from "windhover/shapes";
import { refusal, toast } from "windhover/toast";

function plural(count, one, many) {
  return count === 1 ? one : many;
}

/** What happens when it is pulled, in the order in which it matters. */
export function pulledRows(numbers) {
  return [
    [numbers.strategies, `${plural(numbers.strategies, "running strategy gets", "running strategies get")} every entry refused from now on`],
    [numbers.entries, `working ${plural(numbers.entries, "entry is", "entries are")} cancelled at the broker`],
    [numbers.exits, `${plural(numbers.exits, "exit or stop stays", "exits and stops stay")} in the book`],
    [numbers.positions, `open ${plural(numbers.positions, "position is kept; its exit stays", "positions are kept; their exits stay")} allowed`],
    ...(numbers.asking ? [[numbers.asking, `${plural(numbers.asking, "order", "orders")} whose outcome the broker is still asked for`]] : []),
  ];
}

export function killSwitch({ store, status, poll }) {
  let open = null;

  function current() {
    const rows = store.has("switches") ? store.rows("switches") : status()?.switches ?? [];
    return engagedSwitches(rows)[0] ?? null;
  }

  function show() {
    if (open) return;
    const engaged = current();
    const numbers = killNumbers({ orders: store.rows("orders"), positions: store.rows("positions"), strategies: store.rows("strategies") });
    const reason = h("input", { id: "kill-reason", maxlength: "300", autocomplete: "off", value: engaged ? "Released from the desk" : "Pulled from the desk" });
    const wrong = h("p", { class: "wrong", role: "alert" });
    const step = secondStep({
      word: engaged ? "RELEASE" : "HALT",
      label: engaged ? "Hold to release" : "Hold to refuse entries",
      act: () => send(!engaged, reason, wrong, engaged ? { scope: engaged.scope, target: engaged.target_id ?? engaged.target } : {}),
    });
    const rows = engaged
      ? [[numbers.strategies, "running strategies may enter again, under the same limits"], [numbers.positions, "open positions are untouched"]]
      : pulledRows(numbers);
    const content = h("div", {},
      h("p", {}, engaged
        ? `Pulled${engaged.changed_at ? ` ${clock(engaged.changed_at)}` : ""}${engaged.reason ? `: ${engaged.reason}` : ""}. It stays pulled over restarts until it is released here.`
        : "Entries of the whole desk are refused until somebody releases the switch. It survives a restart. Nothing is sold by it."),
      consequences(rows),
      h("div", { class: "field" }, h("label", { for: "kill-reason" }, "Reason, for the journal"), reason),
      step,
      wrong,
      h("div", { class: "acts" }, h("button", { type: "button", class: "quiet", onclick: () => open.close() }, "Leave it as it is")));
    open = openDialog({
      title: engaged ? "Release the kill switch" : "Pull the kill switch",
      className: "kill",
      content,
      onClose: () => { open = null; },
    });
    open.querySelector("#second-step").focus();
  }

  async function send(engaged, reason, wrong, target) {
    wrong.textContent = "";
    const text = reason.value.trim();
    if (!text) {
      wrong.textContent = "A reason is needed: the journal shows it to whoever asks why entries stopped.";
      reason.focus();
      return false;
    }
    try {
      await write("/api/risk/kill-switch", { engaged, reason: text, ...target });
    } catch (error) {
      if (error.field === "reason" || error.code === "second_factor.required") sayRefused(wrong, error);
      else refusal(error);
      return false;
    }
    open?.close();
    toast(engaged ? "Kill switch pulled: entries are refused, exits stay allowed." : "Kill switch released: entries are judged by the limits again.", engaged ? "warn" : "info");
    poll();
    return true;
  }

  byId("kill").addEventListener("click", show);
  return { show };
}
