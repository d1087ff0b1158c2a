// The bar at the foot: the legs that are picked, what they come to at expiry, and the way to the builder.
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { counted, money, tone } from "windhover/format";
import { level, optionName } from "windhover/options/figures";
import { legsOf, legsPriced, legsText, outcomeOf, withLeg } from "windhover/options/shapes";

/** `chain()` gives `{head, rows}` as it is shown; `onChange()` when legs were picked or let go. */
export function legDock({ chain, chosen, onChange }) {
  let legs = legsOf(new URLSearchParams(location.search).get("legs"));
  let drawnFor = null;

  function keep() {
    const query = new URLSearchParams(location.search);
    if (legs.length) query.set("legs", legsText(legs));
    else query.delete("legs");
    // commas and colons are plain in a query and easier to read
    history.replaceState(null, "", `${location.pathname}?${query.toString().replaceAll("%3A", ":").replaceAll("%2C", ",")}`);
  }

  function set(next) {
    legs = next;
    keep();
    draw();
    onChange();
  }

  function there(id, path) {
    const link = byId(id);
    if (!link) return;
    const { underlying, expiry } = chosen();
    const query = new URLSearchParams({ underlying: underlying ?? "", expiry: expiry ?? "" });
    link.href = `${path ?? link.pathname}?${query}&legs=${legsText(legs)}`;
  }

  function make() {
    const side = h("span", { class: "side" });
    const name = h("b");
    const size = h("span");
    const at = h("span", { class: "at" });
    const entry = { element: h("li", {}, side, name, size, at), side, name, size, at };
    const remove = h("button", { type: "button", class: "x", onclick: () => set(legs.filter((leg) => leg.instrument !== entry.instrument)) }, "✕");
    entry.element.append(remove);
    entry.remove = remove;
    return entry;
  }

  function update(entry, leg) {
    const { head } = chain();
    const isSale = leg.side === "SELL";
    const name = leg.strike === null ? leg.instrument.split(":").at(-1) : optionName(leg.strike, leg.kind);
    entry.instrument = leg.instrument;
    setText(entry.side, isSale ? "S" : "B");
    setClass(entry.side, isSale ? "side sold" : "side bought");
    setText(entry.name, name);
    setText(entry.size, `${isSale ? "−" : "+"}${leg.lots * (head.lot_size ?? 1)}`);
    setText(entry.at, leg.price === null ? `no ${isSale ? "bid" : "ask"} in this chain` : `at ${isSale ? "bid" : "ask"} ${level(leg.price)}`);
    entry.remove.setAttribute("aria-label", `Let ${name} go`);
  }

  function worth(id, value, none, { toned = false } = {}) {
    setText(byId(id), value === null ? none : money(value));
    setClass(byId(id), toned && value !== null ? tone(value) : "");
  }

  function draw() {
    const shown = chain();
    byId("dock").hidden = legs.length === 0 || !shown;
    document.body.classList.toggle("has-dock", legs.length > 0);
    if (!shown || legs.length === 0) return;
    const priced = legsPriced(legs, shown.rows);
    keyed(byId("picked"), priced, { key: (leg) => leg.instrument, make, update });
    const outcome = outcomeOf(priced, shown.head.lot_size);
    setText(byId("dock-lots"), counted(legs.length, "leg"));
    byId("dock-figures").hidden = outcome === null;
    if (outcome) {
      setText(byId("dock-credit-name"), outcome.credit < 0 ? "Debit" : "Credit");
      worth("dock-credit", Math.abs(outcome.credit), "");
      worth("dock-loss", outcome.maxLoss, "unlimited", { toned: true });
      if (outcome.maxLoss === null) setClass(byId("dock-loss"), "loss");
      worth("dock-profit", outcome.maxProfit, "unlimited", { toned: true });
      setText(byId("dock-even"), outcome.breakevens.length ? outcome.breakevens.map((at) => level(at)).join(" and ") : "none");
    }
    const key = `${legsText(legs)} ${chosen().expiry}`;
    if (key === drawnFor) return;
    drawnFor = key;
    there("dock-builder");
    there("dock-premium");
  }

  byId("dock-clear").addEventListener("click", () => set([]));
  return {
    draw,
    pick: (side, instrument) => set(withLeg(legs, side, instrument)),
    clear: () => set([]),
    held: (instrument) => legs.find((leg) => leg.instrument === instrument) ?? null,
    legs: () => legs,
    open: () => legs.length && byId("dock-builder")?.click(),
  };
}
