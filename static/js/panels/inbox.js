// Needs you: differences between journal and broker, outcomes nobody knows, accounts without a session.
import { byId, h, keyed, oncePerFrame, setText } from "windhover/dom";
import { age, bareSymbol, clock, quantity } from "windhover/format";
import { laneOf } from "windhover/shapes";

const TITLES = {
  external_order: "Order placed outside this desk",
  external: "Order placed outside this desk",
  position_mismatch: "Position differs from the broker's",
  position: "Position differs from the broker's",
  order_mismatch: "Order differs from the broker's",
  trade_missing: "A trade the journal does not have",
  journal_lost: "An order of ours that the journal does not have",
  not_placed_late: "An order that was thought absent appeared",
};

export function inboxPanel({ store, accounts }) {
  function asks() {
    const logins = accounts()
      .filter((account) => account.state === "needs_login" || account.state === "NEEDS_LOGIN")
      .map((account) => ({
        id: `login-${account.id}`,
        title: "Needs login",
        sentence: `${account.label} has no broker session${account.reason ? `: ${account.reason}` : ""}. Its strategies are halted; exits wait until you log in.`,
        href: `/brokers/${account.id}/login`,
        link: "Log in at the broker",
      }));
    const unknown = store.rows("orders").filter((order) => laneOf(order) === "asking").map((order) => ({
      id: `order-${order.key}`,
      title: order.status === "UNPROVEN" ? "Outcome never proven" : "Outcome unknown",
      sentence: `${order.side} ${quantity(order.quantity)} ${bareSymbol(order.symbol ?? order.instrument)} since ${clock(order.created_at)}. ${
        order.status === "UNPROVEN" ? "Look into the broker's own book before trading this symbol." : "The broker is being asked; no second order will be sent."}`,
      go: "orders",
    }));
    const found = store.rows("inbox").map((row) => ({
      id: `found-${row.account}-${row.key}`,
      title: row.title ?? TITLES[row.kind] ?? "The journal and the broker differ",
      sentence: row.sentence ?? row.message ?? "",
      at: row.found_at,
      href: row.link ?? row.url ?? null,
      link: "Open",
    }));
    return [...logins, ...unknown, ...found];
  }

  function make(row) {
    const title = h("b");
    const sentence = h("p");
    const when = h("span", { class: "sub" });
    const acts = row.href || row.go
      ? h("div", { class: "acts" }, h("a", { class: "button", href: row.href ?? `#${row.go}` }, row.href ? row.link : "Show the order"))
      : null;
    return { element: h("li", {}, title, " ", when, sentence, acts), title, sentence, when };
  }

  function update(entry, row) {
    setText(entry.title, row.title);
    setText(entry.sentence, row.sentence);
    setText(entry.when, row.at ? `${age((Date.now() - Date.parse(row.at)) / 1000)} ago` : "");
  }

  function draw() {
    const rows = asks();
    keyed(byId("asks"), rows, { key: (row) => row.id, make, update });
    byId("inbox-count").hidden = rows.length === 0;
    setText(byId("inbox-count"), rows.length);
    byId("inbox-empty").hidden = rows.length > 0 || !store.has("orders");
  }

  const soon = oncePerFrame(draw);
  for (const topic of ["inbox", "orders"]) store.on(topic, soon);
  return { draw: soon };
}
