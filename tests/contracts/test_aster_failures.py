"""What the Aster adapter makes of an exchange that misbehaves; `aster_failures` lists every way in which it does."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import pytest

from brokers.adapters.aster import orders, requests, statements
from brokers.adapters.aster.account import OrderRow
from brokers.adapters.aster.calls import act_row
from brokers.adapters.aster.door import Door, RedisBoard
from brokers.domain.errors import Ambiguous, NeedsLogin, Rejected, Retryable
from brokers.domain.orders import OrderStatus, OrderType, Purpose, Side, Validity
from brokers.domain.perpetual_terms import FillSource
from brokers.simulator.aster.traders import DEMO_TRADER
from execution.runtime.clock import SystemClock
from tests.brokers.adapters.doubles import an_order, permit
from tests.brokers.adapters.memory import MemoryRedis
from tests.contracts.aster_bench import SCHEMES, V1, V3, an_aster_bench, an_aster_venue, an_id, script
from tests.contracts.aster_failures import FAILURES
from tests.contracts.kite_bench import ROOT, clear

pytestmark = pytest.mark.slow

EXIT = {"purpose": Purpose.EXIT, "reduce_only": True}


@pytest.fixture(autouse=True)
def misbehaviour_ends(request):
    yield
    if "simulator" in request.fixturenames:
        clear(request.getfixturevalue("simulator"))


@pytest.fixture
async def bench(simulator, net):
    return await an_aster_bench(simulator, net)


def a_wish(bench, **words):
    words.setdefault("client_id", an_id())
    words.setdefault("quantity", 1)
    return an_order(instrument=bench.instrument.key, **words)


def raw(bench, **params):
    """An order in the exchange's own words, past everything that this adapter checks."""
    said = {"symbol": bench.instrument.symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    return act_row(requests.place(said | {"newClientOrderId": an_id()} | params), OrderRow)


async def flat(bench):
    """Close what the account holds and cancel what it has open."""
    await bench.venue.configure(orders.cancel_all(bench.instrument.symbol), permit)
    held = await bench.quantity()
    if held:
        side = Side.SELL if held > 0 else Side.BUY
        order_id, _ = await bench.place(side=side, quantity=abs(held), **EXIT)
        await bench.until(order_id, OrderStatus.FILLED)
    assert await bench.quantity() == 0


# The list itself -----------------------------------------------------------------------------------


def test_the_list_has_every_failure_once_and_each_says_what_is_right():
    assert [failure.number for failure in FAILURES] == list(range(1, 14))
    assert all(failure.happens and failure.right and failure.tests for failure in FAILURES)


def test_every_test_that_the_list_names_is_collected():
    named = sorted({name for failure in FAILURES for name in failure.tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-n0", *named]

    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
    found = {line.partition("[")[0] for line in told.stdout.splitlines() if "::" in line}
    assert {name.partition("[")[0] for name in named} <= found


# Orders in doubt -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lose_reply", "method": "POST", "path": "/fapi/v3/order"},
        {"kind": "http_5xx_after", "method": "POST", "path": "/fapi/v3/order", "status": 503},
        {"kind": "html_body", "method": "POST", "path": "/fapi/v3/order"},
        {"kind": "unknown_after_accept"},
    ],
)
async def test_an_order_in_doubt_is_sent_once_and_found_by_our_own_id(simulator, bench, fault):
    script(simulator, **fault)
    order = a_wish(bench)

    with pytest.raises(Ambiguous):
        await bench.venue.place(order, bench.instrument, permit)

    assert (await bench.venue.order(bench.instrument.symbol, order.client_id)) is not None
    assert len([row for row in await bench.venue.orders() if order.client_id in row.tags]) == 1


async def test_an_order_that_never_arrived_is_in_doubt_too_and_stands_in_no_book(simulator, bench):
    script(simulator, kind="http_5xx_before", method="POST", path="/fapi/v3/order")
    order = a_wish(bench)

    with pytest.raises(Ambiguous):
        await bench.venue.place(order, bench.instrument, permit)

    assert await bench.venue.order(bench.instrument.symbol, order.client_id) is None
    assert not any(order.client_id in row.tags for row in await bench.venue.orders())


# Time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "kind"), [("v1", "code_1021"), ("v3", "nonce_expired")])
async def test_a_signature_out_of_time_is_made_anew_for_a_read_and_never_for_an_order(simulator, net, scheme, kind):
    bench = await an_aster_bench(simulator, net, SCHEMES[scheme])
    await bench.venue.orders()
    script(simulator, kind=kind, method="GET")
    assert await bench.venue.wallets()

    script(simulator, kind=kind, method="POST")
    order = a_wish(bench)
    with pytest.raises(Rejected) as refused:
        await bench.venue.place(order, bench.instrument, permit)

    assert refused.value.details["class"] == "clock"
    assert await bench.venue.order(bench.instrument.symbol, order.client_id) is None


async def test_a_wrong_signature_is_a_matter_of_the_key(simulator, net):
    venue = an_aster_venue(simulator, net, replace(V1, access_token="another-secret" * 4))

    with pytest.raises(NeedsLogin) as refused:
        await venue.wallets()
    assert refused.value.details["class"] == "credential"


# The key of the stream -----------------------------------------------------------------------------


async def test_a_stream_key_that_expired_cannot_be_extended_and_another_is_made(simulator, bench):
    key = await bench.venue.stream_key()
    await bench.venue.extend_stream_key(key)
    script(simulator, kind="listen_key_expired", account=DEMO_TRADER.user)

    with pytest.raises(Rejected) as dead:
        await bench.venue.extend_stream_key(key)

    assert dead.value.code == "aster.stream_key"
    assert await bench.venue.stream_key() != key


# Rules ---------------------------------------------------------------------------------------------


async def test_the_exchange_refuses_what_is_off_its_grid_and_the_adapter_sends_none(bench):
    price = await bench.far()
    tick, step = bench.instrument.tick_size, bench.instrument.step
    for wrong in ({"price": price + tick / 10, "quantity": step}, {"price": price, "quantity": step + step / 10}):
        with pytest.raises(Rejected) as refused:
            await bench.venue.act(raw(bench, **wrong), permit)
        assert refused.value.details["class"] == "filter"

    row = await bench.resting(price=price + tick / 10, quantity=1 + step / 10)

    assert (row.price % tick, row.quantity % step) == (0, 0)
    assert row.price <= price
    assert row.quantity == 1


async def test_too_small_an_order_is_not_traded_and_dust_is_closed_all_the_same(bench):
    await flat(bench)
    step = bench.instrument.step
    with pytest.raises(Rejected) as refused:
        await bench.venue.act(raw(bench, price=await bench.far(), quantity=step), permit)
    assert refused.value.details["venue_code"] == -4164
    with pytest.raises(Rejected, match="notional"):
        await bench.place(order_type=OrderType.LIMIT, price=await bench.far(), quantity=step)

    order_id, _ = await bench.place(quantity=1)
    await bench.until(order_id, OrderStatus.FILLED)
    order_id, _ = await bench.place(side=Side.SELL, quantity=1 - step, **EXIT)
    await bench.until(order_id, OrderStatus.FILLED)
    assert await bench.quantity() == step
    order_id, _ = await bench.place(side=Side.SELL, quantity=step, **EXIT)
    await bench.until(order_id, OrderStatus.FILLED)

    assert await bench.quantity() == 0


async def test_an_exit_of_what_is_not_held_is_refused_and_the_position_read_again(bench):
    await flat(bench)

    with pytest.raises(Rejected) as refused:
        await bench.place(side=Side.SELL, quantity=1, **EXIT)

    assert refused.value.details["class"] == "position_mode"
    assert await bench.quantity() == 0


async def test_a_side_that_the_account_s_mode_does_not_have_is_refused_and_the_mode_read_again(bench):
    with pytest.raises(Rejected) as refused:
        await bench.venue.act(raw(bench, price=await bench.far(), quantity=1, positionSide="LONG"), permit)

    assert (refused.value.details["class"], refused.value.details["venue_code"]) == ("position_mode", -4061)
    assert (await bench.venue.account_mode()).is_hedge is False


async def test_a_stop_that_would_fire_at_once_is_refused_by_its_class(bench):
    with pytest.raises(Rejected) as refused:
        await bench.place(side=Side.SELL, order_type=OrderType.STOP_MARKET, trigger=await bench.far(Side.SELL))

    assert refused.value.details["class"] == "trigger"


# Stops that stay behind ----------------------------------------------------------------------------


async def test_a_stop_is_cancelled_by_its_own_id_and_the_target_stays(bench):
    stop, _ = await bench.place(side=Side.SELL, order_type=OrderType.STOP_MARKET, trigger=await bench.far())
    target, _ = await bench.place(
        side=Side.SELL, order_type=OrderType.TAKE_PROFIT_MARKET, trigger=await bench.far(Side.SELL)
    )

    await bench.venue.cancel(stop, permit)

    assert (await bench.until(stop, OrderStatus.CANCELLED)).filled_quantity == 0
    assert (await bench.row(target)).status is OrderStatus.TRIGGER_PENDING


async def test_more_stops_than_the_exchange_takes_are_refused_and_none_is_lost(bench):
    await bench.venue.configure(orders.cancel_all(bench.instrument.symbol), permit)
    trigger = await bench.far()
    placed = [
        (await bench.place(side=Side.SELL, order_type=OrderType.STOP_MARKET, trigger=trigger))[0] for _ in range(10)
    ]

    with pytest.raises(Rejected) as refused:
        await bench.place(side=Side.SELL, order_type=OrderType.STOP_MARKET, trigger=trigger)

    assert refused.value.details["class"] == "funds"
    waiting = {row.venue_order_id for row in await bench.venue.orders() if row.status is OrderStatus.TRIGGER_PENDING}
    assert set(placed) <= waiting
    await bench.venue.configure(orders.cancel_all(bench.instrument.symbol), permit)


# The exchange's own hand ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "source"), [("liquidate", FillSource.LIQUIDATION), ("deleverage", FillSource.DELEVERAGE)]
)
async def test_a_fill_by_the_exchange_s_own_hand_says_so(simulator, bench, kind, source):
    await flat(bench)
    order_id, _ = await bench.place(quantity=4)
    await bench.until(order_id, OrderStatus.FILLED)

    script(simulator, kind=kind, account=DEMO_TRADER.user)
    async with asyncio.timeout(8):
        while await bench.quantity() == 4:
            await bench.step()

    forced = [trade for trade in await bench.venue.trades() if trade.source is source]
    assert forced
    assert all(trade.side is Side.SELL and trade.fee_quote is not None for trade in forced)
    listed = await bench.venue.ask(statements.forced_orders(bench.instrument.symbol))
    assert {f"{row.symbol}:{row.order_id}" for row in listed} >= {trade.venue_order_id for trade in forced[-1:]}


# Fills in parts ------------------------------------------------------------------------------------


async def test_a_part_filled_order_counts_what_its_trades_say_and_keeps_it_when_cancelled(simulator, bench):
    script(simulator, kind="partial_fills", fraction=0.25, seconds=30.0)
    price = await bench.far(Side.SELL, "0.99")
    order_id, _ = await bench.place(
        order_type=OrderType.LIMIT, price=price, quantity=4, validity=Validity.GOOD_TILL_CANCELLED
    )
    row = await bench.until(order_id, OrderStatus.PARTIALLY_FILLED)

    await bench.venue.cancel(order_id, permit)
    ended = await bench.until(order_id, OrderStatus.CANCELLED)

    trades = [trade for trade in await bench.venue.trades() if trade.venue_order_id == order_id]
    assert 0 < row.filled_quantity < 4
    assert sum(trade.quantity for trade in trades) == ended.filled_quantity >= row.filled_quantity
    assert ended.filled_quantity + ended.cancelled_quantity == 4


# The door ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "least_s", "most_s"),
    [
        ({"kind": "http_429"}, 55, 60),
        ({"kind": "http_403"}, 55, 60),
        ({"kind": "http_418", "seconds": 0}, 55, 60),
        ({"kind": "http_418", "seconds": 3}, 0.5, 5),
    ],
)
async def test_an_address_that_is_told_to_stay_away_does_in_every_process(simulator, net, fault, least_s, most_s):
    redis, clock = MemoryRedis(), SystemClock()
    doors = [Door(clock=clock, board=RedisBoard(redis, address=simulator.api)) for _ in range(2)]
    first, second = (an_aster_venue(simulator, net, V3, weights=Share(door)) for door in doors)
    await first.wallets()
    await second.wallets()
    script(simulator, method="GET", path="/fapi/v3/balance", **fault)

    with pytest.raises(Retryable) as stopped:
        await first.wallets()
    with pytest.raises(Retryable, match="stay away"):
        await second.wallets()

    assert stopped.value.code == "venue.throttled"
    assert least_s <= doors[1].shut_s <= most_s
    if fault.get("seconds"):
        await asyncio.sleep(doors[1].shut_s + 0.2)  # the exchange has banned the tests' own address


class Share:
    """What sessions of one address share, as far as the door goes."""

    nonces = None
    pace = None

    def __init__(self, door):
        self.door = door


# Leaving -------------------------------------------------------------------------------------------


async def test_a_symbol_that_settles_takes_no_entry_from_us_and_none_at_the_exchange(bench):
    leaving = next(one for one in (await bench.venue.listing()).instruments if not one.takes_orders)
    order = an_order(instrument=leaving.key, quantity=1, client_id=an_id())

    with pytest.raises(Rejected) as ours:
        await bench.venue.place(order, leaving, permit)
    said = {"symbol": leaving.symbol, "type": "MARKET", "timeInForce": None, "quantity": Decimal(1)}
    with pytest.raises(Rejected) as theirs:
        await bench.venue.act(raw(bench, **said), permit)

    assert ours.value.details["class"] == theirs.value.details["class"] == "symbol_state"
