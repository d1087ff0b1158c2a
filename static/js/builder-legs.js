// The legs as a table: each can change its side, strike, kind, expiry and lots in place; rows keep their height.
import { byId, h, keyed, setClass, setText, tint } from "windhover/dom";
import { isFigure, money, price } from "windhover/format";
import { expiryText, greek, points, strikeText } from "windhover/options/figures";

/** `onChange(instrument, change)` with `{side}`, `{lots}`, `{strike, kind, expiry}` or `{gone: true}`. */
export function legsTable({ onChange, strikes, expiries }) {
  const table = byId("legs");

  function options(select, values, current, text) {
    const wanted = JSON.stringify(values);
    if (select.dataset.drawn !== wanted) {
      select.replaceChildren(...values.map((value) => h("option", { value }, text(value))));
      select.dataset.drawn = wanted;
    }
    select.value = current;
  }

  function make() {
    const entry = { row: null };
    const change = (what) => onChange(entry.row.instrument, what);
    const move = (what) => change({ strike: entry.row.strike, kind: entry.row.kind, expiry: entry.row.expiry, ...what });
    entry.number = h("td", { class: "n" });
    entry.side = h("button", { type: "button", class: "side", onclick: () => change({ side: entry.row.side === "BUY" ? "SELL" : "BUY" }) });
    entry.strike = h("select", { class: "bare", "aria-label": "Strike", onchange: () => move({ strike: entry.strike.value }) });
    entry.kind = h("button", { type: "button", class: "kind", onclick: () => move({ kind: entry.row.kind === "CE" ? "PE" : "CE" }) });
    entry.expiry = h("select", { class: "bare", "aria-label": "Expiry", onchange: () => move({ expiry: entry.expiry.value }) });
    entry.less = h("button", { type: "button", "aria-label": "One lot less", onclick: () => change({ lots: Math.max(1, entry.row.lots - 1) }) }, "−");
    entry.lots = h("span", { class: "count-of" });
    entry.more = h("button", { type: "button", "aria-label": "One lot more", onclick: () => change({ lots: entry.row.lots + 1 }) }, "+");
    entry.qty = h("td", { class: "qty" });
    entry.price = h("span");
    entry.priceSide = h("span", { class: "sub" });
    entry.iv = h("td", { class: "iv" });
    entry.delta = h("td", { class: "delta" });
    entry.value = h("td", { class: "value" });
    entry.gone = h("button", { type: "button", class: "x", onclick: () => change({ gone: true }) }, "✕");
    entry.element = h("tr", {},
      entry.number, h("td", { class: "l" }, entry.side), h("th", { scope: "row", class: "l" }, h("span", { class: "named-strike" }, entry.strike, entry.kind)),
      h("td", { class: "l exp" }, entry.expiry), h("td", {}, h("span", { class: "step" }, entry.less, entry.lots, entry.more)),
      entry.qty, h("td", {}, entry.price, " ", entry.priceSide), entry.iv, entry.delta, entry.value, h("td", {}, entry.gone));
    entry.fresh = true;
    return entry;
  }

  function figureOf(entry, cell, text) {
    if (setText(cell, text) && !entry.fresh) tint(cell);
  }

  function update(entry, row) {
    const isSale = row.side === "SELL";
    entry.row = row;
    setText(entry.number, row.number);
    setText(entry.side, isSale ? "S" : "B");
    setClass(entry.side, isSale ? "side sold" : "side bought");
    entry.side.setAttribute("aria-label", isSale ? "Sold; make it bought" : "Bought; make it sold");
    const listed = strikes(row.expiry);
    options(entry.strike, listed.includes(row.strike) ? listed : [row.strike, ...listed], row.strike, strikeText);
    setText(entry.kind, row.kind);
    entry.kind.setAttribute("aria-label", row.kind === "CE" ? "Call; make it a put" : "Put; make it a call");
    const days = expiries();
    options(entry.expiry, days.includes(row.expiry) ? days : [row.expiry, ...days], row.expiry, (day) => expiryText(day));
    setText(entry.lots, row.lots);
    entry.less.disabled = row.lots <= 1;
    setText(entry.qty, isFigure(row.quantity) ? `${isSale ? "−" : "+"}${Number(row.quantity).toLocaleString("en-IN")}` : "–");
    figureOf(entry, entry.price, price(row.price, "INR", row.tick_size));
    setText(entry.priceSide, isFigure(row.price) ? row.price_side : "");
    figureOf(entry, entry.iv, points(row.iv));
    figureOf(entry, entry.delta, greek(row.delta, 1));
    figureOf(entry, entry.value, money(row.value, "INR", { signed: true, bare: true }));
    entry.gone.setAttribute("aria-label", `Take ${strikeText(row.strike)} ${row.kind} out`);
    entry.element.title = (row.why ?? []).join(" ");
    setClass(entry.element, (row.why ?? []).length ? "doubted" : "");
    entry.fresh = false;
  }

  return {
    show(rows) {
      table.hidden = rows.length === 0;
      keyed(table.tBodies[0], rows.map((row, index) => ({ ...row, number: index + 1 })), { key: (row) => row.instrument, make, update });
      const whole = rows.length > 0 && rows.every((row) => isFigure(row.value));
      const net = rows.reduce((sum, row) => sum + Number(row.value ?? 0), 0);
      setText(byId("net-name"), whole ? (net < 0 ? "Net debit" : "Net credit") : "Net");
      setText(byId("net-value"), whole ? money(net, "INR", { signed: true, bare: true }) : "–");
      setText(byId("net-delta"), rows.every((row) => isFigure(row.delta)) ? greek(rows.reduce((sum, row) => sum + Number(row.delta), 0), 1) : "–");
    },
  };
}
