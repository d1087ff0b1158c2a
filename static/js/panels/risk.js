// Risk headroom: used of limit, a meter that warns at 85 %, and the refusal that fired last.
import { byId, h, keyed, oncePerFrame, setClass, setText } from "windhover/dom";
import { clock, isFigure, quantity, shortMoney, titled } from "windhover/format";
import { limitRows, refusals } from "windhover/shapes";

const WARN_AT = 0.85;
const LABELS = {
  max_daily_loss_quote: "Daily loss", daily_loss: "Daily loss",
  max_gross_exposure_quote: "Gross exposure", gross_exposure: "Gross exposure", exposure: "Gross exposure",
  max_position_value_quote: "Largest position", position_value: "Largest position",
  max_order_value_quote: "Largest order", order_value: "Largest order", order_size: "Largest order",
  max_orders_per_second: "Orders per second", orders_per_second: "Orders per second", order_rate: "Orders per second",
  max_orders_per_day: "Orders today", orders_per_day: "Orders today",
  price_band_fraction: "Price band", price_band: "Price band",
  max_quote_age_s: "Oldest quote", quote_age: "Oldest quote",
};

function words(row) {
  const name = row.name ?? "";
  if (/fraction|band/.test(name)) return [Number(row.used ?? 0) * 100, Number(row.limit) * 100].map((value) => `${value.toFixed(1)} %`);
  if (/_s$|age/.test(name)) return [`${Number(row.used ?? 0).toFixed(1)} s`, `${Number(row.limit)} s`];
  if (/orders|rate|count/.test(name)) return [quantity(row.used ?? 0), quantity(row.limit)];
  return [`₹ ${shortMoney(row.used ?? 0)}`, shortMoney(row.limit)];
}

export function riskPanel({ store }) {
  function make(row) {
    const label = h("span", {}, LABELS[row.name] ?? row.label ?? titled(row.name));
    const figure = h("span", { class: "num live" });
    const fill = h("i");
    const meter = h("span", { class: "meter", role: "img" }, fill);
    return { element: h("li", {}, label, figure, meter), figure, fill, meter, label };
  }

  function update(entry, row) {
    const share = isFigure(row.used) ? Math.max(0, Number(row.used) / Number(row.limit)) : 0;
    const [used, limit] = words(row);
    const level = share >= 1 ? "over" : share >= WARN_AT ? "warn" : "";
    setText(entry.figure, `${used} of ${limit}`);
    setClass(entry.figure, `num live ${level ? "warned" : ""}`);
    setClass(entry.meter, `meter ${level}`);
    entry.meter.setAttribute("aria-label", `${Math.round(share * 100)} percent used`);
    entry.fill.style.width = `${Math.min(100, share * 100)}%`;
    entry.element.title = row.last_fired_at ? `last fired ${clock(row.last_fired_at)} IST` : "has not fired";
  }

  function draw() {
    const states = store.states("risk");
    const rows = limitRows(states).filter((row) => isFigure(row.used));
    byId("risk-empty").hidden = rows.length > 0 || states.length === 0;
    keyed(byId("gauges"), rows, { key: (row) => `${row.account}/${row.name}`, make, update });
    const latest = refusals(states)[0];
    byId("risk-fired").hidden = !latest;
    if (latest) setText(byId("risk-fired"), `Last refused ${clock(latest.fired_at ?? latest.at)}: ${latest.reason}`);
  }

  store.on("risk", oncePerFrame(draw));
}
