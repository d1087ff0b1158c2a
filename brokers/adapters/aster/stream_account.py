"""From the account's stream to what the desk is told: orders, fills, balances, and reasons to read the books.

The exchange promises no order of arrival, and two connections bring everything twice during a change-over. So a fill
is told once, by its trade id, and an order that is known to be further is never told as less far again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from brokers.adapters.aster.account import OrderRow
from brokers.adapters.aster.events import (
    AccountEvent,
    AccountUpdate,
    Announcement,
    LeverageChange,
    MarginCall,
    ModeChange,
    OrderUpdate,
    Stamped,
    UnknownEvent,
    account_event,
)
from brokers.adapters.aster.tokens import order_key
from brokers.adapters.aster.words import FUNDING_FEE, fee_in_quote, key_of, side_of, source_of, venue_order
from brokers.domain.errors import DataError
from brokers.domain.orders import FINAL_STATUSES, OrderStatus, Product, VenueOrder, VenueTrade
from brokers.domain.perpetual_terms import FillSource, VenueWallet
from brokers.ports import FeedDoubt, FeedEvent, FeedMessage, FeedOrder, FeedTrade, FeedWallet

REMEMBERED = 5_000
_RANKS: Mapping[OrderStatus, int] = {
    OrderStatus.ACCEPTED: 0,
    OrderStatus.TRIGGER_PENDING: 1,
    OrderStatus.OPEN: 2,
    OrderStatus.PARTIALLY_FILLED: 3,
}
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
OVER = 4
Progress = tuple[int, Decimal]
NOWHERE: Progress = (-1, Decimal(0))


class AccountReader:
    """Reads one account's events; remembers the last few thousand fills and orders.

    `mark_of` gives the mark price of a symbol where one is known, for fees that are paid in another asset.
    """

    def __init__(self, *, mark_of: Callable[[str], Decimal | None] = lambda _: None) -> None:
        self._mark_of = mark_of
        self._trades: OrderedDict[str, None] = OrderedDict()
        self._orders: OrderedDict[str, VenueOrder] = OrderedDict()
        self._in_books: OrderedDict[str, Progress] = OrderedDict()
        self._wallets_at: dict[str, datetime] = {}
        self._words: set[str] = set()
        self.repeated = 0
        self.unreadable = 0
        self.unknown = 0

    def begin_anew(self) -> None:
        """Compare nothing with what an earlier connection brought: the books are read, and its ids may not go on."""
        for known in (self._trades, self._orders, self._in_books):
            known.clear()
        self._wallets_at.clear()

    def know(self, orders: Iterable[VenueOrder]) -> None:
        """Note how far orders are by the venue's book: less than that is no news."""
        for order in orders:
            _remember(self._in_books, order.venue_order_id, _progress_of(order))

    def read(self, body: Mapping[str, Any]) -> tuple[Stamped | None, list[FeedEvent]]:
        """Return one event and what the desk is told of it; what cannot be read is a reason to read the books."""
        try:
            stamped = account_event(body)
            return stamped, self._told(stamped)
        except DataError as failure:
            self.unreadable += 1
            return None, [FeedDoubt(reason=f"An event of the account cannot be read: {failure.message}")]

    def _told(self, stamped: Stamped) -> list[FeedEvent]:
        event = stamped.event
        if isinstance(event, OrderUpdate):
            return self._order(event, stamped.sent_at)
        if isinstance(event, AccountUpdate):
            return self._wallets(event, stamped.sent_at)
        if isinstance(event, UnknownEvent):
            return self._unknown(event.word)
        return list(_said(event))

    def _order(self, update: OrderUpdate, sent_at: datetime | None) -> list[FeedEvent]:
        order = order_of(update, sent_at)
        told: list[FeedEvent] = []
        if self._is_news(order):
            told.append(FeedOrder(order=order))
        else:
            self.repeated += 1
        if update.has_fill and self._is_new_trade(f"{update.symbol}:{update.trade_id}"):
            told += self._trade(update)
        return told

    def _trade(self, update: OrderUpdate) -> list[FeedEvent]:
        marks = {f"{update.fee_asset}USDT": mark} if (mark := self._mark_of(f"{update.fee_asset}USDT")) else {}
        trade = trade_of(update, marks)
        told: list[FeedEvent] = [FeedTrade(trade=trade)]
        if trade.fee_quote is None:
            sentence = f"The fee of {update.fee} {update.fee_asset} on {update.symbol} has no known price."
            told.append(FeedMessage(kind="error", text=sentence))
        if trade.source is not FillSource.TRADE:
            told.append(FeedDoubt(reason=f"The exchange itself closed {update.symbol}: {trade.source}."))
        return told

    def _is_new_trade(self, key: str) -> bool:
        if key in self._trades:
            self.repeated += 1
            return False
        _remember(self._trades, key, None)
        return True

    def _is_news(self, order: VenueOrder) -> bool:
        """Note what is told of an order; answer False for one that was told so, is known to be further, or is over."""
        key, progress = order.venue_order_id, _progress_of(order)
        known, told = self._in_books.get(key, NOWHERE), self._orders.get(key)
        if _is_behind(progress, known):
            return False
        # a change of price or trigger leaves an order as far as it was, and is news
        if told is not None and (
            told.status in FINAL_STATUSES or told == order or _is_behind(progress, _progress_of(told))
        ):
            return False
        _remember(self._orders, key, order)
        return True

    def _wallets(self, update: AccountUpdate, sent_at: datetime | None) -> list[FeedEvent]:
        """Tell the balances that no later event has told already."""
        told: list[FeedEvent] = []
        at = sent_at or LONG_AGO
        news = [row for row in update.balances if at >= self._wallets_at.get(row.asset, LONG_AGO)]
        if news:
            self._wallets_at.update((row.asset, at) for row in news)
            wallets = tuple(
                VenueWallet(asset=row.asset, wallet_quote=row.wallet, cross_wallet_quote=row.cross_wallet)
                for row in news
            )
            told.append(FeedWallet(wallets=wallets, reason=update.reason))
        self.repeated += bool(update.balances) and not news
        if update.reason == "MARGIN_TYPE_CHANGE":
            told.append(FeedDoubt(reason="The margin mode of a position was changed."))
        return told

    def _unknown(self, word: str) -> list[FeedEvent]:
        self.unknown += 1
        if word in self._words or len(self._words) >= REMEMBERED:
            return []
        self._words.add(word)
        return [FeedMessage(kind="message", text=f"The account's stream says what this version does not know: {word}.")]


def order_of(update: OrderUpdate, sent_at: datetime | None) -> VenueOrder:
    """Return an order as one of its events tells it."""
    at = update.traded_at or sent_at
    return venue_order(
        OrderRow(
            order_id=update.order_id,
            client_id=update.client_id,
            symbol=update.symbol,
            side=update.side,
            position_side=update.position_side,
            order_type=update.order_type,
            original_type=str(update.extra.get("ot", "")),
            time_in_force=update.time_in_force,
            status=update.status,
            quantity=update.quantity,
            filled_quantity=update.filled_quantity,
            price=update.price,
            average_price=update.average_price,
            stop_price=update.stop_price,
            updated_at=at,
        )
    )


def trade_of(update: OrderUpdate, marks: Mapping[str, Decimal] | None = None) -> VenueTrade:
    """Return the fill of an order's event; raise DataError for one without a price or a time."""
    if update.fill_price is None or update.traded_at is None or min(update.fill_price, update.fill_quantity) <= 0:
        raise DataError("a fill has no price, quantity or time", code="venue.unreadable")
    return VenueTrade(
        trade_id=update.trade_id,
        venue_order_id=order_key(update.symbol, update.order_id),
        instrument=key_of(update.symbol),
        side=side_of(update.side),
        quantity=update.fill_quantity,
        price=update.fill_price,
        product=Product.PERPETUAL,
        filled_at=update.traded_at,
        fee_quote=fee_in_quote(update.fee, update.fee_asset, update.symbol, marks),
        source=source_of(update.client_id, update.status),
    )


def is_funding(event: AccountEvent) -> bool:
    """Tell whether balances changed by a funding payment; only the venue's income says of which contract."""
    return isinstance(event, AccountUpdate) and event.reason == FUNDING_FEE


def _said(event: AccountEvent) -> Iterable[FeedEvent]:
    if isinstance(event, MarginCall):
        for row in event.positions:
            sentence = (
                f"Margin call: {row.symbol} {row.position_side} {row.quantity} at a mark price of {row.mark_price}"
            )
            yield FeedMessage(kind="error", text=f"{sentence}, {row.maintenance_margin} must be maintained.")
        yield FeedDoubt(reason="The exchange calls for margin: the positions may be gone already.")
    elif isinstance(event, LeverageChange):
        yield FeedMessage(kind="message", text=f"The leverage of {event.symbol} is {event.leverage} now.")
        yield FeedDoubt(reason=f"The leverage of {event.symbol} was changed.")
    elif isinstance(event, ModeChange):
        joined = "joined over all assets" if event.is_multi_assets else "kept by asset"
        yield FeedMessage(kind="message", text=f"The account's margin is {joined} now.")
        yield FeedDoubt(reason="The account's modes were changed.")
    elif isinstance(event, Announcement) and event.title:
        yield FeedMessage(kind="message", text=event.title)


def _progress_of(order: VenueOrder) -> Progress:
    return (OVER if order.status in FINAL_STATUSES else _RANKS.get(order.status, 0)), order.filled_quantity


def _is_behind(progress: Progress, other: Progress) -> bool:
    return progress[0] < other[0] or progress[1] < other[1]


def _remember(known: OrderedDict[str, Any], key: str, value: object) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > REMEMBERED:
        known.popitem(last=False)
