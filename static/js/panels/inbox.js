// Needs you: differences between journal and broker, outcomes nobody knows, accounts without a session.
import { byId, h, keyed, oncePerFrame, setText } from "windhover/dom";
import { age, bareSymbol, clock, quantity } from "windhover/format";
import { titleOf } from "windhover/orders/shapes";
import { laneOf } from "windhover/shapes";

/** An account without a login of its own: its key is refused until a person enters another. */
function keyRefused(account) {
  return {
    id: `login-${account.id}`,
    title: "Key refused",
    sentence: `${account.label} cannot be reached with its key${account.reason ? `: ${account.reason.replace(/\.$/, "")}` : ""}. Its strategies are halted; exits wait until it has another key.`,
    href: `/brokers/accounts/${account.id}`,
    link: "Enter another key",
  };
}

export function inboxPanel({ store, accounts }) {
  function asks() {
    const logins = accounts()
      .filter((account) => account.state === "needs_login" && (!store.chosen() || account.id === store.chosen()))
      .map((account) => (account.venue === "aster" ? keyRefused(account) : {
        id: `login-${account.id}`,
        title: "Needs login",
        sentence: `${account.label} has no broker session${account.reason ? `: ${account.reason.replace(/\.$/, "")}` : ""}. Its strategies are halted; exits wait until you log in.`,
        href: `/brokers/${account.id}/login`,
        link: "Log in at the broker",
      }));
    const found = store.rows("inbox");
    const told = new Set(found.map((row) => row.subject));
    const waiting = store.rows("positions").filter((row) => row.queued_exit).map((row) => ({
      id: `exit-${row.key}`,
      title: "An exit waits",
      sentence: `${quantity(row.quantity, { signed: true })} ${bareSymbol(row.symbol)} should be flat: ${row.queued_exit}.`,
    }));
    const unknown = store.rows("orders").filter((order) => laneOf(order) === "asking" && !told.has(order.client_id)).map((order) => ({
      id: `order-${order.key}`,
      title: order.status === "UNPROVEN" ? "Outcome never proven" : "Outcome unknown",
      sentence: `${order.side} ${quantity(order.quantity)} ${bareSymbol(order.symbol)} since ${clock(order.created_at)}. ${
        order.status === "UNPROVEN" ? "Look into the broker's own book before trading this symbol." : "The broker is being asked; no second order will be sent."}`,
      go: "orders",
    }));
    const differences = found.map((row) => ({
      id: `found-${row.account}-${row.key}`,
      title: titleOf(row.kind),
      sentence: row.sentence,
      at: row.found_at,
    }));
    return [...logins, ...unknown, ...waiting, ...differences];
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
  for (const topic of ["inbox", "orders", "positions", "feeds"]) store.on(topic, soon);
  return { draw: soon };
}
