"""What every venue adapter must do, written once: a new adapter inherits this suite and a bench for it.

A test class inherits `VenueContract` and gives the fixture `bench`, a `Bench` whose market is open, liquid and near
some price. No test knows which venue it speaks to.
"""

import asyncio
import itertools
from abc import ABC, abstractmethod
from decimal import Decimal

import pytest

from brokers.domain.errors import Rejected
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import OrderStatus, OrderType, Side, Validity, VenueOrder
from tests.brokers.adapters.doubles import an_order, permit

LIVING = {OrderStatus.ACCEPTED, OrderStatus.OPEN, OrderStatus.TRIGGER_PENDING, OrderStatus.PARTIALLY_FILLED}
_numbers = itertools.count(1)


class Refusal(Exception):
    """A permit that was not given."""


def refuse():
    raise Refusal


class Bench(ABC):
    """One venue under test; adapters' benches say how its prices are read and how its market moves."""

    def __init__(self, venue, instrument, index):
        self.venue = venue
        self.instrument = instrument
        self.index = index

    @abstractmethod
    async def last(self) -> Decimal:
        """Return the last price."""

    async def step(self):
        """Let the market move a little."""
        await asyncio.sleep(0.05)

    async def place(self, **words):
        """Place an order and return its id and client id."""
        words.setdefault("client_id", f"W1C{next(_numbers):06d}")
        words.setdefault("quantity", 1)
        order = an_order(instrument=self.instrument.key, **words)
        receipt = await self.venue.place(order, self.instrument, permit)
        return receipt.venue_order_id, order.client_id

    async def far(self, side=Side.BUY, share="0.97"):
        """Return a price on the grid that the market will not reach, but the venue accepts."""
        factor = Decimal(share) if side is Side.BUY else 2 - Decimal(share)
        return self.instrument.price_of(await self.last() * factor)

    async def resting(self, **words):
        """Place a limit order far from the market and return its row once it rests."""
        words.setdefault("price", await self.far())
        order_id, _ = await self.place(order_type=OrderType.LIMIT, **words)
        return await self.until(order_id, OrderStatus.OPEN)

    async def row(self, order_id) -> VenueOrder:
        return next(row for row in await self.venue.orders() if row.venue_order_id == order_id)

    async def until(self, order_id, *statuses) -> VenueOrder:
        """Wait until an order has one of these statuses."""
        async with asyncio.timeout(8):
            while (row := await self.row(order_id)).status not in statuses:
                await self.step()
        return row

    async def quantity(self) -> Decimal:
        held = [p.quantity for p in await self.venue.positions() if p.instrument == self.instrument.key]
        return sum(held, Decimal(0))


class VenueContract:
    """The behaviours."""

    async def test_a_receipt_names_an_order_of_the_book(self, bench):
        order_id, _ = await bench.place()

        assert (await bench.row(order_id)).instrument == bench.instrument.key

    async def test_the_client_id_is_found_among_the_tags(self, bench):
        order_id, client_id = await bench.place()

        assert client_id in (await bench.row(order_id)).tags

    @pytest.mark.parametrize("side", list(Side))
    async def test_a_market_order_fills_near_the_market(self, bench, side):
        order_id, _ = await bench.place(side=side)

        row = await bench.until(order_id, OrderStatus.FILLED)

        assert (row.side, row.filled_quantity, row.pending_quantity) == (side, 1, 0)
        assert abs(row.average_price - await bench.last()) < await bench.last() * Decimal("0.02")

    async def test_trades_add_up_to_what_was_filled(self, bench):
        order_id, _ = await bench.place(quantity=7)

        row = await bench.until(order_id, OrderStatus.FILLED)
        trades = [trade for trade in await bench.venue.trades() if trade.venue_order_id == order_id]

        assert sum(trade.quantity for trade in trades) == row.filled_quantity == 7
        value = sum(trade.quantity * trade.price for trade in trades)
        assert abs(value / 7 - row.average_price) < Decimal("0.01")

    async def test_trade_ids_are_unique_within_an_instrument(self, bench):
        for _ in range(3):
            order_id, _ = await bench.place()
            await bench.until(order_id, OrderStatus.FILLED)

        keys = [(trade.instrument, trade.trade_id) for trade in await bench.venue.trades()]
        assert len(keys) == len(set(keys))

    async def test_a_position_grows_and_shrinks_by_the_fills(self, bench):
        before = await bench.quantity()
        order_id, _ = await bench.place(quantity=5)
        await bench.until(order_id, OrderStatus.FILLED)
        bought = await bench.quantity()
        order_id, _ = await bench.place(side=Side.SELL, quantity=5)
        await bench.until(order_id, OrderStatus.FILLED)

        assert (bought - before, await bench.quantity()) == (5, before)

    async def test_a_far_limit_rests_whole(self, bench):
        price = await bench.far()

        row = await bench.resting(price=price, quantity=3)

        assert (row.price, row.pending_quantity, row.filled_quantity) == (price, 3, 0)
        assert row.average_price is None

    async def test_a_marketable_limit_pays_no_more_than_its_price(self, bench):
        price = await bench.far(Side.SELL, "0.99")

        order_id, _ = await bench.place(order_type=OrderType.LIMIT, price=price)

        assert (await bench.until(order_id, OrderStatus.FILLED)).average_price <= price

    async def test_a_cancelled_order_has_nothing_pending(self, bench):
        row = await bench.resting(quantity=3)

        await bench.venue.cancel(row.venue_order_id, permit)
        row = await bench.until(row.venue_order_id, OrderStatus.CANCELLED)

        assert (row.cancelled_quantity, row.filled_quantity) == (3, 0)

    async def test_an_ended_order_cannot_be_cancelled(self, bench):
        order_id, _ = await bench.place()
        await bench.until(order_id, OrderStatus.FILLED)

        with pytest.raises(Rejected):
            await bench.venue.cancel(order_id, permit)

    async def test_an_unknown_order_cannot_be_cancelled(self, bench):
        with pytest.raises(Rejected):
            await bench.venue.cancel("999999999999999", permit)

    async def test_a_resting_order_takes_another_price(self, bench):
        row = await bench.resting()
        price = await bench.far(share="0.96")

        await bench.venue.modify(row, price=price, trigger_price=None, before_write=permit)

        assert (await bench.until(row.venue_order_id, OrderStatus.OPEN)).price == price

    async def test_an_order_moved_across_the_market_fills(self, bench):
        row = await bench.resting()

        price = await bench.far(Side.SELL, "0.99")
        await bench.venue.modify(row, price=price, trigger_price=None, before_write=permit)

        assert (await bench.until(row.venue_order_id, OrderStatus.FILLED)).filled_quantity == 1

    async def test_an_ended_order_takes_no_other_price(self, bench):
        row = await bench.resting()
        await bench.venue.cancel(row.venue_order_id, permit)

        with pytest.raises(Rejected):
            await bench.venue.modify(row, price=await bench.far(share="0.96"), trigger_price=None, before_write=permit)

    async def test_a_stop_waits_for_its_trigger(self, bench):
        trigger = await bench.far()

        order_id, _ = await bench.place(side=Side.SELL, order_type=OrderType.STOP_MARKET, trigger=trigger)

        row = await bench.until(order_id, OrderStatus.TRIGGER_PENDING)
        assert (row.trigger_price, row.filled_quantity) == (trigger, 0)

    async def test_a_waiting_stop_takes_another_trigger(self, bench):
        order_id, _ = await bench.place(side=Side.SELL, order_type=OrderType.STOP_MARKET, trigger=await bench.far())
        row = await bench.until(order_id, OrderStatus.TRIGGER_PENDING)
        trigger = await bench.far(share="0.96")

        await bench.venue.modify(row, price=None, trigger_price=trigger, before_write=permit)

        assert (await bench.until(order_id, OrderStatus.TRIGGER_PENDING)).trigger_price == trigger

    async def test_a_stop_limit_keeps_both_prices(self, bench):
        trigger, price = await bench.far(), await bench.far(share="0.965")

        order_id, _ = await bench.place(side=Side.SELL, order_type=OrderType.STOP_LIMIT, price=price, trigger=trigger)

        row = await bench.until(order_id, OrderStatus.TRIGGER_PENDING)
        assert (row.price, row.trigger_price) == (price, trigger)

    async def test_an_immediate_order_that_cannot_trade_is_cancelled(self, bench):
        order_id, _ = await bench.place(
            order_type=OrderType.LIMIT, price=await bench.far(), validity=Validity.IMMEDIATE
        )

        assert (await bench.until(order_id, OrderStatus.CANCELLED)).filled_quantity == 0

    async def test_an_order_without_a_permit_never_reaches_the_book(self, bench):
        before = len(await bench.venue.orders())

        with pytest.raises(Refusal):
            await bench.venue.place(an_order(instrument=bench.instrument.key), bench.instrument, refuse)

        assert len(await bench.venue.orders()) == before

    async def test_a_cancellation_without_a_permit_changes_nothing(self, bench):
        row = await bench.resting()

        with pytest.raises(Refusal):
            await bench.venue.cancel(row.venue_order_id, refuse)

        assert (await bench.row(row.venue_order_id)).status is OrderStatus.OPEN

    async def test_a_modification_without_a_permit_changes_nothing(self, bench):
        row = await bench.resting()

        with pytest.raises(Refusal):
            await bench.venue.modify(row, price=await bench.last(), trigger_price=None, before_write=refuse)

        assert (await bench.row(row.venue_order_id)).price == row.price

    async def test_a_book_is_consistent(self, bench):
        await bench.place()
        await bench.resting()

        rows = await bench.venue.orders()

        assert len({row.venue_order_id for row in rows}) == len(rows)
        assert all(row.placed_at.tzinfo and row.updated_at.tzinfo for row in rows)
        ended = [row for row in rows if row.status is OrderStatus.FILLED]
        assert all(row.filled_quantity == row.quantity for row in ended)
        living = [row for row in rows if row.status in LIVING]
        assert all(row.filled_quantity + row.pending_quantity == row.quantity for row in living)

    async def test_no_number_of_a_book_is_a_float(self, bench):
        order_id, _ = await bench.place()
        await bench.until(order_id, OrderStatus.FILLED)

        rows = [*await bench.venue.orders(), *await bench.venue.trades(), *await bench.venue.positions()]
        rows += await bench.venue.margins()
        fields = [getattr(row, name) for row in rows for name in type(row).__dataclass_fields__]
        assert not any(isinstance(value, float) for value in fields)

    async def test_an_index_cannot_be_traded(self, bench):
        assert bench.index.kind is InstrumentKind.INDEX

        with pytest.raises(Rejected):
            await bench.venue.place(an_order(instrument=bench.index.key), bench.index, permit)

    async def test_the_account_has_margins_and_a_name(self, bench):
        margins = await bench.venue.margins()

        assert margins
        assert (await bench.venue.profile())["user_id"]

    async def test_the_instrument_is_listed_under_one_key(self, bench):
        keys = [instrument.key for instrument in await bench.venue.instruments()]

        assert keys.count(bench.instrument.key) == 1
        assert len(keys) == len(set(keys))
