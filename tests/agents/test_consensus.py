from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.errors import Invalid
from strategies.agents.consensus import (
    LEAST_WEIGHT,
    MOST_WEIGHT,
    Guard,
    Rules,
    Weight,
    consensus_of,
    disagreement,
    guard_of,
    tally,
)
from strategies.agents.regime import Regime, multiplier
from strategies.agents.specialist import Character
from strategies.agents.vote import Thesis, abstention, vote_of

SCORES = st.floats(-1.0, 1.0).map(lambda value: round(value, 3))
WEIGHTS = st.floats(LEAST_WEIGHT, MOST_WEIGHT)
SPOKEN = st.lists(st.tuples(SCORES, WEIGHTS), min_size=1, max_size=7)


def votes_of(*scores):
    return [
        abstention(f"a{place}", "no data", horizon_s=60)
        if score is None
        else vote_of(f"a{place}", score, Thesis(text="", evidence=()), horizon_s=60)
        for place, score in enumerate(scores)
    ]


def outcome(*scores, weights=None, **rules):
    return consensus_of(votes_of(*scores), weights or {}, Rules(**rules))


def test_votes_on_one_side_pass_and_name_it():
    found = outcome(0.6, 0.5, 0.3, 0.0, None)

    assert (found.side, found.guard) == (1, Guard.NONE)
    assert (found.voted, found.asked) == (4, 5)
    assert "past the threshold" in found.why
    assert outcome(-0.6, -0.5, -0.3).side == -1


@pytest.mark.parametrize(
    ("scores", "guard", "words"),
    [
        ((0.9, None, None), Guard.PARTICIPATION, "Too few"),
        ((None, None), Guard.PARTICIPATION, "Too few"),
        ((0.0, 0.0, 0.0), Guard.THRESHOLD, "inside the threshold"),
        ((0.3, -0.2, 0.0), Guard.THRESHOLD, "inside the threshold"),
        ((1.0, 1.0, -0.9), Guard.AGREEMENT, "but only"),
    ],
)
def test_a_guard_keeps_the_consensus_flat_and_says_why(scores, guard, words):
    found = outcome(*scores)

    assert (found.side, found.guard) == (0, guard)
    assert words in found.why


def test_an_abstention_leaves_the_score_and_flat_does_not():
    assert outcome(0.6, 0.6, None).score == 0.6
    assert outcome(0.6, 0.6, 0.0).score == pytest.approx(0.4)


@given(SPOKEN)
def test_the_tally_is_bounded(spoken):
    score, participation, agreement = tally(spoken, sum(weight for _, weight in spoken))

    low, high = min(score for score, _ in spoken), max(score for score, _ in spoken)
    assert low - 1e-6 <= score <= high + 1e-6
    assert 0.0 <= participation <= 1.0
    assert 0.0 <= agreement <= 1.0


@given(SPOKEN, st.integers(0, 6), st.floats(0.0, 1.0))
def test_raising_one_score_never_lowers_the_consensus(spoken, place, more):
    place %= len(spoken)
    score, weight = spoken[place]
    raised = [*spoken]
    raised[place] = (min(score + more, 1.0), weight)

    asked = sum(weight for _, weight in spoken)
    assert tally(raised, asked)[0] >= tally(spoken, asked)[0] - 1e-6


@given(SPOKEN)
def test_turning_every_vote_turns_the_outcome(spoken):
    asked = sum(weight for _, weight in spoken)
    score, participation, agreement = tally(spoken, asked)
    turned = tally([(-one, weight) for one, weight in spoken], asked)

    assert turned == (pytest.approx(-score), participation, pytest.approx(agreement))


SHARES = st.floats(0.0, 1.0)
RULES = st.builds(Rules, participation=SHARES, threshold=SHARES, agreement=SHARES)


@given(st.tuples(st.floats(-1.0, 1.0), SHARES, SHARES), RULES, st.sampled_from(Rules.__slots__), SHARES)
def test_a_tighter_rule_never_lets_more_through(figures, rules, name, tighter):
    stricter = replace(rules, **{name: max(getattr(rules, name), tighter)})

    if guard_of(*figures, rules) is not Guard.NONE:
        assert guard_of(*figures, stricter) is not Guard.NONE


@given(st.lists(st.one_of(st.none(), SCORES), min_size=1, max_size=8), st.lists(WEIGHTS, min_size=8, max_size=8))
def test_whatever_is_voted_only_a_side_comes_out(scores, weights):
    found = outcome(*scores, weights={f"a{i}": Weight(record=w, regime=1.0) for i, w in enumerate(weights)})

    assert found.side in (-1, 0, 1)
    assert (found.side == 0) is (found.guard is not Guard.NONE)
    assert set(found.document()) == {
        "score", "side", "participation", "agreement", "voted", "asked", "guard", "why",
    }  # fmt: skip


def test_weights_stay_within_their_bounds():
    assert Weight(record=9.0, regime=1.3).value == MOST_WEIGHT
    assert Weight(record=0.0, regime=1.0).value == LEAST_WEIGHT


def test_a_regime_favours_its_kind():
    assert multiplier(Character.TREND, Regime.BULL_TRENDING) == 1.3
    assert multiplier(Character.TREND, Regime.RANGE_BOUND) == 0.7
    assert multiplier(Character.RANGE, Regime.BEAR_TRENDING) == 0.7
    assert multiplier(Character.VOLATILITY, Regime.BEAR_VOLATILE) == 1.3
    assert {multiplier(one, Regime.UNKNOWN) for one in Character} == {1.0}


def test_a_dispute_is_measured_among_those_with_a_side():
    assert disagreement(votes_of(0.5, -0.5, 0.0, None), {}) == 0.5
    assert disagreement(votes_of(0.5, 0.0, None), {}) == 0.0


def test_rules_outside_their_bounds_are_refused():
    with pytest.raises(Invalid):
        Rules(threshold=1.5)
