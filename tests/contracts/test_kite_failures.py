"""What the Kite adapter makes of a venue that misbehaves; `kite_failures` lists every way in which Kite does."""

import asyncio
import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from brokers.adapters.kite import gtt, orders
from brokers.domain.errors import Ambiguous, DataError, Misconfigured, NeedsLogin, Rejected
from brokers.domain.gtt import GttTarget
from brokers.domain.orders import OrderStatus, OrderType, Product, Side
from brokers.domain.reports import OrderReport
from brokers.domain.terms import OrderChange
from brokers.ports import FeedQuotes, FeedState
from execution.domain.setbacks import failures_of
from tests.brokers.adapters.doubles import OpenBudget, an_order, permit
from tests.contracts.kite_bench import ROOT, a_feed, a_venue, clear, first, script, signed_in, state_of
from tests.contracts.kite_failures import FAILURES

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def misbehaviour_ends(simulator):
    yield
    clear(simulator)


def an_id():
    return f"W1F{random.randrange(10**9):09d}"


def refusal(error_type, message):
    return json.dumps({"status": "error", "message": message, "error_type": error_type, "data": None})


async def eventually(look, is_there):
    """Look until something is there, and return it."""
    for _ in range(300):
        found = await look()
        if is_there(found):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("it never came")


async def rows_of(bench, client_id):
    return [row for row in await bench.venue.orders() if client_id in row.tags]


# The list itself -----------------------------------------------------------------------------------


def test_the_list_has_every_failure_once_and_each_says_what_is_right():
    assert [failure.number for failure in FAILURES] == list(range(1, 35))
    assert all(failure.happens and failure.right and failure.tests for failure in FAILURES)


def test_every_test_that_the_list_names_is_collected():
    named = sorted({name for failure in FAILURES for name in failure.tests})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-n0", *named]

    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
    found = {line.partition("[")[0] for line in told.stdout.splitlines() if "::" in line}
    assert {name.partition("[")[0] for name in named} <= found


# Sessions and streams ------------------------------------------------------------------------------


async def test_a_forbidden_stream_is_left_at_once_and_a_new_session_is_heard(simulator, net, bench, session):
    script(simulator, kind="token_death")
    feed = a_feed(simulator, net, session)

    assert [event.state async for event in feed.events()] == ["needs_login"]
    assert feed.figures()["openings"] <= 1

    renewed = a_feed(simulator, net, await asyncio.to_thread(signed_in, simulator))
    await renewed.subscribe([bench.instrument.token])
    events = renewed.events()
    async with asyncio.timeout(15):
        assert (await first(events, FeedState)).state == "connected"
        assert (await first(events, FeedQuotes)).columns.token.tolist() == [bench.instrument.token]
    await renewed.close()
    await events.aclose()


async def test_a_silent_stream_is_noticed_and_opened_anew(simulator, net, session):
    feed = a_feed(simulator, net, session, silence_s=2)
    events = feed.events()
    async with asyncio.timeout(30):
        assert (await first(events, FeedState)).state == "connected"
        script(simulator, kind="silent_socket", seconds=20)
        assert (await first(events, FeedState)).state == "silent"
        assert (await first(events, FeedState)).state == "connected"
    await feed.close()
    await events.aclose()


async def test_what_a_broken_stream_did_not_tell_stands_in_the_books(simulator, net, bench, session):
    feed = a_feed(simulator, net, session)
    events = feed.events()
    async with asyncio.timeout(30):
        assert (await first(events, FeedState)).state == "connected"
        script(simulator, kind="late_frames", seconds=3600, count=20)
        order_id, _ = await bench.place(order_type=OrderType.MARKET)
        await bench.until(order_id, OrderStatus.FILLED)
        script(simulator, kind="drop_socket")
        assert (await first(events, FeedState)).state == "disconnected"
        assert (await first(events, FeedState)).state == "connected"
    await feed.close()
    await events.aclose()

    row = await bench.row(order_id)
    trades = [trade for trade in await bench.venue.trades() if trade.venue_order_id == order_id]
    assert sum(trade.quantity for trade in trades) == row.filled_quantity == row.quantity


# Writes whose outcome is unknown -------------------------------------------------------------------

LOST = [
    {"kind": "lose_reply"},
    {"kind": "http_5xx_after"},
    {"kind": "http_5xx_after", "status": 503},
    {"kind": "order_timed_out"},
    {"kind": "html_body"},
]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault["kind"])
async def test_an_order_in_doubt_is_sent_once_and_found_by_its_tag(simulator, bench, fault):
    words = {} if fault["kind"] == "order_timed_out" else {"method": "POST", "path": "/orders"}
    script(simulator, **fault, **words)
    order = an_order(instrument=bench.instrument.key, quantity=1, client_id=an_id())

    with pytest.raises(Ambiguous):
        await bench.venue.place(order, bench.instrument, permit)

    assert len(await rows_of(bench, order.client_id)) == 1


async def test_an_order_that_is_not_in_the_book_yet_comes_with_its_tag(simulator, bench):
    script(simulator, kind="delay_visibility", seconds=1.5)
    order_id, client_id = await bench.place()

    assert await rows_of(bench, client_id) == []
    rows = await eventually(lambda: rows_of(bench, client_id), lambda found: found)
    assert [row.venue_order_id for row in rows] == [order_id]


async def test_a_page_of_html_is_no_data_to_a_read_and_a_doubt_to_a_cancel(simulator, bench):
    row = await bench.resting()
    script(simulator, kind="html_body", method="GET", path="/trades")
    with pytest.raises(DataError):
        await bench.venue.trades()
    script(simulator, kind="html_body", method="DELETE", path="/orders")

    with pytest.raises(Ambiguous):
        await bench.venue.cancel(row.venue_order_id, permit)


# Refusals ------------------------------------------------------------------------------------------


async def test_a_receipt_is_no_success_and_the_rejection_says_why(bench):
    order_id, _ = await bench.place(side=Side.SELL, quantity=90_000, product=Product.DELIVERY)

    row = await bench.until(order_id, OrderStatus.REJECTED)

    assert "holdings" in row.message
    states = [state for state in await bench.venue.ask(orders.history(order_id)) if isinstance(state, OrderReport)]
    assert (states[0].order.status, states[-1].raw_message[:4]) == (OrderStatus.ACCEPTED, "RMS:")


async def test_a_refusal_without_a_row_is_a_definite_no(simulator, bench):
    script(simulator, kind="freeze_refusal", quantity=5)
    order = an_order(instrument=bench.instrument.key, quantity=6, client_id=an_id())

    with pytest.raises(Rejected) as caught:
        await bench.venue.place(order, bench.instrument, permit)

    assert "freeze" in caught.value.message
    assert await rows_of(bench, order.client_id) == []


async def test_too_many_requests_pause_the_orders_and_nothing_is_repeated(simulator, net, session, bench):
    budget = OpenBudget()
    venue = a_venue(simulator, net, session, budget)
    script(simulator, kind="http_429", method="POST", path="/orders")
    order = an_order(instrument=bench.instrument.key, quantity=1, client_id=an_id())

    with pytest.raises(Rejected) as caught:
        await venue.place(order, bench.instrument, permit)

    assert (caught.value.code, [kind for kind, _ in budget.pauses]) == ("venue.throttled", ["order"])
    assert await rows_of(bench, order.client_id) == []


async def test_a_plan_without_the_permission_keeps_its_session(simulator, bench):
    body = refusal("PermissionException", "Insufficient permission for that call.")
    script(simulator, kind="status_before", method="GET", path="/quote", status=403, body=body)

    with pytest.raises(Rejected) as caught:
        await bench.venue.last_quotes([bench.instrument.key])

    assert not isinstance(caught.value, NeedsLogin)
    assert caught.value.code == "venue.permission"
    assert (await bench.venue.profile())["user_id"]


async def test_an_order_from_an_unknown_address_is_a_matter_of_set_up_while_reads_go_on(simulator, bench):
    body = refusal("InputException", "Your IP is not whitelisted to place orders for this app.")
    script(simulator, kind="status_before", method="POST", path="/orders", status=403, body=body)
    order = an_order(instrument=bench.instrument.key, quantity=1, client_id=an_id())

    with pytest.raises(Misconfigured) as caught:
        await bench.venue.place(order, bench.instrument, permit)

    assert caught.value.code == "venue.egress"
    assert await rows_of(bench, order.client_id) == []


async def test_the_venue_refuses_a_bare_market_order_and_the_adapter_sends_none(simulator, bench, session):
    form = {
        "exchange": "NSE", "tradingsymbol": "RELIANCE", "transaction_type": "BUY", "quantity": "1",
        "product": "MIS", "order_type": "MARKET", "validity": "DAY",
    }  # fmt: skip
    headers = {"X-Kite-Version": "3", "Authorization": f"token {session.api_key}:{session.access_token}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        bare = await client.post(f"{simulator.api}/orders/regular", data=form, headers=headers)

    order_id, _ = await bench.place(order_type=OrderType.MARKET)

    assert (bare.status_code, "market protection" in bare.json()["message"]) == (400, True)
    assert (await bench.until(order_id, OrderStatus.FILLED)).filled_quantity == 1


async def test_selling_what_is_not_authorised_asks_the_holder_and_is_not_repeated(simulator, bench):
    body = refusal("HoldingException", "Holdings need authorisation at the depository.")
    script(simulator, kind="status_before", method="POST", path="/orders", status=428, body=body)
    order = an_order(side=Side.SELL, instrument=bench.instrument.key, quantity=1, product=Product.DELIVERY)

    with pytest.raises(Rejected) as caught:
        await bench.venue.place(order, bench.instrument, permit)
    begun = await bench.venue.authorise_holdings([], permit)

    assert caught.value.code == "venue.authorise_holdings"
    assert begun.request_id in begun.url


# Orders that do not do what was asked --------------------------------------------------------------


async def test_what_rests_of_a_protected_market_order_is_brought_home_by_a_new_price(simulator, bench):
    script(simulator, kind="protection_rests", fraction=0.4)
    order_id, client_id = await bench.place(order_type=OrderType.MARKET, quantity=10)
    row = await bench.until(order_id, OrderStatus.PARTIALLY_FILLED)
    assert (row.filled_quantity, row.pending_quantity, client_id in row.tags) == (4, 6, True)

    price = await bench.far(Side.SELL, "0.99")
    await bench.venue.modify(row, price=price, trigger_price=None, before_write=permit)

    assert (await bench.until(order_id, OrderStatus.FILLED)).filled_quantity == 10


async def test_a_part_filled_order_counts_what_its_trades_say(simulator, bench):
    script(simulator, kind="partial_fills", fraction=0.3, seconds=0.5)
    order_id, _ = await bench.place(order_type=OrderType.MARKET, quantity=10)

    part = await bench.until(order_id, OrderStatus.PARTIALLY_FILLED)
    trades = [trade for trade in await bench.venue.trades() if trade.venue_order_id == order_id]

    assert 0 < part.filled_quantity < 10
    assert part.filled_quantity <= sum(trade.quantity for trade in trades) <= 10


async def test_slices_of_one_order_end_one_by_one(simulator, bench):
    script(simulator, kind="autoslice_mixed", quantity=10)
    order = an_order(instrument=bench.instrument.key, quantity=25, client_id=an_id())

    receipt = await bench.venue.act(orders.place_sliced(order, bench.instrument), permit)

    assert (len(receipt.placed), [refused.code for refused in receipt.refused]) == (2, ["venue.margin"])
    book = {row.venue_order_id: row for row in await bench.venue.orders()}
    assert {f"autoslice:{receipt.parent_order_id}" in book[order_id].tags for order_id in receipt.placed} == {True}


async def test_an_order_that_the_exchange_cancels_for_its_price_is_seen_as_cancelled(simulator, bench):
    script(simulator, kind="lpp_cancel")
    order_id, _ = await bench.place(order_type=OrderType.MARKET, quantity=3)

    row = await bench.until(order_id, OrderStatus.CANCELLED)

    assert (row.filled_quantity, row.cancelled_quantity) == (0, 3)
    assert row.message


async def test_a_cancel_that_races_a_fill_is_refused_and_the_book_says_what_happened(bench):
    order_id, _ = await bench.place(order_type=OrderType.MARKET)
    row = await bench.until(order_id, OrderStatus.FILLED)

    with pytest.raises(Rejected):
        await bench.venue.cancel(order_id, permit)
    with pytest.raises(Rejected):
        await bench.venue.act(orders.modify(row, OrderChange(price=await bench.far())), permit)

    assert (await bench.row(order_id)).status is OrderStatus.FILLED


async def test_a_trigger_that_fired_in_vain_is_told_apart_from_one_that_left_an_order(bench):
    trigger_id = await a_hopeless_trigger(bench)

    seen = await eventually(lambda: bench.venue.ask(gtt.one(trigger_id)), lambda found: found.status != "active")

    assert (seen.status, len(seen.failures)) == ("triggered", 1)
    assert seen.failures[0].rejection_reason
    (told,) = [failed for failed in await failed_triggers(bench) if failed.trigger_id == trigger_id]
    assert (told.instrument, told.reason) == (bench.instrument.key, seen.failures[0].rejection_reason)


async def failed_triggers(bench):
    """Return what the desk is told of triggers."""
    return failures_of(await bench.venue.triggers(), at=datetime.now(tz=UTC))


async def a_hopeless_trigger(bench):
    """Leave a trigger that any movement reaches, with limits that no exchange takes."""
    tick, price = bench.instrument.tick_size, Decimal("0.05")
    while True:
        last = await bench.last()
        stop = an_order(
            side=Side.SELL,
            order_type=OrderType.LIMIT,
            price=price,
            trigger=last - tick,
            instrument=bench.instrument.key,
            product=Product.DELIVERY,
            quantity=1,
        )
        target = GttTarget(trigger_price=last + tick, price=price)
        try:
            return await bench.venue.act(gtt.place(stop, bench.instrument, last_price=last, target=target), permit)
        except Rejected as refused:
            # the price has moved since it was asked for
            if "already met" not in refused.message:
                raise


# The market's data ---------------------------------------------------------------------------------


async def test_an_instrument_without_data_is_absent_from_quotes(bench):
    key = bench.instrument.key

    for quotes in (bench.venue.full_quotes, bench.venue.day_quotes, bench.venue.last_quotes):
        assert set(await quotes([key, "NSE:GONE"])) == {key}


async def test_times_of_the_venue_are_the_same_instant_wherever_the_desk_runs(simulator, bench):
    order_id, _ = await bench.place()
    row = await bench.until(order_id, OrderStatus.FILLED)
    market_ns = (await asyncio.to_thread(state_of, simulator))["market_ns"]

    assert abs(row.placed_at.timestamp() - market_ns / 1e9) < 120
    assert row.placed_at.utcoffset().total_seconds() == 0
