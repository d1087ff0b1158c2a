// The agents' page: the regime, the seven with their votes, the consensus, and what their word has been worth.
import { openRecord } from "windhover/agents/record";
import { basisPoints, calibrationPicture, consensusWords, enough, fieldWords, regimeWords, signed, span, votesPicture, voteWords, withMargin } from "windhover/agents/shapes";
import { read, write } from "windhover/api";
import { byId, h, keyed, setClass, setText } from "windhover/dom";
import { age, bareSymbol, clock, counted, moment, percent, tone } from "windhover/format";
import { frame } from "windhover/shell";
import { refusal, toast } from "windhover/toast";

const EVERY_MS = 5000;
const LISTED = 40;
const given = JSON.parse(byId("agents-data").textContent);
let board = null;
let watchId = null;
let instrument = null;
let pastOf = "";
let drawnVotes = "";

const watch = () => board?.results.find((row) => row.id === watchId) ?? board?.results[0] ?? null;
const decision = () => watch()?.decisions.find((row) => row.instrument === instrument) ?? watch()?.decisions[0] ?? null;

function choices(id, rows, chosen, choose) {
  const wanted = JSON.stringify([rows, chosen]);
  const element = byId(id);
  if (element.dataset.drawn === wanted) return;
  element.dataset.drawn = wanted;
  element.replaceChildren(...rows.map(([key, text]) => h("button", { type: "button", class: "choice", "aria-pressed": String(key === chosen), onclick: () => choose(key) }, text)));
}

function drawBar(row) {
  const at = decision()?.as_of;
  setText(byId("as-of"), !row.is_running ? "Stopped" : at ? `Decided ${clock(at)}` : "First round is under way");
  setClass(byId("as-of"), `tag ${row.is_running ? (at ? "ok" : "info") : "warn"}`);
  byId("as-of").title = at ? `market time ${moment(at)}` : "";
  setText(byId("as-of-more"), `every ${row.every_s} s, bars of ${row.bar_minutes} min, rules, no model`);
  byId("problem").hidden = !row.problem;
  setText(byId("problem"), row.problem ? `Not everything could be read: ${row.problem}` : "");
  const run = byId("run");
  if (!run) return;
  run.hidden = byId("change").hidden = !row.may_act;
  setText(run, row.is_running ? "Stop the agents" : "Start the agents");
}

function facts(element, rows) {
  keyed(element, rows, {
    key: ([name]) => name,
    make: ([name]) => {
      const value = h("dd");
      return { element: h("div", {}, h("dt", {}, name), value), value };
    },
    update: (entry, [, text]) => setText(entry.value, text),
  });
}

function drawRegime({ regime, every_s: everyS }) {
  setText(byId("regime-sub"), `Conductor, every ${everyS} s`);
  if (!regime) return;
  setText(byId("regime"), regimeWords(regime.regime));
  const since = regime.since ? `, since ${clock(regime.since, { seconds: false })}, ${counted(regime.readings, "reading")}` : "";
  setText(byId("regime-why"), `${regime.leader ? bareSymbol(regime.leader) : ""}${since}: ${regime.why}.`);
  facts(byId("regime-facts"), [
    ["Move in random walks", signed(regime.trend)], ["ADX", regime.adx === null ? "–" : Number(regime.adx).toFixed(0)],
    ["Range above its past", regime.volatility_rank === null ? "–" : `${Math.round(regime.volatility_rank * 100)} %`], ["Above their average", `${regime.up} of ${regime.counted}`],
  ]);
}

function drawConsensus(row, made) {
  setText(byId("consensus-sub"), made?.id ? `${bareSymbol(made.instrument)}, ${clock(made.as_of)}` : "");
  setText(byId("consensus-word"), made?.id ? consensusWords(made.consensus) : "");
  setText(byId("consensus-why"), made?.id ? `${made.consensus.why} Dot area is weight, the dashes are the threshold.` : "No decision on this instrument yet.");
  byId("open-record").hidden = !made?.id;
  const wanted = made?.id ?? "";
  if (wanted === drawnVotes) return;
  drawnVotes = wanted;
  byId("votes").replaceChildren(...(made?.id ? [votesPicture(made.votes, made.consensus, row.rules.threshold)] : []));
  if (made?.id) byId("votes").setAttribute("aria-label", `Votes on ${bareSymbol(made.instrument)}: ${made.votes.map((vote) => `${vote.name} ${voteWords(vote)}`).join(", ")}`);
}

function drawDecision(row, made) {
  setText(byId("decision-sub"), made?.id ? `${bareSymbol(made.instrument)}, ${clock(made.as_of)}` : "");
  const rows = made?.id ? [
    ["Snapshot", `${made.fields_known} of ${made.fields} fields, oldest ${age(made.oldest_s)}`],
    ["Digest", made.digest.slice(0, 16)],
    ["Votes", `${made.consensus.voted} of ${made.consensus.asked}`],
    ["Score", `${signed(made.score, 3)}, threshold ±${row.rules.threshold.toFixed(2)}`],
    ["Agreement", `${Math.round(made.consensus.agreement * 100)} % of the weight with a side`],
    ["Guard", made.guard === "none" ? "none spoke" : `${made.guard}: no signal`],
    ["Size", "none; sizing and the risk gate set it"],
  ] : [];
  const wanted = JSON.stringify(rows);
  if (byId("decision").dataset.drawn === wanted) return;
  byId("decision").dataset.drawn = wanted;
  byId("decision").replaceChildren(...rows.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
}

function evidence(vote, id) {
  return vote.evidence.map((one) => h("button", { type: "button", class: one.value === null ? "ev absent" : "ev", title: "Show it in the record", onclick: () => openRecord(id, one.field) }, one.field, h("b", {}, fieldWords(one.field, one.value))));
}

function makeAgent() {
  const part = (name, className) => h(name, { class: className });
  const parts = { name: h("span"), speciality: part("span", "sub"), vote: h("b"), horizon: part("span", "sub"), thesis: h("div"), evidence: part("div", "evidence"), weight: h("b"), factors: part("span", "sub"), brier: h("span"), brierSub: part("span", "sub"), alpha: h("span"), alphaSub: part("span", "sub"), right: h("span"), rightSub: part("span", "sub") };
  const button = given.may_act ? h("button", { type: "button", class: "quiet" }) : null;
  const figure = (label, ...children) => h("td", { class: "figure", "data-label": label }, ...children);
  const element = h("tr", {}, h("th", { scope: "row" }, parts.name, parts.speciality), h("td", { class: "words vote" }, parts.vote, parts.horizon), h("td", { class: "words thesis" }, parts.thesis, parts.evidence), figure("Weight", parts.weight, parts.factors), figure("Brier", parts.brier, parts.brierSub), figure("Net per vote", parts.alpha, parts.alphaSub), figure("Right", parts.right, parts.rightSub), h("td", {}, button));
  const entry = { element, parts, button, drawn: "" };
  button?.addEventListener("click", () => entry.toggle());
  return entry;
}

function drawAgent(entry, agent, row, made) {
  const { parts } = entry;
  const vote = made?.votes?.find((one) => one.agent === agent.key);
  const { record } = agent;
  setText(parts.name, agent.name);
  setText(parts.speciality, `${agent.speciality}, ${agent.mind}`);
  setText(parts.vote, !vote ? "No vote yet" : voteWords(vote));
  setClass(parts.vote, vote && vote.score === null ? "abstained" : "");
  setText(parts.horizon, vote ? `${span(vote.horizon_s)} horizon` : "");
  setText(parts.thesis, vote ? [vote.thesis, vote.invalidation && `${vote.invalidation[0].toUpperCase()}${vote.invalidation.slice(1)}.`].filter(Boolean).join(" ") : "");
  const cites = vote ? `${made.id}` : "";
  if (entry.drawn !== cites) {
    entry.drawn = cites;
    parts.evidence.replaceChildren(...(vote ? evidence(vote, made.id) : []));
  }
  setText(parts.weight, vote ? vote.weight.value.toFixed(2) : "–");
  setText(parts.factors, vote ? `${vote.weight.record.toFixed(2)} × ${vote.weight.regime.toFixed(1)}` : "");
  const few = enough(record);
  setText(parts.brier, record.brier === null ? "–" : record.brier.toFixed(3));
  setText(parts.brierSub, record.brier === null ? few : few ?? `base ${record.base_brier.toFixed(3)}, n ${record.blocks}`);
  setText(parts.alpha, record.alpha ? basisPoints(record.alpha.value) : "–");
  setClass(parts.alpha, few ? "" : tone(record.alpha?.value, 5));
  setText(parts.alphaSub, record.alpha?.margin ? `±${basisPoints(record.alpha.margin).replace("+", "")}, n ${record.alpha.n}` : "");
  setText(parts.right, record.hit_rate ? `${Math.round(record.hit_rate.value * 100)} %` : "–");
  setText(parts.rightSub, record.hit_rate?.margin ? `±${Math.round(record.hit_rate.margin * 100)}, ${counted(record.votes, "vote")}` : record.votes ? counted(record.votes, "vote") : "");
  if (!entry.button) return;
  entry.button.hidden = !row.may_act;
  setText(entry.button, agent.is_running ? "Stop" : "Start");
  entry.button.setAttribute("aria-label", `${agent.is_running ? "Stop" : "Start"} ${agent.name}`);
  entry.toggle = () => toggle({ id: row.id, running: !agent.is_running, agent: agent.key }, `${agent.name} ${agent.is_running ? "is asked no more" : "is asked again"}.`);
}

function drawAgents(row, made) {
  const running = row.agents.filter((one) => one.is_running).length;
  setText(byId("agents-sub"), `${running} asked, ${row.agents.length - running} stopped, all by rules`);
  keyed(byId("agents").tBodies[0], row.agents, { key: (agent) => `${row.id}/${agent.key}`, make: makeAgent, update: (entry, agent) => drawAgent(entry, agent, row, made) });
  const { record } = row.panel;
  const needed = record.needed;
  setText(byId("agents-says"), `Weight is track record × regime; every record weighs 1.00 until ${needed} blocks of one horizon are settled. Brier scores one event, declared with the vote: the return over the horizon, net of ${basisPoints(row.cost_fraction).replace("+", "")} for the round trip, is above zero; base is the score of the base rate alone. Net per vote is after that cost. Votes that overlap, and those at one time on several instruments, count as one block.`);
}

function drawCalibration(row) {
  const bins = row.reliability;
  const total = bins.reduce((sum, bin) => sum + bin.n, 0);
  const { record } = row.panel;
  setText(byId("calibration-sub"), `all agents, ${counted(total, "settled vote")} with a side`);
  const wanted = JSON.stringify(bins);
  if (byId("calibration").dataset.drawn !== wanted) {
    byId("calibration").dataset.drawn = wanted;
    byId("calibration").replaceChildren(...(bins.length ? [calibrationPicture(bins)] : []));
    byId("calibration-table").tBodies[0].replaceChildren(...bins.map((bin) => h("tr", {}, h("th", { scope: "row" }, String(bin.n)), h("td", {}, `${(bin.claimed * 100).toFixed(1)} %`), h("td", {}, `${(bin.right * 100).toFixed(1)} %${bin.margin === null ? "" : ` ±${(bin.margin * 100).toFixed(1)}`}`))));
  }
  byId("calibration-table").hidden = bins.length === 0;
  setText(byId("calibration-says"), bins.length ? `Claimed across, right upwards, in per cent with 95 % bars; on the dashes it is right as often as it claims. The consensus: ${enough(record) ?? withMargin(record.hit_rate, (value) => `${Math.round(value * 100)} %`)}.` : "No vote has reached the end of its horizon yet; each is settled against the bar that ends there.");
}

function drawGuards(row) {
  byId("guards").hidden = row.guards.length === 0;
  const wanted = JSON.stringify(row.guards);
  if (byId("guards").dataset.drawn !== wanted) {
    byId("guards").dataset.drawn = wanted;
    byId("guards").tBodies[0].replaceChildren(...row.guards.map((one) => h("tr", {}, h("th", { scope: "row" }, one.name), h("td", {}, String(one.ideas)), h("td", {}, `${Math.round(one.won * 100)} %`), h("td", {}, basisPoints(one.net)), h("td", { class: `strong ${one.net <= 0 ? "gain" : "loss"}` }, `${one.net <= 0 ? "saved" : "cost"} ${basisPoints(Math.abs(one.net)).replace("+", "")}`))));
  }
  setText(byId("guards-says"), row.guards.length ? "Per idea and unit of value, after costs, over twelve bars. Ideas of one hour overlap: few of them are independent." : "Nothing that a guard stopped has been settled yet.");
}

async function drawPast() {
  const made = decision();
  const wanted = made?.id ?? "";
  if (wanted === pastOf) return;
  pastOf = wanted;
  if (!made) return;
  try {
    const { results } = await read(`/api/agents/decisions?${new URLSearchParams({ instrument: made.instrument, limit: LISTED })}`);
    setText(byId("past-sub"), `${bareSymbol(made.instrument)}, newest first`);
    byId("past").tBodies[0].replaceChildren(...results.map((one) => h("tr", {}, h("th", { scope: "row" }, h("button", { type: "button", title: moment(one.as_of), onclick: () => openRecord(one.id) }, clock(one.as_of))), h("td", {}, signed(one.score)), h("td", { class: "words" }, one.side ? (one.side > 0 ? "long" : "short") : `no signal, ${one.guard}`))));
  } catch (error) {
    pastOf = "";
    setText(byId("past-sub"), error.message);
  }
}

function draw() {
  const row = watch();
  byId("view").hidden = !row;
  byId("setting").hidden = Boolean(row) && !byId("setting").dataset.asked;
  choices("watches", board.results.length > 1 ? board.results.map((one) => [one.id, one.label]) : [], row?.id, (id) => { watchId = id; instrument = null; draw(); });
  if (!row) {
    setText(byId("as-of"), "Not set on anything");
    setClass(byId("as-of"), "tag");
    return;
  }
  const made = decision();
  choices("instruments", row.decisions.map((one) => [one.instrument, bareSymbol(one.instrument)]), made?.instrument, (name) => { instrument = name; draw(); });
  drawBar(row);
  drawRegime(row);
  drawConsensus(row, made);
  drawDecision(row, made);
  drawAgents(row, made);
  drawCalibration(row);
  drawGuards(row);
  drawPast();
}

async function load() {
  try {
    board = await read("/api/agents");
    setText(byId("wrong"), "");
    draw();
  } catch (error) {
    setText(byId("wrong"), `The agents cannot be read: ${error.message}`);
  }
}

async function toggle(body, said) {
  try {
    await write("/api/agents/toggle", body);
    toast(said);
    await load();
  } catch (error) {
    refusal(error);
  }
}

async function openSetting() {
  byId("setting").dataset.asked = "yes";
  byId("setting").hidden = false;
  byId("setting-close").hidden = !watch();
  await fillAccounts();
  const row = watch();
  if (row) {
    byId("setting-account").value = row.account;
    byId("setting-instruments").value = row.instruments.join(", ");
    byId("setting-bars").value = String(row.bar_minutes);
  }
  byId("setting-instruments").focus();
}

async function fillAccounts() {
  const field = byId("setting-account");
  if (!field || field.options.length) return;
  const { accounts } = await read("/api/status");
  field.replaceChildren(...accounts.map((one) => h("option", { value: one.id }, one.label)));
}

function closeSetting() {
  delete byId("setting").dataset.asked;
  draw();
}

byId("open-record").addEventListener("click", () => openRecord(decision().id));
byId("run")?.addEventListener("click", () => {
  const row = watch();
  toggle({ id: row.id, running: !row.is_running }, row.is_running ? "The agents rest; what follows them on paper keeps its positions." : "The agents are at work; the first round comes within a quarter of a minute.");
});
byId("change")?.addEventListener("click", () => openSetting().catch(refusal));
byId("setting-close")?.addEventListener("click", closeSetting);
byId("setting-form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const instruments = byId("setting-instruments").value.split(",").map((text) => text.trim().toUpperCase()).filter(Boolean);
  try {
    const answer = await write("/api/agents/set", { account: byId("setting-account").value, instruments, bar_minutes: Number(byId("setting-bars").value) });
    watchId = answer.id;
    instrument = null;
    toast(`The agents are set on ${counted(instruments.length, "instrument")}.`);
    delete byId("setting").dataset.asked;
    await load();
  } catch (error) {
    refusal(error);
  }
});

const asked = new URLSearchParams(location.search).get("decision");
if (asked) openRecord(asked);
frame({ acts: [{ keys: "r", label: "Full record of the newest decision", run: () => !byId("open-record").hidden && byId("open-record").click() }] });
load().then(() => (board && !watch() && given.may_act ? fillAccounts().catch(refusal) : null));
setInterval(() => document.hidden || load(), EVERY_MS);
