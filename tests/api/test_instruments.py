from datetime import date
from decimal import Decimal

import pytest

from brokers.listings import instruments_listed
from brokers.listings_sync import list_take
from tests.people import NOON, a_listed, an_aster_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def listed():
    a_listed("NIFTY 50", kind="INDEX", name="NIFTY 50")
    a_listed("NIFTYBEES", name="NIPPON INDIA ETF")
    a_listed("INFY", name="INFOSYS", tick_size=Decimal("0.1"))
    for month, strike in ((9, 25_000), (8, 25_000), (8, 24_000)):
        a_listed(
            f"NIFTY26{month}25{strike}CE",
            exchange="NFO",
            kind="CE",
            name="NIFTY",
            expiry=date(2026, month, 25),
            strike=Decimal(strike),
            lot_size=65,
        )


def found(caller, query):
    return [row["symbol"] for row in caller.get(f"/api/instruments?{query}").json()["results"]]


def test_a_row_has_what_a_person_chooses_by(ours, listed):
    [row] = ours.get("/api/instruments?q=infosys").json()["results"]

    assert row == {
        "symbol": "NSE:INFY",
        "venue": "kite",
        "name": "INFOSYS",
        "kind": "EQ",
        "expiry": None,
        "strike": None,
        "tick_size": "0.1",
        "lot_size": "1",
        "quantity_step": None,
        "min_notional": None,
        "currency": "INR",
        "takes_orders": True,
    }


def test_the_likeliest_of_each_venue_stands_at_the_top(ours, listed):
    an_aster_account(ours.desk)
    for symbol in ("NIFTYUSDT", "NIFTY2USDT"):
        a_listed(symbol, exchange="ASTER", kind="PERP", venue="aster", segment="PERP", tick_size=Decimal("0.1"))

    assert found(ours, "q=nifty&limit=3") == ["ASTER:NIFTY2USDT", "NSE:NIFTYBEES", "ASTER:NIFTYUSDT"]
    kite = found(ours, f"q=nifty&account={ours.account.id}")
    assert kite
    assert not any(symbol.startswith("ASTER:") for symbol in kite)


def test_every_word_counts_and_near_expiries_come_first(ours, listed):
    assert found(ours, "q=nifty+25000") == ["NFO:NIFTY2682525000CE", "NFO:NIFTY2692525000CE"]


def test_words_begin_a_word_and_stocks_come_before_contracts(ours, listed):
    a_listed("ABNIFTY")

    assert found(ours, "q=nifty&limit=2")[0] == "NSE:NIFTYBEES"
    assert "NSE:ABNIFTY" not in found(ours, "q=nifty")
    assert found(ours, "q=nifty+aug") == ["NFO:NIFTY2682525000CE", "NFO:NIFTY2682524000CE"]


def test_a_colon_names_the_exchange(ours, listed):
    assert found(ours, "q=nfo:nifty+24000") == ["NFO:NIFTY2682524000CE"]
    assert found(ours, "q=nse:nifty") == ["NSE:NIFTYBEES"]


def test_an_index_cannot_be_traded_and_is_found_only_when_asked_for(ours, listed):
    assert "NSE:NIFTY 50" not in found(ours, "q=nifty")
    assert found(ours, "q=nifty&indices=true")[0] == "NSE:NIFTY 50"


def test_words_are_text_and_not_a_pattern(ours, listed):
    assert found(ours, "q=%25") == found(ours, "q=IN_Y") == []


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("colour=red", "query.unknown", "colour"),
        ("limit=0", "field.too_small", "limit"),
        ("limit=51", "field.too_large", "limit"),
        (f"q={'x' * 65}", "field.too_long", "q"),
        ("q=%00", "field.invalid", "q"),
    ],
)
def test_a_wrong_query_is_named(ours, query, code, field):
    answer = ours.get(f"/api/instruments?{query}")

    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["field"]) == (code, field)


def test_a_stranger_and_anothers_account_find_nothing(anybody, ours, theirs, listed):
    assert anybody.get("/api/instruments?q=infy").status_code == 401
    assert ours.get(f"/api/instruments?account={theirs.account.id}").status_code == 404


def test_the_schema_describes_the_search(ours):
    assert "/api/instruments" in ours.get("/api/schema", Accept="application/json").content.decode()


def test_asks_the_database_four_times_however_much_is_found(ours, listed, django_assert_num_queries):
    list_take(venue="kite", instruments=instruments_listed("kite"), unreadable=0, is_simulated=True, at=NOON)
    ours.get("/api/instruments")

    # the key, the accounts, the list's version, the rows found
    with django_assert_num_queries(4):
        ours.get("/api/instruments?q=nifty")
