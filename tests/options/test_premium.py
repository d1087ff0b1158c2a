"""What picked legs cost together through a kept day: the prices of the snapshots, and nobody else's."""

from datetime import timedelta

import numpy as np
import pytest

from brokers.domain.errors import Invalid
from options.chain_store import ChainStore
from options.domain.expiries import Fixing
from options.domain.received import StoredChain
from options.premium import NOTHING_KEPT, PickedLeg, picked_legs
from tests.options.chains import some_quotes
from tests.options.frames import EXPIRIES, NOW, TODAY, some_options
from tests.options.kept import a_tracked, list_options

STRIKES = [23_900.0, 24_000.0, 24_100.0]
NAMES = {(one.expiry, float(one.strike), one.kind.value): one.key for one in some_options()}
CALL, PUT = (NAMES[EXPIRIES[0], 24_000.0, kind] for kind in ("CE", "PE"))


@pytest.fixture
def store(settings, tmp_path):
    settings.WINDHOVER_STATE = tmp_path
    return ChainStore(tmp_path / "chains")


def keep(store, ours, *, minute, volume, **cells):
    quotes = some_quotes(strikes=STRIKES, volume=np.full((2, 3), float(volume)), **cells)
    at = NOW + timedelta(minutes=minute)
    chains = [
        StoredChain(at=at, expiry=day, fixing=Fixing(at=NOW + timedelta(days=7)), spot=None, quotes=quotes)
        for day in EXPIRIES[:2]
    ]
    store.write(str(ours.user.pk), "NIFTY", TODAY, chains)


def prices(call, put):
    middle = np.array([[100.0, call, 50.0], [60.0, put, 110.0]])
    return {"bid": middle - 0.5, "ask": middle + 0.5, "last_price": middle}


def asked(ours, legs, **query):
    return ours.client.get("/api/options/premium", {"underlying": "NIFTY", "legs": legs, **query})


@pytest.mark.django_db
def test_a_straddle_is_added_up_minute_by_minute_with_its_vwap(ours, store):
    list_options()
    a_tracked(ours)
    keep(store, ours, minute=0, volume=0, **prices(200.0, 180.0))
    keep(store, ours, minute=1, volume=10, **prices(190.0, 180.0))
    keep(store, ours, minute=2, volume=40, **prices(180.0, 170.0))

    answer = asked(ours, f"BUY:{CALL}:1,BUY:{PUT}:1").json()

    assert [row["premium"] for row in answer["minutes"]] == [380.0, 370.0, 350.0]
    # twenty traded in the second minute, sixty in the third
    assert [row["vwap"] for row in answer["minutes"]] == [None, 370.0, 355.0]
    assert (answer["day"], answer["days"], answer["said"]) == (TODAY.isoformat(), [TODAY.isoformat()], [])


@pytest.mark.django_db
def test_what_is_sold_counts_against_what_is_bought(ours, store):
    list_options()
    a_tracked(ours)
    keep(store, ours, minute=0, volume=0, **prices(200.0, 180.0))

    answer = asked(ours, f"SELL:{CALL}:2,BUY:{PUT}:1").json()

    assert [row["premium"] for row in answer["minutes"]] == [-220.0]


@pytest.mark.django_db
def test_a_minute_without_a_price_of_a_leg_has_none(ours, store):
    list_options()
    a_tracked(ours)
    keep(store, ours, minute=0, volume=0, **prices(200.0, np.nan))

    answer = asked(ours, f"BUY:{CALL}:1,BUY:{PUT}:1").json()

    assert [(row["premium"], row["vwap"]) for row in answer["minutes"]] == [(None, None)]


@pytest.mark.django_db
def test_a_day_of_which_nothing_is_kept_is_said(ours, store):
    list_options()
    a_tracked(ours)
    keep(store, ours, minute=0, volume=0, **prices(200.0, 180.0))

    answer = asked(ours, f"BUY:{CALL}:1", day="2026-08-17").json()

    assert (answer["minutes"], answer["said"]) == ([], [NOTHING_KEPT])


@pytest.mark.django_db
def test_minutes_of_another_user_are_not_seen(ours, theirs, store):
    list_options()
    a_tracked(ours)
    a_tracked(theirs)
    keep(store, theirs, minute=0, volume=0, **prices(200.0, 180.0))

    answer = asked(ours, f"BUY:{CALL}:1").json()

    assert (answer["minutes"], answer["days"]) == ([], [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("legs", "words"),
    [
        ("HOLD:NFO:X:1", "is no leg"),
        ("BUY:NFO:UNHEARDOF:1", "not among the listed options"),
        (",", "0 legs"),
        (",".join(["BUY:NFO:X:1"] * 13), "13 legs"),
    ],
)
def test_legs_that_cannot_be_added_up_are_refused_in_a_sentence(ours, store, legs, words):
    list_options()
    a_tracked(ours)

    answer = asked(ours, legs)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.django_db
def test_an_underlying_that_is_not_followed_is_not_there(ours):
    answer = asked(ours, f"BUY:{CALL}:1")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "chain.not_tracked")


def test_a_leg_keeps_its_sign_and_a_name_with_a_colon():
    assert picked_legs("SELL:NFO:A:2") == [PickedLeg(side="SELL", instrument="NFO:A", lots=2)]
    assert picked_legs("SELL:NFO:A:2")[0].signed_lots == -2.0
    with pytest.raises(Invalid):
        picked_legs("SELL:NFO:A:0")


def test_a_series_of_what_was_never_kept_has_no_figure(tmp_path):
    found = ChainStore(tmp_path).series("6f1c2b9e", "NIFTY", TODAY, [(EXPIRIES[0], 24_000.0, True)])

    assert [one.at for one in found] == [()]
