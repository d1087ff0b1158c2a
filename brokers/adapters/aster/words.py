"""Aster's words as the desk's: rows of its books become orders, trades, positions, wallets and payments.

A word that is not known stays in `venue_status` and counts as an interim state: nothing is taken for final that the
exchange did not call so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from brokers.adapters.aster.account import BalanceRow, IncomeRow, OrderRow, PositionRisk, SymbolBrackets, TradeRow
from brokers.adapters.aster.tokens import order_key
from brokers.domain.errors import DataError
from brokers.domain.orders import (
    FINAL_STATUSES,
    OrderStatus,
    OrderType,
    Product,
    Side,
    Validity,
    VenueMargin,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from brokers.domain.perpetual import MarginBracket
from brokers.domain.perpetual_terms import FillSource, MarginMode, PositionSide, VenueFunding, VenueWallet

EXCHANGE = "ASTER"
FUNDING_FEE = "FUNDING_FEE"
LIQUIDATION_PREFIX = "autoclose-"
DELEVERAGE_PREFIX = "adl_autoclose"
ZERO = Decimal(0)

_STATUSES: Mapping[str, OrderStatus] = {
    "NEW": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.CANCELLED,  # two orders of one account met
    "NEW_INSURANCE": OrderStatus.OPEN,
    "NEW_ADL": OrderStatus.OPEN,
}
_TYPES: Mapping[str, OrderType] = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP": OrderType.STOP_LIMIT,
    "STOP_MARKET": OrderType.STOP_MARKET,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_LIMIT,
    "TAKE_PROFIT_MARKET": OrderType.TAKE_PROFIT_MARKET,
    "TRAILING_STOP_MARKET": OrderType.TRAILING_STOP,
}
WORD_OF_TYPE: Mapping[OrderType, str] = {kind: word for word, kind in _TYPES.items()}
WORD_OF_VALIDITY: Mapping[Validity, str] = {
    Validity.DAY: "GTC",  # the market has no day: an order stands until it is cancelled
    Validity.GOOD_TILL_CANCELLED: "GTC",
    Validity.IMMEDIATE: "IOC",
    Validity.FILL_OR_KILL: "FOK",
    Validity.POST_ONLY: "GTX",
}
_IMMEDIATE = frozenset({"IOC", "FOK", "GTX"})
_RESTING = frozenset({"LIMIT", "MARKET", "LIQUIDATION"})
# what a fee may be counted in at par with the contract's quote
_DOLLARS = frozenset({"USDT", "USD", "USDC", "USDF", "USD1", "FDUSD"})


def key_of(symbol: str) -> str:
    """Return the desk's name of a contract."""
    return f"{EXCHANGE}:{symbol}"


def status_of(word: str, type_word: str = "LIMIT", time_in_force: str = "") -> OrderStatus:
    """Return the desk's word: a trigger that waits is no order in the book, an immediate one that ends is cancelled."""
    status = _STATUSES.get(word, OrderStatus.ACCEPTED)
    if status is OrderStatus.OPEN and type_word == "MARKET":
        return OrderStatus.ACCEPTED  # under way: a receipt says NEW even of one that has filled
    if status is OrderStatus.OPEN and type_word not in _RESTING:
        return OrderStatus.TRIGGER_PENDING
    if status is OrderStatus.EXPIRED and time_in_force in _IMMEDIATE:
        return OrderStatus.CANCELLED
    return status


def type_of(word: str, *, has_price: bool = False) -> OrderType:
    """Return the desk's word for an order's type; of an unknown one, what its price makes it."""
    return _TYPES.get(word, OrderType.LIMIT if has_price else OrderType.MARKET)


def source_of(client_id: str, status_word: str = "") -> FillSource:
    """Return whose hand an order was: the exchange names its own liquidations and deleverages."""
    if client_id.startswith(DELEVERAGE_PREFIX) or status_word == "NEW_ADL":
        return FillSource.DELEVERAGE
    if client_id.startswith(LIQUIDATION_PREFIX) or status_word == "NEW_INSURANCE":
        return FillSource.LIQUIDATION
    return FillSource.TRADE


def position_side_of(word: str) -> PositionSide:
    """Return the position's side; a word that is not known raises DataError: no side is guessed."""
    try:
        return PositionSide(word or PositionSide.BOTH)
    except ValueError:
        raise DataError(f"{word[:20]!r} is no side of a position", code="venue.unreadable") from None


def margin_mode_of(word: str) -> MarginMode:
    """Return crossed or isolated: the exchange writes cross, crossed and CROSSED."""
    return MarginMode.ISOLATED if word.lower() == "isolated" else MarginMode.CROSSED


def side_of(word: str) -> Side:
    """Return the side; anything but BUY and SELL raises DataError."""
    try:
        return Side(word)
    except ValueError:
        raise DataError(f"{word[:20]!r} is no side of an order", code="venue.unreadable") from None


def fee_in_quote(fee: Decimal, asset: str, symbol: str, marks: Mapping[str, Decimal] | None = None) -> Decimal | None:
    """Return a fee in the contract's quote, paid where positive; None where its asset has no known price.

    A stablecoin counts at par; another asset by the mark price of its own contract, by symbol in `marks`.
    """
    if not fee or not asset or asset in _DOLLARS or symbol.endswith(asset):
        return fee
    mark = (marks or {}).get(f"{asset}USDT")
    return None if mark is None else fee * mark


def venue_order(row: OrderRow) -> VenueOrder:
    """Return an order of the book; its id names the symbol too."""
    status = status_of(row.status, row.order_type, row.time_in_force)
    left = max(row.quantity - row.filled_quantity, ZERO)
    is_final = status in FINAL_STATUSES
    return VenueOrder(
        venue_order_id=order_key(row.symbol, row.order_id),
        instrument=key_of(row.symbol),
        side=side_of(row.side),
        quantity=row.quantity,
        filled_quantity=row.filled_quantity,
        pending_quantity=ZERO if is_final else left,
        cancelled_quantity=left if is_final else ZERO,
        order_type=type_of(row.original_type or row.order_type, has_price=row.price is not None),
        product=Product.PERPETUAL,
        price=row.price,
        trigger_price=row.stop_price or row.activation_price,
        average_price=row.average_price if row.filled_quantity else None,
        status=status,
        venue_status=row.status,
        message="",
        tags=(row.client_id,) if row.client_id else (),
        placed_at=row.placed_at or row.updated_at,
        updated_at=row.updated_at or row.placed_at,
    )


def venue_trade(row: TradeRow, *, client_id: str = "", marks: Mapping[str, Decimal] | None = None) -> VenueTrade:
    """Return a fill of the account; its source is told by the client id of its order."""
    return VenueTrade(
        trade_id=row.trade_id,
        venue_order_id=order_key(row.symbol, row.order_id),
        instrument=key_of(row.symbol),
        side=side_of(row.side),
        quantity=row.quantity,
        price=row.price,
        product=Product.PERPETUAL,
        filled_at=_time(row.filled_at, "trade"),
        fee_quote=fee_in_quote(row.commission, row.commission_asset, row.symbol, marks),
        source=source_of(client_id),
    )


def venue_position(row: PositionRisk, *, realised_quote: Decimal = ZERO) -> VenuePosition:
    """Return a position; a hedged SHORT is negative whatever sign the exchange writes."""
    side = position_side_of(row.position_side)
    entry = row.entry_price or ZERO
    mode = margin_mode_of(row.margin_type)
    return VenuePosition(
        instrument=key_of(row.symbol),
        product=Product.PERPETUAL,
        quantity=-abs(row.quantity) if side is PositionSide.SHORT else row.quantity,
        average_price=entry,
        last_price=row.mark_price or entry,
        realised_quote=realised_quote,
        unrealised_quote=row.unrealised,
        position_side=side,
        leverage=int(row.leverage),
        margin_mode=mode,
        isolated_margin_quote=row.isolated_margin if mode is MarginMode.ISOLATED else None,
        mark_price=row.mark_price,
        liquidation_price=row.liquidation_price,
    )


def venue_wallet(row: BalanceRow) -> VenueWallet:
    return VenueWallet(
        asset=row.asset,
        wallet_quote=row.wallet,
        cross_wallet_quote=row.cross_wallet,
        available_quote=row.available,
    )


def venue_margin(row: BalanceRow) -> VenueMargin:
    """Return what an asset of the margin account can still carry, and what is bound."""
    whole = row.wallet + row.cross_unrealised
    return VenueMargin(
        segment=row.asset, available=row.available, used=max(whole - row.available, ZERO), net=row.available
    )


def venue_funding(row: IncomeRow) -> VenueFunding:
    """Return a funding payment, received where positive."""
    return VenueFunding(
        payment_id=row.transaction_id,
        instrument=key_of(row.symbol),
        amount_quote=row.amount,
        asset=row.asset,
        paid_at=_time(row.booked_at, "payment"),
    )


def margin_brackets(row: SymbolBrackets) -> tuple[MarginBracket, ...]:
    """Return a contract's brackets from the smallest notional up."""
    return tuple(
        MarginBracket(
            floor=bracket.floor,
            cap=bracket.cap,
            maintenance_ratio=bracket.maintenance_ratio,
            maintenance_amount=bracket.maintenance_amount,
            max_leverage=bracket.leverage,
        )
        for bracket in sorted(row.brackets, key=lambda one: one.floor)
    )


def _time(at: datetime | None, what: str) -> datetime:
    if at is None:
        raise DataError(f"a {what} of the exchange has no time", code="venue.unreadable")
    return at
