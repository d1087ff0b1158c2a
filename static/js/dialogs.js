// Dialogs of dangerous acts: what will happen in numbers, then a second step that is not a reflex.
import { h } from "windhover/dom";

const HOLD_MS = 1000;

/** Make a <dialog> that removes itself when closed, and gives focus back to where it was. */
export function openDialog({ title, className = "", content, onClose = () => {} }) {
  const before = document.activeElement;
  const id = `dialog-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  const heading = h("h2", { id }, title);
  const dialog = h("dialog", { class: className, "aria-labelledby": id }, heading, content);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    onClose();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** What will happen: a list of figure and sentence. */
export function consequences(rows) {
  const parts = rows.flatMap(([figure, sentence]) => [h("dt", {}, String(figure)), h("dd", {}, sentence)]);
  return h("dl", { class: "consequences" }, ...parts);
}

/** The second step: type the word, or press and hold (pointer, Space or Enter). Calls `act` once. */
export function secondStep({ word, label, act }) {
  let done = false;
  let timer = null;
  const fill = h("i", { class: "fill", "aria-hidden": "true" });
  const hold = h("button", { type: "button", class: "danger hold", "aria-describedby": "hold-help" }, fill, h("span", {}, label));
  const input = h("input", { id: "second-step", autocomplete: "off", spellcheck: "false", autocapitalize: "characters" });

  function finish() {
    if (done) return;
    done = true;
    hold.disabled = input.disabled = true;
    hold.setAttribute("aria-busy", "true");
    Promise.resolve(act()).then((succeeded) => {
      if (succeeded) return;
      done = false;
      hold.disabled = input.disabled = false;
      hold.removeAttribute("aria-busy");
    });
  }
  function start() {
    if (timer !== null || done) return;
    fill.classList.add("going");
    timer = setTimeout(finish, HOLD_MS);
  }
  function stop() {
    clearTimeout(timer);
    timer = null;
    fill.classList.remove("going");
  }

  hold.addEventListener("pointerdown", start);
  for (const name of ["pointerup", "pointerleave", "pointercancel", "blur", "keyup"]) hold.addEventListener(name, stop);
  hold.addEventListener("keydown", (event) => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    start();
  });
  const typed = () => input.value.trim().toUpperCase() === word;
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (typed()) finish();
  });
  const step = h("div", { class: "second-step" },
    h("div", { class: "field" }, h("label", { for: "second-step" }, `Type ${word} and press Enter`), input),
    hold);
  const help = h("p", { class: "help", id: "hold-help" }, "Or hold the button for one second; Space held does the same.");
  return h("div", {}, step, help);
}

/** A plain question for acts that are small: what happens, cancel, do. */
export function ask({ title, rows, label, danger = true, act }) {
  const button = h("button", { type: "submit", class: danger ? "danger" : "primary" }, label);
  const cancel = h("button", { type: "button", class: "quiet" }, "Cancel");
  const wrong = h("p", { class: "wrong", role: "alert" });
  const form = h("form", { method: "dialog" }, consequences(rows), wrong, h("div", { class: "acts" }, cancel, button));
  const dialog = openDialog({ title, content: form });
  cancel.addEventListener("click", () => dialog.close());
  // Enter on a freshly opened question must not act: the way out has the focus.
  cancel.focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await act();
      dialog.close();
    } catch (error) {
      wrong.textContent = error.message;
      button.disabled = false;
    }
  });
  return dialog;
}
