// What a combination comes to, in figures: the outcome, the Greeks, the margin, and the bar at the foot.
import { byId, setClass, setText } from "windhover/dom";
import { counted, tone } from "windhover/format";
import { boundText, breakevenText, chanceText, lotsWords, oddsText, premiumName, roundMoney, signedMoney } from "windhover/builder/shapes";
import { greek } from "windhover/options/figures";

/** A figure in its place; `value` lends it the tone of its sign. */
export function figureOf(id, text, value = null) {
  setText(byId(id), text);
  setClass(byId(id), [...byId(id).classList].filter((one) => one !== "gain" && one !== "loss").concat(value === null ? [] : [tone(value)]).filter(Boolean).join(" "));
}

const IDS = ["max-profit", "max-loss", "chance", "breakevens", "premium", "charges", "leaving", "odds", "greek-delta", "greek-gamma", "greek-vega", "greek-theta"];

/** The outcome, the Greeks and the margin of what the desk answered; dashes without an answer. */
export function drawFigures(answer, margin, rows) {
  if (!answer) {
    for (const id of IDS) figureOf(id, "–");
    for (const id of ["max-loss-where", "chance-says"]) setText(byId(id), "");
    setText(byId("max-profit-where"), "Max profit");
    drawMargin(null);
    return;
  }
  const { after_charges: outcome, greeks, charges, probability_of_profit: chance } = answer;
  figureOf("max-profit", boundText(outcome.max_profit), outcome.max_profit.amount ?? 1);
  setText(byId("max-profit-where"), `Max profit${outcome.max_profit.is_bounded ? `: ${lower(outcome.max_profit.said)}` : ", as it rises"}`);
  figureOf("max-loss", boundText(outcome.max_loss), outcome.max_loss.amount ?? -1);
  setText(byId("max-loss-where"), outcome.max_loss.said);
  figureOf("chance", chanceText(chance.value));
  setText(byId("chance-says"), chance.said.join(" "));
  figureOf("breakevens", breakevenText(outcome.breakevens));
  setText(byId("premium-name"), premiumName(answer.net_premium));
  figureOf("premium", signedMoney(answer.net_premium));
  figureOf("charges", signedMoney(-Number(charges.entry)));
  figureOf("leaving", charges.leaving_now ? signedMoney(charges.leaving_now.total) : "no quote");
  byId("leaving").title = charges.leaving_now ? `Spread ${signedMoney(charges.leaving_now.spread)}, charges ${signedMoney(charges.leaving_now.charges)}` : "A leg has no quote on the side that would close it.";
  figureOf("odds", oddsText(outcome));
  figureOf("greek-delta", roundMoney(greeks.delta_money_per_percent));
  figureOf("greek-gamma", greek(greeks.gamma_per_percent, 1));
  figureOf("greek-vega", roundMoney(greeks.vega));
  figureOf("greek-theta", roundMoney(greeks.theta));
  setText(byId("outcome-says"), `after the charges of entering · ${lotsWords(rows)} of ${answer.lot_size}`);
  drawMargin(margin ?? answer.margin);
}

const lower = (said) => said.charAt(0).toLowerCase() + said.slice(1).replace(/\.$/, "");

function drawMargin(said) {
  for (const part of ["peak", "final", "scenarios", "exposure"]) setText(byId(`margin-${part}`), said ? roundMoney(said[part], { signed: false }) : "–");
  setText(byId("margin-source"), said ? (said.source === "venue" ? "the venue's calculator" : "own estimate") : "");
  setText(byId("margin-says"), said?.said ?? "");
}

/** The bar at the foot: what is picked, its worst case, what it blocks. */
export function drawDock(answer, margin, legs) {
  const outcome = answer?.after_charges;
  const said = margin ?? answer?.margin;
  setText(byId("dock-legs"), legs.length ? counted(legs.length, "leg") : "No leg");
  setText(byId("dock-lots"), legs.length ? lotsWords(legs) : "");
  setText(byId("dock-premium-name"), Number(answer?.net_premium) < 0 ? "Debit" : "Credit");
  setText(byId("dock-premium"), answer ? signedMoney(Math.abs(answer.net_premium)).replace("+", "") : "–");
  setText(byId("dock-loss"), outcome ? boundText(outcome.max_loss) : "–");
  setClass(byId("dock-loss"), outcome ? tone(outcome.max_loss.amount ?? -1) : "");
  setText(byId("dock-margin"), said ? roundMoney(said.peak, { signed: false }) : "–");
}
