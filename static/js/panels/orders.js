// Orders by lane: being asked about, in flight, recent; refusals of the gate stand among the recent with both numbers.
import { write } from "windhover/api";
import { ask } from "windhover/dialogs";
import { byId, h, keyed, oncePerFrame, setClass, setName, setText } from "windhover/dom";
import { bareSymbol, clock, isFigure, moment, money, price, quantity } from "windhover/format";
import { orderPage } from "windhover/orders/shapes";
import { folded, laneOf } from "windhover/shapes";
import { download } from "windhover/table";
import { toast } from "windhover/toast";

const RECENT = 40;
const CHIPS = {
  INTENDED: "", SENT: "open", ACCEPTED: "open", OPEN: "open", TRIGGER_PENDING: "open", PARTIALLY_FILLED: "open",
  FILLED: "filled", CANCELLED: "", REJECTED: "refused", REFUSED: "refused", EXPIRED: "", NOT_SENT: "warn", UNKNOWN: "unknown", NOT_PLACED: "warn", UNPROVEN: "unknown",
};
const LANES = {
  asking: ["lane unknown", "Asking the broker: nothing will be resent"],
  flight: ["lane", "In flight"],
  recent: ["lane", "Recent"],
};
const CANCELLABLE = new Set(["OPEN", "TRIGGER_PENDING", "PARTIALLY_FILLED", "ACCEPTED"]);
const COLUMNS = ["created_at", "market_at", "filled_at", "account", "client_id", "venue_order_id", "symbol", "side", "quantity", "filled", "type", "product", "validity", "reduce_only", "price", "average_price", "fee", "source", "status", "origin", "strategy", "reason", "message"];

const CLOCKS_DIFFER_MS = 120_000;

// what an order is for beyond its type, where that is not what every order is
const VALIDITIES = { GTC: "GTC", IOC: "IOC", FOK: "FOK", GTX: "post-only" };
const FORCED = { liquidation: "liquidated by the venue", deleverage: "closed by the venue to deleverage another" };

export function ordersPanel({ store, quoteOf, strategyName, marketTime, refusals, currencyOf }) {
  const priced = (order, value) => price(value, currencyOf(order.account), quoteOf(order.symbol)?.tick_size);
  const counted = (order, value) => quantity(value, { currency: currencyOf(order.account) });
  const terms = (order) => [VALIDITIES[order.validity], order.reduce_only === true && order.product === "PERP" ? "reduce-only" : null].filter(Boolean).join(", ");
  // how much of it is filled stands below
  const words = (order) => (order.status === "PARTIALLY_FILLED" ? "PARTIAL" : order.status.replaceAll("_", " "));

  function meta(order) {
    const parts = [];
    if (order.status === "REFUSED") return order.reason;
    const filled = Number(order.filled);
    const asked = order.price ?? order.trigger_price;
    if (FORCED[order.source]) parts.push(FORCED[order.source]);
    if (order.type !== "MARKET" && order.status !== "FILLED" && asked) parts.push(`${order.type === "LIMIT" ? "limit" : order.type} ${priced(order, asked)}`);
    if (terms(order) && order.status !== "FILLED") parts.push(terms(order));
    if (order.status === "PARTIALLY_FILLED" || (order.status === "CANCELLED" && filled > 0)) parts.push(`${counted(order, filled)} of ${counted(order, order.quantity)} filled`);
    if (filled > 0 && order.average_price) parts.push(`at ${priced(order, order.average_price)}`);
    if (laneOf(order) === "asking") parts.push(order.message || "asked by its tag; entries in this symbol wait");
    else if (order.message && order.status !== "FILLED") parts.push(order.message);
    // the reason names the symbol for the journal; here it stands in the line above
    else if (order.reason) parts.push(order.reason.replace(`${bareSymbol(order.symbol)}: `, ""));
    return parts.join(" · ");
  }

  function rows() {
    const orders = store.rows("orders").map((order) => ({ ...order, kind: "order", id: `${order.account}/${order.key}`, when: order.created_at, lane: laneOf(order) }));
    const refused = refusals().map((row) => ({
      ...row, kind: "refusal", id: `refusal/${row.account}/${row.fired_at}/${row.rule}/${row.symbol}`, status: "REFUSED", when: row.fired_at, lane: "recent",
    }));
    const newest = (a, b) => String(b.when ?? "").localeCompare(String(a.when ?? "")) || a.id.localeCompare(b.id);
    const lane = (name) => [...orders, ...refused].filter((row) => row.lane === name).sort(newest);
    const lanes = { asking: lane("asking"), flight: lane("flight"), recent: folded(lane("recent")).slice(0, RECENT) };
    const titled = Object.entries(lanes).flatMap(([name, found]) => (found.length ? [{ id: `lane-${name}`, kind: "lane", name }, ...found] : []));
    return { titled, lanes, orders };
  }

  function make(row) {
    if (row.kind === "lane") return { element: h("li", { class: LANES[row.name][0], role: "presentation" }, LANES[row.name][1]), lane: true };
    const parts = { time: h("time"), what: h("a", { class: "what" }), chip: h("span", { class: "chip" }), meta: h("span", { class: "meta" }) };
    const cancel = h("button", { type: "button", class: "plain", hidden: true, onclick: () => askCancel(entry.row) }, "Cancel");
    const entry = { element: h("li", {}, parts.time, parts.what, parts.chip, parts.meta, cancel), cancel, ...parts };
    return entry;
  }

  function update(entry, row) {
    if (entry.lane) return;
    entry.row = row;
    const symbol = bareSymbol(row.symbol);
    const said = row.kind === "refusal" ? refusalOf(row) : `${row.side} ${counted(row, row.quantity)} ${symbol}`;
    const holder = strategyName(row);
    setText(entry.time, clock(row.market_at ?? row.when));
    entry.time.title = timesOf(row);
    setClass(entry.time, row.market_at || !clocksDiffer(row.account) ? "" : "apart");
    setName(entry.what, said);
    if (row.order_id && entry.what.getAttribute("href") === null) entry.what.href = orderPage(row.order_id);
    setText(entry.chip, words(row));
    setClass(entry.chip, `chip ${CHIPS[row.status] ?? ""}`);
    const details = [holder, row.origin === "EXTERNAL" ? "placed outside this desk" : null, row.book === "paper" ? "paper" : null, meta(row)].filter(Boolean).join(" · ");
    setText(entry.meta, details);
    entry.meta.title = [details, terms(row), isFigure(row.fee) ? `fee ${money(row.fee, currencyOf(row.account))}` : null].filter(Boolean).join(" · ");
    entry.cancel.hidden = !CANCELLABLE.has(row.status);
    entry.cancel.setAttribute("aria-label", `Cancel ${said}`);
    entry.element.title = [row.client_id, row.venue_order_id].filter(Boolean).join(" · ");
    entry.element.dataset.status = row.status;
    entry.element.classList.toggle("can-cancel", !entry.cancel.hidden);
  }

  function refusalOf({ times, symbols }) {
    const names = symbols.map(bareSymbol);
    if (times === 1) return `Entry in ${names[0]}`;
    return `${times} entries in ${names.length > 2 ? `${names.length} instruments` : names.join(", ")}`;
  }

  // Heights are the style sheet's: 3.9rem for an order, 1.5rem for the title of a lane.
  function arrange(rows) {
    let top = 0;
    rows.forEach((row, index) => {
      const { element } = byId("flight").keyedRows.get(row.id);
      const place = `translateY(${top}rem)`;
      if (element.style.transform !== place) element.style.transform = place;
      element.classList.toggle("first", index === 0 || rows[index - 1].kind === "lane");
      top = Math.round((top + (row.kind === "lane" ? 1.5 : 3.9)) * 10) / 10;
    });
    byId("flight").style.height = `${top}rem`;
  }

  function askCancel(order) {
    const left = Number(order.quantity) - Number(order.filled);
    ask({
      title: `Cancel ${order.side} ${bareSymbol(order.symbol)}`,
      rows: [[counted(order, left), "not yet filled, taken back at the broker"], [counted(order, Number(order.quantity) - left), "already filled, kept as a position"]],
      label: "Cancel the order",
      act: async () => {
        await write("/api/orders/cancel", { id: order.client_id, account: order.account });
        toast("Cancellation asked for; the order shows what the broker answered.");
      },
    });
  }

  function draw() {
    if (!store.has("orders")) return;
    const { titled, lanes, orders } = rows();
    keyed(byId("flight"), titled, { key: (row) => row.id, make, update });
    arrange(titled);
    byId("orders-empty").hidden = titled.length > 0;
    setText(byId("orders-sub"), [
      lanes.flight.length ? `${lanes.flight.length} in flight` : null,
      orders.length ? `${orders.length} today` : null,
    ].filter(Boolean).join(" · "));
    setText(byId("orders-badge"), lanes.asking.length || "");
  }

  function timesOf(row) {
    return [
      row.market_at ? `market ${moment(row.market_at)}` : "the market's time is not known",
      row.filled_at ? `last fill ${clock(row.filled_at)}` : null,
      `desk's clock ${moment(row.when)}`,
    ].filter(Boolean).join(" · ");
  }

  // A replay's market has its own time; what happened before its feed connected carries the desk's alone.
  function clocksDiffer(account) {
    const at = marketTime(account);
    return at !== null && Math.abs(at - Date.now()) > CLOCKS_DIFFER_MS;
  }

  function csv() {
    const quoted = (text) => `"${String(text ?? "").replaceAll('"', '""')}"`;
    const lines = rows().orders.map((order) => COLUMNS.map((name) => quoted(order[name])).join(","));
    return [COLUMNS.join(","), ...lines].join("\r\n");
  }

  byId("orders-csv").addEventListener("click", () => download("orders.csv", csv()));
  const soon = oncePerFrame(draw);
  for (const topic of ["orders", "strategies"]) store.on(topic, soon);
  return { draw: soon };
}
