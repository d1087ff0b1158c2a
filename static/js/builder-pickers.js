// What is chosen from: templates by group and by search, options of a chain one by one, and saved combinations.
import { read, remove, write } from "windhover/api";
import { ask, openDialog } from "windhover/dialogs";
import { h, setText } from "windhover/dom";
import { counted, isFigure, moment, price, titled } from "windhover/format";
import { expiryText, strikeText } from "windhover/options/figures";
import { toast } from "windhover/toast";
import { bare, nearMoney, templatesFound } from "windhover/builder/shapes";

const closeButton = (dialog, text = "Close") => h("button", { type: "button", class: "quiet", onclick: () => dialog().close() }, text);

/** Choose a template: typed words keep those that have them all; Enter takes the first. */
export function templatesDialog({ templates, onPick }) {
  let dialog = null;
  const search = h("input", { type: "search", id: "template-search", placeholder: "condor, calendar, bullish …", autocomplete: "off", spellcheck: "false", "aria-label": "Find a template" });
  const list = h("div", { class: "template-list" });
  const none = h("p", { class: "empty", hidden: true }, "No template has these words.");

  function pick(one) {
    dialog.close();
    onPick(one);
  }

  function draw() {
    const found = templatesFound(templates, search.value);
    // once words are typed, the group of the best find stands first: Enter takes it
    const groups = [...new Set((search.value.trim() ? found : templates).map((one) => one.group))];
    none.hidden = found.length > 0;
    list.replaceChildren(...groups.flatMap((group) => {
      const members = found.filter((one) => one.group === group);
      return members.length === 0 ? [] : [h("h3", {}, titled(group)), h("ul", {}, ...members.map((one) => h("li", {},
        h("button", { type: "button", class: "template", dataset: { template: one.name }, onclick: () => pick(one) },
          h("b", {}, one.title), h("span", { class: "sub" }, `${counted(one.legs, "leg")}${one.expiries > 1 ? ", two expiries" : ""}${one.in_library ? ", traded by the desk's strategies" : ""}`),
          h("span", { class: "sentence" }, one.sentence)))))];
    }));
  }

  search.addEventListener("input", draw);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const [first] = list.querySelectorAll("button");
    first?.click();
  });
  draw();
  dialog = openDialog({ title: "Templates", className: "templates", content: h("div", {}, search, none, list, h("div", { class: "acts" }, closeButton(() => dialog))) });
  search.focus();
}

/** Pick options of one expiry from its chain: sell at the bid, buy at the ask. `onPick(side, instrument)`. */
export function chainDialog({ underlying, expiry, chain, onPick }) {
  let dialog = null;
  const says = h("p", { class: "help", "aria-live": "polite" }, "Sold at the bid, bought at the ask. Each press adds a lot.");

  function quote(side, act, row, kind) {
    const value = act === "SELL" ? side.bid : side.ask;
    const name = `${act === "SELL" ? "Sell" : "Buy"} ${strikeText(row.strike)} ${kind}`;
    return h("button", {
      type: "button", class: "quote", disabled: !isFigure(value) || !side.instrument, "aria-label": `${name} at ${isFigure(value) ? price(value) : "no quote"}`, dataset: { pick: `${act}:${row.strike}:${kind}` },
      onclick: () => {
        onPick(act, side.instrument);
        setText(says, `${name}: one lot added.`);
      },
    }, isFigure(value) ? price(value) : "–");
  }

  const rows = nearMoney(chain.strikes, chain.forward ?? chain.spot ?? chain.strikes[0]?.strike ?? 0);
  const table = h("table", { class: "picks" },
    h("thead", {}, h("tr", {}, ...["Call bid", "Call ask", "Strike", "Put bid", "Put ask"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...rows.map((row) => h("tr", { class: row.strike === chain.atm_strike ? "atm" : "" },
      h("td", {}, quote(row.ce, "SELL", row, "CE")), h("td", {}, quote(row.ce, "BUY", row, "CE")),
      h("th", { scope: "row" }, strikeText(row.strike)),
      h("td", {}, quote(row.pe, "SELL", row, "PE")), h("td", {}, quote(row.pe, "BUY", row, "PE"))))));
  dialog = openDialog({ title: `${underlying} ${expiryText(expiry)}: add legs`, className: "chain-picker", content: h("div", {}, says, h("div", { class: "picks-scroll", tabindex: "0", role: "group", "aria-label": "Strikes around the money" }, table), h("div", { class: "acts" }, closeButton(() => dialog, "Done"))) });
  table.querySelector(".atm")?.scrollIntoView({ block: "center" });
}

/** Open, or delete, what the desk has saved. `onOpen(row)`. */
export async function savedDialog({ onOpen }) {
  let dialog = null;
  let answer = null;
  try {
    answer = await read("/api/options/builder/saved");
  } catch (error) {
    toast(error.message, "bad");
    return;
  }
  const list = h("ul", { class: "saved" });
  const none = h("p", { class: "empty", hidden: answer.results.length > 0 }, "Nothing is saved yet. Build a combination and save it under a name; the whole desk sees it.");

  function row(one) {
    const element = h("li", {},
      h("button", { type: "button", class: "template", dataset: { saved: one.name }, onclick: () => { dialog.close(); onOpen(one); } },
        h("b", {}, one.name), h("span", { class: "sub" }, `${one.underlying}, ${counted(one.legs.length, "leg")}, saved ${moment(one.saved_at)}`)),
      h("button", { type: "button", class: "quiet", "aria-label": `Delete ${one.name}`, onclick: () => ask({
        title: `Delete ${one.name}`, label: "Delete", rows: [[one.legs.length, "legs are forgotten; no order and no position is touched"]],
        act: async () => {
          await remove(`/api/options/builder/saved?id=${one.id}`);
          element.remove();
          none.hidden = list.childElementCount > 0;
        },
      }) }, "Delete"));
    return element;
  }

  list.append(...answer.results.map(row));
  dialog = openDialog({ title: "Saved combinations", content: h("div", {}, none, list, h("div", { class: "acts" }, closeButton(() => dialog))) });
}

/** Save under a name; a taken name is replaced only when that is said. `onSaved(row)`. */
export function saveDialog({ underlying, legs, name, onSaved }) {
  const input = h("input", { id: "save-name", maxlength: "60", autocomplete: "off", value: name });
  const replace = h("input", { type: "checkbox", id: "save-replace", checked: name !== "" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const cancel = h("button", { type: "button", class: "quiet" }, "Cancel");
  const form = h("form", { method: "dialog" },
    h("div", { class: "field" }, h("label", { for: "save-name" }, "Name"), input),
    h("label", { class: "check" }, replace, " Replace one of this name"), wrong,
    h("div", { class: "acts" }, cancel, h("button", { type: "submit", class: "primary" }, "Save")));
  const dialog = openDialog({ title: "Save the combination", content: form });
  cancel.addEventListener("click", () => dialog.close());
  input.select();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const row = await write("/api/options/builder/saved", { name: input.value, underlying, legs: legs.map(bare), replace: replace.checked });
      dialog.close();
      toast(`Saved as ${row.name}.`);
      onSaved(row);
    } catch (error) {
      setText(wrong, error.message);
      input.focus();
    }
  });
}
