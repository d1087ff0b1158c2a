from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brokers.adapters.kite import payloads
from brokers.adapters.kite.client import KiteVenue
from brokers.domain.errors import Ambiguous, DataError, NeedsLogin, Rejected, Retryable
from tests.brokers.adapters.doubles import (
    CREDENTIALS,
    OpenBudget,
    ScriptedNet,
    SteppingClock,
    a_refusal,
    a_reply,
    an_instrument,
    an_order,
    permit,
)

EMPTY = '{"status":"success","data":[]}'
RECEIPT = '{"status":"success","data":{"order_id":"1914227164488687616"}}'
THROTTLED = a_refusal(429, "NetworkException", "Too many requests")


def a_venue(*answers):
    net, budget, clock = ScriptedNet(*answers), OpenBudget(), SteppingClock()
    venue = KiteVenue(
        net=net,
        budget=budget,
        credentials=CREDENTIALS,
        clock=clock,
        jitter=lambda: 1.0,
        api_url="https://api.venue.test/",
    )
    return venue, net, budget, clock


async def test_every_call_is_signed_and_versioned():
    venue, net, _, _ = a_venue(a_reply(EMPTY))

    await venue.orders()

    method, url, details = net.requests[0]
    assert (method, url) == ("GET", "https://api.venue.test/orders")
    assert details["headers"] == {"X-Kite-Version": "3", "Authorization": "token the-key:the-token"}


async def test_a_receipt_keeps_all_digits_of_the_order_id():
    venue, net, budget, _ = a_venue(a_reply(RECEIPT))

    receipt = await venue.place(an_order(), an_instrument(), permit)

    assert receipt.venue_order_id == "1914227164488687616"
    assert net.requests[0][2]["form"]["tag"] == "W1TEST00001"
    assert budget.acquired == []


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Ambiguous("lost"), Ambiguous),
        (Retryable("no way"), Retryable),
        (a_reply("<html>", 502), Ambiguous),
        (THROTTLED, Rejected),
        (a_refusal(403, "TokenException"), NeedsLogin),
        (a_refusal(400, "OrderException", "Order request timed out."), Ambiguous),
        (a_reply('{"status":"success","data":null}'), Ambiguous),
    ],
)
async def test_a_write_is_never_repeated(answer, meaning):
    calls = [
        lambda venue: venue.place(an_order(), an_instrument(), permit),
        lambda venue: venue.cancel("1", permit),
        lambda venue: venue.modify(
            payloads.order(
                {
                    "order_id": "1",
                    "exchange": "NSE",
                    "tradingsymbol": "X",
                    "transaction_type": "BUY",
                    "product": "MIS",
                }
            ),
            price=Decimal(1),
            trigger_price=None,
            before_write=permit,
        ),
    ]
    for call in calls:
        venue, net, _, clock = a_venue(answer, a_reply(RECEIPT))
        with pytest.raises(meaning):
            await call(venue)
        assert len(net.requests) == 1
        assert clock.sleeps == []


async def test_a_refused_permit_reaches_the_caller_unchanged():
    venue, net, _, _ = a_venue(a_reply(RECEIPT))

    def refuse():
        raise PermissionError("the lease ran out")

    with pytest.raises(PermissionError):
        await venue.cancel("1", refuse)
    assert net.requests == []


async def test_a_read_is_repeated_with_growing_waits():
    venue, _net, budget, clock = a_venue(Retryable("cut"), a_reply("busy", 503), a_reply(EMPTY))

    assert await venue.trades() == []
    assert clock.sleeps == [0.5, 1.0]
    assert budget.acquired == ["read"] * 3


async def test_a_read_gives_up_after_four_attempts():
    venue, net, _, clock = a_venue(*[Retryable("cut")] * 9)

    with pytest.raises(Retryable):
        await venue.orders()
    assert len(net.requests) == 4
    assert len(clock.sleeps) == 3


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (a_refusal(403, "TokenException"), NeedsLogin),
        (a_refusal(403, "PermissionException"), Rejected),
        (a_reply("<html>"), DataError),
    ],
)
async def test_a_read_that_is_refused_is_not_repeated(answer, meaning):
    venue, net, _, _ = a_venue(answer, a_reply(EMPTY))

    with pytest.raises(meaning):
        await venue.orders()
    assert len(net.requests) == 1


async def test_throttling_pauses_that_kind_of_call_longer_each_time():
    venue, _, budget, _ = a_venue(THROTTLED, THROTTLED, a_reply(EMPTY), THROTTLED, a_reply(EMPTY))

    await venue.orders()
    await venue.orders()

    assert budget.pauses == [("read", 2.0), ("read", 4.0), ("read", 2.0)]


async def test_a_throttled_write_pauses_the_orders():
    venue, _, budget, _ = a_venue(THROTTLED)

    with pytest.raises(Rejected) as caught:
        await venue.cancel("1", permit)
    assert caught.value.code == "venue.throttled"
    assert budget.pauses == [("order", 2.0)]


async def test_a_write_that_the_venue_takes_ends_the_row_of_longer_pauses():
    venue, _, budget, _ = a_venue(THROTTLED, THROTTLED, a_reply(RECEIPT), THROTTLED)

    for _ in range(2):
        with pytest.raises(Rejected):
            await venue.cancel("1", permit)
    await venue.cancel("1", permit)
    with pytest.raises(Rejected):
        await venue.cancel("1", permit)

    assert budget.pauses == [("order", 2.0), ("order", 4.0), ("order", 2.0)]


async def test_quotes_that_the_venue_lacks_are_absent():
    body = '{"status":"success","data":{"NSE:INFY":{"last_price":1074.35}}}'
    venue, _, budget, _ = a_venue(a_reply(body))

    quotes = await venue.quotes(["NSE:INFY", "NSE:GONE"], "ltp")

    assert quotes == {"NSE:INFY": {"last_price": Decimal("1074.35")}}
    assert budget.acquired == ["quote"]


async def test_a_long_history_is_fetched_in_chunks():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    venue, net, budget, _ = a_venue(*[a_reply('{"status":"success","data":{"candles":[]}}')] * 4)

    assert await venue.history(an_instrument(), 60, start, start + timedelta(days=190)) == []
    assert budget.acquired == ["history"] * 4
    assert net.requests[0][1].endswith("/instruments/historical/738561/minute")
    assert dict(net.requests[0][2]["params"])["from"] == "2026-01-01 05:30:00"


async def test_logging_out_names_the_session():
    venue, net, _, _ = a_venue(a_reply('{"status":"success","data":true}'))

    await venue.end_session()

    method, url, details = net.requests[0]
    assert (method, url) == ("DELETE", "https://api.venue.test/session/token")
    assert dict(details["params"]) == {"api_key": "the-key", "access_token": "the-token"}


async def test_a_closed_session_makes_no_more_calls():
    venue, net, _, clock = a_venue(a_reply(EMPTY))
    await venue.close()

    with pytest.raises(Retryable) as caught:
        await venue.orders()
    assert caught.value.code == "venue.closed"
    assert (net.requests, clock.sleeps) == ([], [])
