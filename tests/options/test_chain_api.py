"""Chains and open interest over the API: shapes, whose they are, and what is said where something is missing."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from accounts.models import Role
from brokers.hub import sync_redis
from options.chain_store import ChainStore
from options.desk_line import quotes_key
from options.domain.received import NO_ROOM, NO_SPOT
from options.models import ChainAlertFired, ChainDay, ChainMinute, TrackedUnderlying
from options.reading import NOT_HEARD, wishes_of
from options.selectors import NO_ROOM_FOR
from options.services import MOST_FOLLOWED
from tests.api.conftest import client_of
from tests.options.frames import EXPIRIES, LOT, NOW, TODAY, later, some_options
from tests.options.kept import a_desk_leaves, a_tracked, list_options
from tests.people import a_member, an_aster_account

pytestmark = pytest.mark.django_db

READS = (
    "/api/options/chain?underlying=NIFTY",
    "/api/options/history?underlying=NIFTY",
    "/api/options/profile?underlying=NIFTY",
    "/api/options/volatility?underlying=NIFTY",
    "/api/options/exposure?underlying=NIFTY",
    "/api/oi/summary?underlying=NIFTY",
)
LISTS = ("/api/options/underlyings", "/api/oi/all", "/api/oi/alerts")
ABOUT = {"as_of", "source", "currency", "said"}


@pytest.fixture
def followed(ours):
    list_options()
    return a_tracked(ours)


@pytest.fixture
def live(ours, followed):
    return a_desk_leaves(ours)


@pytest.fixture
def store(settings, tmp_path):
    settings.WINDHOVER_STATE = tmp_path
    return ChainStore(tmp_path / "chains")


def kept(store, ours, received, at):
    """Keep a snapshot of everything received, as of a moment."""
    chains = [
        type(one)(at=at, expiry=one.expiry, fixing=one.fixing, spot=one.spot, quotes=one.quotes)
        for one in received.chains
    ]
    store.write(str(ours.user.pk), "NIFTY", TODAY, chains)


# --- what there is


def test_a_chain_has_its_head_and_a_row_for_each_strike(ours, live):
    chain = ours.get("/api/options/chain?underlying=NIFTY").json()

    row = next(row for row in chain["strikes"] if row["strike"] == 24_000)
    assert {"forward", "max_pain", "pcr", "atm_iv", "straddle", "expiries"} <= set(chain)
    assert (chain["expiry"], chain["lot_size"], chain["source"]) == (EXPIRIES[0].isoformat(), LOT, "ticker")
    assert row["ce"]["instrument"] == "NFO:NIFTY26082524000CE"
    assert row["ce"]["iv"] == pytest.approx(0.13, abs=1e-3)
    assert row["pe"]["oi_change"] == 0
    assert chain["said"] == []


def test_another_expiry_can_be_asked_for(ours, live):
    chain = ours.get(f"/api/options/chain?underlying=NIFTY&expiry={EXPIRIES[2]}").json()

    assert chain["expiry"] == EXPIRIES[2].isoformat()


def test_a_summary_has_totals_walls_and_every_expiry(ours, live):
    summary = ours.get("/api/oi/summary?underlying=NIFTY").json()

    assert summary["call_oi"] == pytest.approx(6_500 * 41)
    assert len(summary["call_walls"]) == 3
    assert [one["expiry"] for one in summary["expiries"]] == [day.isoformat() for day in EXPIRIES]
    assert summary["age_s"] == pytest.approx(1.0, abs=1.0)


def test_all_summaries_are_named_by_their_underlying(ours, live):
    assert set(ours.get("/api/oi/all").json()["underlyings"]) == {"NIFTY"}


def test_what_is_followed_is_listed_with_its_state(ours, live):
    answer = ours.get("/api/options/underlyings").json()

    assert answer["listed"] == ["NIFTY"]
    assert answer["results"][0]["state"] == "live"
    assert answer["results"][0]["spot_instrument"] == "NSE:NIFTY 50"


def test_the_smile_is_fitted_and_ranked_when_there_is_enough_of_it(ours, live, followed):
    ChainDay.objects.bulk_create(
        ChainDay(tracked=followed, day=TODAY - timedelta(days=back), at=NOW, iv_30d=0.10 + back / 4_000)
        for back in range(1, 131)
    )

    answer = ours.get("/api/options/volatility?underlying=NIFTY").json()

    assert [point["expiry"] for point in answer["term"]] == [day.isoformat() for day in EXPIRIES]
    assert answer["iv_30d"] == pytest.approx(0.13, abs=1e-3)
    assert 0 < answer["rank"] < 1
    assert answer["rank_reason"] is None
    assert answer["expiries"][0]["expected_move"]["deviation"] > 0


def test_without_enough_closes_the_rank_is_withheld_with_its_reason(ours, live):
    answer = ours.get("/api/options/volatility?underlying=NIFTY").json()

    assert answer["rank"] is None
    assert "126 daily closes" in answer["rank_reason"]


def test_exposure_is_by_strike_with_its_assumption(ours, live):
    answer = ours.get("/api/options/exposure?underlying=NIFTY").json()

    assert "Assumes" in answer["assumption"]
    assert answer["gex"] == pytest.approx(sum(row["gex"] for row in answer["strikes"]))
    assert len(answer["profile"]) > 10
    assert answer["expiries"] == [day.isoformat() for day in EXPIRIES]


def test_the_minutes_of_a_day_come_with_the_straddles_mean(ours, followed):
    for minute, (price, volume) in enumerate([(200.0, None), (210.0, 65.0), (230.0, 195.0)]):
        ChainMinute.objects.create(
            tracked=followed,
            day=TODAY,
            expiry=EXPIRIES[0],
            at=later(minutes=minute),
            call_oi=1,
            put_oi=2,
            straddle=price,
            straddle_volume=volume,
        )

    answer = ours.get(f"/api/options/history?underlying=NIFTY&expiry={EXPIRIES[0]}").json()

    assert answer["days"] == [TODAY.isoformat()]
    assert [one["straddle_vwap"] for one in answer["minutes"]] == [None, 210.0, 225.0]


# --- the time machine


def test_a_kept_minute_is_worked_out_as_it_was(ours, followed, store):
    kept(store, ours, a_desk_leaves(ours, spot=23_900.0), NOW)
    a_desk_leaves(ours, spot=24_400.0)

    then = ours.get(f"/api/options/chain?underlying=NIFTY&at={later(seconds=59):%Y-%m-%dT%H:%M:%SZ}").json()
    now = ours.get("/api/options/chain?underlying=NIFTY").json()

    assert (then["source"], now["source"]) == ("snapshot", "ticker")
    assert then["forward"] == pytest.approx(23_930, abs=10)
    assert now["forward"] == pytest.approx(24_430, abs=10)


def test_a_moment_before_every_snapshot_is_not_found(ours, live, store):
    answer = ours.get(f"/api/options/chain?underlying=NIFTY&at={NOW:%Y-%m-%dT%H:%M:%SZ}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "chain.no_snapshot")


@pytest.mark.parametrize(("since", "change"), [("open", 1_300), ("3m", 650), ("1m", None)])
def test_a_profile_says_how_interest_moved_since_a_moment(ours, followed, store, since, change):
    for minute, interest in ((0, 6_500.0), (7, 7_150.0)):
        received = a_desk_leaves(ours, at=later(minutes=minute), interest=interest)
        kept(store, ours, received, later(minutes=minute))
    a_desk_leaves(ours, at=later(minutes=10), interest=7_800.0, volatility=0.14)

    answer = ours.get(f"/api/options/profile?underlying=NIFTY&since={since}").json()

    row = next(row for row in answer["strikes"] if row["strike"] == 24_000)
    assert row["ce"]["change"] == change
    assert row["ce"]["build_up"] == ("none" if change is None else "long build-up")
    assert bool(answer["said"]) is (change is None)


# --- what is missing


@pytest.mark.parametrize("path", READS)
def test_before_the_desk_has_told_anything_there_is_a_sentence(ours, followed, store, path):
    answer = ours.get(path)

    assert answer.status_code == 200
    assert answer.json().keys() >= ABOUT
    assert answer.json()["said"]


@pytest.mark.parametrize("path", READS)
def test_an_underlying_that_is_not_followed_is_not_found(ours, path):
    answer = ours.get(path)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "chain.not_tracked")


def test_an_expiry_that_is_not_followed_is_not_found_and_the_others_are_named(ours, live):
    answer = ours.get("/api/options/chain?underlying=NIFTY&expiry=2027-01-26")

    assert answer.status_code == 404
    assert EXPIRIES[0].isoformat() in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "left",
    [{"spot": None}, {"half_spread": -3.0}, {"interest": float("nan")}, {"volatility": 1e-9}, {"at": later(days=90)}],
    ids=["no spot", "crossed", "no interest", "no volatility", "all settled"],
)
@pytest.mark.parametrize("path", READS)
def test_whatever_is_wrong_with_the_quotes_is_an_answer_in_json(ours, followed, store, path, left):
    a_desk_leaves(ours, **left)

    answer = ours.get(path)

    assert answer.status_code == 200
    assert b"NaN" not in answer.content
    assert b"Infinity" not in answer.content


def test_a_chain_without_a_spot_says_so(ours, followed):
    a_desk_leaves(ours, spot=None)

    assert NO_SPOT in ours.get("/api/options/chain?underlying=NIFTY").json()["said"]


def test_options_without_room_on_the_stream_are_spoken_of(ours, followed):
    received = a_desk_leaves(ours)
    nearest = received.chains[0].expiry
    a_desk_leaves(ours, received=replace(received, unheard={nearest: 12}))

    chain, listed = (ours.get(f"/api/options/{path}").json() for path in ("chain?underlying=NIFTY", "underlyings"))

    assert chain["said"] == [NO_ROOM.format(count=12)]
    assert listed["results"][0]["said"] == [NO_ROOM_FOR.format(count=12)]


def test_old_figures_say_how_old_they_are(ours, followed):
    a_desk_leaves(ours, ago_s=75.0)

    summary = ours.get("/api/oi/summary?underlying=NIFTY").json()

    assert any("history" in sentence for sentence in summary["said"])
    assert summary["age_s"] >= 75.0


def test_bytes_that_are_no_chain_count_as_nothing_told(ours, followed):
    sync_redis().set(quotes_key(str(ours.account.id), "NIFTY"), b'{"v": 9}\nnonsense')

    assert ours.get("/api/options/chain?underlying=NIFTY").json()["said"] == [NOT_HEARD]


# --- who may


@pytest.mark.parametrize("path", [*READS, *LISTS])
def test_nobody_reads_without_a_key(anybody, path):
    answer = anybody.get(path)

    assert (answer.status_code, "error" in answer.json()) == (401, True)


@pytest.mark.parametrize("path", [*READS, *LISTS])
def test_an_unknown_query_key_is_refused(ours, live, path):
    answer = ours.get(f"{path}{'&' if '?' in path else '?'}colour=blue")

    assert answer.status_code == 400


def test_chains_are_the_owners_alone_even_on_their_desk(ours, theirs, live):
    colleague = client_of(a_member(ours.desk, Role.OWNER))

    for client in (theirs.client, colleague):
        assert client.get("/api/options/chain?underlying=NIFTY").status_code == 404
        assert client.get("/api/oi/all").json() == {"underlyings": {}}
        assert client.get("/api/options/underlyings").json()["results"] == []


# --- asking


def test_following_is_asked_for_and_answered_at_once(ours):
    list_options()

    answer = ours.post("/api/oi/start", {"underlying": "NIFTY", "expiries": 2})

    row = TrackedUnderlying.objects.get()
    assert (answer.status_code, answer.json()["state"], answer.json()["id"]) == (202, "accepted", str(row.pk))
    assert (row.owner, row.account, row.expiries) == (ours.user, ours.account, 2)


def test_who_asks_for_one_more_keeps_what_is_followed_by_default(ours):
    list_options()
    list_options(some_options(underlying="SENSEX", exchange="BFO"), with_index=False)
    list_options(some_options(underlying="BANKNIFTY"), with_index=False)

    ours.post("/api/oi/start", {"underlying": "BANKNIFTY"})

    assert set(TrackedUnderlying.objects.values_list("underlying", flat=True)) == {"NIFTY", "SENSEX", "BANKNIFTY"}


def test_asking_twice_follows_once(ours, followed):
    assert ours.post("/api/oi/start", {"underlying": "NIFTY"}).status_code == 202
    assert TrackedUnderlying.objects.count() == 1


def test_what_is_not_followed_any_more_is_not_found(ours, live):
    assert ours.post("/api/oi/stop", {"underlying": "NIFTY"}).status_code == 202
    assert ours.get("/api/options/chain?underlying=NIFTY").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"underlying": "RELIANCE"}, "underlying"),
        ({"underlying": "NIFTY", "expiries": 7}, "expiries"),
        ({"underlying": "NIFTY", "colour": "blue"}, "colour"),
        ({}, "underlying"),
    ],
)
def test_an_impossible_wish_is_refused_by_its_field(ours, body, field):
    list_options()

    answer = ours.post("/api/oi/start", body)

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_nobody_follows_on_anothers_account_or_one_without_options(ours, theirs):
    list_options()
    perpetuals = an_aster_account(ours.desk, owner=ours.user)

    anothers = ours.post("/api/oi/start", {"underlying": "NIFTY", "account": str(theirs.account.id)})
    without = ours.post("/api/oi/start", {"underlying": "NIFTY", "account": str(perpetuals.id)})

    assert (anothers.status_code, without.status_code) == (404, 400)
    assert not TrackedUnderlying.objects.exists()


def test_a_viewer_follows_nothing(ours):
    list_options()
    viewer = client_of(a_member(ours.desk, Role.VIEWER))

    assert viewer.post("/api/oi/start", {"underlying": "NIFTY"}, format="json").status_code in (403, 404)
    assert not TrackedUnderlying.objects.exists()


# --- alerts


def test_an_alert_is_asked_for_listed_and_taken_back(ours, followed):
    wish = {"underlying": "NIFTY", "measure": "pcr", "level": 1.2}

    made = ours.post("/api/oi/alerts", wish)
    again = ours.post("/api/oi/alerts", wish)
    listed = ours.get("/api/oi/alerts").json()
    gone = ours.client.delete(f"/api/oi/alerts?id={made.json()['id']}")

    assert (made.status_code, again.json()["id"]) == (201, made.json()["id"])
    assert listed["results"] == [{"id": made.json()["id"], **wish, "is_on": True, "is_watched": True}]
    assert gone.status_code == 204
    assert ours.get("/api/oi/alerts").json()["count"] == 0


def test_an_alert_is_watched_no_longer_until_it_is_switched_on_again(ours, followed):
    made = ours.post("/api/oi/alerts", {"underlying": "NIFTY", "measure": "pcr", "level": 1.2}).json()

    off = ours.post("/api/oi/alerts/switch", {"id": made["id"], "is_on": False})
    rules_off = wishes_of(str(ours.account.id))[1][0].rules
    on = ours.post("/api/oi/alerts/switch", {"id": made["id"], "is_on": True})

    assert (off.status_code, off.json()["is_watched"], rules_off) == (200, False, ())
    assert (on.json()["is_watched"], len(wishes_of(str(ours.account.id))[1][0].rules)) == (True, 1)


def test_what_was_told_is_listed_newest_first(ours, followed):
    for minute in (0, 1):
        ChainAlertFired.objects.create(
            tracked=followed, measure="pcr", expiry=EXPIRIES[0], at=later(minutes=minute), text=f"minute {minute}"
        )

    assert [one["text"] for one in ours.get("/api/oi/alerts").json()["fired"]] == ["minute 1", "minute 0"]


@pytest.mark.parametrize("level", [0, -1, "much"])
def test_an_alert_at_no_level_is_refused(ours, followed, level):
    answer = ours.post("/api/oi/alerts", {"underlying": "NIFTY", "measure": "pcr", "level": level})

    assert answer.status_code == 400


def test_anothers_alert_is_not_there_to_take_back(ours, theirs, followed):
    made = ours.post("/api/oi/alerts", {"underlying": "NIFTY", "measure": "pcr", "level": 1.2}).json()

    assert theirs.client.delete(f"/api/oi/alerts?id={made['id']}").status_code == 404
    assert theirs.post("/api/oi/alerts/switch", {"id": made["id"], "is_on": False}).status_code == 404
    assert ours.client.delete(f"/api/oi/alerts?id={uuid4()}").status_code == 404


def test_an_account_follows_so_many_underlyings_and_no_more(ours):
    list_options()
    for number in range(MOST_FOLLOWED):
        a_tracked(ours, underlying=f"INDEX{number}")

    one_more = ours.post("/api/oi/start", {"underlying": "NIFTY"})
    TrackedUnderlying.objects.filter(underlying="INDEX0").update(is_tracked=False)
    in_its_place = ours.post("/api/oi/start", {"underlying": "NIFTY"})

    assert (one_more.status_code, one_more.json()["error"]["code"]) == (400, "chain.many")
    assert in_its_place.status_code == 202
