// The dialog that starts a strategy, drawn from the catalogue's own parameter schema.
import { read, write } from "windhover/api";
import { byId, h, sayRefused, setText } from "windhover/dom";
import { titled } from "windhover/format";
import { instrumentField } from "windhover/instruments";
import { paramRows } from "windhover/shapes";
import { toast } from "windhover/toast";

export function startDialog({ store, accounts, chosen: looked = () => "" }) {
  const dialog = byId("start");
  const form = byId("start-form");
  let catalogue = [];
  const instruments = instrumentField({
    quoted: () => store.rows("quotes").map((row) => row.key),
    account: () => byId("start-account").value,
    exchange: () => (isPerpetuals() ? "ASTER" : "NSE"),
    wrong: (text) => setText(byId("start-wrong"), text),
  });

  const current = () => catalogue.find((one) => one.slug === byId("start-strategy").value);

  async function show() {
    if (dialog.open) return;
    clearErrors();
    dialog.showModal();
    if (catalogue.length === 0) await load();
    drawAccounts();
    instruments.draw();
    byId("start-strategy").focus();
  }

  /** Open with one instrument chosen. */
  async function showFor(symbol) {
    instruments.clear();
    instruments.take(symbol);
    await show();
    const venue = symbol.startsWith("ASTER:") ? "aster" : "kite";
    const fitting = accounts().find((one) => one.venue === venue);
    if (!fitting || account()?.venue === venue) return;
    byId("start-account").value = fitting.id;
    drawForAccount();
  }

  async function load() {
    try {
      const answer = await read("/api/strategies");
      catalogue = answer.catalogue;
    } catch (error) {
      setText(byId("start-wrong"), error.message);
      return;
    }
    byId("start-strategy").replaceChildren(...catalogue.map((one) => h("option", { value: one.slug }, one.title ?? titled(one.slug))));
  }

  const account = () => accounts().find((one) => one.id === byId("start-account").value);
  const isPerpetuals = () => account()?.venue === "aster";

  function drawAccounts() {
    const chosen = byId("start-account").value || looked();
    byId("start-account").replaceChildren(...accounts().map((one) => h("option", { value: one.id, selected: one.id === chosen }, one.label ?? one.id)));
    drawForAccount();
  }

  /** What the form asks depends on where the account is: a perpetual has no lots and no product, and is paid in USDT. */
  function drawForAccount() {
    drawMode();
    drawParams();
    byId("start-instrument").placeholder = isPerpetuals() ? "BTCUSDT, ETHUSDT" : "INFY, NIFTY 24800 CE";
    setText(byId("start-instrument-help"), isPerpetuals()
      ? "Type a symbol: any perpetual that Aster lists is found, with the step of its quantity. Enter adds one."
      : "Type a symbol, a name or a strike: anything the venue lists is found. Enter adds one; without an exchange it is NSE.");
  }

  function drawMode() {
    const simulated = account()?.is_simulated ?? false;
    setText(byId("mode-live-says"), simulated ? "Live orders go to the simulated exchange: no real money moves." : "Live orders go to the broker with real money.");
  }

  function drawParams() {
    const chosen = current();
    setText(byId("start-about"), chosen?.summary ?? "");
    byId("start-params").replaceChildren(...paramRows(chosen?.params ?? [], { currency: account()?.currency, perpetuals: isPerpetuals() }).map(drawField));
  }

  function drawField(field) {
    const id = `param-${field.name}`;
    const common = { id, name: `params.${field.name}`, "aria-describedby": `${id}-help`, dataset: { kind: field.kind } };
    const input = field.kind === "choice"
      ? h("select", common, ...field.choices.map((one) => h("option", { value: one, selected: one === field.default }, String(one))))
      : field.kind === "boolean"
        ? h("input", { ...common, type: "checkbox", checked: field.default === true })
        : h("input", { ...common, type: "text", inputmode: field.kind === "integer" ? "numeric" : field.kind === "number" ? "decimal" : "text", value: field.default ?? "", autocomplete: "off" });
    return h("div", { class: "field", dataset: { field: `params.${field.name}` } },
      h("label", { for: id }, field.label), input,
      h("span", { class: "help", id: `${id}-help` }, [field.help, field.range].filter(Boolean).join(", ")));
  }

  function values() {
    const params = {};
    for (const input of byId("start-params").querySelectorAll("input, select")) {
      const name = input.name.replace("params.", "");
      const text = input.value.trim();
      if (input.type === "checkbox") params[name] = input.checked;
      else if (input.dataset.kind === "integer" && /^-?\d+$/.test(text)) params[name] = Number(text);
      // a text that is no number goes as it is: the desk names the field and says what is allowed
      else if (text !== "") params[name] = text;
    }
    const mode = form.querySelector('input[name="mode"]:checked')?.value ?? "paper";
    const chosen = byId("start-account").value;
    return { strategy: byId("start-strategy").value, instruments: instruments.picked(), params, mode, ...(chosen ? { account: chosen } : {}) };
  }

  function clearErrors() {
    setText(byId("start-wrong"), "");
    for (const note of form.querySelectorAll(".field .wrong")) note.remove();
    for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  }

  function showError(error) {
    const field = error.field && form.querySelector(`[data-field="${CSS.escape(error.field.split(".").slice(0, 2).join("."))}"]`);
    if (!field) {
      sayRefused(byId("start-wrong"), error);
      return;
    }
    const input = field.querySelector("input, select");
    const id = `${input.id}-wrong`;
    field.append(h("span", { class: "wrong", id, role: "alert" }, error.message));
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", `${id} ${input.getAttribute("aria-describedby") ?? ""}`.trim());
    input.focus();
  }

  async function run(id) {
    try {
      await write("/api/strategies/toggle", { id, enabled: true });
      toast("Strategy added and started: it decides once its bars of warm-up are loaded.");
    } catch (error) {
      toast(`The strategy was added but not started: ${error.message}`, "bad");
    }
  }

  async function submit(event) {
    event.preventDefault();
    clearErrors();
    instruments.pickTyped();
    const button = byId("start-submit");
    button.disabled = true;
    try {
      const made = await write("/api/strategies/add", values());
      dialog.close();
      instruments.clear();
      await run(made.id);
    } catch (error) {
      showError(error);
    } finally {
      button.disabled = false;
    }
  }

  form.addEventListener("submit", submit);
  byId("start-strategy").addEventListener("change", drawParams);
  byId("start-account").addEventListener("change", () => { instruments.clear(); drawForAccount(); });
  byId("start-cancel").addEventListener("click", () => dialog.close());
  return { show, showFor, catalogue: () => catalogue };
}
