// Keyboard first: one table of keys, the sheet that lists them, and the palette that finds anything.
import { openDialog } from "windhover/dialogs";
import { byId, h } from "windhover/dom";

const MATCHES = 30;
const SEARCH_AFTER_MS = 150;
const SEARCH_FROM = 2;

function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

export function goTo(id) {
  const place = byId(id);
  place.scrollIntoView({ block: "start" });
  place.focus({ preventScroll: true });
}

/**
 * `acts` are `{keys: "g p", label, run}`; `things()` gives what the palette finds: `{name, kind, run}`;
 * `search(words)` promises more of them that are not on the page.
 */
export function keyboard({ acts, things, search }) {
  let waitingForSecond = null;

  function list() {
    const rows = acts.flatMap((act) => [h("dt", {}, ...act.keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, act.label)]);
    const dialog = openDialog({ title: "Keys", content: h("div", {}, h("dl", { class: "keys" }, ...rows), h("div", { class: "acts" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close"))) });
  }

  function palette() {
    if (document.querySelector("dialog[open]")) return;
    const input = h("input", { type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-label": "Find an instrument, a strategy or a part of the desk", placeholder: "Find an instrument, a strategy, a part of the desk", autocomplete: "off" });
    const found = h("ul", { id: "palette-list", role: "listbox", "aria-label": "Found" });
    const heading = h("h2", { class: "only-heard", id: "palette-title" }, "Find anything");
    const dialog = h("dialog", { class: "palette", "aria-labelledby": "palette-title" }, heading, input, found);
    let matches = [];
    let at = 0;
    let more = [];
    let nothing = "Nothing by that name";
    let waiting = null;

    function draw() {
      const words = input.value.trim().toLowerCase().split(/\s+/);
      const here = things().filter((thing) => words.every((word) => `${thing.name} ${thing.kind}`.toLowerCase().includes(word)));
      matches = [...here, ...more].slice(0, MATCHES);
      at = Math.min(at, Math.max(0, matches.length - 1));
      const rows = matches.map((thing, index) => h("li", { role: "option", id: `palette-${index}`, "aria-selected": String(index === at), onclick: () => choose(thing) }, h("span", {}, thing.name), h("span", { class: "sub" }, thing.kind)));
      found.replaceChildren(...(rows.length ? rows : [h("li", { role: "option", "aria-selected": "false" }, nothing)]));
      input.setAttribute("aria-activedescendant", rows.length ? `palette-${at}` : "");
      found.children[at]?.scrollIntoView({ block: "nearest" });
    }
    async function seek(words) {
      let found = [];
      let said = "Nothing by that name";
      try {
        found = await search(words);
      } catch (error) {
        said = `The list of instruments cannot be searched: ${error.message}`;
      }
      if (!dialog.open || input.value.trim() !== words) return;
      more = found;
      nothing = said;
      draw();
    }
    function typed() {
      const words = input.value.trim();
      clearTimeout(waiting);
      at = 0;
      more = [];
      nothing = "Nothing by that name";
      if (words.length >= SEARCH_FROM) {
        nothing = "Looking through the exchange's list";
        waiting = setTimeout(() => seek(words), SEARCH_AFTER_MS);
      }
      draw();
    }
    function choose(thing) {
      dialog.close();
      thing.run();
    }
    input.addEventListener("input", typed);
    input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        at = (at + step + matches.length) % Math.max(1, matches.length);
        draw();
      } else if (event.key === "Enter" && matches[at]) {
        event.preventDefault();
        choose(matches[at]);
      }
    });
    const before = document.activeElement;
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
    draw();
  }

  acts.push({ keys: "/", label: "Find anything (also ⌘K and Ctrl K)", run: palette }, { keys: "?", label: "This list", run: list });

  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      palette();
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    const pressed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const keys = waitingForSecond ? `${waitingForSecond} ${pressed}` : pressed;
    waitingForSecond = null;
    const act = acts.find((one) => one.keys === keys);
    if (act) {
      event.preventDefault();
      act.run();
    } else if (pressed === "g") {
      waitingForSecond = "g";
      setTimeout(() => { waitingForSecond = null; }, 1200);
    }
  });
  byId("find").addEventListener("click", palette);
  byId("more-find").addEventListener("click", () => {
    byId("more-dialog").close();
    palette();
  });
  byId("keys")?.addEventListener("click", list);
  return { palette, list };
}
