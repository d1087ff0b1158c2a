"""How calls go out and what becomes of them: budgets, repetition, permits, receipts in every shape."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brokers.adapters.kite import alerts, calculators, gtt, mutual_funds, orders, portfolio, postback, sessions
from brokers.adapters.kite.client import KiteVenue
from brokers.adapters.kite.history import chunks
from brokers.adapters.kite.reading import Fields, ist_day
from brokers.domain.custody import PositionAge, PositionConversion
from brokers.domain.errors import Ambiguous, DataError, Rejected, Retryable
from brokers.domain.orders import OrderType, Product, Side
from brokers.domain.terms import OrderTerms, Variety
from tests.architecture.test_pure_core import IMPORT_WITHOUT_FRAMEWORKS
from tests.architecture.tree import python
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

PURE = "accounts alerts calculators calls gtt history listing mutual_funds orders payloads portfolio postback protocol"
PURE += " quotes reading sessions transport"
LIMIT = an_order(order_type=OrderType.LIMIT, price="1510.50")
INFY = an_instrument("INFY")
CONVERSION = PositionConversion(
    instrument="NSE:INFY",
    side=Side.BUY,
    age=PositionAge.DAY,
    quantity=Decimal(1),
    old_product=Product.INTRADAY,
    new_product=Product.DELIVERY,
)


def success(data):
    return a_reply(json.dumps({"status": "success", "data": data}))


def a_venue(*answers):
    net, budget, clock = ScriptedNet(*answers), OpenBudget(), SteppingClock()
    venue = KiteVenue(
        net=net, budget=budget, credentials=CREDENTIALS, clock=clock, jitter=lambda: 1.0, api_url="https://v.test"
    )
    return venue, net, budget, clock


def refuse():
    raise PermissionError("the lease ran out")


WRITES = [
    orders.place(LIMIT, INFY, OrderTerms(variety=Variety.AFTER_MARKET)),
    orders.place_sliced(LIMIT, INFY),
    orders.cancel_regular("1"),
    gtt.delete("1"),
    alerts.delete("u1"),
    portfolio.convert(CONVERSION),
    portfolio.authorise("the-key"),
    sessions.end("k", "t"),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Ambiguous("lost"), Ambiguous),
        (Retryable("no way"), Retryable),
        (a_reply("<html>", 502), Ambiguous),
        (a_reply("<html>", 200), Ambiguous),
        (a_refusal(429, "NetworkException"), Rejected),
        (a_refusal(400, "OrderException", "Order request timed out."), Ambiguous),
    ],
)
async def test_no_write_of_any_kind_is_sent_twice(write, answer, meaning):
    venue, net, _, clock = a_venue(answer, success(data=True))

    with pytest.raises(meaning):
        await venue.act(write, permit)

    assert (len(net.requests), clock.sleeps) == (1, [])


@pytest.mark.parametrize("write", WRITES)
async def test_no_write_of_any_kind_leaves_without_its_permit(write):
    venue, net, _, _ = a_venue(success(data=True))

    with pytest.raises(PermissionError):
        await venue.act(write, refuse)

    assert net.requests == []


@pytest.mark.parametrize("write", [write for write in WRITES if "alerts" not in write.request.path])
@pytest.mark.parametrize("data", [[], {"odd": 1}, "done", None, 7])
async def test_a_receipt_that_names_nothing_leaves_the_write_unknown(write, data):
    venue, _, _, _ = a_venue(success(data))

    with pytest.raises(Ambiguous):
        await venue.act(write, permit)


async def test_a_write_that_is_no_order_takes_from_the_other_calls_budget():
    venue, _, budget, _ = a_venue(success({"trigger_id": 1}), success({"order_id": "1"}))

    await venue.act(gtt.delete("1"), permit)
    await venue.act(orders.cancel_regular("1"), permit)

    assert budget.acquired == ["read"]


async def test_a_calculator_is_asked_once_and_its_lost_answer_may_be_asked_for_again():
    question = calculators.order_margins([(LIMIT.intent, INFY)])
    venue, net, _, _ = a_venue(Ambiguous("lost", code="venue.no_answer"), success([]))

    with pytest.raises(Retryable):
        await venue.ask(question)
    assert len(net.requests) == 1
    assert await venue.ask(question) == []


async def test_an_order_of_another_variety_is_cancelled_by_its_own_name():
    row = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "product": "MIS", "quantity": 1}
    book = [
        row | {"order_id": "1", "variety": "amo"},
        row | {"order_id": "2", "variety": "co", "parent_order_id": "9"},
        row | {"order_id": "3", "variety": "regular"},
    ]
    venue, net, _, _ = a_venue(success(book), *[success({"order_id": "1"})] * 3)
    await venue.orders()

    for order_id in ("1", "2", "3"):
        await venue.cancel(order_id, permit)

    sent = [(url.removeprefix("https://v.test"), details["params"]) for _, url, details in net.requests[1:]]
    assert sent == [
        ("/orders/amo/1", None),
        ("/orders/co/2", (("parent_order_id", "9"),)),
        ("/orders/regular/3", None),
    ]


REFUSED = {"error": {"code": 400, "error_type": "MarginException", "message": "Insufficient funds.", "data": None}}
SLICES = [{"order_id": "11"}, REFUSED, {"order_id": "13"}]


@pytest.mark.parametrize(
    ("data", "parent"), [({"order_id": "10", "children": SLICES}, "10"), (SLICES, "")], ids=["children", "flat list"]
)
async def test_a_sliced_order_s_parts_are_read_in_both_shapes(data, parent):
    venue, _, _, _ = a_venue(success(data))

    receipt = await venue.act(orders.place_sliced(LIMIT, INFY), permit)

    assert (receipt.parent_order_id, receipt.placed) == (parent, ("11", "13"))
    assert [refusal.code for refusal in receipt.refused] == ["venue.margin"]


async def test_an_order_that_needed_no_slice_has_one_part():
    venue, _, _, _ = a_venue(success({"order_id": "10"}))

    assert (await venue.act(orders.place_sliced(LIMIT, INFY), permit)).placed == ("10",)


@pytest.mark.parametrize(
    "part",
    [
        {"error": {"code": 500, "error_type": "GeneralException", "message": "x"}},
        {"error": {"code": 400, "error_type": "OrderException", "message": "Order request timed out."}},
        {"order_id": ""},
        7,
    ],
)
async def test_a_part_in_doubt_leaves_the_whole_order_to_be_looked_up(part):
    venue, _, _, _ = a_venue(success([{"order_id": "11"}, part]))

    with pytest.raises(Ambiguous):
        await venue.act(orders.place_sliced(LIMIT, INFY), permit)


async def test_an_authorisation_begins_with_a_request_and_ends_in_a_browser():
    venue, _, _, _ = a_venue(success({"request_id": "abc"}))

    begun = await venue.authorise_holdings([], permit)

    assert begun.url.endswith("/authorise/holdings/the-key/abc")


async def test_quotes_are_gathered_over_several_calls_and_absent_instruments_stay_absent():
    keys = [f"NSE:S{number}" for number in range(450)]
    venue, _, budget, _ = a_venue(
        success({"NSE:S0": {"last_price": 10.5, "instrument_token": 1}, "NSE:S1": None}),
        success({"NSE:S449": {"last_price": 0, "ohlc": {"close": 0}}}),
    )

    found = await venue.full_quotes(keys)

    assert budget.acquired == ["quote", "quote"]
    assert found.keys() == {"NSE:S0", "NSE:S449"}
    assert (found["NSE:S0"].last_price, found["NSE:S449"].last_price) == (Decimal("10.5"), None)
    assert found["NSE:S449"].change is None


async def test_open_interest_is_asked_for_and_read_in_chunks():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    candle = ["2026-01-01T09:15:00+0530", 1, 2, 1, 2, 9, 77]
    venue, net, _, _ = a_venue(success({"candles": [candle]}), success({"candles": []}))

    found = await venue.interest_history(INFY, 60, start, start + timedelta(days=61))

    assert [(row.open_interest, row.bar.close) for row in found] == [(77.0, 2.0)]
    windows = [dict(details["params"]) for _, _, details in net.requests]
    assert (windows[0]["to"], windows[1]["from"]) == ("2026-03-02 05:29:59", "2026-03-02 05:30:00")


def test_a_window_between_two_opens_loses_no_candle():
    start, minute = datetime(2026, 1, 1, 9, 0, 30, tzinfo=UTC), timedelta(minutes=1)
    parts = list(chunks(60, start, start + timedelta(days=61)))

    opens = [start + timedelta(seconds=30) + n * minute for n in range(61 * 24 * 60)]

    assert all(sum(first <= at <= last for first, last in parts) == 1 for at in opens)


def a_postback(**changes):
    row = {
        "order_id": "220303000308932",
        "order_timestamp": "2022-03-03 09:24:25",
        "checksum": "921a4c1420e9e07eaa8152e0964693f0656a0c5ce049f187ac3cc475d622aa36",
        "exchange": "NSE",
        "tradingsymbol": "SBIN",
        "transaction_type": "BUY",
        "product": "CNC",
        "quantity": 1,
        "status": "COMPLETE",
        "user_id": "AB1234",
        "app_id": 1234,
    }
    return json.dumps(row | changes).encode()


def test_a_postback_is_proven_by_the_documented_vector():
    assert postback.is_genuine(postback.read(a_postback()), "test_api_secret")


@pytest.mark.parametrize(
    "change",
    [
        {"order_id": "220303000308933"},
        {"order_timestamp": "2022-03-03 09:24:26"},
        {"checksum": "0" * 64},
        {"checksum": "é"},
    ],
)
def test_a_forged_postback_is_known(change):
    assert not postback.is_genuine(postback.read(a_postback(**change)), "test_api_secret")


def test_a_replayed_postback_with_other_words_is_still_genuine_and_so_no_fact():
    replayed = postback.read(a_postback(status="REJECTED", filled_quantity=0))

    assert postback.is_genuine(replayed, "test_api_secret")
    assert replayed.key != postback.read(a_postback()).key


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b"<html>", b'{"checksum":1,"order_id":2}', b"[" * 40_000])
def test_what_is_no_postback_is_refused(body):
    with pytest.raises(DataError):
        postback.read(body)


def test_what_nobody_knows_of_an_order_is_kept_beside_it():
    row = {"order_id": "1", "exchange": "NSE", "tradingsymbol": "X", "transaction_type": "BUY", "product": "MIS"}

    told = orders.report(row | {"meta": {"fresh": {"a": 1}}, "shade": "blue", "status": "A NEW WORD"})

    assert told.extra == {"meta": {"fresh": {"a": 1}}, "shade": "blue"}
    assert (told.order.venue_status, told.iceberg) == ("A NEW WORD", None)


FUNDS = "tradingsymbol,amc,name,last_price\n"


def test_senseless_rows_of_the_list_of_funds_are_left_out():
    listed = mutual_funds.listing_of(f'{FUNDS}INF1,A,"One, growth",12.5\n,B,nameless,1\nINF3,C,Three,many\n')

    assert [(fund.symbol, fund.name, fund.last_price) for fund in listed] == [("INF1", "One, growth", Decimal("12.5"))]
    with pytest.raises(DataError):
        mutual_funds.listing_of("a,b\n1,2\n")


def test_a_renewal_tells_its_tokens_to_nobody():
    renewed = sessions.refreshed_tokens_of(
        {"user_id": "AB1234", "access_token": "secret-1", "refresh_token": "secret-2"}
    )

    assert (renewed.access_token, renewed.refresh_token) == ("secret-1", "secret-2")
    assert "secret" not in repr(renewed)


def test_unknown_fields_are_kept_and_zeroes_are_none():
    row = Fields({"a": None, "b": "-0", "c": "0001-01-01 00:00:00", "d": "", "fresh": {"x": 1}})

    assert (row.text("a"), row.number("b"), row.at("c"), row.number("d"), row.positive("e")) == ("", 0, None, 0, None)
    assert not row.number("b").is_signed()
    assert row.rest() == {"fresh": {"x": 1}}
    assert ist_day("0001-01-01") is None


@pytest.mark.parametrize("name", PURE.split())
def test_asking_and_reading_need_no_framework(name):
    result = python(IMPORT_WITHOUT_FRAMEWORKS, f"brokers.adapters.kite.{name}")

    assert result.returncode == 0, result.stderr
