from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from brokers.adapters.paper.matching import Touch, is_triggered, match
from brokers.adapters.paper.venue import PaperVenue
from brokers.domain.errors import Invalid, Rejected
from brokers.domain.instruments import InstrumentKind
from brokers.domain.market import QuoteColumns, ns_of
from brokers.domain.orders import OrderStatus, OrderType, Side, Validity
from tests.brokers.adapters.doubles import START, SteppingClock, an_instrument, an_order, permit

RELIANCE = an_instrument()
NAN = float("nan")


def quotes(last=100.0, *, bid=NAN, ask=NAN, sizes=None, token=RELIANCE.token, at=START):
    depth = None
    if sizes is not None:
        depth = np.zeros((1, 10, 3))
        depth[0, 0], depth[0, 5] = (sizes[0], bid, 1), (sizes[1], ask, 1)
    one = {
        name: np.array([NAN])
        for name in ("volume", "open_interest", "day_open", "day_high", "day_low", "previous_close")
    }
    return QuoteColumns(
        token=np.array([token], dtype=np.int64),
        last_price=np.array([last]),
        bid=np.array([bid]),
        ask=np.array([ask]),
        exchange_ns=np.array([ns_of(at)], dtype=np.int64),
        received_ns=ns_of(at),
        depth=depth,
        **one,
    )


def a_venue():
    return PaperVenue(clock=SteppingClock(), instruments=[RELIANCE])


async def placed(venue, **words):
    await venue.place(an_order(**words), RELIANCE, permit)
    return (await venue.orders())[-1]


async def test_a_market_order_takes_the_far_side():
    venue = a_venue()
    venue.on_quotes(quotes(last=100.0, bid=99.95, ask=100.05))

    bought = await placed(venue, client_id="A")
    sold = await placed(venue, client_id="B", side=Side.SELL)

    assert (bought.status, bought.average_price) == (OrderStatus.FILLED, Decimal("100.05"))
    assert sold.average_price == Decimal("99.95")


async def test_without_depth_a_market_order_pays_one_tick():
    venue = a_venue()
    venue.on_quotes(quotes(last=100.0))

    assert (await placed(venue, client_id="A")).average_price == Decimal("100.05")
    assert (await placed(venue, client_id="B", side=Side.SELL)).average_price == Decimal("99.95")


async def test_an_order_before_any_quote_waits_for_one():
    venue = a_venue()

    waiting = await placed(venue)
    venue.on_quotes(quotes(ask=100.05))

    assert waiting.status is OrderStatus.OPEN
    assert (await venue.orders())[0].status is OrderStatus.FILLED


async def test_the_touch_bounds_a_fill_and_the_rest_waits():
    venue = a_venue()
    venue.on_quotes(quotes(bid=99.0, ask=101.0, sizes=(4, 6)))

    part = await placed(venue, quantity=10)
    again = await placed(venue, quantity=5, client_id="B")
    venue.on_quotes(quotes(bid=99.0, ask=102.0, sizes=(4, 50)))

    assert (part.status, part.filled_quantity, part.pending_quantity) == (OrderStatus.PARTIALLY_FILLED, 6, 4)
    assert again.filled_quantity == 0
    first, second = await venue.orders()
    assert first.average_price == (6 * Decimal(101) + 4 * Decimal(102)) / 10
    assert second.status is OrderStatus.FILLED


async def test_parts_of_a_unit_trade_in_the_contracts_steps():
    contract = replace(RELIANCE, quantity_step=Decimal("0.001"))
    venue = PaperVenue(clock=SteppingClock(), instruments=[contract])
    venue.on_quotes(quotes(bid=99.0, ask=101.0, sizes=(0.5, 0.0347)))

    await venue.place(an_order(quantity=1), contract, permit)

    [order] = await venue.orders()
    assert (order.filled_quantity, order.pending_quantity) == (Decimal("0.034"), Decimal("0.966"))


async def test_what_is_left_of_an_immediate_order_is_cancelled():
    venue = a_venue()
    venue.on_quotes(quotes(bid=99.0, ask=101.0, sizes=(4, 6)))

    order = await placed(venue, quantity=10, order_type=OrderType.LIMIT, price="101", validity=Validity.IMMEDIATE)

    assert (order.status, order.filled_quantity, order.cancelled_quantity) == (OrderStatus.CANCELLED, 6, 4)


async def test_a_marketable_limit_takes_the_better_price_and_a_rested_one_its_own():
    venue = a_venue()
    venue.on_quotes(quotes(bid=99.0, ask=100.0))

    marketable = await placed(venue, client_id="A", order_type=OrderType.LIMIT, price="101")
    resting = await placed(venue, client_id="B", order_type=OrderType.LIMIT, price="99")
    venue.on_quotes(quotes(bid=97.0, ask=98.0))

    assert marketable.average_price == 100
    assert resting.status is OrderStatus.OPEN
    assert (await venue.orders())[1].average_price == 99


@pytest.mark.parametrize(
    ("order_type", "price", "paid"),
    [(OrderType.STOP_MARKET, None, Decimal("105.5")), (OrderType.STOP_LIMIT, "106", Decimal("105.5"))],
)
async def test_a_stop_waits_for_its_trigger_and_then_trades(order_type, price, paid):
    venue = a_venue()
    venue.on_quotes(quotes(last=100.0, bid=99.5, ask=100.5))

    order = await placed(venue, order_type=order_type, price=price, trigger="105")
    venue.on_quotes(quotes(last=104.95, bid=104.0, ask=105.5))
    before = (await venue.orders())[0]
    venue.on_quotes(quotes(last=105.0, bid=104.5, ask=105.5))

    assert order.status is before.status is OrderStatus.TRIGGER_PENDING
    assert (await venue.orders())[0].average_price == paid
    assert [update.order.status for update in venue.drain()] == [
        OrderStatus.TRIGGER_PENDING,
        OrderStatus.OPEN,
        OrderStatus.FILLED,
    ]


async def test_a_triggered_stop_limit_beyond_its_price_rests():
    venue = a_venue()
    venue.on_quotes(quotes(last=100.0, bid=99.5, ask=100.5))
    await placed(venue, order_type=OrderType.STOP_LIMIT, price="105", trigger="105")

    venue.on_quotes(quotes(last=108.0, bid=107.5, ask=108.5))

    assert (await venue.orders())[0].status is OrderStatus.OPEN


async def test_a_changed_limit_trades_when_it_now_crosses():
    venue = a_venue()
    venue.on_quotes(quotes(bid=99.0, ask=100.0))
    order = await placed(venue, order_type=OrderType.LIMIT, price="99")

    await venue.modify(order, price=Decimal("100.5"), trigger_price=None, before_write=permit)

    assert (await venue.orders())[0].average_price == 100


async def test_updates_come_in_order_with_their_trades():
    venue = a_venue()
    venue.on_quotes(quotes(bid=99.0, ask=100.0))
    await placed(venue)

    opened, filled = venue.drain()

    assert (opened.order.status, opened.trade) == (OrderStatus.OPEN, None)
    assert (filled.order.status, filled.trade.price) == (OrderStatus.FILLED, 100)
    assert filled.trade.filled_at == START
    assert venue.drain() == []


async def test_ids_follow_from_client_ids():
    books = []
    for _ in range(2):
        venue = a_venue()
        venue.on_quotes(quotes(bid=99.0, ask=100.0))
        await placed(venue, client_id="W1X")
        books.append((await venue.orders(), await venue.trades()))

    assert books[0] == books[1]
    assert books[0][1][0].trade_id == "P-W1X-1"


async def test_a_restored_book_goes_on_where_it_stopped():
    venue = a_venue()
    venue.on_quotes(quotes(bid=99.0, ask=101.0, sizes=(4, 6)))
    await placed(venue, quantity=10)
    later = a_venue()

    later.restore(await venue.orders(), await venue.trades())
    later.on_quotes(quotes(bid=99.0, ask=102.0, sizes=(4, 50)))

    assert await venue.positions() != await later.positions()
    assert [trade.trade_id for trade in await later.trades()] == ["P-W1TEST00001-1", "P-W1TEST00001-2"]
    assert (await later.orders())[0].status is OrderStatus.FILLED


async def test_restored_trades_speak_louder_than_a_stale_row():
    venue = a_venue()
    row = await placed(venue)
    venue.on_quotes(quotes(bid=99.0, ask=100.0))
    later = a_venue()

    later.restore([row], await venue.trades())

    assert (await later.orders())[0].status is OrderStatus.FILLED


async def test_positions_net_at_average_cost():
    venue = a_venue()
    for number, (side, quantity, price) in enumerate(
        [(Side.BUY, 10, 100.0), (Side.BUY, 10, 110.0), (Side.SELL, 25, 120.0)]
    ):
        venue.on_quotes(quotes(last=price, bid=price, ask=price))
        await placed(venue, client_id=f"C{number}", side=side, quantity=quantity)
    venue.on_quotes(quotes(last=118.0, bid=117.0, ask=119.0))

    (position,) = await venue.positions()

    assert (position.quantity, position.average_price) == (-5, 120)
    assert (position.realised_quote, position.unrealised_quote) == (300, 10)
    assert (await venue.margins())[0].net == 1_000_000 + 300 - 600


async def test_an_order_placed_twice_is_refused():
    venue = a_venue()
    await placed(venue)

    with pytest.raises(Rejected):
        await placed(venue)
    assert len(await venue.orders()) == 1


async def test_an_index_cannot_be_traded():
    index = an_instrument("NIFTY 50", token=256265, tick="0", kind=InstrumentKind.INDEX)

    with pytest.raises(Rejected):
        await a_venue().place(an_order(instrument="NSE:NIFTY 50"), index, permit)


async def test_quotes_of_others_and_quotes_without_a_price_change_nothing():
    venue = a_venue()
    await placed(venue)

    venue.on_quotes(quotes(token=5, ask=100.0))
    venue.on_quotes(quotes(last=0.0))

    assert (await venue.orders())[0].status is OrderStatus.OPEN


async def test_a_modification_of_nothing_is_refused():
    venue = a_venue()
    order = await placed(venue, order_type=OrderType.LIMIT, price="99")

    with pytest.raises(Invalid):
        await venue.modify(order, price=None, trigger_price=None, before_write=permit)


@pytest.mark.parametrize(
    ("side", "last", "reached"),
    [
        (Side.BUY, 105, True),
        (Side.BUY, 104, False),
        (Side.SELL, 105, True),
        (Side.SELL, 106, False),
    ],
)
def test_a_trigger_is_reached_from_its_own_side(side, last, reached):
    assert is_triggered(side, Decimal(105), Decimal(last)) is reached


def test_nothing_trades_at_a_price_of_zero():
    touch = Touch(last=Decimal("0.05"), bid=None, ask=None)

    assert (
        match(
            side=Side.SELL,
            order_type=OrderType.MARKET,
            limit=None,
            remaining=Decimal(1),
            has_rested=False,
            touch=touch,
            tick=Decimal("0.05"),
        )
        is None
    )
