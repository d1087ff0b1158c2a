// The field in which instruments are chosen: anything the venue lists, found by symbol, name, strike or expiry.
import { read } from "windhover/api";
import { byId, h } from "windhover/dom";
import { bareSymbol } from "windhover/format";

const SHOWN = 8;
const SEARCH_AFTER_MS = 150;

/**
 * `quoted()` gives the keys of the quotes at hand, `account()` the chosen account's id, `exchange()` where a bare name is
 * meant, `wrong(text)` shows a failure.
 */
export function instrumentField({ quoted, account, exchange = () => "NSE", wrong }) {
  const input = byId("start-instrument");
  const list = byId("start-found");
  let picked = [];
  let found = [];
  let at = -1;
  let waiting = null;

  const described = (row) => [
    row.takes_orders === false ? "takes no orders now" : null, row.kind === "PERP" ? "perpetual" : row.name, row.expiry, Number(row.lot_size) > 1 ? `lot ${row.lot_size}` : null,
    row.quantity_step ? `step ${row.quantity_step}` : null, row.min_notional ? `from ${row.min_notional} ${row.currency}` : null,
  ].filter(Boolean).join(", ");

  function drawPicked() {
    byId("start-picked").replaceChildren(...picked.map((symbol) => h("span", { class: "chip" }, symbol,
      h("button", { type: "button", "aria-label": `Take ${symbol} off`, onclick: () => { picked = picked.filter((one) => one !== symbol); drawPicked(); } }, "×"))));
  }

  function drawFound() {
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    input.setAttribute("aria-activedescendant", at >= 0 ? `found-${at}` : "");
    list.replaceChildren(...found.map((row, index) => h("li", {
      role: "option", id: `found-${index}`, "aria-selected": String(index === at),
      // before the field loses the focus, and with it the list
      onmousedown: (event) => { event.preventDefault(); take(row.symbol); },
    }, h("span", {}, row.symbol), h("span", { class: "sub" }, described(row)))));
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  function close() {
    clearTimeout(waiting);
    found = [];
    at = -1;
    drawFound();
  }

  function take(symbol) {
    if (!picked.includes(symbol)) picked.push(symbol);
    input.value = "";
    close();
    drawPicked();
  }

  /** Take what is typed: names separated by commas, each as it is known, else as the venue would write it. */
  function pickTyped() {
    const keys = [...quoted(), ...found.map((row) => row.symbol)];
    const best = found[0]?.symbol;
    for (const part of input.value.toUpperCase().split(",").map((one) => one.trim()).filter(Boolean)) {
      const known = keys.find((key) => key === part || bareSymbol(key) === part);
      take(known ?? (part.includes(" ") && best ? best : part.includes(":") ? part : `${exchange()}:${part}`));
    }
  }

  async function search(words) {
    const chosen = account();
    const query = new URLSearchParams({ q: words, limit: SHOWN, ...(chosen ? { account: chosen } : {}) });
    try {
      const answer = await read(`/api/instruments?${query}`);
      if (input.value.trim() !== words || document.activeElement !== input) return;
      found = answer.results;
      at = -1;
      drawFound();
    } catch (error) {
      wrong(`The list of instruments cannot be searched: ${error.message}`);
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    const words = input.value.split(",").pop().trim();
    if (words && !input.value.includes(",")) waiting = setTimeout(() => search(words), SEARCH_AFTER_MS);
    else close();
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      event.preventDefault();
      at = (at + step + found.length) % found.length;
      drawFound();
    } else if (event.key === "Escape" && found.length) {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && input.value.trim()) {
      event.preventDefault();
      if (found[at]) take(found[at].symbol);
      else pickTyped();
    }
  });
  return {
    draw: drawPicked,
    take,
    pickTyped,
    picked: () => picked,
    clear() {
      picked = [];
      drawPicked();
    },
  };
}
