// The Desk page: one socket, one store, and the panels that show what it holds.
import { freshness } from "windhover/panels/freshness";
import { inboxPanel } from "windhover/panels/inbox";
import { ordersPanel } from "windhover/panels/orders";
import { pnlPanel } from "windhover/panels/pnl";
import { positionsPanel } from "windhover/panels/positions";
import { quotesPanel } from "windhover/panels/quotes";
import { riskPanel } from "windhover/panels/risk";
import { strategiesPanel } from "windhover/panels/strategies";
import { byId } from "windhover/dom";
import { bareSymbol, titled } from "windhover/format";
import { goTo, keyboard } from "windhover/keys";
import { killSwitch } from "windhover/kill";
import { connect } from "windhover/live";
import { startDialog } from "windhover/start";
import { createStore } from "windhover/store";

const PARTS = [
  ["pnl", "l", "Net P&L"], ["inbox", "n", "Needs you"], ["risk", "r", "Risk headroom"], ["positions", "p", "Positions"],
  ["orders", "o", "Orders"], ["strategies", "s", "Strategies"], ["quotes", "q", "Quotes"],
];

const store = createStore();
const given = JSON.parse(byId("desk-data")?.textContent ?? "{}");
let accountRows = given.accounts ?? [];
// Where the desk does not say so itself, a quote is stale after this long (s).
const STALE_AFTER_S = given.stale_after_s ?? 8;

/** Quotes with the age they have at this moment, not the one they had when they were sent. */
function quotes() {
  return store.rows("quotes").map((row) => {
    const ageNow = Number(row.age_s ?? 0) + row.sinceFrame;
    return { ...row, symbol: row.symbol ?? row.key, ageNow, stale: Boolean(row.stale) || ageNow > STALE_AFTER_S };
  });
}

function quoteOf(symbol) {
  return quotes().find((row) => row.symbol === symbol) ?? null;
}

/** The newest exchange time known (ms): it is the feed's clock and runs fast in a replay. */
function marketTime() {
  const times = store.rows("quotes").map((row) => Date.parse(row.exchange_at)).filter(Number.isFinite);
  return times.length ? Math.max(...times) : null;
}

function strategyName(row) {
  const id = row.strategy_id ?? row.strategy_key ?? row.deployment_id ?? row.strategy;
  if (!id) return "";
  const deployment = store.rows("strategies").find((one) => (one.id ?? one.key) === id);
  if (deployment) return deployment.title ?? deployment.label ?? titled(deployment.strategy);
  return row.strategy_title ?? (/^[0-9a-f-]{32,36}$/.test(row.strategy ?? id) ? "" : titled(row.strategy ?? id));
}

const start = startDialog({ store, accounts: () => accountRows });
const inbox = inboxPanel({ store, accounts: () => accountRows });
pnlPanel({ store, marketTime });
riskPanel({ store });
const positions = positionsPanel({ store, quoteOf, strategyName });
quotesPanel({ store, quotes });
ordersPanel({ store, strategyName });
strategiesPanel({ store, openStart: start.show });

const bar = freshness({
  store, quotes, marketTime,
  onStatus(status) {
    accountRows = (status.accounts ?? []).map((row) => ({ ...accountRows.find((one) => one.id === row.id), ...row }));
    inbox.draw();
  },
});
const kill = killSwitch({ store, status: bar.status, poll: bar.poll });

keyboard({
  acts: [
    { keys: "k", label: "Kill switch, with its consequences in numbers", run: kill.show },
    { keys: "s", label: "Start a strategy", run: start.show },
    { keys: "t", label: "Dark or light", run: () => window.windhoverTheme.toggle() },
    { keys: "g d", label: "Go to the desk's top", run: () => goTo("main") },
    ...PARTS.map(([id, key, name]) => ({ keys: `g ${key}`, label: `Go to ${name}`, run: () => goTo(id) })),
  ],
  things: () => [
    ...PARTS.map(([id, , name]) => ({ name, kind: "part of the desk", run: () => goTo(id) })),
    { name: "Start a strategy", kind: "act", run: start.show },
    { name: "Kill switch", kind: "act", run: kill.show },
    ...store.rows("strategies").map((row) => ({ name: row.title ?? row.label ?? titled(row.strategy), kind: `strategy, ${row.state}`, run: () => goTo("strategies") })),
    ...store.rows("positions").map((row) => ({ name: bareSymbol(row.symbol ?? row.key), kind: "position", run: () => goTo("positions") })),
    ...quotes().map((row) => ({ name: bareSymbol(row.symbol), kind: "quote", run: () => goTo("quotes") })),
  ],
});

byId("theme").addEventListener("click", () => window.windhoverTheme.toggle());
setInterval(positions.draw, 1000);

connect({
  path: "/ws/dashboard",
  store,
  onState: bar.linked,
  onEvent: (frame) => frame.topic === "hub" && bar.hub(frame.data.connected !== false),
});
