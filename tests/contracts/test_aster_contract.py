"""Aster under the suite that every venue adapter inherits, by both of its generations of keys."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brokers.adapters.aster import quotes, settings
from brokers.domain.errors import Rejected
from brokers.domain.orders import OrderStatus, OrderType, Purpose, Side
from brokers.domain.perpetual_terms import PositionSide
from tests.brokers.adapters.doubles import permit
from tests.contracts.aster_bench import SCHEMES, AsterBench, an_aster_bench
from tests.contracts.venue_contract import LIVING, VenueContract

pytestmark = pytest.mark.slow


@pytest.fixture(params=["v3", "v1"])
async def aster(request, simulator, net):
    return await an_aster_bench(simulator, net, SCHEMES[request.param])


class TestAster(VenueContract):
    """What differs, differs at the exchange: a key of V1 changes no order, and no key changes a stop."""

    @pytest.fixture
    async def bench(self, aster):
        return aster

    def is_old(self, bench):
        return bench.venue._transport.generation == "v1"

    async def test_a_resting_order_takes_another_price(self, bench):
        if self.is_old(bench):
            await self.refused(bench)
        else:
            await super().test_a_resting_order_takes_another_price(bench)

    async def test_an_order_moved_across_the_market_fills(self, bench):
        if self.is_old(bench):
            await self.refused(bench)
        else:
            await super().test_an_order_moved_across_the_market_fills(bench)

    async def test_a_modification_without_a_permit_changes_nothing(self, bench):
        if self.is_old(bench):
            await self.refused(bench)
        else:
            await super().test_a_modification_without_a_permit_changes_nothing(bench)

    async def test_a_waiting_stop_takes_another_trigger(self, bench):
        trigger = await bench.far()
        order_id, _ = await bench.place(side=Side.SELL, order_type=OrderType.STOP_MARKET, trigger=trigger)
        row = await bench.until(order_id, OrderStatus.TRIGGER_PENDING)

        with pytest.raises(Rejected, match=r"place another|wallets alone"):
            await bench.venue.modify(row, price=None, trigger_price=await bench.far(share="0.96"), before_write=permit)

        assert (await bench.row(order_id)).trigger_price == trigger

    async def refused(self, bench):
        row = await bench.resting()

        with pytest.raises(Rejected, match="agent wallets"):
            await bench.venue.modify(row, price=await bench.far(share="0.96"), trigger_price=None, before_write=permit)

        assert (await bench.row(row.venue_order_id)).price == row.price


async def test_history_is_closed_bars_in_order(aster):
    marks = await aster.venue.ask(quotes.mark_price(aster.instrument.symbol))
    end = marks.measured_at

    bars = await aster.venue.history(aster.instrument, 60, end - timedelta(minutes=90), end)

    assert len(bars) >= 40
    assert bars[-1].end_ns <= end.timestamp() * 1e9
    assert all(later.start_ns > earlier.start_ns for earlier, later in itertools.pairwise(bars))
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


async def test_a_fill_tells_its_fee_and_moves_the_wallet(aster):
    order_id, _ = await aster.place(quantity=2)
    await aster.until(order_id, OrderStatus.FILLED)

    trades = [trade for trade in await aster.venue.trades() if trade.venue_order_id == order_id]

    value = sum(trade.price * trade.quantity for trade in trades)
    assert sum(trade.fee_quote for trade in trades) == pytest.approx(value * Decimal("0.00035"), rel=Decimal("0.01"))
    assert {wallet.asset for wallet in await aster.venue.wallets()} >= {"USDT"}


async def test_the_account_s_terms_can_be_read(aster):
    maker, taker = await aster.venue.commission(aster.instrument.symbol)
    brackets = await aster.venue.brackets(aster.instrument.symbol)
    mode = await aster.venue.account_mode()

    assert (maker, taker) == (Decimal("0.0001"), Decimal("0.00035"))
    assert brackets[0].floor == 0
    assert all(one.cap <= other.floor for one, other in itertools.pairwise(brackets))
    assert mode.is_hedge is False
    assert abs((await aster.venue.measure_clock()).milliseconds) < 500


async def test_a_position_tells_its_leverage_its_mark_and_where_it_would_be_liquidated(aster):
    order_id, _ = await aster.place(quantity=3)
    await aster.until(order_id, OrderStatus.FILLED)

    [row] = [row for row in await aster.venue.positions() if row.instrument == aster.instrument.key]

    assert row.leverage >= 1
    assert row.mark_price > 0
    assert row.margin_mode is not None


async def test_the_countdown_is_taken_and_switched_off(aster):
    await aster.venue.countdown(aster.instrument.symbol, 120, permit)
    await aster.venue.countdown(aster.instrument.symbol, 0, permit)


async def test_funding_since_a_time_is_a_list_of_payments_each_once(aster):
    payments = await aster.venue.funding(datetime(2026, 11, 1, tzinfo=UTC))

    ids = [payment.payment_id for payment in payments]
    assert len(ids) == len(set(ids))


async def test_a_symbol_in_other_letters_is_traded_like_any(aster):
    listed = {instrument.symbol: instrument for instrument in await aster.venue.instruments()}
    hawk = next(instrument for symbol, instrument in listed.items() if not symbol.isascii())
    bench = AsterBench(aster.venue, hawk, aster.index)

    row = await bench.resting(quantity=1000)
    await bench.venue.cancel(row.venue_order_id, permit)

    assert row.venue_order_id.startswith(f"{hawk.symbol}:")
    assert (await bench.until(row.venue_order_id, OrderStatus.CANCELLED)).instrument == hawk.key


async def test_in_hedge_mode_a_long_and_a_short_stand_beside_each_other(simulator, net):
    bench = await an_aster_bench(simulator, net, SCHEMES["v3"])
    await close_all(bench)
    await bench.venue.configure(settings.position_mode(is_hedge=True), permit)
    try:
        for side in Side:
            order_id, _ = await bench.place(side=side, quantity=2)
            await bench.until(order_id, OrderStatus.FILLED)
        held = {row.position_side: row.quantity for row in await bench.venue.positions() if row.quantity}
        for side in Side:
            order_id, _ = await bench.place(side=side, quantity=2, purpose=Purpose.EXIT, reduce_only=True)
            await bench.until(order_id, OrderStatus.FILLED)
        left = [row for row in await bench.venue.positions() if row.quantity]
    finally:
        await bench.venue.configure(settings.position_mode(is_hedge=False), permit)

    assert held == {PositionSide.LONG: 2, PositionSide.SHORT: -2}
    assert left == []


async def close_all(bench):
    """Bring every symbol of the account home: its mode changes only while nothing is held or open."""
    listed = {instrument.key: instrument for instrument in await bench.venue.instruments()}
    for row in await bench.venue.orders():
        if row.status in LIVING:
            await bench.venue.cancel(row.venue_order_id, permit)
    for row in await bench.venue.positions():
        if row.quantity:
            side = Side.SELL if row.quantity > 0 else Side.BUY
            one = AsterBench(bench.venue, listed[row.instrument], bench.index)
            order_id, _ = await one.place(side=side, quantity=abs(row.quantity), purpose=Purpose.EXIT, reduce_only=True)
            await one.until(order_id, OrderStatus.FILLED)
