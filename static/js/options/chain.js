// The chain's page: live over the socket, any earlier minute from the store, legs docked at the foot.
import { read } from "windhover/api";
import { openDialog } from "windhover/dialogs";
import { byId, h, keyed, oncePerFrame, setClass, setText } from "windhover/dom";
import { age } from "windhover/format";
import { connect } from "windhover/live";
import { chainBoard } from "windhover/options/board";
import { legDock } from "windhover/options/dock";
import { figure, lakh, level, optionName, points, ratio, strikeText, volatility } from "windhover/options/figures";
import { address, dated, linked, optionsPage, reachChoice } from "windhover/options/page";
import { scrubber } from "windhover/options/scrubber";
import { chainOfDocument, chainOfState, isStale, mostAdded, steadyCentre, stripOf, windowOf } from "windhover/options/shapes";
import { createStore } from "windhover/store";

const DRAW_EVERY_MS = 250;
const STANDING_EVERY_MS = 60_000;
const FROM = { previous_close: "since the previous close", open: "since the open" };

let socket = null;
let store = createStore();
let shown = null;
let drawn = null;
let unread = null;
let centre = null;
let past = 0;
let standing = {};
let link = { name: "connecting" };
let hubHeard = true;
let arrived = null;

const reach = reachChoice(() => {
  centre = null;
  draw();
});
const time = scrubber({ onMove: look });
const dock = legDock({ chain: () => shown, chosen: () => page.chosen(), onChange: () => draw() });
const board = chainBoard({ onPick: dock.pick, onChoose: offer, legsHeld: dock.held });

const page = optionsPage({
  onChoice: follow,
  acts: [
    { keys: "b", label: "Buy a lot of the option in focus", run: () => board.pickFocused("BUY") },
    { keys: "s", label: "Sell a lot of the option in focus", run: () => board.pickFocused("SELL") },
    { keys: "o", label: "Open the picked legs in the builder", run: dock.open },
    { keys: "c", label: "Let the picked legs go", run: dock.clear },
    ...time.acts,
  ],
});

function follow({ underlying, expiry }) {
  shown = null;
  centre = null;
  standing = {};
  draw();
  socket?.close();
  const own = createStore();
  store = own;
  own.on("*", (topic) => own === store && topic.startsWith("chain") && soon());
  socket = connect({
    path: address("/ws/oi", { underlying, expiry }), store: own,
    onEvent(event) {
      if (own !== store) return;
      if (event.data?.refused) page.failed({ message: event.data.refused });
      if (event.topic === "hub") hubHeard = event.data.connected !== false;
      say();
    },
    onState(state) {
      if (own !== store) return;
      link = state;
      say();
    },
  });
  time.follow({ underlying, expiry });
  if (time.at() !== null) look(time.at());
  else first(underlying, expiry);
  stand();
}

/** The chain at once, by the API: the socket's first frame may take a moment. */
async function first(underlying, expiry) {
  const mine = (past += 1);
  try {
    const document = await read(address("/api/options/chain", { underlying, expiry }));
    if (mine !== past || isLive()) return;
    take(chainOfDocument(document));
  } catch (error) {
    if (mine === past && !isLive()) page.failed(error);
  }
}

/** Look at a stored minute, or come back to now. */
async function look(at) {
  const mine = (past += 1);
  unread = null;
  say();
  if (at === null) {
    const live = current();
    if (live) take(live);
    else first(page.chosen().underlying, page.chosen().expiry);
    return;
  }
  try {
    const { underlying, expiry } = page.chosen();
    const document = await read(address("/api/options/chain", { underlying, expiry, at }));
    if (mine === past && time.at() === at) take(chainOfDocument(document), at);
  } catch (error) {
    if (mine !== past) return;
    unread = at;
    setText(byId("cell-says"), error.message);
    say();
  }
}

const isLive = () => shown !== null && shown.at === null;

function current() {
  const { underlying, expiry } = page.chosen();
  const states = store.states(`chain:${underlying}:${expiry}`);
  return states.length ? chainOfState(states[0].data) : null;
}

/** Show a chain: of the stored moment `at`, or of now. */
function take(chain, at = null) {
  shown = { ...chain, at };
  arrived = performance.now();
  draw();
}

let waiting = null;
/** Several frames may come at once: the table is drawn four times a second at most. */
function soon() {
  if (waiting !== null || time.at() !== null) return;
  const since = arrived === null ? DRAW_EVERY_MS : performance.now() - arrived;
  waiting = setTimeout(() => {
    waiting = null;
    if (time.at() !== null) return;
    const chain = current();
    if (chain) take(chain);
  }, Math.max(0, DRAW_EVERY_MS - since));
}

async function stand() {
  const { underlying } = page.chosen();
  try {
    const answer = await read(address("/api/options/volatility", { underlying }));
    if (underlying === page.chosen().underlying) standing = answer;
  } catch {
    standing = {}; // the strip says that no rank is known
  }
  drawStrip();
}

// --- drawing

const draw = oncePerFrame(() => {
  byId("chain-empty").hidden = !shown || shown.rows.length > 0;
  drawn = shown;
  if (!shown) {
    setText(byId("chain-sub"), "");
    dock.draw();
    return;
  }
  const { head, rows } = shown;
  centre = steadyCentre(rows, centre, figure(head.atm_strike) ?? figure(head.forward) ?? figure(head.spot), Math.max(1, Math.min(3, reach() - 1)));
  const visible = windowOf(rows, centre, reach());
  board.show(shown, visible);
  setText(byId("chain-sub"), visible.length === rows.length ? `${rows.length} strikes` : `${visible.length} of ${rows.length} strikes`);
  drawSums(head, rows);
  drawStrip();
  drawChanges(head, visible);
  drawConvention(head, rows);
  dock.draw();
  say();
});

function say() {
  if (socket === null) return;
  const at = time.at();
  // the words are of the figures that stand in the table, until those of the chosen minute do
  if (at !== null && drawn?.at === at) linked("info", "Time machine");
  else if (at !== null && unread === at) linked("bad", "That minute cannot be read");
  else if (at !== null) linked("", "Reading the minute");
  else if (link.name === "live" && !hubHeard) linked("bad", "The page hears no desk: figures are history");
  else if (link.name === "live" && drawn && drawn.at !== null) linked("", "Coming back to now");
  else if (link.name === "live") linked(shown ? "ok" : "", shown ? "Connected" : "Waiting for prices");
  else if (link.name === "signed-out") linked("bad", "Signed out: reload to sign in");
  else if (link.name === "refused") linked("bad", "No live chain at this address");
  else linked(link.name === "down" ? "bad" : "", link.name === "down" ? `Offline${arrived === null ? "" : `, figures ${age((performance.now() - arrived) / 1000)} old`}` : "Connecting");
  document.body.classList.toggle("is-dead", at === null && (link.name !== "live" || !hubHeard) && shown !== null);
  if (!drawn) return;
  const since = arrived === null ? 0 : (performance.now() - arrived) / 1000;
  const { head } = drawn;
  dated({ ...head, age_s: figure(head.age_s) === null ? since : head.age_s + since }, drawn.at);
}

function drawSums(head, rows) {
  for (const [kind, id, total] of [["ce", "calls-sum", head.call_oi], ["pe", "puts-sum", head.put_oi]]) {
    const moved = rows.map((row) => figure(row[kind].oi_change)).filter((value) => value !== null);
    const change = moved.length ? `, ${lakh(moved.reduce((sum, value) => sum + value, 0), { signed: true })} ${FROM[head.oi_change_from] ?? ""}` : "";
    setText(byId(id), `OI ${lakh(total)} lakh${change}`);
  }
}

function drawStrip() {
  if (!shown) return;
  const strip = stripOf(shown.head);
  const put = (id, text) => setText(byId(id), text);
  put("strip-spot", level(strip.spot));
  put("strip-forward", level(strip.forward));
  put("strip-carry", strip.carry === null ? "" : level(strip.carry, { signed: true }));
  put("strip-iv", volatility(strip.atm_iv));
  put("strip-iv-more", shown.head.years > 0 ? "at the forward" : "");
  const rank = figure(standing.rank);
  put("strip-rank", rank === null ? "not yet" : Math.round(rank * 100));
  put("strip-percentile", rank === null ? (figure(standing.sessions) === null ? "" : `${standing.sessions} of 126 closes`) : `percentile ${Math.round(standing.percentile * 100)}`);
  byId("strip-rank").title = standing.rank_reason ?? "";
  put("strip-move", strip.move === null ? "–" : `±${level(strip.move, { places: 0 })}`);
  put("strip-move-share", strip.move_share === null ? "" : `${points(strip.move_share, { places: 2 })} %, 1σ`);
  put("strip-straddle", level(strip.straddle));
  put("strip-atm", strikeText(strip.atm_strike));
  put("strip-pcr", ratio(strip.pcr));
  put("strip-pcr-volume", strip.pcr_volume === null ? "of OI" : `volume ${ratio(strip.pcr_volume)}`);
  put("strip-pain", strikeText(strip.max_pain));
  put("strip-pain-gap", strip.pain_gap === null ? "" : level(strip.pain_gap, { signed: true, places: 0 }));
  const sides = shown.rows.flatMap((row) => [row.ce, row.pe]);
  put("strip-liquid", `${sides.filter((side) => side.is_liquid).length} liquid`);
  const stale = sides.filter(isStale).length;
  put("strip-stale", stale ? `${stale} stale` : `of ${sides.length}`);
  setClass(byId("strip-stale"), stale ? "sub warned" : "sub");
}

function drawChanges(head, rows) {
  const most = Math.max(1, ...rows.flatMap((row) => [row.ce, row.pe].map((side) => Math.abs(figure(side.oi_change) ?? 0))));
  setText(byId("changes-title"), `OI change ${FROM[head.oi_change_from] ?? ""}`.trim());
  const bar = (element, change) => {
    element.style.setProperty("--w", `${(100 * Math.abs(change ?? 0)) / most}%`);
    setClass(element, change < 0 ? "cut" : "");
    element.title = change === null ? "not told" : `${lakh(change, { signed: true })} lakh`;
  };
  keyed(byId("changes"), rows, {
    key: (row) => row.strike,
    make: () => ({ element: h("li", {}, h("i"), h("span"), h("i")) }),
    update: ({ element }, row) => {
      setClass(element, row.strike === head.atm_strike ? "atm" : "");
      setText(element.children[1], strikeText(row.strike));
      bar(element.firstElementChild, figure(row.ce.oi_change));
      bar(element.lastElementChild, figure(row.pe.oi_change));
    },
  });
  const [calls, puts] = [mostAdded(shown.rows, "ce"), mostAdded(shown.rows, "pe")];
  const added = (most, word) => (most ? `Most ${word} were added at ${strikeText(most.strike)} (${lakh(most.change, { signed: true })} lakh).` : "");
  setText(byId("changes-says"), head.oi_change_from ? [added(calls, "calls"), added(puts, "puts")].filter(Boolean).join(" ") || "Nothing was added." : "No earlier open interest is known to compare with; the first snapshot of the next session is the first to be.");
}

const SOURCES = {
  quotes: "Forward by put-call parity of two-sided quotes",
  trades: "Forward by put-call parity of fresh trades: fewer than three strikes are quoted on both sides",
  spot: "Forward from the spot price: too few strikes carry both a call and a put",
  none: "No forward: neither both sides of a strike nor a spot price",
};

function drawConvention(head, rows) {
  setText(byId("convention"), `${SOURCES[head.forward_source] ?? "Forward not known"}. Black-76; the IV of each option’s own price, the Greeks at the strike’s out-of-the-money IV, of one unit held long; theta a calendar day, vega a volatility point. OI and volume in lakh of units, lot ${head.lot_size ?? "–"}. PCR and max pain over ${rows.length} strikes.`);
}

/** On a phone, and by Enter on the last price: which side to take, with its price. */
function offer({ strike, kind, word, side }) {
  const act = (name, verb, price, at) => h("button", { type: "button", class: "primary", disabled: !(figure(price) > 0), onclick: () => { dock.pick(name, side.instrument); dialog.close(); } }, `${verb} a lot at ${at} ${figure(price) > 0 ? level(price) : "–"}`);
  const why = (side.why ?? []).join(" ");
  const content = h("div", {},
    h("p", {}, `Last ${level(side.last_price)}, ${figure(side.age_s) === null ? "never quoted" : `quoted ${age(side.age_s)} ago`}. IV ${points(side.iv)} %. ${why}`),
    h("div", { class: "acts" }, h("button", { type: "button", class: "quiet left", onclick: () => dialog.close() }, "Cancel"), act("SELL", "Sell", side.bid, "bid"), act("BUY", "Buy", side.ask, "ask")));
  const dialog = openDialog({ title: `${optionName(strike, kind)}, a ${word}`, content });
}

setInterval(say, 1000);
setInterval(() => document.hidden || !page.chosen().underlying || stand(), STANDING_EVERY_MS);
