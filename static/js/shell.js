// What every signed-in page has: the theme, the dialog behind More, and the keys that lead from screen to screen.
import { read } from "windhover/api";
import { byId } from "windhover/dom";
import { bareSymbol } from "windhover/format";
import { keyboard } from "windhover/keys";

const LISTED = 8;
const KILL = "Kill switch, with its consequences in numbers";

/** What the venues list by these words; whoever chooses one starts a strategy on it. */
async function listed(words, start) {
  const answer = await read(`/api/instruments?${new URLSearchParams({ q: words, limit: LISTED })}`);
  return answer.results.map((row) => {
    const about = [row.name, row.expiry, "start a strategy on it"].filter(Boolean).join(", ");
    return { name: bareSymbol(row.symbol), kind: about, run: () => start(row.symbol) };
  });
}

/** Open the desk's dialog from another page. */
function startThere(symbol) {
  location.href = `/#start=${encodeURIComponent(symbol)}`;
}

/** `acts` and `things` as `keyboard` takes them; the screens of the rail are added to both, and the way to the kill switch. */
export function frame({ acts = [], things = () => [], start = startThere } = {}) {
  const kill = document.querySelector('.bar a[href="/#kill"]');
  const kills = kill ? [{ keys: "k", label: KILL, run: () => kill.click() }] : [];
  const screens = [...document.querySelectorAll(".rail a[data-key]:not([aria-current])")].map((link) => (
    { name: link.textContent.trim(), key: link.dataset.key, run: () => link.click() }
  ));
  // what the rail does not name: the pages behind a screen's tabs
  const pages = [...document.querySelectorAll("#more-dialog a[data-find]")]
    .filter((link) => !screens.some(({ name }) => name === link.textContent.trim()))
    .map((link) => ({ name: link.textContent.trim(), kind: `page, ${link.dataset.find}`, run: () => link.click() }));
  byId("more-dialog").addEventListener("click", (event) => event.target.closest("a") && byId("more-dialog").close());
  for (const id of ["theme", "more-theme"]) byId(id).addEventListener("click", () => window.windhoverTheme.toggle());
  byId("more").addEventListener("click", () => byId("more-dialog").showModal());
  byId("more-close").addEventListener("click", () => byId("more-dialog").close());
  keyboard({
    acts: [
      ...kills,
      ...acts,
      { keys: "t", label: "Dark or light", run: () => window.windhoverTheme.toggle() },
      ...screens.map(({ name, key, run }) => ({ keys: `g ${key}`, label: `Go to ${name}`, run })),
    ],
    things: () => [
      ...screens.map(({ name, run }) => ({ name, kind: "screen", run })),
      ...pages,
      ...kills.map(({ run }) => ({ name: "Kill switch", kind: "act", run })),
      ...things(),
    ],
    search: (words) => listed(words, start),
  });
}
