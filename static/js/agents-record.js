// One decision, whole: what was known, who said what, what came of it, and whether it replays to the same bytes.
import { basisPoints, consensusWords, fieldWords, regimeWords, signed, span, voteWords } from "windhover/agents/shapes";
import { read } from "windhover/api";
import { openDialog } from "windhover/dialogs";
import { h } from "windhover/dom";
import { age, bareSymbol, clock, moment, percent } from "windhover/format";
import { refusal } from "windhover/toast";

const table = (label, heads, rows) => h("table", { class: "grid", "aria-label": label },
  h("thead", {}, h("tr", {}, ...heads.map(([text, name]) => h("th", { scope: "col", class: name }, text)))),
  h("tbody", {}, ...rows));

function replayWords(found) {
  if (found.replay.reason) return `Not replayed: ${found.replay.reason}`;
  return found.replay.identical ? `Replayed just now on its own inputs: the same ${found.bytes.toLocaleString("en-IN")} bytes.` : "Replayed just now: the bytes DIFFER from the record.";
}

function steps(found) {
  const { record } = found;
  const { consensus, terms, regime, votes } = record;
  const spoken = votes.filter((vote) => vote.score !== null).length;
  return [
    ["Snapshot", `${Object.values(record.snapshot.fields).filter((field) => field.value !== null).length} fields known, sha ${found.digest.slice(0, 16)}`],
    ["Regime", `${regimeWords(regime.regime)}${regime.leader ? `, read from ${bareSymbol(regime.leader)}` : ""}: ${regime.why}`],
    ["Votes", `${spoken} of ${votes.length}, ${votes.length - spoken} abstained`],
    ["Score", `${signed(consensus.score, 3)}, threshold ±${terms.rules.threshold.toFixed(2)}, participation ${Math.round(consensus.participation * 100)} %, agreement ${Math.round(consensus.agreement * 100)} %`],
    ["Outcome", `${consensusWords(consensus)}. ${consensus.why}`],
    ["Size", "none: an agent's word has no quantity, leverage or stop; sizing and the risk gate set them for the strategy that follows it"],
    ["Replay", replayWords(found)],
  ].flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]);
}

function voteRow(vote, outcome) {
  const came = outcome ? (outcome.gross_return === null ? `due ${clock(outcome.due_at)}` : percent(outcome.gross_return)) : "–";
  return h("tr", {}, h("th", { scope: "row" }, vote.agent), h("td", { class: "words" }, `${voteWords(vote)}, ${span(vote.horizon_s)}`), h("td", { class: "words" }, [vote.thesis, vote.invalidation].filter(Boolean).join(" ")), h("td", {}, vote.weight.value.toFixed(2)), h("td", {}, vote.probability === null ? "–" : percent(vote.probability, 1).replace("+", "")), h("td", {}, came));
}

function fieldRow(name, field, asked) {
  return h("tr", { id: `field-${name}`, class: name === asked ? "asked" : null }, h("th", { scope: "row" }, name), h("td", {}, fieldWords(name, field.value)), h("td", {}, field.age_s === null ? "–" : age(field.age_s)), h("td", { class: "words" }, field.source || "not given"));
}

/** Open a decision's record; `asked` is the field of the snapshot that is looked for. */
export async function openRecord(id, asked = null) {
  let found;
  try {
    found = await read(`/api/agents/decisions/${id}`);
  } catch (error) {
    refusal(error);
    return;
  }
  const outcomes = new Map(found.outcomes.map((row) => [row.agent, row]));
  const { votes, snapshot, terms } = found.record;
  const panel = outcomes.get("panel");
  const close = h("button", { type: "button", class: "quiet" }, "Close");
  const content = h("div", {},
    h("p", {}, `Market time ${moment(found.as_of)}, decided ${moment(found.made_at)}. Cost of a round trip declared before: ${basisPoints(terms.cost_fraction).replace("+", "")}.`),
    h("dl", { class: "steps" }, ...steps(found)),
    h("h3", {}, "Votes"),
    table("Votes", [["Agent"], ["Vote", "words"], ["Thesis", "words"], ["Weight"], ["Claims up"], ["Came"]], votes.map((vote) => voteRow(vote, outcomes.get(vote.agent)))),
    panel && panel.gross_return !== null ? h("p", { class: "convention" }, `The price moved ${percent(panel.gross_return)} over the ${span(panel.horizon_s)} after it.`) : null,
    h("h3", {}, "Snapshot"),
    table("Snapshot", [["Field"], ["Value"], ["Age"], ["Source", "words"]], Object.entries(snapshot.fields).map(([name, field]) => fieldRow(name, field, asked))),
    h("div", { class: "acts" }, close));
  const dialog = openDialog({ title: `${bareSymbol(found.instrument)}, decision of ${clock(found.as_of)}`, className: "record", content });
  close.addEventListener("click", () => dialog.close());
  // the first button takes the focus, and with it the view, to the foot
  dialog.scrollTop = 0;
  dialog.querySelector(".asked")?.scrollIntoView({ block: "center" });
}
