// The chain's table: calls left, puts right, the strike between them; cells change in place.
import { byId, h, keyed, setClass, setText, tint } from "windhover/dom";
import { NONE, age } from "windhover/format";
import { figure, greek, lakh, level, optionName, points, strikeText } from "windhover/options/figures";
import { isStale } from "windhover/options/shapes";

const KINDS = { ce: "CE", pe: "PE" };
const WORDS = { CE: "call", PE: "put" };

/** A table of `columns(row, side, strike)` cells; `onPick(side, instrument)` when a bid is sold or an ask is bought. */
export function chainBoard({ onPick, onChoose, legsHeld }) {
  const body = byId("chain").tBodies[0];
  let head = {};
  let widest = 1;
  let says = null;

  function quoteButtons(cell, kind) {
    const make = (side, word) => h("button", { type: "button", class: "plain quote", tabindex: "-1", dataset: { side, kind } }, h("span"), h("span", { class: "only-heard" }, word));
    const bid = make("SELL", " bid: sell one lot");
    const ask = make("BUY", " ask: buy one lot");
    const old = h("span", { class: "old" });
    cell.append(bid, h("i", { "aria-hidden": "true" }, "/"), ask, old);
    return { bid, ask, old };
  }

  function makeSide(kind) {
    const cell = (name) => h("td", { class: name });
    const cells = { oi: cell("oi"), chg: cell("chg"), vol: cell("vol"), iv: cell("iv"), delta: cell("delta"), q: cell("q"), ltp: cell("ltp"), leg: cell("leg") };
    const last = h("button", { type: "button", class: "plain last", tabindex: "-1", dataset: { kind } }, h("span"), h("small", { class: "old" }));
    cells.ltp.append(last);
    const order = Object.values(cells);
    return { cells, last, quote: quoteButtons(cells.q, kind), order: kind === "ce" ? order : order.reverse(), base: {} };
  }

  function make(row) {
    const call = makeSide("ce");
    const put = makeSide("pe");
    const name = h("th", { scope: "row", class: "k" }, h("span"), h("small"));
    const element = h("tr", {}, ...call.order, name, ...put.order);
    element.dataset.strike = row.strike;
    return { element, call, put, name, fresh: true };
  }

  function updateSide(entry, part, kind, row, fresh) {
    const side = row[kind];
    const { cells, quote, last } = part;
    const isIn = head.forward && (kind === "ce" ? row.strike < head.forward : row.strike > head.forward);
    const stale = isStale(side);
    const mark = [kind === "ce" ? "call" : "put", isIn ? "itm" : "", stale ? "stale" : "", side.is_liquid ? "" : "marked"].filter(Boolean).join(" ");
    setText(cells.oi, lakh(side.oi));
    setText(cells.chg, lakh(side.oi_change, { signed: true }));
    setText(cells.vol, lakh(side.volume));
    setText(cells.iv, points(side.iv));
    setText(cells.delta, greek(side.delta));
    const changed = setText(last.firstElementChild, level(side.last_price));
    if (changed && !fresh) tint(last);
    setText(last.lastElementChild, stale ? `${age(side.age_s)} old` : "");
    last.disabled = !side.instrument;
    setText(quote.bid.firstElementChild, price(side.bid));
    setText(quote.ask.firstElementChild, price(side.ask));
    quote.bid.disabled = !side.instrument || !(figure(side.bid) > 0);
    quote.ask.disabled = !side.instrument || !(figure(side.ask) > 0);
    quote.bid.hidden = quote.ask.hidden = quote.bid.nextElementSibling.hidden = stale;
    setText(quote.old, stale ? `${age(side.age_s)} old` : "");
    cells.oi.style.setProperty("--w", `${Math.round((100 * (figure(side.oi) ?? 0)) / widest)}%`);
    const held = side.instrument ? legsHeld(side.instrument) : null;
    setText(cells.leg, held ? held.side[0] : "");
    for (const [name, cell] of Object.entries(cells)) setClass(cell, `${name} ${mark}${name === "leg" && held ? ` held ${held.side === "SELL" ? "sold" : "bought"}` : ""}`);
    cells.leg.title = held ? `${held.side === "SELL" ? "Sell" : "Buy"} ${held.lots} ${held.lots === 1 ? "lot" : "lots"}` : "";
    const words = saidOf(row.strike, kind, side);
    for (const cell of [cells.q, cells.ltp, cells.iv, cells.delta]) if (cell.title !== words) cell.title = words;
  }

  const price = (value) => (figure(value) > 0 ? level(value) : NONE);

  function update(entry, row) {
    entry.row = row;
    const isAtm = row.strike === head.atm_strike;
    setClass(entry.element, isAtm ? "atm" : "");
    setText(entry.name.firstElementChild, strikeText(row.strike));
    setText(entry.name.lastElementChild, isAtm ? "ATM" : "");
    updateSide(entry, entry.call, "ce", row, entry.fresh);
    updateSide(entry, entry.put, "pe", row, entry.fresh);
    entry.fresh = false;
    if (says && says.entry === entry) say(says);
  }

  /** Everything that is known of one option, in words: what a hover and the line under the table say. */
  function saidOf(strike, kind, side) {
    const greeks = [["delta", 2], ["gamma", 5], ["theta", 2], ["vega", 2]].filter(([name]) => figure(side[name]) !== null).map(([name, places]) => `${name} ${greek(side[name], places)}`);
    const seen = figure(side.age_s) === null ? "never quoted" : `quoted ${age(side.age_s)} ago`;
    return [
      `${optionName(strike, KINDS[kind])}: bid ${price(side.bid)}, ask ${price(side.ask)}, last ${level(side.last_price)}, ${seen}`,
      figure(side.iv) === null ? "" : `IV ${points(side.iv)} % of its own ${figure(side.price) === null ? "price" : level(side.price)}`,
      greeks.join(", "),
      ...(side.why ?? []),
    ].filter(Boolean).map((part) => part.replace(/\.$/, "")).join(". ") + ".";
  }

  function say(wanted) {
    says = wanted;
    const { entry, kind } = wanted;
    setText(byId("cell-says"), saidOf(entry.row.strike, kind, entry.row[kind]));
  }

  function entryOf(target) {
    const element = target.closest("tr");
    return element && [...(body.keyedRows?.values() ?? [])].find((entry) => entry.element === element);
  }

  function kindOf(target, entry) {
    const cell = target.closest("td");
    return cell && entry ? (entry.call.order.includes(cell) ? "ce" : "pe") : null;
  }

  function heard(event) {
    const entry = entryOf(event.target);
    const kind = kindOf(event.target, entry);
    if (entry && kind) say({ entry, kind });
  }

  function clicked(event) {
    const button = event.target.closest("button");
    const entry = button && entryOf(button);
    if (!entry) return;
    const side = entry.row[button.dataset.kind];
    if (button.dataset.side) onPick(button.dataset.side, side.instrument);
    else onChoose({ strike: entry.row.strike, kind: KINDS[button.dataset.kind], word: WORDS[KINDS[button.dataset.kind]], side });
  }

  // --- one tab stop for the whole table; arrows lead on

  function stop(button) {
    body.querySelector("button[tabindex='0']")?.setAttribute("tabindex", "-1");
    button.setAttribute("tabindex", "0");
  }

  function focusable(element) {
    return [...element.querySelectorAll("button")].filter((button) => !button.hidden && !button.disabled && button.offsetParent !== null);
  }

  function walk(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const button = event.target.closest("button");
    if (!steps || !button) return;
    event.preventDefault();
    const row = button.closest("tr");
    const here = focusable(row);
    const place = here.indexOf(button);
    if (steps[1]) here[place + steps[1]]?.focus();
    else {
      let next = steps[0] > 0 ? row.nextElementSibling : row.previousElementSibling;
      while (next && focusable(next).length === 0) next = steps[0] > 0 ? next.nextElementSibling : next.previousElementSibling;
      if (!next) return;
      const same = next.querySelector(`[data-kind="${button.dataset.kind}"]${button.dataset.side ? `[data-side="${button.dataset.side}"]` : ".last"}`);
      (same && focusable(next).includes(same) ? same : focusable(next)[Math.min(place, focusable(next).length - 1)]).focus();
    }
  }

  body.addEventListener("pointerover", heard);
  body.addEventListener("focusin", (event) => {
    heard(event);
    if (event.target.matches("button")) stop(event.target);
  });
  body.addEventListener("click", clicked);
  body.addEventListener("keydown", walk);

  /** Pick the option in focus, or say that none is. */
  function pickFocused(side) {
    const button = document.activeElement?.closest?.("#chain button");
    const entry = button && entryOf(button);
    if (!entry) {
      (body.querySelector(".atm button:not([hidden]):not(:disabled)") ?? body.querySelector("button"))?.focus();
      return;
    }
    const option = entry.row[button.dataset.kind];
    if (option.instrument && figure(side === "SELL" ? option.bid : option.ask) > 0) onPick(side, option.instrument);
  }

  return {
    show(chain, rows) {
      head = chain.head;
      widest = Math.max(1, ...chain.rows.flatMap((row) => [figure(row.ce.oi) ?? 0, figure(row.pe.oi) ?? 0]));
      keyed(body, rows, { key: (row) => row.strike, make, update });
      if (!body.querySelector("button[tabindex='0']")) (body.querySelector(".atm button.quote") ?? body.querySelector("button"))?.setAttribute("tabindex", "0");
    },
    pickFocused,
  };
}
