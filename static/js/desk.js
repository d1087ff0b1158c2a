// The Desk page: one socket, one store, and the panels that show what it holds.
import { freshness } from "windhover/panels/freshness";
import { inboxPanel } from "windhover/panels/inbox";
import { ordersPanel } from "windhover/panels/orders";
import { pnlPanel } from "windhover/panels/pnl";
import { positionsPanel } from "windhover/panels/positions";
import { quotesPanel } from "windhover/panels/quotes";
import { riskPanel } from "windhover/panels/risk";
import { strategiesPanel } from "windhover/panels/strategies";
import { read } from "windhover/api";
import { byId } from "windhover/dom";
import { bareSymbol, titled } from "windhover/format";
import { goTo } from "windhover/keys";
import { killSwitch } from "windhover/kill";
import { connect } from "windhover/live";
import { frame } from "windhover/shell";
import { startDialog } from "windhover/start";
import { createStore, scoped } from "windhover/store";

const PARTS = [
  ["pnl", "1", "Net P&L"], ["inbox", "2", "Needs you"], ["risk", "3", "Risk headroom"], ["positions", "4", "Positions"],
  ["orders", "5", "Orders"], ["strategies", "6", "Strategies"], ["quotes", "7", "Quotes"],
];

const every = createStore();
// what the page shows: all accounts, or the one that is chosen in the bar
const store = scoped(every);
const given = JSON.parse(byId("desk-data")?.textContent ?? "{}");
let accountRows = given.accounts ?? [];
const CHOSEN = "desk-account";
// Where the desk does not say so itself, a quote is stale after this long (s).
const STALE_AFTER_S = given.stale_after_s ?? 8;

let shownQuotes = { at: -Infinity, rows: [], bySymbol: new Map() };

/** Quotes with the age they have at this moment, not the one they had when they were sent. */
function quotes() {
  if (performance.now() - shownQuotes.at > 50) {
    const rows = aged();
    shownQuotes = { at: performance.now(), rows, bySymbol: new Map(rows.map((row) => [row.symbol, row])) };
  }
  return [...shownQuotes.rows];
}

function aged() {
  return store.rows("quotes").map((row) => {
    const ageNow = Number(row.age_s ?? 0) + row.sinceFrame;
    return { ...row, symbol: row.symbol, ageNow, stale: Boolean(row.stale) || ageNow > STALE_AFTER_S };
  });
}

function quoteOf(symbol) {
  quotes();
  return shownQuotes.bySymbol.get(symbol) ?? null;
}

/** The market's clock (ms): the newest exchange time of the feeds, or of one account's; it runs fast in a replay. */
function marketTime(account = null) {
  const told = store.states("feeds").filter((state) => account === null || state.account === account);
  const times = told.map((state) => Date.parse(state.data.market_at)).filter(Number.isFinite);
  return times.length ? Math.max(...times) : null;
}

const accountOf = (id) => accountRows.find((row) => row.id === id);
const currencyOf = (id) => accountOf(id)?.currency ?? "INR";
/** What tells an account from the others in a narrow place: its venue where that is enough, else its own name. */
function shortName(id) {
  if (accountRows.length < 2 || store.chosen()) return "";
  const account = accountOf(id);
  const alone = accountRows.filter((row) => row.venue === account?.venue).length === 1;
  return alone ? titled(account.venue) : account?.label ?? "";
}
const currencies = () => [...new Set(accountRows.filter((row) => !store.chosen() || row.id === store.chosen()).map((row) => row.currency ?? "INR"))];
const isMixed = () => currencies().length > 1;

/** Accounts as the status told, with the session that the desk itself reports. */
function accounts() {
  const feeds = new Map(store.states("feeds").map((state) => [state.account, state.data]));
  return accountRows.map((row) => {
    const feed = feeds.get(row.id);
    return feed?.session ? { ...row, state: feed.session, reason: feed.session_reason } : row;
  });
}

function strategyName(row) {
  const held = store.rows("strategies").find((one) => one.id === row.strategy_key);
  const slug = held?.strategy ?? row.strategy ?? "";
  // of a removed deployment the desk knows the id alone
  return /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(slug) ? "removed strategy" : titled(slug);
}

// What no topic carries: refusals of the gate, and deployments that were never started.
const asked = { refusals: [], deployed: [], fx: given.fx ?? [] };
const ours = (row) => !store.chosen() || row.account === store.chosen();
const refusals = () => asked.refusals.filter(ours);
const start = startDialog({ store: every, accounts, chosen: store.chosen });
const inbox = inboxPanel({ store, accounts });
let book = "live";
const pnl = pnlPanel({
  store, marketTime, currencies, currencyOf, fx: () => asked.fx,
  onBook(chosen) {
    book = chosen;
    positions.draw();
  },
});
const risk = riskPanel({ store, refusals, currencyOf, nameOf: shortName });
const positions = positionsPanel({ store, quoteOf, strategyName, bookShown: () => book, isMixed });
quotesPanel({ store, quotes, currencyOf });
const orders = ordersPanel({ store, quoteOf, strategyName, marketTime, refusals, currencyOf });
const strategies = strategiesPanel({ store, openStart: start.show, deployed: () => asked.deployed.filter(ours), currencyOf, isMixed });

async function ask() {
  const mixed = new Set(accountRows.map((row) => row.currency)).size > 1;
  const [limits, deployed, portfolio] = await Promise.all([read("/api/risk"), read("/api/strategies"), mixed ? read("/api/portfolio") : null]);
  asked.refusals = [...(limits.breaches ?? [])].sort((a, b) => b.fired_at.localeCompare(a.fired_at));
  asked.deployed = deployed.results;
  asked.fx = portfolio?.fx ?? [];
  for (const panel of [pnl, risk, orders, strategies]) panel.draw();
}

const bar = freshness({
  store, quotes, marketTime, chosen: store.chosen,
  onStatus(status) {
    accountRows = (status.accounts ?? []).map((row) => ({ ...accountRows.find((one) => one.id === row.id), ...row }));
    inbox.draw();
    return ask();
  },
});
// it stops the whole desk, whichever account is looked at
const kill = killSwitch({ store: every, status: bar.status, poll: bar.poll });

/** Look at one account alone, or at all of them; the choice lasts as long as the tab. */
function choose(account) {
  const scope = byId("scope");
  scope.value = account;
  sessionStorage.setItem(CHOSEN, scope.value);
  shownQuotes = { at: -Infinity, rows: [], bySymbol: new Map() };
  store.choose(scope.value);
  for (const panel of [pnl, risk, positions, orders, strategies, inbox, bar]) panel.draw();
}

const scope = byId("scope");
if (scope) {
  scope.addEventListener("change", () => choose(scope.value));
  const kept = sessionStorage.getItem(CHOSEN);
  if (kept && accountOf(kept)) choose(kept);
}

frame({
  start: start.showFor,
  acts: [
    { keys: "k", label: "Kill switch, with its consequences in numbers", run: kill.show },
    { keys: "s", label: "Start a strategy", run: start.show },
    { keys: "g d", label: "Go to the desk's top", run: () => goTo("main") },
    ...PARTS.map(([id, key, name]) => ({ keys: key, label: `Go to ${name}`, run: () => goTo(id) })),
  ],
  things: () => [
    ...PARTS.map(([id, , name]) => ({ name, kind: "part of the desk", run: () => goTo(id) })),
    { name: "Start a strategy", kind: "act", run: start.show },
    { name: "Kill switch", kind: "act", run: kill.show },
    ...(scope ? [{ name: "All accounts", kind: "look at", run: () => choose("") }, ...accountRows.map((row) => ({ name: row.label, kind: "look at one account", run: () => choose(row.id) }))] : []),
    ...store.rows("strategies").map((row) => ({ name: titled(row.strategy), kind: `strategy, ${row.state}`, run: () => goTo("strategies") })),
    ...store.rows("positions").map((row) => ({ name: bareSymbol(row.symbol), kind: "position", run: () => goTo("positions") })),
    ...quotes().map((row) => ({ name: bareSymbol(row.symbol), kind: "quote", run: () => goTo("quotes") })),
  ],
});

if (location.hash.startsWith("#start=")) start.showFor(decodeURIComponent(location.hash.slice("#start=".length)));
if (location.hash === "#kill") {
  // its consequences are figures: they are waited for, but not for long
  const since = performance.now();
  const waiting = setInterval(() => {
    if (!store.has("positions") && performance.now() - since < 3000) return;
    clearInterval(waiting);
    kill.show();
  }, 100);
}
setInterval(positions.draw, 1000);

connect({
  path: "/ws/dashboard",
  store: every,
  onState: bar.linked,
  onEvent: (frame) => frame.topic === "hub" && bar.hub(frame.data.connected !== false),
});
