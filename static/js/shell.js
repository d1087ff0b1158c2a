// What every signed-in page has: the theme, the dialog behind More, and the keys that lead from screen to screen.
import { byId } from "windhover/dom";
import { keyboard } from "windhover/keys";

/** `acts` and `things` as `keyboard` takes them; the screens of the rail are added to both. */
export function frame({ acts = [], things = () => [] } = {}) {
  const screens = [...document.querySelectorAll(".rail a[data-key]:not([aria-current])")].map((link) => (
    { name: link.textContent.trim(), key: link.dataset.key, run: () => link.click() }
  ));
  for (const id of ["theme", "more-theme"]) byId(id).addEventListener("click", () => window.windhoverTheme.toggle());
  byId("more").addEventListener("click", () => byId("more-dialog").showModal());
  byId("more-close").addEventListener("click", () => byId("more-dialog").close());
  keyboard({
    acts: [
      ...acts,
      { keys: "t", label: "Dark or light", run: () => window.windhoverTheme.toggle() },
      ...screens.map(({ name, key, run }) => ({ keys: `g ${key}`, label: `Go to ${name}`, run })),
    ],
    things: () => [...screens.map(({ name, run }) => ({ name, kind: "screen", run })), ...things()],
  });
}
