"""Questions about the account, all signed: orders, fills, balances, positions, income, terms and agents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from brokers.adapters.aster import account, requests
from brokers.adapters.aster.account import (
    AccountSummary,
    BalanceRow,
    CommissionRate,
    DeleverageRank,
    IncomeRow,
    OrderRow,
    PositionRisk,
    SymbolBrackets,
    TradeRow,
)
from brokers.adapters.aster.calls import Ask, ask_book, ask_row, ask_rows
from brokers.adapters.aster.wire import Wire, WireRow, exact, flag, identifier, moment, row_of
from brokers.domain.errors import DataError
from brokers.domain.orders import UnreadableRow

MOST_ROWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMode:
    """What holds for the whole account: two sides of a position at once, and the margin of all assets together."""

    is_hedge: bool
    is_multi_assets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow(WireRow):
    """A wallet that may act for the account. A right that is not told counts as given: what it could do, it may."""

    address: Annotated[str, Wire("agentAddress", str)]
    name: Annotated[str, Wire("agentName", str)] = ""
    expires_at: Annotated[datetime | None, Wire("expired", moment)] = None
    may_trade: Annotated[bool, Wire("canPerpTrade", flag)] = False
    may_withdraw: Annotated[bool, Wire("canWithdraw", flag)] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginChange(WireRow):
    """One addition to (1) or reduction of (2) an isolated position's margin."""

    symbol: Annotated[str, Wire("symbol", str)]
    kind: Annotated[str, Wire("type", identifier)]
    amount: Annotated[Decimal, Wire("amount", exact)]
    asset: Annotated[str, Wire("asset", str)]
    changed_at: Annotated[datetime | None, Wire("time", moment)]
    position_side: Annotated[str, Wire("positionSide", str)] = "BOTH"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerProtection(WireRow):
    """When the exchange stops a maker's orders: so much filled in a window; a limit that is not set is None."""

    symbol: Annotated[str, Wire("symbol", str)]
    window_ms: Annotated[int, Wire("windowTimeInMilliseconds", int)]
    frozen_ms: Annotated[int, Wire("frozenTimeInMilliseconds", int)]
    quantity: Annotated[Decimal | None, Wire("qtyLimit", exact)] = None
    value: Annotated[Decimal | None, Wire("valueLimit", exact)] = None
    net: Annotated[Decimal | None, Wire("deltaLimit", exact)] = None


def order(symbol: str, *, client_id: str | None = None, order_id: str | None = None) -> Ask[OrderRow]:
    """Ask for one order, in whatever state; one without a fill is forgotten after seven days."""
    if order_id is not None:
        return ask_row(requests.signed_read("order", 1, symbol=symbol, orderId=order_id), OrderRow)
    return ask_row(requests.order_by_client_id(symbol, client_id or ""), OrderRow)


def open_order(symbol: str, client_id: str) -> Ask[OrderRow]:
    """Ask for one order that is open; any other is refused as one that does not exist."""
    request = requests.signed_read("openOrder", 1, symbol=symbol, origClientOrderId=client_id)
    return ask_row(request, OrderRow)


def open_orders(symbol: str | None = None) -> Ask[tuple[OrderRow | UnreadableRow, ...]]:
    """Ask for the open orders of a symbol; of all of them it weighs forty times as much."""
    return ask_book(requests.open_orders(symbol), OrderRow, book="orders", id_key="orderId")


def orders(symbol: str, *, from_id: str | None = None) -> Ask[tuple[OrderRow | UnreadableRow, ...]]:
    """Ask for the newest orders of a symbol, or for those from an id on."""
    return ask_book(requests.all_orders(symbol, from_order_id=from_id), OrderRow, book="orders", id_key="orderId")


def fills(symbol: str, *, from_id: str | None = None) -> Ask[tuple[TradeRow | UnreadableRow, ...]]:
    """Ask for the newest fills of a symbol, or for those from an id on."""
    return ask_book(requests.account_trades(symbol, from_id=from_id), TradeRow, book="trades", id_key="id")


def balances() -> Ask[tuple[BalanceRow, ...]]:
    return ask_rows(requests.balances(), BalanceRow)


def summary() -> Ask[AccountSummary]:
    return ask_row(requests.account(), AccountSummary)


def positions(symbol: str | None = None) -> Ask[tuple[PositionRisk | UnreadableRow, ...]]:
    """Ask for the positions, flat ones included; in hedge mode two of each symbol."""
    return ask_book(requests.position_risk(symbol), PositionRisk, book="positions", id_key="symbol")


def incomes(*, kind: str | None = None, start: datetime | None = None) -> Ask[tuple[IncomeRow, ...]]:
    """Ask what changed the balance, oldest first."""
    return ask_rows(requests.income(kind=kind, start=start), IncomeRow)


def brackets(symbol: str) -> Ask[SymbolBrackets]:
    """Ask for a symbol's margin brackets; the answer is the symbol's, or a list with it alone."""
    return Ask(request=requests.leverage_brackets(symbol), read=lambda body: _of_symbol(body, symbol))


def all_brackets() -> Ask[tuple[SymbolBrackets, ...]]:
    return ask_rows(requests.leverage_brackets(), SymbolBrackets)


def commission(symbol: str) -> Ask[CommissionRate]:
    return ask_row(requests.commission_rate(symbol), CommissionRate)


def deleverage_ranks(symbol: str | None = None) -> Ask[tuple[DeleverageRank, ...]]:
    """Ask for the places in the queue of deleveraging, renewed every 30 s."""
    return ask_rows(requests.signed_read("adlQuantile", 5, symbol=symbol), DeleverageRank)


def forced_orders(symbol: str | None = None) -> Ask[tuple[OrderRow, ...]]:
    """Ask for the account's liquidations and deleverages."""
    return ask_rows(requests.forced_orders(symbol), OrderRow)


def margin_history(symbol: str, *, start: datetime | None = None) -> Ask[tuple[MarginChange, ...]]:
    """Ask how an isolated position's margin was changed."""
    request = requests.signed_read("positionMargin/history", 1, symbol=symbol, startTime=start, limit=500)
    return ask_rows(request, MarginChange)


def is_hedge() -> Ask[bool]:
    """Ask whether a symbol has a LONG and a SHORT instead of one position."""
    return Ask(request=requests.position_mode(), read=lambda body: account.mode_of(body, "dualSidePosition"))


def is_multi_assets() -> Ask[bool]:
    """Ask whether all assets carry the margin together."""
    return Ask(request=requests.multi_assets_mode(), read=lambda body: account.mode_of(body, "multiAssetsMargin"))


def self_trade_mode() -> Ask[str]:
    """Ask what becomes of two orders of the account that meet; V3 alone answers."""
    return Ask(request=requests.signed_read("stpMode", 30), read=stp_mode_of)


def maker_protections() -> Ask[tuple[MakerProtection, ...]]:
    """Ask where a maker is protected; V3 alone answers."""
    return ask_rows(requests.signed_read("mmp", 1), MakerProtection)


def agents() -> Ask[tuple[AgentRow, ...]]:
    """Ask which agents act for the account and what they may; V3 alone answers."""
    return ask_rows(requests.signed_read("agent", 1), AgentRow)


def stp_mode_of(body: Any) -> str:
    """Read the exchange's word for the mode."""
    try:
        return str(body["stpMode"])
    except (KeyError, TypeError):
        raise DataError("the exchange did not say stpMode", code="venue.unreadable") from None


def _of_symbol(body: Any, symbol: str) -> SymbolBrackets:
    rows = body if isinstance(body, list) else [body]
    for row in rows:
        if isinstance(row, Mapping) and row.get("symbol") == symbol:
            return row_of(SymbolBrackets, row)
    raise DataError(f"the exchange gave no brackets for {symbol}", code="venue.unreadable")
