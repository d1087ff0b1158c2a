// Short notices of what an act became. Refusals stay until they are closed; the rest leaves after a while.
import { byId, h, sayRefused } from "windhover/dom";

const STAY_MS = 6000;

export function toast(text, kind = "info") {
  show(h("p", {}, text), kind);
}

function show(words, kind) {
  const region = byId("toasts");
  const note = h("div", { class: `toast ${kind}` }, words);
  note.append(h("button", { type: "button", class: "plain", onclick: () => note.remove() }, "Close"));
  region.append(note);
  while (region.childElementCount > 3) region.firstElementChild.remove();
  if (kind !== "bad") setTimeout(() => note.remove(), STAY_MS);
}

// Notices that came with the page have their button already.
for (const button of document.querySelectorAll("#toasts [data-close]")) {
  const note = button.closest(".toast");
  button.addEventListener("click", () => note.remove());
  if (!note.classList.contains("bad")) setTimeout(() => note.remove(), STAY_MS);
}

/** Say a refusal as the desk worded it. */
export function refusal(error) {
  const words = h("p");
  sayRefused(words, error);
  show(words, "bad");
}
