"""The account at the simulated Aster over REST: balances, positions, income, terms, and the user stream's key."""

from __future__ import annotations

from brokers.simulator.aster import account_payloads as payloads
from brokers.simulator.aster.calls import Call, route
from brokers.simulator.aster.clock import DAY_MS
from brokers.simulator.aster.rest_orders import within_week
from brokers.simulator.aster.security import Security

AGENT_LIFE_MS = 365 * DAY_MS


def balance(call: Call) -> object:
    return payloads.balance(call.account, call.site.venue.engine.mark)


def summary(call: Call) -> object:
    return payloads.summary(call.account, call.site.venue.market.contracts, call.site.venue.engine.mark)


def risk(call: Call) -> object:
    contracts = tuple(call.site.venue.market.contracts[row] for row in call.rows())
    return payloads.risk(call.account, contracts, call.site.venue.engine.mark)


def income(call: Call) -> object:
    """Return changes of the wallet, oldest first; without times those of the last seven days."""
    kind, limit = call.fields.get("incomeType"), call.fields.limit(100, 1_000)
    symbol = call.contract().symbol if call.fields.get("symbol") else None
    first, last = within_week(call)
    found = [
        row
        for row in call.site.venue.engine.ledger.incomes
        if row.account == call.user
        and first <= row.market_ms <= last
        and kind in {"", row.kind}
        and symbol in {None, row.symbol}
    ]
    return [payloads.income(row) for row in (found[:limit] if call.fields.get("startTime") else found[-limit:])]


def brackets(call: Call) -> object:
    contracts = call.site.venue.market.contracts
    found = [payloads.brackets(contracts[row]) for row in call.rows()]
    return found[0] if call.fields.get("symbol") else found


def quantiles(call: Call) -> object:
    contracts, mark = call.site.venue.market.contracts, call.site.venue.engine.mark
    return [payloads.quantile(call.account, contracts[row], mark) for row in call.rows() if contracts[row].is_trading]


def commission(call: Call) -> object:
    trader = call.account.trader
    return {
        "symbol": call.contract().symbol,
        "makerCommissionRate": f"{trader.maker_fee:f}",
        "takerCommissionRate": f"{trader.taker_fee:f}",
    }


def agents(call: Call) -> object:
    """Return the wallet's agents with what each may do."""
    trader = call.account.trader
    return [
        {
            "agentAddress": trader.agent,
            "agentName": "simulated",
            "ipWhitelist": "",
            "expired": call.site.wall_ns() // 1_000_000 + AGENT_LIFE_MS,
            "source": "api",
            "canRead": True,
            "canSpotTrade": False,
            "canPerpTrade": True,
            "canWithdraw": trader.may_withdraw,
        }
    ]


def listen_key(call: Call) -> object:
    return {"listenKey": call.site.listen_key(call.user)}


def extend_key(call: Call) -> object:
    call.site.extend_key(call.user)
    return {}


def end_key(call: Call) -> object:
    call.site.end_key(call.user)
    return {}


ROUTES = (
    route("GET", "balance", balance, 5, versions=("v2", "v3")),
    route("GET", "account", summary, 5, versions=("v4", "v3")),
    route("GET", "accountWithJoinMargin", summary, 5, versions=("v1", "v3")),
    route("GET", "positionRisk", risk, 5, versions=("v2", "v3")),
    route("GET", "income", income, 30),
    route("GET", "leverageBracket", brackets),
    route("GET", "adlQuantile", quantiles, 5),
    route("GET", "commissionRate", commission, 20),
    route("GET", "agent", agents, versions=("v3",)),
    route("POST", "listenKey", listen_key, security=Security.STREAM),
    route("PUT", "listenKey", extend_key, security=Security.STREAM),
    route("DELETE", "listenKey", end_key, security=Security.STREAM),
)
