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
