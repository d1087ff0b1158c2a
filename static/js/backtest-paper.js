// From a finished backtest to paper: what will be started, on what, and how it differs from what was tested.
import { read, write } from "windhover/api";
import { paramWords } from "windhover/backtest-shapes";
import { openDialog } from "windhover/dialogs";
import { h, setText } from "windhover/dom";
import { bareSymbol } from "windhover/format";
import { toast } from "windhover/toast";

const DAYS_AND_MINUTES = "The desk decides on bars of minutes, this backtest decided on days: the same rules and parameters, other decisions. Paper days tell how they differ; they place no order at a venue.";
const LONGEST_BAR = 60;

function fieldOf(id, label, input, help = "") {
  return h("div", { class: "field" }, h("label", { for: id }, label), input, h("span", { class: "help" }, help));
}

async function start(run, { account, minutes, value }) {
  const params = { ...run.params, bar_minutes: Number(minutes), order_value_quote: value.replaceAll(",", "") };
  const made = await write("/api/strategies/add", { strategy: run.strategy, instruments: [run.instrument], params, mode: "paper", ...(account ? { account } : {}) });
  await write("/api/strategies/toggle", { id: made.id, enabled: true });
}

/** Ask for the account, the bars and the money, then start the run's strategy on paper. */
export async function paperDialog(run) {
  const { accounts } = await read("/api/status");
  const fitting = accounts.filter((one) => (one.venue ?? "kite") === "kite");
  const account = h("select", { id: "paper-account" }, ...fitting.map((one) => h("option", { value: one.id }, one.label ?? one.id)));
  const minutes = h("input", { id: "paper-minutes", type: "text", inputmode: "numeric", value: String(LONGEST_BAR), autocomplete: "off" });
  const value = h("input", { id: "paper-value", type: "text", inputmode: "decimal", value: "100000", autocomplete: "off" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const submit = h("button", { type: "submit", class: "primary" }, "Start on paper");
  const form = h("form", { novalidate: true },
    h("p", {}, `${run.title} on ${bareSymbol(run.instrument)}: ${paramWords(run.params)}.`), h("p", {}, DAYS_AND_MINUTES),
    h("div", { class: "form-pair" }, fieldOf("paper-account", "Account", account), fieldOf("paper-minutes", "Minutes in one bar", minutes, `1 to ${LONGEST_BAR}`), fieldOf("paper-value", "Value of a full position, ₹", value)),
    wrong, h("div", { class: "acts" }, h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"), submit));
  const dialog = openDialog({ title: "Start on paper", className: "paper-dialog", content: form });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    setText(wrong, "");
    try {
      await start(run, { account: account.value, minutes: minutes.value, value: value.value });
      dialog.close();
      toast(`${run.title} runs on paper: it decides once its bars of warm-up are loaded. The Desk shows it.`);
    } catch (error) {
      setText(wrong, error.message);
      submit.disabled = false;
    }
  });
}
