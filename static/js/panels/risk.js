// Risk headroom: used of limit, a meter that warns at 85 %, and the refusal that fired last.
import { byId, h, keyed, oncePerFrame, setClass, setText } from "windhover/dom";
import { clock, isFigure, quantity, shortMoney, titled } from "windhover/format";

const WARN_AT = 0.85;
const LABELS = {
  daily_loss: "Daily loss",
  gross_exposure: "Gross exposure",
  position_value: "Largest position",
  order_value: "Largest order",
  orders_per_second: "Orders per second",
  orders_per_day: "Orders today",
  orders_at_venue: "Orders the venue counts today",
  orders_per_minute: "Orders per minute",
  orders_modified: "New prices of one order",
};

function words(row, currency) {
  if (row.name.startsWith("orders_")) return [quantity(row.used, { currency }), quantity(row.limit, { currency })];
  if (currency === "INR") return [`₹ ${shortMoney(row.used)}`, shortMoney(row.limit)];
  return [shortMoney(row.used, currency), `${shortMoney(row.limit, currency)} ${currency}`];
}

export function riskPanel({ store, refusals, currencyOf, nameOf }) {
  function make(row) {
    const label = h("span");
    const figure = h("span", { class: "num live" });
    const fill = h("i");
    const meter = h("span", { class: "meter", role: "img" }, fill);
    return { element: h("li", {}, label, figure, meter), figure, fill, meter, label };
  }

  function update(entry, row) {
    const share = Math.max(0, Number(row.used) / Number(row.limit));
    const [used, limit] = words(row, currencyOf(row.account));
    setText(entry.label, [LABELS[row.name] ?? titled(row.name), nameOf(row.account)].filter(Boolean).join(" · "));
    const level = share >= 1 ? "over" : share >= WARN_AT ? "warn" : "";
    setText(entry.figure, `${used} of ${limit}`);
    setClass(entry.figure, `num live ${level ? "warned" : ""}`);
    setClass(entry.meter, `meter ${level}`);
    entry.meter.setAttribute("aria-label", `${Math.round(share * 100)} percent used`);
    entry.fill.style.width = `${Math.min(100, share * 100)}%`;
    entry.element.title = row.last_fired_at ? `last fired ${clock(row.last_fired_at)} by the desk's clock: ${row.last_reason}` : "has not fired today";
  }

  function draw() {
    // limits that are a condition of each order (price band, age of the quote) have no share that is used
    const rows = store.rows("risk").filter((row) => isFigure(row.used) && Number(row.limit) > 0);
    byId("risk-empty").hidden = rows.length > 0 || !store.has("risk");
    keyed(byId("gauges"), rows, { key: (row) => `${row.account}/${row.name}`, make, update });
    const latest = refusals()[0];
    byId("risk-fired").hidden = !latest;
    if (!latest) return;
    setText(byId("risk-fired"), `Refused ${clock(latest.market_at ?? latest.fired_at)}: ${latest.reason}`);
    byId("risk-fired").title = latest.reason;
  }

  const soon = oncePerFrame(draw);
  store.on("risk", soon);
  return { draw: soon };
}
