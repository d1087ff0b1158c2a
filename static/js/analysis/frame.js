// What every page of the analysis shares: the list that is chosen, what is said of the scan it stands on, the keys.
import { dayWords } from "windhover/analysis/shapes";
import { read } from "windhover/api";
import { byId, h, setClass, setText } from "windhover/dom";
import { bareSymbol, moment } from "windhover/format";
import { frame } from "windhover/shell";

const REMEMBERED = "windhover-universe";
export const given = JSON.parse(byId("analysis-data")?.textContent ?? "{}");
export const stockPage = (key) => `/analysis/stock/${encodeURIComponent(key)}`;

/** A symbol that leads to its page. */
export const stockLink = (key) => h("a", { href: stockPage(key), title: key }, bareSymbol(key));

/** Where a strategy is tested on an instrument's past, the one that fits its trend chosen; null while no such page stands. */
export function backtestPage(row) {
  if (!given.backtests) return null;
  const strategy = row.trend?.score >= 60 || row.stage === 2 ? "ema-crossover" : "mean-reversion";
  return `${given.backtests}${query({ strategy, instrument: row.symbol })}`;
}

function remembered() {
  try {
    return sessionStorage.getItem(REMEMBERED) ?? "";
  } catch {
    return ""; // storage may be switched off; the newest scan is shown then
  }
}

function remember(key) {
  try {
    sessionStorage.setItem(REMEMBERED, key);
  } catch {
    // the choice then lasts for this page alone
  }
}

/** The chosen list as a query, together with other parameters. */
export function query(parameters) {
  const held = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return held.length ? `?${new URLSearchParams(held)}` : "";
}

const optionOf = (row) => {
  const text = row.key === "all" ? "Everything with candles" : row.name;
  return h("option", { value: row.key }, row.members ? `${text} (${row.members.toLocaleString("en-IN")})` : text);
};

/** Fill the field of lists and tell of each choice; promises the rows, the chosen one first known from the address. */
export async function universeField(onChoice) {
  const field = byId("universe");
  const { results } = await read("/api/analysis/universes");
  for (const row of results) names.set(row.key, row.name);
  field.replaceChildren(...results.map(optionOf));
  const asked = new URLSearchParams(location.search).get("universe") ?? remembered();
  const newest = results.filter((row) => row.scanned_at).sort((a, b) => b.scanned_at.localeCompare(a.scanned_at))[0];
  field.value = (results.find((row) => row.key === asked) ?? newest ?? results.find((row) => row.key === "NIFTY 50") ?? results[0])?.key ?? "";
  field.addEventListener("change", () => {
    remember(field.value);
    const address = new URL(location.href);
    address.searchParams.set("universe", field.value);
    history.replaceState(null, "", address);
    onChoice(field.value);
  });
  return { rows: results, chosen: () => field.value, row: () => results.find((one) => one.key === field.value) };
}

/** Say in the bar which day and list the figures are of, and aloud what must be known about them. */
export function sayHead(head) {
  const isThere = Boolean(head.on);
  setText(byId("as-of"), isThere ? `Close of ${dayWords(head.on)}` : "No scan yet");
  setClass(byId("as-of"), isThere ? "tag info" : "tag");
  byId("as-of").title = head.finished_at ? `scanned ${moment(head.finished_at)}` : "";
  setText(byId("as-of-universe"), isThere ? [listName(head.universe), head.source].filter(Boolean).join(", ") : "");
  const caveat = byId("caveat");
  if (!caveat) return;
  caveat.hidden = !head.caveat;
  setText(caveat, head.caveat ?? "");
}

const names = new Map();
/** A list's name for its key: a watchlist's key is no word. */
export const listName = (key) => (key === "all" ? "everything with candles" : names.get(key) ?? key);

/** Say a failure in the page's own place; nothing clears it. */
export function sayWrong(error, what) {
  setText(byId("wrong"), error ? `${what}: ${error.message ?? error}` : "");
}

/** Start the frame: keys of the page, and the tabs by `1` to `5`. */
export function begin(acts = []) {
  const tabs = [...document.querySelectorAll(".tabs a")];
  // a phone's strip is narrower than its tabs
  const strip = document.querySelector(".tabs");
  const here = tabs.find((link) => link.hasAttribute("aria-current"));
  if (here) strip.scrollLeft = here.offsetLeft - strip.offsetLeft - (strip.clientWidth - here.offsetWidth) / 2;
  frame({ acts: [...acts, ...tabs.map((link, index) => ({ keys: String(index + 1), label: link.textContent, run: () => link.click() }))] });
}
