"""`PaperVenue`: the `Venue` port filled from live prices, in memory, with no network and no chance.

Ids follow from client ids, so the same session gives the same book, and an order restored from the journal keeps its
name. The desk feeds it quotes and drains what happened; nothing is called back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from brokers.adapters.paper.book import PaperOrder, net_positions, new_order, restored_order
from brokers.adapters.paper.matching import Touch, is_triggered, match
from brokers.domain.errors import Invalid, Rejected
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar, QuoteColumns, at_of
from brokers.domain.orders import (
    ApprovedOrder,
    OrderStatus,
    Validity,
    VenueMargin,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from brokers.ports import Clock, Receipt

ID_MARK = "P-"
SEGMENT = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperUpdate:
    """What happened to one order: its new row, and the trade that made it so where there was one."""

    order: VenueOrder
    trade: VenueTrade | None = None


class PaperVenue:
    """A venue of one account's paper book; `opening_cash` is what its owner plays with."""

    name = "paper"

    def __init__(
        self, *, clock: Clock, instruments: Iterable[Instrument] = (), opening_cash: Decimal = Decimal(1_000_000)
    ) -> None:
        self._clock = clock
        self._cash = opening_cash
        self._keys: dict[int, str] = {}
        self._by_key: dict[str, Instrument] = {}
        self._orders: dict[str, PaperOrder] = {}
        self._living: dict[str, dict[str, PaperOrder]] = {}
        self._trades: list[VenueTrade] = []
        # where each instrument was quoted last, and the touches that orders have looked at since
        self._seen: dict[str, tuple[QuoteColumns, int]] = {}
        self._touches: dict[str, Touch] = {}
        self._updates: list[PaperUpdate] = []
        self.know(instruments)

    def know(self, instruments: Iterable[Instrument]) -> None:
        """Learn which tokens of the feed are which instruments."""
        for instrument in instruments:
            self._keys[instrument.token] = instrument.key
            self._by_key[instrument.key] = instrument

    def restore(self, orders: Sequence[VenueOrder], trades: Sequence[VenueTrade]) -> None:
        """Take up the book as the journal knows it; living orders wait for the next quotes."""
        by_order: dict[str, list[VenueTrade]] = {}
        for trade in trades:
            by_order.setdefault(trade.venue_order_id, []).append(trade)
        self._trades = sorted(trades, key=lambda trade: trade.filled_at)
        for row in orders:
            known = self._by_key.get(row.instrument)
            tick = known.tick_size if known else Decimal("0.05")
            fills = by_order.get(row.venue_order_id, [])
            self._keep(restored_order(row, fills, tick, self._clock.now()))

    def on_quotes(self, columns: QuoteColumns) -> None:
        """Take a frame of live prices and match the orders of the instruments it speaks of."""
        quoted = zip(columns.token.tolist(), columns.last_price.tolist(), strict=True)
        for position, (token, last) in enumerate(quoted):
            key = self._keys.get(token)
            if key is None or not last > 0:
                continue
            self._seen[key] = (columns, position)
            self._touches.pop(key, None)
            if self._living.get(key):
                self._match_all(key)

    def drain(self) -> list[PaperUpdate]:
        """Return what happened since the last call, in order."""
        updates, self._updates = self._updates, []
        return updates

    async def place(self, order: ApprovedOrder, instrument: Instrument, before_write: Callable[[], None]) -> Receipt:
        """Take an order; what it trades at once comes out of `drain`, as a venue's updates follow its receipt."""
        order_id = ID_MARK + order.client_id
        before_write()
        if order_id in self._orders:
            raise Rejected(f"order {order.client_id} was placed before", code="venue.duplicate")
        if not instrument.is_tradable:
            raise Rejected(f"{instrument.key} cannot be traded", code="venue.input")
        self.know([instrument])
        placed = new_order(order_id, order, instrument, self._now(instrument.key))
        self._keep(placed)
        self._updates.append(PaperUpdate(order=placed.row()))
        self._match(placed, placed.placed_at)
        if placed.is_living and placed.validity is Validity.IMMEDIATE:
            self._end(placed, "What was left of an immediate order was cancelled.", placed.placed_at)
        return Receipt(venue_order_id=order_id)

    async def modify(
        self,
        order: VenueOrder,
        *,
        price: Decimal | None,
        trigger_price: Decimal | None,
        before_write: Callable[[], None],
    ) -> Receipt:
        """Change the prices of a living order, and see whether it trades now."""
        if price is None and trigger_price is None:
            raise Invalid("a modification names a price or a trigger price", code="order.price", field="price")
        before_write()
        known = self._require_living(order.venue_order_id)
        known.price = price if price is not None else known.price
        known.trigger_price = trigger_price if trigger_price is not None else known.trigger_price
        known.has_rested = False
        known.updated_at = self._now(known.instrument)
        self._updates.append(PaperUpdate(order=known.row()))
        self._match(known, known.updated_at)
        return Receipt(venue_order_id=known.order_id)

    async def cancel(self, venue_order_id: str, before_write: Callable[[], None]) -> Receipt:
        """Cancel a living order."""
        before_write()
        known = self._require_living(venue_order_id)
        self._end(known, "Cancelled by the desk.", self._now(known.instrument))
        return Receipt(venue_order_id=venue_order_id)

    async def orders(self) -> list[VenueOrder]:
        """Return the whole book, oldest first."""
        return [order.row() for order in self._orders.values()]

    async def trades(self) -> list[VenueTrade]:
        """Return every trade, oldest first."""
        return list(self._trades)

    async def positions(self) -> list[VenuePosition]:
        """Return the net of the trades, valued at the last prices."""
        touches = {trade.instrument: self._touch(trade.instrument) for trade in self._trades}
        return net_positions(self._trades, {key: touch.last for key, touch in touches.items() if touch is not None})

    async def holdings(self) -> list[Mapping[str, object]]:
        """Return none: nothing is delivered on paper."""
        return []

    async def margins(self) -> list[VenueMargin]:
        """Return the play money: what was begun with, and what open positions cost."""
        positions = await self.positions()
        used = sum((abs(p.quantity) * p.average_price for p in positions), Decimal(0))
        realised = sum((p.realised_quote for p in positions), Decimal(0))
        cash = self._cash + realised
        return [VenueMargin(segment=SEGMENT, available=cash, used=used, net=cash - used)]

    async def profile(self) -> Mapping[str, object]:
        """Return who this is."""
        return {"user_id": SEGMENT, "user_name": "Paper book", "broker": "PAPER"}

    async def instruments(self) -> list[Instrument]:
        """Return what has been made known."""
        return list(self._by_key.values())

    async def history(
        self,
        instrument: Instrument,
        interval_s: int,
        start: datetime,
        end: datetime,
    ) -> list[Bar]:
        """Refuse: paper has live prices and no past; ask the account's real venue."""
        raise Rejected("a paper book keeps no candles", code="venue.no_history")

    async def close(self) -> None:
        """Stop matching; the journal has all there was."""
        self._living.clear()

    def _keep(self, order: PaperOrder) -> None:
        self._orders[order.order_id] = order
        if order.is_living:
            self._living.setdefault(order.instrument, {})[order.order_id] = order

    def _match_all(self, key: str) -> None:
        at = self._now(key)
        for order in list(self._living[key].values()):
            self._match(order, at)

    def _match(self, order: PaperOrder, at: datetime) -> None:
        touch = self._touch(order.instrument)
        if touch is None or not self._is_active(order, touch, at):
            return
        found = match(
            side=order.side,
            order_type=order.order_type,
            limit=order.price,
            remaining=order.remaining,
            has_rested=order.has_rested,
            touch=touch,
            tick=order.tick_size,
        )
        order.has_rested = True
        if found is None:
            return
        self._touches[order.instrument] = touch.without(order.side, found.quantity)
        trade = order.fill(found.quantity, found.price, at)
        self._trades.append(trade)
        self._updates.append(PaperUpdate(order=order.row(), trade=trade))
        self._forget_ended(order)

    def _is_active(self, order: PaperOrder, touch: Touch, at: datetime) -> bool:
        if order.status is not OrderStatus.TRIGGER_PENDING:
            return True
        assert order.trigger_price is not None
        if not is_triggered(order.side, order.trigger_price, touch.last):
            return False
        order.status, order.updated_at = OrderStatus.OPEN, at
        self._updates.append(PaperUpdate(order=order.row()))
        return True

    def _end(self, order: PaperOrder, message: str, at: datetime) -> None:
        order.end(OrderStatus.CANCELLED, message, at)
        self._updates.append(PaperUpdate(order=order.row()))
        self._forget_ended(order)

    def _forget_ended(self, order: PaperOrder) -> None:
        if not order.is_living:
            self._living.get(order.instrument, {}).pop(order.order_id, None)

    def _require_living(self, order_id: str) -> PaperOrder:
        known = self._orders.get(order_id)
        if known is None:
            raise Rejected(f"there is no order {order_id}", code="venue.order")
        if not known.is_living:
            raise Rejected(f"order {order_id} is {known.status}", code="venue.order")
        return known

    def _now(self, key: str) -> datetime:
        # the book lives in market time, as a venue's does; before the first quote only the wall clock is known
        seen = self._seen.get(key)
        if seen is None:
            return self._clock.now()
        columns, position = seen
        return at_of(int(columns.exchange_ns[position])) or at_of(columns.received_ns) or self._clock.now()

    def _touch(self, key: str) -> Touch | None:
        known = self._touches.get(key)
        seen = self._seen.get(key)
        if known is None and seen is not None:
            known = self._touches[key] = _touch_at(*seen, self._by_key[key])
        return known


def _touch_at(columns: QuoteColumns, position: int, instrument: Instrument) -> Touch:
    last = float(columns.last_price[position])
    bid, ask = float(columns.bid[position]), float(columns.ask[position])
    touch = Touch(
        last=instrument.price_of(last) if instrument.is_tradable else Decimal(repr(last)),
        bid=instrument.price_of(bid) if bid > 0 else None,
        ask=instrument.price_of(ask) if ask > 0 else None,
    )
    if columns.depth is None:
        return touch
    bid_size, ask_size = float(columns.depth[position, 0, 0]), float(columns.depth[position, 5, 0])
    return replace(touch, bid_size=_size(bid_size, instrument), ask_size=_size(ask_size, instrument))


def _size(value: float, instrument: Instrument) -> Decimal | None:
    if not value > 0:
        return None
    step = instrument.quantity_step
    return Decimal(int(value)) if step is None else instrument.lots_of(Decimal(repr(value)))
