// How an order's life and what waits for a person are said. Pure, so that each shape is tested once, here.
import { isFigure, titled } from "windhover/format";

export const WHO = {
  strategy: "Strategy", person: "Person", guardian: "Guardian", desk: "Desk", gate: "Risk gate", venue: "Venue",
};
const STAGES = {
  decision_to_journal: "decision to journal",
  journal_to_venue: "journal to the venue's first word",
  venue_to_first_fill: "first word to first fill",
  first_to_last_fill: "first to last fill",
};

const TITLES = {
  external_order: "Order placed outside this desk",
  journal_lost: "An order of ours that the journal does not have",
  unknown_order: "An outcome of an order without a row",
  unknown: "Outcome unknown",
  unproven: "Outcome never proven",
  late: "An order thought absent appeared",
  late_fill: "A fill of an order thought over",
  contradiction: "The broker contradicts the journal",
  closed_elsewhere: "A position was closed elsewhere",
  unprotected: "A position could not be closed",
  exit_stuck: "An exit does not get through",
  stuck: "An order hangs at the exchange",
  egress: "The broker refuses this desk's address",
  trigger_failed: "A GTT fired, its order was refused",
  no_ticks: "An open market without a price",
  calendar: "No trading calendar for this year",
  hours: "Trading hours wait for a confirmation",
  instruments: "Today's list of instruments was refused",
  authorise: "A sale waits for your authorisation",
  charges: "Charges are not known",
  throttled: "The broker wants fewer orders",
  order_soft_stop: "Today's orders run short",
  order_cap: "Today's orders are used up",
  position: "A position differs from the broker's",
  missing_order: "An order is missing at the broker",
  unreadable: "The broker's books cannot be read",
  liquidation: "The venue closed a position by force",
  deleverage: "The venue closed a position to deleverage another",
  delisting: "A contract leaves the exchange",
  clock: "The clocks are apart",
  account_mode: "The account's mode is not the one that was traded in",
  basket_held: "A basket was left as it stood",
  guardian: "The guardian watches in the desk's place",
};

/** Milliseconds short enough for a cell: 0.4 ms, 84 ms, 3.20 s, 4 min, 2 h. */
export function span(milliseconds) {
  if (!isFigure(milliseconds)) return "–";
  const value = Number(milliseconds);
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${value.toFixed(0)} ms`;
  if (value < 60_000) return `${(value / 1000).toFixed(2)} s`;
  if (value < 7_200_000) return `${Math.floor(value / 60_000)} min`;
  return `${Math.floor(value / 3_600_000)} h`;
}

/** The stages that have happened, as `[figure, sentence]`. */
export function stages(latency) {
  return Object.entries(STAGES).map(([name, words]) => [span(latency?.[name]), words]);
}

/** Whose a step was: a person and a strategy have names. */
export function whose(step) {
  const who = WHO[step.who] ?? step.who;
  if (!step.name) return who;
  return `${who}, ${step.who === "strategy" ? titled(step.name) : step.name}`;
}

/** Steps whose reason is the one of the step before say it once. */
export function withoutRepeats(steps) {
  return steps.map((step, index) => (step.reason && step.reason === steps[index - 1]?.reason ? { ...step, reason: "" } : step));
}

/** The class of a status' chip. */
export function chipOf(status) {
  if (["UNKNOWN", "UNPROVEN"].includes(status)) return "chip unknown";
  if (status === "FILLED") return "chip filled";
  if (["REJECTED", "REFUSED"].includes(status)) return "chip refused";
  if (["NOT_SENT", "NOT_PLACED"].includes(status)) return "chip warn";
  return ["SENT", "ACCEPTED", "OPEN", "TRIGGER_PENDING", "PARTIALLY_FILLED"].includes(status) ? "chip open" : "chip";
}

/** The way an order's page is reached. */
export const orderPage = (id) => `/orders/${encodeURIComponent(id)}`;

/** What an entry of the exceptions inbox is called. */
export const titleOf = (kind) => TITLES[kind] ?? "The journal and the broker differ";
