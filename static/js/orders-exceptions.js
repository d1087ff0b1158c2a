// What waits for a person's decision: evidence, choices with their consequences, and what was decided before.
import { newKey, read, write } from "windhover/api";
import { consequences, openDialog } from "windhover/dialogs";
import { byId, h, keyed, sayRefused, setClass, setText } from "windhover/dom";
import { age, bareSymbol, moment, price, quantity } from "windhover/format";
import { chipOf, orderPage, titleOf } from "windhover/orders/shapes";
import { frame } from "windhover/shell";
import { toast } from "windhover/toast";

const LOOK_EVERY_MS = 2000;
const SETTLED_SHOWN = 20;
const ASKED = {
  accepted: () => "The desk was asked and has not answered yet.",
  done: (outcome) => `The desk did what was asked: ${outcome}.`,
  failed: (outcome) => `The desk did not do what was asked: ${outcome}.`,
};
const given = JSON.parse(byId("exceptions-data").textContent);
let looking = false;

function held(position) {
  const whose = position.strategy_key ? "a strategy's" : "nobody's";
  return `${quantity(position.quantity, { signed: true })} ${position.product} at ${price(position.average_price)}, ${whose}`;
}

function evidence(row) {
  const parts = [];
  if (row.order) {
    parts.push(h("a", { href: orderPage(row.order.id) }, `${row.order.side} ${quantity(row.order.quantity)} ${bareSymbol(row.instrument)}`));
    parts.push(h("span", { class: chipOf(row.order.status) }, row.order.status.replaceAll("_", " ")));
  }
  for (const position of row.positions) parts.push(h("span", { class: "evidence" }, `books: ${held(position)}`));
  if (row.journal_seq) parts.push(h("span", { class: "evidence" }, `journal row ${row.journal_seq}`));
  return parts;
}

function make() {
  const parts = { title: h("b"), where: h("span", { class: "sub" }), sentence: h("p"), resolution: h("p", { class: "resolution" }), evidence: h("div", { class: "evidences" }), asked: h("p", { class: "sub" }), acts: h("div", { class: "acts" }) };
  return { element: h("li", {}, h("div", { class: "head" }, parts.title, parts.where), parts.sentence, parts.resolution, parts.evidence, parts.asked, parts.acts), ...parts };
}

function update(entry, row) {
  setText(entry.title, titleOf(row.kind));
  const since = `${age((Date.now() - Date.parse(row.resolved_at ?? row.found_at)) / 1000)} ago`;
  setText(entry.where, `${row.account_label} · ${row.resolved_at ? "settled " : ""}${since}`);
  entry.where.title = `found ${moment(row.found_at)}${row.resolved_at ? `, settled ${moment(row.resolved_at)}` : ""}`;
  setText(entry.sentence, row.sentence);
  setText(entry.resolution, row.resolution);
  entry.resolution.hidden = !row.resolution;
  setText(entry.asked, row.asked ? ASKED[row.asked.state](row.asked.outcome) : "");
  setClass(entry.asked, row.asked?.state === "failed" ? "sub warned" : "sub");
  entry.asked.hidden = !row.asked;
  const shown = JSON.stringify([row.order, row.positions, row.journal_seq, row.choices]);
  if (entry.shown === shown) return;
  entry.shown = shown;
  entry.evidence.replaceChildren(...evidence(row));
  const offered = given.may_act ? row.choices : [];
  entry.acts.replaceChildren(...offered.map((offer) => h("button", { type: "button", class: offer.choice === "flatten" ? "danger" : "", onclick: () => decide(row, offer) }, offer.label)));
  entry.acts.hidden = offered.length === 0;
}

/** Ask once more, with the consequence in words and a reason where the journal keeps one. */
function decide(row, offer) {
  const key = newKey();
  const reason = h("textarea", { id: "reason", rows: "2", maxlength: "300", required: offer.needs_reason });
  const field = offer.needs_reason ? h("label", { for: "reason" }, "Reason, kept in the journal with your name", reason) : null;
  const wrong = h("p", { class: "wrong", role: "alert" });
  const cancel = h("button", { type: "button", class: "quiet" }, "Cancel");
  const button = h("button", { type: "submit", class: offer.choice === "accept" || offer.choice === "adopt" ? "primary" : "danger" }, offer.label);
  const form = h("form", { method: "dialog" }, h("p", {}, row.sentence), consequences([["Then", offer.consequence]]), field, wrong, h("div", { class: "acts" }, cancel, button));
  const dialog = openDialog({ title: `${offer.label}: ${titleOf(row.kind).toLowerCase()}`, content: form });
  cancel.addEventListener("click", () => dialog.close());
  (offer.needs_reason ? reason : cancel).focus();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await write("/api/exceptions/settle", { id: row.id, choice: offer.choice, reason: reason.value, ...(offer.quantity ? { quantity: offer.quantity } : {}) }, key);
      dialog.close();
      toast("The desk was asked; the entry changes once it has done it.");
      look();
    } catch (error) {
      sayRefused(wrong, error);
      button.disabled = false;
    }
  });
}

function draw(open, settled) {
  keyed(byId("open"), open, { key: (row) => row.id, make, update });
  keyed(byId("settled"), settled, { key: (row) => row.id, make, update });
  byId("open-empty").hidden = open.length > 0;
  byId("settled-empty").hidden = settled.length > 0;
  byId("open-count").hidden = open.length === 0;
  setText(byId("open-count"), open.length);
  setText(byId("settled-sub"), settled.length ? `the newest ${settled.length}` : "");
}

async function look() {
  if (looking || document.hidden) return;
  looking = true;
  try {
    const [open, settled] = await Promise.all([read("/api/exceptions"), read(`/api/exceptions?state=settled&limit=${SETTLED_SHOWN}`)]);
    draw(open.results, settled.results);
    setText(byId("looked"), "Live");
    setClass(byId("looked"), "tag ok");
    setText(byId("wrong"), "");
  } catch (error) {
    setText(byId("looked"), "Not live");
    setClass(byId("looked"), "tag bad");
    setText(byId("wrong"), `The exceptions cannot be read: ${error.message}`);
  } finally {
    looking = false;
  }
}

frame();
await look();
setInterval(look, LOOK_EVERY_MS);
