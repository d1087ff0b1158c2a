from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.adapters.kite import errors, frames, payloads
from brokers.domain.errors import Ambiguous, DataError
from brokers.domain.orders import OrderStatus, OrderType, Product, Side
from brokers.ports import FeedMessage
from tests.brokers.adapters.doubles import a_reply
from tests.brokers.adapters.samples import sample

reference = pytest.mark.reference


def data_of(name):
    return errors.data_of(a_reply(sample(name)), is_write=False)


def a_row(**changes):
    return {
        "order_id": "1",
        "exchange": "NSE",
        "tradingsymbol": "INFY",
        "transaction_type": "BUY",
        "product": "MIS",
        "order_type": "LIMIT",
        "status": "OPEN",
        "quantity": 10,
    } | changes


@reference
def test_reads_the_sample_order_book():
    rows = payloads.orders(data_of("orders.json"))

    assert {row.venue_order_id for row in rows} == {str(row["order_id"]) for row in data_of("orders.json")}
    assert rows[1].status is OrderStatus.FILLED
    assert rows[1].average_price == Decimal("109.4")
    assert rows[1].placed_at == datetime(2021, 5, 31, 9, 50, 28, tzinfo=UTC)


@reference
def test_a_protected_market_order_is_found_by_its_tags():
    rows = payloads.orders(data_of("orders.json"))

    assert any("mktp" in row.tags for row in rows)


@reference
def test_reads_every_state_of_the_sample_history():
    rows = payloads.orders(data_of("order_info.json"))

    assert [row.venue_status for row in rows] == [row["status"] for row in data_of("order_info.json")]
    assert rows[0].status is OrderStatus.ACCEPTED


@reference
@pytest.mark.parametrize("name", ["trades.json", "order_trades.json"])
def test_reads_the_sample_trades(name):
    rows = payloads.trades(data_of(name))

    assert [row.price for row in rows] == [Decimal(str(row["average_price"])) for row in data_of(name)]
    assert all(row.filled_at.tzinfo is UTC for row in rows)


@reference
def test_reads_the_sample_positions():
    rows = payloads.positions(data_of("positions.json"))

    first = data_of("positions.json")["net"][0]
    assert rows[0].instrument == f"{first['exchange']}:{first['tradingsymbol']}"
    assert rows[0].quantity == first["quantity"]
    assert [row.product for row in rows if row.instrument == "NSE:SBIN"] == [Product.INTRADAY]


@reference
def test_reads_the_sample_margins_without_a_float():
    equity, commodity = payloads.margins(data_of("margins.json"))

    assert equity.segment == "equity"
    assert equity.net == Decimal("99725.05000000002")
    assert (commodity.net, commodity.used) == (Decimal("100661.7"), 0)


@reference
def test_reads_the_sample_holdings_profile_and_quotes():
    assert payloads.holdings(data_of("holdings.json"))[0]["tradingsymbol"]
    assert payloads.profile(data_of("profile.json"))["user_id"] == "AB1234"
    for name in ("quote.json", "ohlc.json", "ltp.json"):
        assert payloads.quotes(data_of(name))["NSE:INFY"]["instrument_token"] == 408065


@reference
def test_reads_the_sample_session():
    session = payloads.session(data_of("generate_session.json"))

    assert session.user_id == "XX0000"
    assert session.login_at == datetime(2021, 1, 1, 10, 45, 14, tzinfo=UTC)
    assert session.expires_at == datetime(2021, 1, 2, 0, 30, tzinfo=UTC)
    assert session.access_token not in repr(session)


@reference
@pytest.mark.parametrize(
    "name", ["order_response.json", "order_modify.json", "order_cancel.json", "autoslice_response.json"]
)
def test_reads_the_sample_receipts(name):
    assert payloads.receipt_of(data_of(name)).venue_order_id.isdigit()


@reference
def test_reads_the_sample_postback_as_an_order_frame():
    text = '{"type":"order","data":' + sample("postback.json").decode() + "}"

    order = frames.read_text(text)

    assert order.status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("login_at", "expires_at"),
    [
        (datetime(2026, 11, 20, 20, 30, tzinfo=UTC), datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),
        (datetime(2026, 11, 20, 0, 29, tzinfo=UTC), datetime(2026, 11, 20, 0, 30, tzinfo=UTC)),
        (datetime(2026, 11, 20, 0, 30, tzinfo=UTC), datetime(2026, 11, 21, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_token_dies_at_the_next_six_in_the_morning(login_at, expires_at):
    assert payloads.token_end(login_at) == expires_at


@pytest.mark.parametrize(
    ("word", "filled", "status"),
    [
        ("COMPLETE", 10, OrderStatus.FILLED),
        ("CANCELLED", 3, OrderStatus.CANCELLED),
        ("REJECTED", 0, OrderStatus.REJECTED),
        ("OPEN", 0, OrderStatus.OPEN),
        ("OPEN", 3, OrderStatus.PARTIALLY_FILLED),
        ("TRIGGER PENDING", 0, OrderStatus.TRIGGER_PENDING),
        ("PUT ORDER REQ RECEIVED", 0, OrderStatus.ACCEPTED),
        ("A WORD OF NEXT YEAR", 0, OrderStatus.ACCEPTED),
    ],
)
def test_only_known_words_end_an_order(word, filled, status):
    order = payloads.order(a_row(status=word, filled_quantity=filled))

    assert (order.status, order.venue_status) == (status, word)


def test_a_client_id_is_found_in_tag_or_tags():
    assert payloads.order(a_row(tag="W1", tags=None)).tags == ("W1",)
    assert payloads.order(a_row(tag=None, tags=["W1", "mktp:2.00"])).tags == ("W1", "mktp:2.00")
    assert payloads.order(a_row(tag="W1", tags=["W1"])).tags == ("W1",)


def test_unknown_fields_nulls_and_types_are_tolerated():
    order = payloads.order(a_row(order_type="NEW", price=None, order_timestamp="0001-01-01 00:00:00", fresh={"a": []}))

    assert (order.order_type, order.price, order.placed_at) == (OrderType.LIMIT, None, None)
    assert order.side is Side.BUY


@pytest.mark.parametrize(
    ("change", "row_id", "word"),
    [
        ({"order_id": None}, "row 2", "order_id"),
        ({"transaction_type": "HOLD"}, "1", "'HOLD'"),
        ({"quantity": "many"}, "1", "'many'"),
        ({"product": "BNPL"}, "1", "'BNPL'"),
    ],
)
def test_a_row_without_its_essentials_stands_unreadable_among_the_others(change, row_id, word):
    before, unreadable, after = payloads.orders([a_row(order_id="a"), a_row(**change), a_row(order_id="b")])

    assert (before.venue_order_id, after.venue_order_id) == ("a", "b")
    assert (unreadable.book, unreadable.row_id, unreadable.instrument) == ("orders", row_id, "NSE:INFY")
    assert word in unreadable.reason


def test_a_row_that_is_no_object_is_unreadable_and_not_absent():
    (unreadable,) = payloads.trades(["?"])

    assert (unreadable.row_id, unreadable.instrument) == ("row 1", None)


def test_a_stream_frame_without_its_essentials_is_refused():
    with pytest.raises(DataError):
        payloads.order(a_row(product="?"))


def test_a_null_book_is_empty():
    assert payloads.orders(None) == []


@pytest.mark.parametrize("data", [None, True, [], {}, {"order_id": ""}, "1"])
def test_a_receipt_without_an_order_leaves_the_write_unknown(data):
    with pytest.raises(Ambiguous):
        payloads.receipt_of(data)


@pytest.mark.parametrize(
    "text", ["", "null", "[1]", '{"type":"order"}', '{"type":"order","data":{}}', '{"type":"new","data":1}', "{"]
)
def test_a_text_frame_that_says_nothing_known_is_passed_over(text):
    assert frames.read_text(text) is None


def test_the_stream_s_words_are_heard():
    assert frames.read_text('{"type":"error","data":"too many"}') == FeedMessage(kind="error", text="too many")
