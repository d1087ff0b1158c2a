"""The day's list taken over, or refused, through the venue's own answers."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

import httpx
import pytest
from django.core import mail
from django.db import connection

from accounts.models import AuditEvent, Outbox
from brokers import listings
from brokers.adapters.aster import blocking as aster_blocking
from brokers.domain.errors import DataError
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.listings import ChangeKind
from brokers.domain.money import Currency
from brokers.listings import instruments_found, instruments_listed
from brokers.listings_sync import instruments_sync, list_refused, list_take, refusal_mail
from brokers.market_models import InstrumentChange, InstrumentList, ListWords
from brokers.models import ListedInstrument
from brokers.services import account_connect
from tests.brokers.adapters.aster.exchange import AGENT, AGENT_KEY, USER
from tests.brokers.domain.test_search import DEC, FUTURE, NOV, listed
from tests.people import NOON, a_desk, an_account

pytestmark = pytest.mark.django_db

RELIANCE = listed("NSE:RELIANCE", name="RELIANCE INDUSTRIES")
TATA = listed("NSE:TATAMOTORS", name="TATA MOTORS")
TMPV = listed("NSE:TMPV", name="TATA MOTORS")
NOVEMBER = listed("NFO:RELIANCE26NOVFUT", FUTURE, "RELIANCE", NOV)
DECEMBER = listed("NFO:RELIANCE26DECFUT", FUTURE, "RELIANCE", DEC)


def take(*instruments, at=NOON, unreadable=0, is_simulated=True):
    return list_take(venue="kite", instruments=instruments, unreadable=unreadable, is_simulated=is_simulated, at=at)


def test_a_new_list_is_searched_as_soon_as_it_is_in_force():
    take(RELIANCE, NOVEMBER)
    assert [i.key for i in instruments_found("kite", "reliance", limit=5)] == [RELIANCE.key, NOVEMBER.key]

    result = take(RELIANCE, DECEMBER, at=NOON + timedelta(days=1))

    assert (result.listed, result.removed, result.changed) == (2, 1, 2)
    assert [i.key for i in instruments_found("kite", "reliance fut", limit=5)] == [DECEMBER.key]
    assert {i.key for i in instruments_listed("kite")} == {RELIANCE.key, DECEMBER.key}


def test_what_did_not_change_is_not_written():
    take(RELIANCE, NOVEMBER)
    take(RELIANCE, NOVEMBER, DECEMBER, at=NOON + timedelta(days=1))

    since = dict(ListedInstrument.objects.values_list("symbol", "listed_on"))
    assert since["RELIANCE"] == NOON.date()
    assert since["RELIANCE26DECFUT"] == NOON.date() + timedelta(days=1)


def test_changes_are_kept_by_day_and_told_in_sentences():
    take(RELIANCE, TATA)
    take(RELIANCE, TMPV, at=NOON + timedelta(days=1))

    [change] = listings.instrument_changes("kite", since=NOON.date(), kinds=[ChangeKind.RENAMED])
    assert change["sentence"] == "NSE:TATAMOTORS is now called NSE:TMPV"
    assert change["changed_on"] == NOON.date() + timedelta(days=1)
    by_this_list = listings.list_version("kite")
    assert listings.broken_by(by_this_list, ["NSE:TATAMOTORS", "NSE:RELIANCE"]) == {
        "NSE:TATAMOTORS": "NSE:TATAMOTORS is now called NSE:TMPV"
    }
    take(RELIANCE, at=NOON + timedelta(days=2))
    assert listings.broken_by(listings.list_version("kite"), ["NSE:TATAMOTORS"]) == {}


def test_a_list_taken_twice_on_a_day_says_its_changes_once():
    take(RELIANCE, TATA)
    for _ in range(2):
        take(RELIANCE)
        take(RELIANCE, TATA)

    assert InstrumentChange.objects.filter(symbol="TATAMOTORS").count() == 2  # gone, and new


def test_the_indexes_of_two_lists_are_kept_and_no_more():
    for day in range(4):
        take(RELIANCE, at=NOON + timedelta(days=day))

    assert ListWords.objects.values("version").distinct().count() == 2


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps no count of rows to plan by")
def test_postgresql_plans_by_the_list_that_was_just_taken():
    take(*(listed(f"NSE:S{number}") for number in range(40)))

    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [ListedInstrument._meta.db_table])
        assert cursor.fetchone() == (40,)


def test_half_a_list_keeps_the_last_one_and_alarms(kite_account):
    take(*(listed(f"NSE:S{number}") for number in range(3)))

    with pytest.raises(DataError):
        take(RELIANCE, is_simulated=False)
    list_refused(account=kite_account, reason="the venue's list has 1 rows, fewer than 20000", at=NOON)

    assert ListedInstrument.objects.count() == 3
    assert AuditEvent.objects.filter(action="instruments.refused", subject="kite").exists()
    assert Outbox.objects.filter(task="brokers.instruments_refused").exists()
    [refused] = listings.refused_lists()
    assert (refused["venue"], refused["kept_from"]) == ("kite", NOON)


def test_a_good_list_ends_the_alarm(kite_account):
    list_refused(account=kite_account, reason="the venue's list is empty", at=NOON)
    assert InstrumentList.objects.get().listed == 0

    take(RELIANCE)

    assert listings.refused_lists() == []


def test_the_people_who_act_are_written_to(kite_account):
    assert refusal_mail(account=kite_account, reason="the venue's list is empty") == 1

    [letter] = mail.outbox
    assert letter.to == [kite_account.owner.email]
    assert "the venue's list is empty" in letter.body


@pytest.fixture
def kite_account():
    return an_account(a_desk())


BITCOIN = Instrument(
    exchange="ASTER",
    symbol="BTCUSDT",
    token=7,
    kind=InstrumentKind.PERPETUAL,
    name="BTC",
    tick_size=Decimal("0.1"),
    lot_size=1,
    segment="PERP",
    currency=Currency.USDT,
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    min_notional_quote=Decimal(5),
)
HAWK = replace(BITCOIN, symbol="红隼USDT", token=8, name="红隼", tick_size=Decimal("0.000000001"))


def take_perpetuals(*, leaving=(), at=NOON):
    rows = (BITCOIN, HAWK)
    statuses = {i.key: "SETTLING" if i.key in leaving else "TRADING" for i in rows}
    return list_take(venue="aster", instruments=rows, statuses=statuses, unreadable=0, is_simulated=True, at=at)


def test_a_perpetual_keeps_its_grid_and_its_currency_through_the_list():
    take_perpetuals()

    assert listings.instrument_for("aster", "ASTER:BTCUSDT") == BITCOIN
    assert listings.instrument_for("aster", HAWK.key) == HAWK
    assert [i.key for i in instruments_found("aster", "红隼", limit=5)] == [HAWK.key]


def test_a_list_taken_again_changes_no_perpetual():
    take_perpetuals()

    assert take_perpetuals(at=NOON + timedelta(days=1)).changed == 0


def test_a_perpetual_that_leaves_stays_listed_for_its_holders_and_is_found_no_more():
    take_perpetuals()

    take_perpetuals(leaving=[HAWK.key], at=NOON + timedelta(days=1))

    assert not listings.instrument_for("aster", HAWK.key).takes_orders
    assert listings.statuses_of("aster", [HAWK.key, BITCOIN.key]) == {HAWK.key: "SETTLING"}
    assert instruments_found("aster", "红隼", limit=5) == []
    [change] = listings.instrument_changes("aster", since=NOON.date(), kinds=[ChangeKind.LEAVING])
    assert change["instrument"] == HAWK.key


def test_an_aster_account_s_list_is_asked_for_in_public(monkeypatch, settings):
    settings.WINDHOVER_ASTER_API_URL = "http://127.0.0.1:9"
    settings.WINDHOVER_ASTER_STREAM_URL = "ws://127.0.0.1:9"
    settings.WINDHOVER_ASTER_USER_STREAM_URL = ""
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(200, json=A_LIST)

    monkeypatch.setattr(aster_blocking.httpx, "Client", partial(httpx.Client, transport=httpx.MockTransport(answer)))
    account = an_account(a_desk(), logged_in=False)
    account.venue, account.currency = "aster", "USDT"

    result = instruments_sync(account=account, at=NOON)

    assert (result.listed, result.unreadable) == (1, 0)
    assert [str(request.url.path) for request in asked] == ["/fapi/v3/exchangeInfo"]
    assert "x-mbx-apikey" not in asked[0].headers
    assert instruments_listed("aster")[0].quantity_step == Decimal("0.001")


A_LIST = {
    "rateLimits": [],
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "1000000", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                {"filterType": "MIN_NOTIONAL", "notional": "5"},
            ],
        },
    ],
}


def test_an_aster_account_has_its_list_asked_for_as_it_is_added():
    desk = a_desk()
    person = desk.memberships.first().user

    account = account_connect(
        desk=desk, owner=person, by=person, at=NOON, venue="aster", label="", venue_user_id=USER, api_key=AGENT,
        api_secret=AGENT_KEY, is_simulated=False,
    )  # fmt: skip

    assert Outbox.objects.filter(task="brokers.instruments_sync", arguments={"account_id": str(account.pk)}).exists()
