// Sending on paper: what will happen in order and in numbers, a second step, then each leg until it is filled or why not.
import { newKey, read, write } from "windhover/api";
import { consequences, openDialog } from "windhover/dialogs";
import { h, keyed, setClass, setText } from "windhover/dom";
import { isFigure, price } from "windhover/format";
import { BASKET_WORDS, basketLegs, boundText, isOver, legWords, roundMoney, signedMoney } from "windhover/builder/shapes";

const LOOK_EVERY_MS = 700;
const CHIP = { FILLED: "filled", REFUSED: "refused", REJECTED: "refused", CANCELLED: "refused", EXPIRED: "refused", UNKNOWN: "unknown", UNPROVEN: "unknown" };
const POLICIES = [
  ["unwind", "Close what filled", "at once, at the market; what was paid in spread and charges is lost"],
  ["hold", "Hold what filled", "bought legs stay; no sold leg is sent without its cover"],
];

const PRICINGS = [
  ["limit", "Limit at these prices", "a leg whose price runs away waits, and then the basket is undone"],
  ["market", "Follow the market", "within the desk's slippage: what is paid may differ from what stands here"],
];

function choices(name, legend, rows) {
  return h("fieldset", { class: "policy" }, h("legend", {}, legend),
    ...rows.map(([value, title, says], index) => h("label", {}, h("input", { type: "radio", name, value, checked: index === 0 }), h("b", {}, title), h("span", { class: "sub" }, says))));
}

/** `answer` is what the desk said of the legs, `margin` what it blocks; `onSent(id)` once the desk has taken it. */
export function sendDialog({ answer, margin, name, accounts, onSent, onClose }) {
  const rows = answer.legs;
  const key = newKey();
  const outcome = answer.after_charges;
  const account = h("select", { id: "send-account" }, ...accounts.map((one) => h("option", { value: one.id }, one.label)));
  const wrong = h("p", { class: "wrong", role: "alert" });
  const cancel = h("button", { type: "button", class: "quiet" }, "Cancel");
  const submit = h("button", { type: "submit", class: "primary" }, `Send ${rows.length} ${rows.length === 1 ? "order" : "orders"} on paper`);
  const form = h("form", { method: "dialog" },
    h("p", {}, "Paper: no order reaches the exchange. The legs are filled against live prices, in this order; a sold leg goes only once what covers it is filled."),
    h("ol", { class: "order" }, ...rows.map((row) => h("li", {}, h("span", {}, legWords(row, answer.underlying)), h("span", { class: "num" }, `at ${price(row.price, "INR", row.tick_size)} `, h("span", { class: "sub" }, row.price_side))))),
    consequences([
      [boundText(outcome.max_loss), `worst case at expiry, charges counted. ${outcome.max_loss.said}`],
      [boundText(outcome.max_profit), `best case. ${outcome.max_profit.said}`],
      [signedMoney(answer.net_premium), Number(answer.net_premium) < 0 ? "is paid for the legs" : "comes in for the legs"],
      [margin ? roundMoney(margin.peak, { signed: false }) : "–", `margin at its peak, ${margin?.source === "venue" ? "by the venue's calculator" : "by an own estimate"}`],
    ]),
    outcome.max_loss.is_bounded ? null : h("p", { class: "warned" }, "Its loss has no bound. The desk's limits refuse a sold option that nothing bought in the same basket covers."),
    choices("pricing", "At what price", PRICINGS),
    choices("policy", "If a leg is not filled within a minute", POLICIES),
    accounts.length > 1 ? h("div", { class: "field" }, h("label", { for: "send-account" }, "Account"), account) : null,
    wrong,
    h("div", { class: "acts" }, cancel, submit));
  const body = h("div", {}, form);
  let timer = null;
  const dialog = openDialog({ title: "Send on paper", className: "send", content: body, onClose: () => { clearTimeout(timer); onClose(); } });
  cancel.addEventListener("click", () => dialog.close());
  // Enter on a freshly opened question must not act: the way out has the focus.
  cancel.focus();

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    setText(wrong, "");
    const chosenOf = (what) => form.querySelector(`input[name="${what}"]:checked`).value;
    const chosen = account.value ? { account: account.value } : {};
    try {
      const made = await write("/api/baskets", { ...chosen, name, mode: "paper", policy: chosenOf("policy"), legs: basketLegs(rows, chosenOf("pricing") === "market") }, key);
      onSent(made.id);
      follow(made.id);
    } catch (error) {
      setText(wrong, error.message);
      submit.disabled = false;
    }
  });

  function follow(id) {
    const says = h("p", { class: "basket-says", role: "status" }, BASKET_WORDS.accepted);
    const list = h("ol", { class: "order progress" });
    const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
    const words = new Map(rows.map((row) => [row.instrument, legWords(row, answer.underlying)]));
    setText(dialog.querySelector("h2"), "Sent on paper");
    body.replaceChildren(says, list, h("div", { class: "acts" }, h("a", { class: "button", href: "/#orders" }, "Orders on the desk"), close));
    close.focus();
    const show = (legs) => keyed(list, legs, { key: (leg) => leg.instrument, make: madeLeg, update: (entry, leg) => updateLeg(entry, leg, words.get(leg.instrument)) });
    show(rows.map((row) => ({ instrument: row.instrument, quantity: row.quantity, filled: "0", status: "WAITING" })));

    async function look() {
      try {
        const found = (await read(`/api/baskets?id=${encodeURIComponent(id)}`)).results[0];
        if (found) {
          show(found.legs);
          setText(says, [BASKET_WORDS[found.state] ?? found.state, found.reason].filter(Boolean).join(" "));
          setClass(says, `basket-says ${found.state}`);
          if (isOver(found.state)) return;
        }
      } catch (error) {
        setText(says, `${error.message} The basket goes on at the desk; it is asked for again.`);
      }
      timer = setTimeout(look, LOOK_EVERY_MS);
    }
    look();
  }
}

function madeLeg() {
  const entry = { words: h("span"), chip: h("span", { class: "chip" }), filled: h("span", { class: "num" }), reason: h("span", { class: "reason" }) };
  entry.element = h("li", {}, entry.words, entry.chip, entry.filled, entry.reason);
  return entry;
}

function updateLeg(entry, leg, words) {
  const status = leg.status || "WAITING";
  setText(entry.words, words ?? leg.instrument);
  setText(entry.chip, status);
  setClass(entry.chip, `chip ${CHIP[status] ?? "open"}`);
  const at = isFigure(leg.average_price) && Number(leg.average_price) > 0 ? ` at ${price(leg.average_price)}` : "";
  setText(entry.filled, `${Number(leg.filled ?? 0).toLocaleString("en-IN")} of ${Number(leg.quantity).toLocaleString("en-IN")}${at}`);
  setText(entry.reason, leg.reason ?? "");
  entry.element.dataset.status = status;
}
