"""Rules tried on a day and on a list's past: nobody is left out in silence, and the arithmetic is that of a loop."""

from datetime import date
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.domain.daily import date_of, day_number
from analysis.domain.rule_backtest import forward_return, outcomes, rule_backtest
from analysis.domain.rules import evaluate, rule_from
from analysis.domain.universe import Membership, Universe, own_list
from brokers.domain.errors import Invalid
from tests.analysis.candles import made, walk
from tests.analysis.desks import client_of, scanned, stored
from tests.people import a_desk

RSI = {"all": [{"left": {"indicator": "rsi", "period": 5}, "is": "above", "right": 55}]}
LONG = {"all": [{"left": {"indicator": "sma", "period": 200}, "is": "below", "right": {"indicator": "close"}}]}


@pytest.fixture(autouse=True)
def _no_broker():
    with patch("accounts.outbox.outbox_send"):
        yield


@pytest.fixture
def desk(db):
    return a_desk()


@pytest.fixture
def client(desk):
    return client_of(desk.memberships.get().user)


def post(client, path, **body):
    return client.post(f"/api/analysis/rules/{path}", body, format="json").json()


def looped(rule, universe, series, *, since, until, days):
    """Every hit, and every day that could be judged, entered one by one."""
    hits, base, fresh, unfinished = [], [], [], 0
    for symbol, own in sorted(series.items()):
        values = evaluate(rule, own).values
        for place in range(len(own)):
            on = date_of(int(own.day[place]))
            if not since <= on <= until or symbol not in universe.on(on).symbols or np.isnan(values[place]):
                continue
            if place + days >= len(own):
                unfinished += values[place] == 1.0
                continue
            value = own.close[place + days] / own.open[place + 1] - 1.0
            base.append(value)
            if values[place] == 1.0:
                hits.append(value)
                if place == 0 or values[place - 1] != 1.0:
                    fresh.append(value)
    return hits, base, fresh, unfinished


@pytest.mark.parametrize("days", [1, 5, 20])
def test_a_backtest_is_what_a_loop_over_members_finds(days):
    series = {name: walk(name, seed, bars=120) for seed, name in enumerate(("A", "B", "C"))}
    universe = Universe(
        name="U",
        memberships=(
            Membership(symbol="A"),
            Membership(symbol="B", since=date(2024, 3, 1)),
            Membership(symbol="C", until=date(2024, 4, 1)),
        ),
    )
    since, until, rule = date(2024, 2, 1), date(2024, 6, 10), rule_from(RSI)

    past = rule_backtest(rule, universe, series, since=since, until=until, horizons=[days])

    hits, base, fresh, unfinished = looped(rule, universe, series, since=since, until=until, days=days)
    found = past.horizons[0]
    assert (found.hits.n, found.base.n, found.fresh.n) == (len(hits), len(base), len(fresh))
    assert found.unfinished == unfinished
    assert found.hits.mean == pytest.approx(np.mean(hits))
    assert found.base.median == pytest.approx(np.median(base))
    assert found.fresh.positive == pytest.approx(np.mean(np.array(fresh) > 0))
    assert found.edge == pytest.approx(np.mean(hits) - np.mean(base))


@given(st.integers(0, 1000), st.integers(30, 80))
def test_a_backtest_of_days_past_knows_nothing_of_later_ones(seed, cut):
    own, other = walk("A", seed, bars=100), walk("A", seed + 1, bars=100)
    days = 5
    changed = made("A", np.r_[own.close[:cut], other.close[cut:]], volume=own.volume)
    before = made("A", own.close, volume=own.volume)
    until = date_of(int(own.day[cut - days - 1]))

    pasts = [
        rule_backtest(
            rule_from(RSI),
            own_list("U", ["A"], since=until),
            {"A": one},
            since=date(2024, 1, 1),
            until=until,
            horizons=[days],
        )
        for one in (before, changed)
    ]

    assert pasts[0] == pasts[1]


def test_the_forward_return_is_from_the_next_open_to_the_close():
    series = made("A", [100.0, 110.0, 121.0])

    assert forward_return(series, 1).tolist()[:2] == pytest.approx([0.0, 0.0])
    assert np.isnan(forward_return(series, 1)[2])
    assert forward_return(series, 2)[0] == pytest.approx(0.1)
    assert np.isnan(forward_return(series, 9)).all()


def test_no_returns_come_to_nothing():
    assert outcomes(np.array([np.nan])).n == 0
    assert outcomes(np.array([])).mean is None


def test_a_rule_that_never_could_be_judged_names_its_conditions():
    series = {"A": walk("A", 1, bars=50), "LATE": walk("LATE", 1, bars=20)}
    universe = Universe(
        name="U", memberships=(Membership(symbol="A"), Membership(symbol="LATE", since=date(2030, 1, 1)))
    )

    past = rule_backtest(
        rule_from(LONG), universe, series, since=date(2024, 1, 1), until=date(2024, 12, 1), horizons=[5]
    )

    assert past.never_judged == {"A": ("1: simple average(200) below close",)}
    assert (past.hits, past.judged, past.horizons[0].edge, past.recent) == (0, 0, None, ())


@pytest.mark.parametrize("horizons", [[0], [251], []])
def test_a_horizon_that_cannot_be_is_refused(horizons):
    with pytest.raises(Invalid, match="horizon"):
        rule_backtest(
            rule_from(RSI),
            own_list("U", ["A"], since=date(2024, 1, 1)),
            {},
            since=date(2024, 1, 1),
            until=date(2024, 2, 1),
            horizons=horizons,
        )


def test_a_universe_without_series_comes_to_nothing():
    past = rule_backtest(
        rule_from(RSI),
        own_list("U", ["A"], since=date(2024, 1, 1)),
        {},
        since=date(2024, 1, 1),
        until=date(2024, 2, 1),
        horizons=[5],
    )

    assert (past.hits, past.horizons[0].hits.n) == (0, 0)


def test_a_membership_is_held_on_its_days_alone():
    universe = Universe(
        name="U",
        memberships=(Membership(symbol="A", since=date(2024, 1, 3), until=date(2024, 1, 4)), Membership(symbol="B")),
    )
    days = np.array([day_number(date(2024, 1, day)) for day in (2, 3, 4, 5)])

    assert universe.held("A", days).tolist() == [False, True, True, False]
    assert universe.held("B", days).all()
    assert not universe.held("C", days).any()


def test_a_live_count_accounts_for_every_member(client):
    stored(symbols=[f"S{number}" for number in range(6)], MINE=[f"S{number}" for number in range(6)] + ["GONE", "BABY"])
    stored(symbols=["BABY"], bars=290)

    found = post(client, "try", rule=RSI, universe="MINE")

    assert found["members"] == 8 == found["count"] + found["misses"] + len(found["unknown"]) + len(found["absent"])
    assert found["count"] == len(found["hits"])
    assert {one["symbol"] for one in found["absent"]} == {"NSE:GONE", "NSE:BABY"}
    assert all(one["text"] for one in found["absent"])
    assert found["text"] == "RSI(5) above 55"


def test_a_condition_that_cannot_be_evaluated_is_named(client):
    stored(symbols=["A"], bars=60)

    found = post(client, "try", rule=LONG)

    assert found["unknown"] == [{"symbol": "NSE:A", "conditions": ["1: simple average(200) below close"]}]
    assert found["count"] == found["misses"] == 0


def test_a_trial_of_an_earlier_day_reads_no_later_candle(client):
    stored(symbols=["A", "B", "C"], bars=300)
    on = date_of(int(walk("A", 0, bars=300).day[200])).isoformat()
    whole = post(client, "try", rule=RSI, on=on)

    from analysis.models import CandleYear

    CandleYear.objects.all().delete()
    stored(symbols=["A", "B", "C"], bars=201)
    short = post(client, "try", rule=RSI, on=on)

    assert whole["hits"] == short["hits"]
    assert whole["on"] == on


def test_the_past_of_a_rule_says_what_it_is_worth(client):
    stored(symbols=[f"S{number}" for number in range(5)], source="demo")

    past = post(client, "backtest", rule=RSI, horizons=[20, 5, 5])

    assert [one["days"] for one in past["horizons"]] == [5, 20]
    assert past["entry"] == "next day's open"
    assert past["hits"] >= past["fresh_hits"] > 0
    assert past["horizons"][0]["n"] + past["horizons"][0]["unfinished"] == past["hits"]
    assert past["recent"][0]["on"] >= past["recent"][-1]["on"]
    assert any("made for the demo" in sentence for sentence in past["said"])
    assert any("without costs" in sentence for sentence in past["said"])
    assert any("survivors" in sentence for sentence in past["said"])


def test_few_occasions_are_called_few(client):
    stored(symbols=["A"], bars=60)

    past = post(client, "backtest", rule=LONG)

    assert past["hits"] == 0
    assert any("chance" in sentence for sentence in past["said"])


def test_days_in_the_wrong_order_are_refused(client):
    stored(symbols=["A"], bars=60)

    answer = post(client, "backtest", rule=RSI, since="2025-01-01", until="2024-01-01")

    assert answer["error"]["field"] == "since"


@pytest.mark.parametrize("path", ["try", "backtest"])
def test_a_list_too_long_to_answer_at_once_is_refused(client, path):
    stored(symbols=["A", "B"], bars=60)

    with patch.multiple("analysis.rule_trials", MOST_INSTRUMENTS=1, MOST_TRIED=1):
        answer = post(client, path, rule=RSI)

    assert answer["error"]["code"] == "rule.wide"


def test_a_second_backtest_of_the_same_user_waits_for_the_first(client):
    inner = []

    def meanwhile(*_, **__):
        inner.append(client.post("/api/analysis/rules/backtest", {"rule": RSI}, format="json"))
        return {}

    with patch("analysis.api.own_views.rule_past", meanwhile):
        first = client.post("/api/analysis/rules/backtest", {"rule": RSI}, format="json")

    assert first.status_code == 200
    assert (inner[0].status_code, inner[0].json()["error"]["code"]) == (409, "rule.busy")


def test_a_running_backtest_keeps_nobody_else_waiting(client):
    stranger = client_of(a_desk().memberships.get().user)
    inner = []

    def meanwhile(*_, **__):
        if not inner:
            inner.append(None)
            inner[0] = stranger.post("/api/analysis/rules/backtest", {"rule": RSI}, format="json")
        return {}

    with patch("analysis.api.own_views.rule_past", meanwhile):
        client.post("/api/analysis/rules/backtest", {"rule": RSI}, format="json")

    assert inner[0].status_code == 200


def test_a_refused_backtest_leaves_the_place_free(client):
    stored(symbols=["A"], bars=60)

    codes = [
        post(client, "backtest", rule=RSI, since="2025-01-01", until="2024-01-01")["error"]["code"] for _ in range(2)
    ]

    assert codes == ["rule.days", "rule.days"]


def test_without_candles_a_trial_says_so(client):
    assert post(client, "try", rule=RSI)["error"]["code"] == "candles.none"


def test_a_list_read_once_is_read_again_when_a_candle_changes(desk, client):
    stored(symbols=["A"], bars=300)
    first = post(client, "try", rule=RSI)
    stored(symbols=["A"], bars=310)

    assert post(client, "try", rule=RSI)["on"] > first["on"]
    assert scanned(desk).on.isoformat() > first["on"]
