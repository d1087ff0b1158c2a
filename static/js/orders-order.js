// One order from its signal to its last fill: read again every two seconds until nothing more is expected of it.
import { read, write } from "windhover/api";
import { ask } from "windhover/dialogs";
import { byId, h, keyed, setClass, setName, setText } from "windhover/dom";
import { bareSymbol, clock, counted, isFigure, moment, money, price, quantity, titled } from "windhover/format";
import { chipOf, span, stages, whose, withoutRepeats } from "windhover/orders/shapes";
import { frame } from "windhover/shell";
import { toast } from "windhover/toast";

const LOOK_EVERY_MS = 2000;
const CANCELLABLE = new Set(["OPEN", "TRIGGER_PENDING", "PARTIALLY_FILLED", "ACCEPTED"]);
const given = JSON.parse(byId("order-data").textContent);
let shown = given.order;
let looking = false;
let isOver = false;

const words = (status) => status.replaceAll("_", " ");

function facts(order) {
  const asked = order.price ?? order.trigger_price;
  return [
    ["Filled", `${quantity(order.filled, order)} of ${quantity(order.quantity, order)}`],
    ["Average", order.average_price ? price(order.average_price, order.currency) : "–"],
    ["Price", asked ? price(asked, order.currency) : "market"],
    ["Type", [order.type, order.validity].filter(Boolean).join(", ")],
    ["Product", order.product],
    ["For", order.strategy ? titled(order.strategy) : order.origin === "EXTERNAL" ? "placed elsewhere" : "nobody"],
    ["Book", order.book === "paper" ? "paper" : "live"],
    ["Our id", order.client_id],
    ["Venue's id", order.venue_order_id || "none yet"],
    ["Market time", order.market_at ? moment(order.market_at) : "not known"],
  ];
}

function drawHead(order) {
  document.title = `${order.side} ${quantity(order.quantity, order)} ${bareSymbol(order.symbol)} · Windhover`;
  setName(byId("order-title"), `${order.side} ${quantity(order.quantity, order)} ${bareSymbol(order.symbol)}`);
  setText(byId("status"), words(order.status));
  setClass(byId("status"), chipOf(order.status));
  setText(byId("because"), order.reason);
  byId("facts").replaceChildren(...facts(order).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  byId("cancel").hidden = !given.may_act || !CANCELLABLE.has(order.status);
}

function makeStep() {
  const parts = { time: h("time"), since: h("span", { class: "since num" }), who: h("span", { class: "who" }), what: h("span", { class: "what" }), reason: h("span", { class: "reason" }), words: h("q", { class: "words" }), venue: h("span", { class: "sub" }) };
  const said = h("div", { class: "said" }, parts.what, parts.reason, parts.words, parts.venue);
  return { element: h("li", {}, parts.time, parts.since, parts.who, said), ...parts };
}

function updateStep(entry, step) {
  setText(entry.time, clock(step.at));
  entry.time.title = `${moment(step.at)}, row ${step.seq} of the journal`;
  entry.time.dateTime = step.at;
  setText(entry.since, step.latency_ms === null ? "" : `+${span(step.latency_ms)}`);
  setText(entry.who, whose(step));
  setText(entry.what, step.what);
  setText(entry.reason, step.reason);
  entry.reason.hidden = !step.reason;
  setText(entry.words, step.words);
  entry.words.hidden = !step.words;
  setText(entry.venue, step.venue_at ? `exchange's time ${clock(step.venue_at)}` : "");
  entry.element.dataset.who = step.who;
}

function fillRow(fill, order) {
  return h("tr", {},
    h("th", { scope: "row" }, fill.trade_id),
    h("td", {}, quantity(fill.quantity, order)),
    h("td", {}, price(fill.price, fill.currency)),
    h("td", { class: "drops" }, money(fill.value, fill.currency)),
    h("td", { class: "drops", title: fill.fee_source }, isFigure(fill.fee) ? money(fill.fee, fill.currency, { places: 4 }) : "by schedule"),
    h("td", {}, clock(fill.filled_at)));
}

function draw({ order, steps, fills, latency_ms: latency, is_final: isFinal }) {
  shown = order;
  drawHead(order);
  keyed(byId("steps"), withoutRepeats(steps), { key: (step) => step.seq, make: makeStep, update: updateStep });
  byId("steps-empty").hidden = steps.length > 0;
  setText(byId("steps-sub"), steps.length ? counted(steps.length, "step") : "");
  byId("spans").replaceChildren(...stages(latency).map(([figure, name]) => h("div", {}, h("dt", {}, name), h("dd", {}, figure))));
  byId("fills-card").hidden = fills.length === 0;
  byId("fills").replaceChildren(...fills.map((fill) => fillRow(fill, order)));
  setText(byId("fills-sub"), counted(fills.length, "fill"));
  isOver = isFinal && Date.now() - Date.parse(order.updated_at) > 60_000;
  setText(byId("looked"), isOver ? "Over" : "Live");
  setClass(byId("looked"), isOver ? "tag" : "tag ok");
}

async function look() {
  if (looking || document.hidden || isOver) return;
  looking = true;
  try {
    draw(await read(`/api/orders/${given.id}`));
    setText(byId("wrong"), "");
  } catch (error) {
    setText(byId("looked"), "Not live");
    setClass(byId("looked"), "tag bad");
    setText(byId("wrong"), `The order's life cannot be read: ${error.message}`);
  } finally {
    looking = false;
  }
}

function askCancel() {
  const left = Number(shown.quantity) - Number(shown.filled);
  ask({
    title: `Cancel ${shown.side} ${bareSymbol(shown.symbol)}`,
    rows: [[quantity(left, shown), "not yet filled, taken back at the broker"], [quantity(shown.filled, shown), "already filled, kept as a position"]],
    label: "Cancel the order",
    act: async () => {
      await write("/api/orders/cancel", { id: shown.client_id, account: shown.account });
      toast("Cancellation asked for; the steps below show what the broker answers.");
    },
  });
}

byId("cancel").addEventListener("click", askCancel);
drawHead(given.order);
frame();
await look();
setInterval(look, LOOK_EVERY_MS);
