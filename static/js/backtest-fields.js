// The fields of a backtest: drawn from the strategy's own parameters, read back, and told what is wrong with them.
import { TERMS, termText, termValue } from "windhover/backtest-shapes";
import { byId, h, setText } from "windhover/dom";
import { paramRows } from "windhover/shapes";

function field(name, { id, label, help, input }) {
  return h("div", { class: "field", dataset: { field: name } }, h("label", { for: id }, label), input, h("span", { class: "help", id: `${id}-help` }, help));
}

function paramField(row, given) {
  const id = `param-${row.name}`;
  const value = given[row.name] ?? row.default ?? "";
  const common = { id, name: row.name, "aria-describedby": `${id}-help`, dataset: { kind: row.kind } };
  const input = row.kind === "choice"
    ? h("select", common, ...row.choices.map((one) => h("option", { value: one, selected: one === value }, String(one))))
    : h("input", { ...common, type: "text", inputmode: row.kind === "integer" ? "numeric" : "decimal", value, autocomplete: "off" });
  return field(`params.${row.name}`, { id, label: row.label, help: [row.help, row.range].filter(Boolean).join(", "), input });
}

function termField(term, given) {
  const id = `term-${term.name}`;
  const input = h("input", { id, name: term.name, type: "text", inputmode: "decimal", autocomplete: "off", value: termText(term, given[term.name]), "aria-describedby": `${id}-help` });
  return field(term.name, { id, label: term.label, help: term.help, input });
}

function dayField(name, label, help, given) {
  const id = `term-${name}`;
  return field(name, { id, label, help, input: h("input", { id, name, type: "date", value: given[name] ?? "", "aria-describedby": `${id}-help` }) });
}

/** Draw a strategy's parameters, with the given values where there are some. */
export function drawParams(params, given = {}) {
  byId("params").replaceChildren(...paramRows(params).map((row) => paramField(row, given)));
}

/** Draw money, costs, guards and days. */
export function drawTerms(given = {}) {
  byId("terms").replaceChildren(
    ...TERMS.map((term) => termField(term, given)),
    dayField("since", "First day", "empty for the oldest candle", given), dayField("until", "Last day", "empty for the newest candle", given),
  );
}

/** What the form asks for, as the API takes it; a text that is no figure goes as it is, and the desk names the field. */
export function asked() {
  const params = {};
  for (const input of byId("params").querySelectorAll("input, select")) {
    const text = input.value.trim();
    if (text !== "") params[input.name] = input.dataset.kind === "integer" && /^-?\d+$/.test(text) ? Number(text) : text;
  }
  const terms = Object.fromEntries(TERMS.map((term) => [term.name, termValue(term, byId(`term-${term.name}`).value)]));
  const days = Object.fromEntries(["since", "until"].map((name) => [name, byId(`term-${name}`).value || null]));
  return { ...(byId("desk").value ? { desk: byId("desk").value } : {}), strategy: byId("strategy").value, instrument: byId("instrument").value.trim().toUpperCase(), params, ...terms, ...days };
}

export function clearWrong(form) {
  setText(byId("form-wrong"), "");
  for (const note of form.querySelectorAll(".field .wrong")) note.remove();
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

/** Say beside its field what the desk refused. */
export function showWrong(form, error) {
  const place = error.field && form.querySelector(`[data-field="${CSS.escape(error.field)}"]`);
  if (!place) {
    setText(byId("form-wrong"), error.message);
    return;
  }
  const input = place.querySelector("input, select");
  place.append(h("span", { class: "wrong", role: "alert" }, error.message));
  input.setAttribute("aria-invalid", "true");
  input.focus();
}
