"""Orders and account rows as Aster's signed endpoints give them; words that are not known stay as they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from brokers.adapters.aster.errors import Refusal, refusal_of
from brokers.adapters.aster.wire import (
    Wire,
    WireRow,
    exact,
    flag,
    identifier,
    list_of,
    moment,
    price_or_none,
    row_of,
)
from brokers.domain.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow(WireRow):
    """An order of the exchange's book; `status` is the exchange's word, quantities are in the base asset."""

    order_id: Annotated[str, Wire("orderId", identifier)]
    client_id: Annotated[str, Wire("clientOrderId", str)]
    symbol: Annotated[str, Wire("symbol", str)]
    side: Annotated[str, Wire("side", str)]
    position_side: Annotated[str, Wire("positionSide", str)] = "BOTH"
    order_type: Annotated[str, Wire("type", str)]
    original_type: Annotated[str, Wire("origType", str)] = ""
    time_in_force: Annotated[str, Wire("timeInForce", str)] = ""
    status: Annotated[str, Wire("status", str)]
    quantity: Annotated[Decimal, Wire("origQty", exact)]
    filled_quantity: Annotated[Decimal, Wire("executedQty", exact)]
    filled_quote: Annotated[Decimal, Wire("cumQuote", exact)] = Decimal(0)
    price: Annotated[Decimal | None, Wire("price", price_or_none)]
    average_price: Annotated[Decimal | None, Wire("avgPrice", price_or_none)] = None
    stop_price: Annotated[Decimal | None, Wire("stopPrice", price_or_none)] = None
    activation_price: Annotated[Decimal | None, Wire("activatePrice", price_or_none)] = None
    callback_percent: Annotated[Decimal | None, Wire("priceRate", price_or_none)] = None
    is_reduce_only: Annotated[bool, Wire("reduceOnly", flag)] = False
    closes_position: Annotated[bool, Wire("closePosition", flag)] = False
    working_type: Annotated[str, Wire("workingType", str)] = ""
    placed_at: Annotated[datetime | None, Wire("time", moment)] = None
    updated_at: Annotated[datetime | None, Wire("updateTime", moment)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaseRow(WireRow):
    strategy_id: Annotated[str, Wire("strategyId", identifier)]
    client_id: Annotated[str, Wire("clientStrategyId", str)]
    symbol: Annotated[str, Wire("symbol", str)]
    side: Annotated[str, Wire("side", str)]
    quantity: Annotated[Decimal, Wire("quantity", exact)]
    status: Annotated[str, Wire("strategyStatus", str)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow(WireRow):
    """One asset of the margin account; `available` is not pushed, only read."""

    asset: Annotated[str, Wire("asset", str)]
    wallet: Annotated[Decimal, Wire("balance", exact)]
    cross_wallet: Annotated[Decimal, Wire("crossWalletBalance", exact)]
    cross_unrealised: Annotated[Decimal, Wire("crossUnPnl", exact)]
    available: Annotated[Decimal, Wire("availableBalance", exact)]
    updated_at: Annotated[datetime | None, Wire("updateTime", moment)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRow(WireRow):
    asset: Annotated[str, Wire("asset", str)]
    wallet: Annotated[Decimal, Wire("walletBalance", exact)]
    unrealised: Annotated[Decimal, Wire("unrealizedProfit", exact)]
    margin: Annotated[Decimal, Wire("marginBalance", exact)]
    maintenance_margin: Annotated[Decimal, Wire("maintMargin", exact)]
    initial_margin: Annotated[Decimal, Wire("initialMargin", exact)]
    available: Annotated[Decimal, Wire("availableBalance", exact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPosition(WireRow):
    """A position as the account summary counts it: signed in one-way mode."""

    symbol: Annotated[str, Wire("symbol", str)]
    position_side: Annotated[str, Wire("positionSide", str)]
    quantity: Annotated[Decimal, Wire("positionAmt", exact)] = Decimal(0)
    entry_price: Annotated[Decimal | None, Wire("entryPrice", price_or_none)]
    unrealised: Annotated[Decimal, Wire("unrealizedProfit", exact)]
    leverage: Annotated[Decimal, Wire("leverage", exact)]
    is_isolated: Annotated[bool, Wire("isolated", flag)]
    maintenance_margin: Annotated[Decimal, Wire("maintMargin", exact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary(WireRow):
    can_trade: Annotated[bool, Wire("canTrade", flag)]
    can_withdraw: Annotated[bool, Wire("canWithdraw", flag)]
    wallet: Annotated[Decimal, Wire("totalWalletBalance", exact)]
    unrealised: Annotated[Decimal, Wire("totalUnrealizedProfit", exact)]
    margin: Annotated[Decimal, Wire("totalMarginBalance", exact)]
    maintenance_margin: Annotated[Decimal, Wire("totalMaintMargin", exact)]
    available: Annotated[Decimal, Wire("availableBalance", exact)]
    assets: Annotated[tuple[AssetRow, ...], Wire("assets", list_of(AssetRow))]
    positions: Annotated[tuple[AccountPosition, ...], Wire("positions", list_of(AccountPosition))]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRisk(WireRow):
    """A position with its liquidation price; None where there is none."""

    symbol: Annotated[str, Wire("symbol", str)]
    position_side: Annotated[str, Wire("positionSide", str)]
    quantity: Annotated[Decimal, Wire("positionAmt", exact)]
    entry_price: Annotated[Decimal | None, Wire("entryPrice", price_or_none)]
    mark_price: Annotated[Decimal | None, Wire("markPrice", price_or_none)]
    liquidation_price: Annotated[Decimal | None, Wire("liquidationPrice", price_or_none)]
    unrealised: Annotated[Decimal, Wire("unRealizedProfit", exact)]
    leverage: Annotated[Decimal, Wire("leverage", exact)]
    margin_type: Annotated[str, Wire("marginType", str.lower)]
    isolated_margin: Annotated[Decimal, Wire("isolatedMargin", exact)]
    adds_margin: Annotated[bool, Wire("isAutoAddMargin", flag)]
    most_notional: Annotated[Decimal, Wire("maxNotionalValue", exact)]
    updated_at: Annotated[datetime | None, Wire("updateTime", moment)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow(WireRow):
    """One fill of the account; a negative commission is a rebate."""

    trade_id: Annotated[str, Wire("id", identifier)]
    order_id: Annotated[str, Wire("orderId", identifier)]
    symbol: Annotated[str, Wire("symbol", str)]
    side: Annotated[str, Wire("side", str)]
    position_side: Annotated[str, Wire("positionSide", str)]
    price: Annotated[Decimal, Wire("price", exact)]
    quantity: Annotated[Decimal, Wire("qty", exact)]
    commission: Annotated[Decimal, Wire("commission", exact)]
    commission_asset: Annotated[str, Wire("commissionAsset", str)]
    realised: Annotated[Decimal, Wire("realizedPnl", exact)]
    is_maker: Annotated[bool, Wire("maker", flag)]
    filled_at: Annotated[datetime | None, Wire("time", moment)]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeRow(WireRow):
    """A change of the balance: funding, commission, realised P&L, transfer; the id is unique per kind."""

    kind: Annotated[str, Wire("incomeType", str)]
    symbol: Annotated[str, Wire("symbol", str)]
    amount: Annotated[Decimal, Wire("income", exact)]
    asset: Annotated[str, Wire("asset", str)]
    transaction_id: Annotated[str, Wire("tranId", identifier)]
    trade_id: Annotated[str, Wire("tradeId", str)] = ""
    booked_at: Annotated[datetime | None, Wire("time", moment)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket(WireRow):
    """One notional bracket: from `floor` to `cap` in quote, with its leverage and maintenance margin ratio."""

    number: Annotated[int, Wire("bracket", int)]
    leverage: Annotated[int, Wire("initialLeverage", int)]
    cap: Annotated[Decimal, Wire("notionalCap", exact)]
    floor: Annotated[Decimal, Wire("notionalFloor", exact)]
    maintenance_ratio: Annotated[Decimal, Wire("maintMarginRatio", exact)]
    maintenance_amount: Annotated[Decimal, Wire("cum", exact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolBrackets(WireRow):
    symbol: Annotated[str, Wire("symbol", str)]
    brackets: Annotated[tuple[Bracket, ...], Wire("brackets", list_of(Bracket))]


def _ranks(value: Any) -> dict[str, int]:
    return {str(side): int(rank) for side, rank in value.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleverageRank(WireRow):
    """The place in the queue of automatic deleveraging by position side, 0 (last) to 4 (next)."""

    symbol: Annotated[str, Wire("symbol", str)]
    ranks: Annotated[Mapping[str, int], Wire("adlQuantile", _ranks)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionRate(WireRow):
    symbol: Annotated[str, Wire("symbol", str)]
    maker: Annotated[Decimal, Wire("makerCommissionRate", exact)]
    taker: Annotated[Decimal, Wire("takerCommissionRate", exact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageSet(WireRow):
    symbol: Annotated[str, Wire("symbol", str)]
    leverage: Annotated[int, Wire("leverage", int)]
    most_notional: Annotated[Decimal, Wire("maxNotionalValue", exact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountdownSet(WireRow):
    symbol: Annotated[str, Wire("symbol", str)]
    countdown_ms: Annotated[int, Wire("countdownTime", int)]


def batch_of(body: Any) -> tuple[OrderRow | Refusal, ...]:
    """Read the answer to a batch, in request order: each an order or why it was refused."""
    if not isinstance(body, list):
        raise DataError("a list was expected for a batch of orders", code="venue.unreadable")
    return tuple(refusal_of(200, row) or row_of(OrderRow, row) for row in body)


def mode_of(body: Any, key: str) -> bool:
    """Read one account-wide mode, for example dualSidePosition."""
    try:
        return flag(body[key])
    except (KeyError, TypeError):
        raise DataError(f"the exchange did not say {key}", code="venue.unreadable") from None


def listen_key_of(body: Any) -> str:
    """Read the key of the user stream."""
    try:
        return str(body["listenKey"])
    except (KeyError, TypeError):
        raise DataError("the exchange gave no stream key", code="venue.unreadable") from None
