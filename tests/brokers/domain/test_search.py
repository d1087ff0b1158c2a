from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.search import WordIndex

NOV, DEC = date(2026, 11, 24), date(2026, 12, 29)


def listed(key, kind=InstrumentKind.EQUITY, name="", expiry=None, strike=None):
    exchange, symbol = key.split(":")
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        token=1,
        kind=kind,
        name=name or symbol,
        tick_size=Decimal("0.05"),
        lot_size=1,
        segment=exchange,
        expiry=expiry,
        strike=None if strike is None else Decimal(strike),
    )


def option(underlying, expiry, strike, kind):
    key = f"NFO:{underlying}26{expiry:%b}{strike}{kind.value}".upper()
    return listed(key, kind, underlying, expiry, strike)


CALL, PUT, FUTURE = InstrumentKind.CALL, InstrumentKind.PUT, InstrumentKind.FUTURE
LIST = [
    listed("NSE:NIFTY 50", InstrumentKind.INDEX),
    listed("NSE:NIFTYBEES", name="NIPPON INDIA ETF"),
    listed("NSE:RELIANCE", name="RELIANCE INDUSTRIES"),
    listed("BSE:RELIANCE", name="RELIANCE INDUSTRIES"),
    listed("NSE:RELINFRA", name="RELIANCE INFRASTRUCTURE"),
    listed("NSE:M&M", name="MAHINDRA & MAHINDRA"),
    listed("NSE:BAJAJ-AUTO", name="BAJAJ AUTO"),
    listed("NFO:RELIANCE26DECFUT", FUTURE, "RELIANCE", DEC),
    listed("NFO:RELIANCE26NOVFUT", FUTURE, "RELIANCE", NOV),
    *(
        option(underlying, expiry, strike, kind)
        for underlying in ("NIFTY", "NIFTYNXT50")
        for expiry in (NOV, DEC)
        for strike in (24400, 24500, 24600)
        for kind in (CALL, PUT)
    ),
]


@pytest.fixture(scope="module")
def index():
    return WordIndex.of(LIST)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("nifty 24500 ce nov", "NFO:NIFTY26NOV24500CE"),
        ("ce 24500 NIFTY dec", "NFO:NIFTY26DEC24500CE"),
        ("nifty 24500pe", "NFO:NIFTY26NOV24500PE"),
        ("reliance fut", "NFO:RELIANCE26NOVFUT"),
        ("reliance futures dec26", "NFO:RELIANCE26DECFUT"),
        ("rel", "NSE:RELIANCE"),
        ("reliance", "NSE:RELIANCE"),
        ("infrastructure", "NSE:RELINFRA"),
        ("m&m", "NSE:M&M"),
        ("mahindra", "NSE:M&M"),
        ("bajaj-auto", "NSE:BAJAJ-AUTO"),
        ("bajaj auto", "NSE:BAJAJ-AUTO"),
        ("bajajauto", "NSE:BAJAJ-AUTO"),
        ("bse:reliance", "BSE:RELIANCE"),
        ("nfo: reliance", "NFO:RELIANCE26NOVFUT"),
        ("nifty 50", "NSE:NIFTY 50"),
        ("nifty26nov24400pe", "NFO:NIFTY26NOV24400PE"),
        ("24nov26 nifty put", "NFO:NIFTY26NOV24500PE"),
    ],
)
def test_the_wanted_row_comes_first(index, typed, first):
    assert index.find(typed, limit=5, with_indices=True)[0] == first


def test_the_exact_symbol_then_indices_stocks_and_near_expiries(index):
    found = index.find("nifty", limit=6, with_indices=True)

    assert found[:2] == ["NSE:NIFTY 50", "NSE:NIFTYBEES"]
    # at the chain's middle, of the underlying that was named
    assert set(found[2:4]) == {"NFO:NIFTY26NOV24500CE", "NFO:NIFTY26NOV24500PE"}
    assert index.find("reliance", limit=2) == ["NSE:RELIANCE", "BSE:RELIANCE"]


def test_an_index_is_left_out_unless_asked_for(index):
    assert "NSE:NIFTY 50" not in index.find("nifty", limit=50)


@pytest.mark.parametrize("typed", ["zzz", "%", "re_iance", "reliance zzz", "mcx:reliance"])
def test_what_begins_no_word_finds_nothing(index, typed):
    assert index.find(typed, limit=5) == []


def test_an_empty_list_answers(index):
    empty = WordIndex.of([])

    assert empty.find("nifty", limit=5) == []
    assert WordIndex.load(empty.dump()).find("", limit=5) == []


@given(st.text(max_size=20))
def test_no_text_breaks_the_search_and_no_row_comes_twice(typed):
    found = WordIndex.of(LIST).find(typed, limit=40, with_indices=True)

    assert len(found) == len(set(found))


@given(st.sampled_from(LIST), st.data())
def test_every_row_is_found_by_the_beginnings_of_its_own_words(instrument, data):
    words = [instrument.symbol.lower().replace(" ", ""), *instrument.name.lower().split()]
    typed = " ".join(word[: data.draw(st.integers(1, len(word)))] for word in words)

    assert instrument.key in WordIndex.of(LIST).find(typed, limit=len(LIST), with_indices=True)


def test_an_index_read_back_answers_the_same(index):
    read_back = WordIndex.load(index.dump())

    for typed in ("", "nifty 24500", "reliance", "nfo:"):
        assert read_back.find(typed, limit=50) == index.find(typed, limit=50)
    assert len(read_back) == len(LIST)
