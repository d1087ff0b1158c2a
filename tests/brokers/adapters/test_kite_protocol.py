import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.kite import errors, frames, protocol
from brokers.adapters.kite.history import INTERVALS, chunks, closed_bars
from brokers.adapters.kite.listing import listing_of
from brokers.domain.errors import DataError, Invalid
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import OrderType, Side, Validity
from brokers.ports import FeedMode
from tests.brokers.adapters.doubles import a_reply, an_instrument, an_order
from tests.brokers.adapters.samples import sample

DAY = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)


def test_the_checksum_matches_the_documented_vector():
    form = protocol.session_exchange("xxx", "yyy", "zzz").form

    assert form["checksum"] == "cc6c955cadf2cc09442c0848ce8e165b8f9aa5974916de7186a9e1b6c4e7937e"


def test_the_login_page_brings_the_state_back():
    query = parse_qs(urlsplit(protocol.login_url("https://venue.test/login", "k", "a&b=c")).query)

    assert query["api_key"] == ["k"]
    assert parse_qs(query["redirect_params"][0]) == {"state": ["a&b=c"]}


@pytest.mark.parametrize("order_type", [OrderType.MARKET, OrderType.STOP_MARKET])
def test_every_market_order_is_protected(order_type):
    trigger = "99" if order_type is OrderType.STOP_MARKET else None

    form = protocol.place(an_order(order_type=order_type, trigger=trigger), an_instrument()).form

    assert form["market_protection"] == "-1"
    assert "price" not in form


def test_a_limit_order_says_its_price_plainly():
    order = an_order(side=Side.SELL, order_type=OrderType.LIMIT, price="1E+2", validity=Validity.IMMEDIATE)

    request = protocol.place(order, an_instrument(symbol="M&M"))

    assert request.path == "/orders/regular"
    assert request.form == {
        "exchange": "NSE",
        "tradingsymbol": "M&M",
        "transaction_type": "SELL",
        "quantity": "10",
        "product": "MIS",
        "order_type": "LIMIT",
        "validity": "IOC",
        "tag": "W1TEST00001",
        "price": "100",
    }


@pytest.mark.parametrize("client_id", ["W" * 21, "W-1", "Wé", ""])
def test_a_client_id_that_kite_would_not_keep_is_refused(client_id):
    with pytest.raises(Invalid):
        protocol.place(an_order(client_id=client_id), an_instrument())


def test_a_modification_sends_only_what_changes():
    request = protocol.modify("9", OrderType.LIMIT, price=Decimal("101.50"), trigger_price=None)

    assert (request.method, request.path, request.form) == ("PUT", "/orders/regular/9", {"price": "101.5"})


def test_a_modification_of_nothing_is_refused():
    with pytest.raises(Invalid):
        protocol.modify("9", OrderType.LIMIT, price=None, trigger_price=None)


def test_quotes_are_asked_in_calls_that_fit_a_url():
    calls = protocol.quotes([f"NSE:S{n}" for n in range(901)], "ltp")

    assert [len(call.params) for call in calls] == [400, 400, 101]
    assert {call.path for call in calls} == {"/quote/ltp"}


def test_subscriptions_are_told_with_their_mode():
    texts = frames.subscribe_texts(dict.fromkeys(range(301), FeedMode.FULL))

    assert len(texts) == 4
    assert texts[-2:] == ['{"a":"subscribe","v":[300]}', '{"a":"mode","v":["full",[300]]}']


@given(st.sampled_from(sorted(INTERVALS)), st.integers(0, 900), st.integers(0, 1439))
def test_chunks_cover_every_candle_once_and_fit_the_limit(interval_s, days, minutes):
    end = DAY + timedelta(days=days, minutes=minutes)

    parts = list(chunks(interval_s, DAY, end))

    if end < DAY + timedelta(seconds=interval_s):
        assert parts == []
        return
    assert (parts[0][0], parts[-1][1]) == (DAY, end - timedelta(seconds=1))
    assert all(later[0] - earlier[1] == timedelta(seconds=1) for earlier, later in itertools.pairwise(parts))
    assert all(last - first < timedelta(days=INTERVALS[interval_s].days_per_call) for first, last in parts)


@pytest.mark.reference
def test_the_running_candle_is_left_out():
    data = errors.floats_of(a_reply(sample("historical_minute.json")))
    start = datetime(2017, 12, 15, 3, 45, tzinfo=UTC)

    bars = closed_bars(data, "NSE:X", 60, start, start + timedelta(minutes=5, seconds=59))

    assert len(data["candles"]) == 6
    assert [bar.open for bar in bars] == [1704.5, 1702.0, 1698.15, 1700.0, 1699.0]
    assert bars[0].volume == 2499.0


@pytest.mark.reference
def test_a_candle_with_open_interest_is_read_too():
    data = errors.floats_of(a_reply(sample("historical_oi.json")))

    bars = closed_bars(data, "NFO:X", 60, datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))

    assert len(bars) == len(data["candles"])


@pytest.mark.parametrize("stamp", ["2026-11-20T00:00:00+0530", "2026-11-20T09:15:00+0530"])
def test_a_day_candle_belongs_to_its_date(stamp):
    start = datetime(2026, 11, 19, 18, 30, tzinfo=UTC)

    bars = closed_bars({"candles": [[stamp, 1, 2, 1, 2, 9]]}, "NSE:X", 86_400, start, start + timedelta(days=1))

    assert [bar.start_ns for bar in bars] == [int(start.timestamp()) * 1_000_000_000]


@pytest.mark.parametrize("data", [None, {}, {"candles": None}, {"candles": [["x", 1, 1, 1, 1, 1]]}, {"candles": [[1]]}])
def test_unreadable_candles_are_no_data(data):
    with pytest.raises(DataError):
        closed_bars(data, "NSE:X", 60, DAY, DAY + timedelta(days=1))


def test_an_interval_that_kite_lacks_is_refused():
    with pytest.raises(Invalid):
        list(chunks(90, DAY, DAY + timedelta(days=1)))


@pytest.mark.reference
@pytest.mark.parametrize("name", ["instruments_all.csv", "instruments_nse.csv"])
def test_reads_every_row_of_the_sample_lists(name):
    text = sample(name).decode()

    listing = listing_of(text)

    assert listing.skipped == 0
    assert len(listing.instruments) == len(text.strip().splitlines()) - 1


def test_tells_options_indices_and_senseless_rows_apart():
    header = (
        "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
        "instrument_type,segment,exchange\n"
    )
    rows = (
        '1,0,NIFTY26NOV24500CE,"NIFTY",0,2026-11-23,24500.0,0.05,65,CE,NFO-OPT,NFO\n'
        "256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE\n"
        "short,row\n"
        "3,0,ODD,ODD,0,,0,0.05,1,SWAP,NSE,NSE\n"
    )

    listing = listing_of(header + rows)

    option, index = listing.instruments
    assert (option.kind, option.strike, option.lot_size) == (InstrumentKind.CALL, Decimal("24500.0"), 65)
    assert (index.kind, index.key, index.strike) == (InstrumentKind.INDEX, "NSE:NIFTY 50", None)
    assert listing.skipped == 2


def test_a_list_with_another_header_is_refused():
    with pytest.raises(DataError):
        listing_of("a,b\n1,2\n")
