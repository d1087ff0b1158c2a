import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.errors import Invalid
from strategies.agents.columns import columns_of
from strategies.agents.cycle import cited_wrongly
from strategies.agents.regime import Regime, RegimeReading, read_regime
from strategies.agents.roster import KEYS, ROSTER, SPECIALISTS
from strategies.agents.snapshot import snapshot_of
from strategies.agents.specialist import one_row, price, share
from strategies.agents.vote import Evidence, Stance, Thesis, Vote, abstention, probability_up
from tests.agents.markets import (
    AS_OF,
    BARS,
    BEGUN,
    BULL,
    RANGE,
    a_decision,
    a_snapshot,
    a_walk,
    bars_through,
    score_of,
    some_readings,
    vote_by,
)

RISING = a_walk(5, drift=8e-4)
FALLING = a_walk(5, drift=-8e-4)


def after(ending, *, volume=None, still=1e-4):
    """A quiet market that ends with these closes."""
    random = np.random.default_rng(2)
    quiet = 100.0 + np.cumsum(random.normal(0.0, still * 100.0, BARS - len(ending))) * 0.2
    volumes = np.full(BARS, 100.0)
    if volume is not None:
        volumes[-len(ending) :] = volume
    return bars_through([*quiet, *ending], volume=volumes)


def test_the_followers_go_with_a_trend_either_way():
    up, down = a_decision(a_snapshot(RISING)), a_decision(a_snapshot(FALLING))

    assert score_of(up, "trend") > 0.25
    assert score_of(down, "trend") < -0.25
    assert score_of(up, "momentum") >= 0.0 >= score_of(down, "momentum")


def test_a_break_on_volume_is_taken_and_one_without_is_worth_less():
    loud, still = after([101.0], volume=300.0), after([101.0], volume=30.0)

    busy, quiet = (score_of(a_decision(a_snapshot(bars)), "breakout") for bars in (loud, still))
    assert busy > 2 * quiet > 0.0
    assert "inside it" in vote_by(a_decision(a_snapshot(after([100.0]))), "breakout").thesis.text


def test_a_stretched_price_is_expected_back():
    far = a_decision(a_snapshot(after([100.2, 100.5, 100.8])), regime=RANGE)

    assert "deviations above VWAP" in vote_by(far, "reversion").thesis.text
    assert score_of(far, "reversion") <= 0.0


def test_a_spike_is_faded():
    spiked = a_decision(a_snapshot(after([100.5, 102.0, 104.0])))

    assert score_of(spiked, "volatility") < 0.0
    assert "spike" in vote_by(spiked, "volatility").thesis.text


def test_option_prices_are_told_where_they_are_known():
    readings = some_readings(iv_atm=0.12, iv_rank=0.4)

    told = vote_by(a_decision(a_snapshot(readings=readings)), "volatility")
    assert "Options imply 12.0 % a year, rank 40" in told.thesis.text
    assert {"iv_atm", "iv_rank"} <= {one.field for one in told.thesis.evidence}


def test_flow_follows_the_heavier_side_and_abstains_without_a_book():
    bid, offered = (a_decision(a_snapshot(readings=some_readings(imbalance=x))) for x in (0.9, -0.9))
    blind = a_decision(a_snapshot(readings={}))

    assert score_of(bid, "flow") > score_of(offered, "flow")
    assert vote_by(blind, "flow").stance is Stance.ABSTAIN
    assert "no depth_imbalance" in vote_by(blind, "flow").thesis.text


def test_flow_trusts_less_where_the_spread_is_wide_or_the_crowd_is_paid_for():
    calm, wide, crowded = (
        score_of(a_decision(a_snapshot(readings=some_readings(imbalance=0.9, **more))), "flow")
        for more in ({}, {"spread_frac": 0.0015}, {"funding_rate": 0.001, "oi_change": -0.01})
    )

    assert calm > wide > 0.0
    assert calm > crowded > 0.0


def test_old_inputs_are_an_abstention_not_a_judgement():
    late = BEGUN + 2 * (AS_OF - BEGUN)
    votes = a_decision(a_snapshot(as_of=late, readings=some_readings(at=late))).votes

    assert {vote.stance for vote in votes} == {Stance.ABSTAIN}
    assert "s old" in votes[0].thesis.text


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), drift=st.floats(-0.002, 0.002), imbalance=st.floats(-1.0, 1.0))
def test_every_vote_is_bounded_cites_the_snapshot_and_stands_for_no_size(seed, drift, imbalance):
    snapshot = a_snapshot(a_walk(seed, drift=drift), readings=some_readings(imbalance=imbalance))
    decision = a_decision(snapshot)

    assert [vote.agent for vote in decision.votes] == list(KEYS)
    assert cited_wrongly(decision.votes, snapshot) == []
    for vote in decision.votes:
        assert 0.0 <= vote.confidence <= 1.0
        assert vote.horizon_s > 0
        assert vote.is_abstention or vote.thesis.evidence
        assert set(vote.document()) == {
            "agent", "mind", "stance", "confidence", "score", "horizon_s", "thesis", "invalidation", "evidence",
        }  # fmt: skip


@pytest.mark.parametrize("specialist", SPECIALISTS, ids=lambda one: one.key)
def test_a_backtest_s_column_and_a_decision_s_vote_are_the_same_score(specialist):
    bars = a_walk(9, drift=4e-4)
    columns = {**columns_of(bars), "depth_imbalance": np.full(BARS, 0.4)}
    vote = specialist.vote(snapshot_of(bars, some_readings(), as_of=AS_OF))

    assert specialist.scores(columns)[-1] == pytest.approx(vote.score, abs=1e-4)


def test_evidence_that_the_snapshot_does_not_bear_out_is_found():
    snapshot = a_snapshot()
    thesis = Thesis(text="", evidence=(Evidence(field="news_score", value=0.8), Evidence(field="last", value=1.0)))
    vote = Vote(agent="momentum", stance=Stance.LONG, confidence=0.5, thesis=thesis, horizon_s=60)

    assert cited_wrongly([vote], snapshot) == [("momentum", "news_score"), ("momentum", "last")]


@pytest.mark.parametrize(
    ("stance", "confidence", "horizon_s"),
    [(Stance.LONG, 0.0, 60), (Stance.FLAT, 0.3, 60), (Stance.LONG, 1.1, 60), (Stance.SHORT, 0.4, 0)],
)
def test_a_vote_that_contradicts_itself_is_refused(stance, confidence, horizon_s):
    with pytest.raises(Invalid):
        Vote(agent="x", stance=stance, confidence=confidence, thesis=Thesis(text="", evidence=()), horizon_s=horizon_s)


def test_an_abstention_is_no_flat_vote():
    away = abstention("momentum", "no data", horizon_s=60)

    assert away.score is None
    assert away.thesis.text == "Abstained: no data."


def test_claims_keep_to_probabilities():
    assert probability_up(1.0, 0.5) == 0.75
    assert probability_up(-1.0, 0.1) == 0.01
    assert probability_up(1.0, 0.9) == 0.99


def test_the_conductor_names_the_market():
    up, down, still = a_snapshot(RISING), a_snapshot(FALLING), a_snapshot(after([100.0]))

    assert read_regime(up, [up]).regime in (Regime.BULL_TRENDING, Regime.BULL_VOLATILE)
    assert read_regime(down, [down]).regime in (Regime.BEAR_TRENDING, Regime.BEAR_VOLATILE)
    assert read_regime(still, []).regime is Regime.RANGE_BOUND
    assert read_regime(up, [down, down, down]).regime is not Regime.BULL_TRENDING
    assert read_regime(None, []).regime is Regime.UNKNOWN
    assert read_regime(snapshot_of(a_walk(bars=20), {}, as_of=AS_OF), []).regime is Regime.UNKNOWN


def test_a_wild_market_is_volatile():
    random = np.random.default_rng(3)
    calm, wild = random.normal(0.0, 2e-4, BARS - 15), random.normal(0.0, 8e-3, 15)
    snapshot = a_snapshot(bars_through(100.0 * np.exp(np.cumsum([*calm, *wild]))))

    assert read_regime(snapshot, [snapshot]).regime in (Regime.BULL_VOLATILE, Regime.BEAR_VOLATILE)


def test_the_reasoner_arbitrates_a_dispute_by_the_regime():
    bars = a_walk(1, drift=6e-4)
    sides = [a_decision(a_snapshot(bars, readings=some_readings(imbalance=-1.0)), regime=reg) for reg in (BULL, RANGE)]

    trend = score_of(sides[0], "trend")
    assert trend > 0.0 > score_of(sides[0], "flow")
    assert "differ by" in vote_by(sides[0], "reasoner").thesis.text
    assert (score_of(sides[0], "reasoner") or 0.0) >= (score_of(sides[1], "reasoner") or 0.0)


def test_words_for_prices_and_shares():
    assert (price(61214.5), price(3.14159), price(0.012)) == ("61,214", "3.14", "0.012000")
    assert share(-0.0123) == "−1.23 %"


def test_the_roster_is_data():
    assert tuple(ROSTER) == ("momentum", "breakout", "trend", "volatility", "reversion", "flow")
    assert len(KEYS) == 7
    assert np.isfinite(one_row(a_snapshot())["last"]).all()
    assert BULL.document()["regime"] == "bull_trending"
    assert RegimeReading(regime=Regime.UNKNOWN, leader="").document()["trend"] is None
