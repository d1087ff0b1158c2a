"""Weights on made agents of known skill: the skilled come to weigh more, luck does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.agents.consensus import LEAST_WEIGHT, MOST_WEIGHT
from strategies.agents.track_record import (
    ENOUGH_BLOCKS,
    HALF_LIFE_S,
    Outcome,
    base_rate,
    reliability,
    track_record,
)

HORIZON_S = 3_600


def an_outcome(*, at_s=0.0, score=0.4, gross_return=0.01, base=0.5, cost=0.001, horizon_s=HORIZON_S):
    return Outcome(at_s=at_s, horizon_s=horizon_s, score=score, base=base, gross_return=gross_return, cost=cost)


def made(random, votes, *, edge, score=0.4, common=None):
    """One vote a horizon; the side is right with probability one half plus `edge`."""
    sides = np.where(random.random(votes) < 0.5, 1.0, -1.0) if common is None else common[0]
    right = random.random(votes) < 0.5 + edge if common is None else common[1]
    moves = np.where(right, sides, -sides) * 0.01
    return [
        an_outcome(at_s=place * HORIZON_S, score=score * side, gross_return=move, cost=0.0)
        for place, (side, move) in enumerate(zip(sides, moves, strict=True))
    ]


def weight_of(outcomes):
    return track_record(outcomes, now_s=len(outcomes) * HORIZON_S).weight


def test_with_too_few_blocks_everybody_weighs_the_same():
    perfect = made(np.random.default_rng(1), ENOUGH_BLOCKS - 1, edge=0.5)

    record = track_record(perfect, now_s=0.0)
    assert record.weight == 1.0
    assert not record.is_enough
    assert track_record([], now_s=0.0).weight == 1.0
    assert track_record([], now_s=0.0).slope is None


def test_the_skilled_come_to_weigh_twice_the_unskilled_within_four_hundred_blocks():
    random = np.random.default_rng(2)
    skilled = np.array([weight_of(made(random, 400, edge=0.09)) for _ in range(25)])
    unskilled = np.array([weight_of(made(random, 400, edge=0.0)) for _ in range(25)])

    assert skilled.mean() > 2.0 * unskilled.mean()
    assert (skilled > unskilled.mean()).mean() > 0.95


def test_luck_is_not_rewarded():
    random = np.random.default_rng(3)
    for blocks in (60, 120, 300):
        weights = np.array([weight_of(made(random, blocks, edge=0.0)) for _ in range(50)])

        assert weights.mean() < 1.0
        assert (weights > 1.5).mean() <= 0.02


def test_correlated_agents_without_skill_keep_equal_weights():
    random = np.random.default_rng(4)
    sides = np.where(random.random(400) < 0.5, 1.0, -1.0)
    common = (sides, random.random(400) < 0.5)

    assert len({weight_of(made(random, 400, edge=0.0, common=common)) for _ in range(5)}) == 1


def test_the_wrong_way_round_weighs_least():
    assert weight_of(made(np.random.default_rng(5), 400, edge=-0.2)) == LEAST_WEIGHT


def test_votes_that_overlap_count_as_one_block():
    every_minute = [an_outcome(at_s=60.0 * place) for place in range(120)]

    record = track_record(every_minute, now_s=7_200.0)
    assert (record.votes, record.blocks) == (120, 2)


def test_instruments_that_vote_at_once_are_one_block():
    at_once = [an_outcome(at_s=5.0), an_outcome(at_s=6.0), an_outcome(at_s=7.0)]

    assert track_record(at_once, now_s=10.0).blocks == 1


def test_old_skill_fades():
    random = np.random.default_rng(6)
    once = made(random, 200, edge=0.3)
    shift = 8 * HALF_LIFE_S
    since = [
        an_outcome(at_s=one.at_s + shift, score=one.score, gross_return=one.gross_return, cost=0.0)
        for one in made(random, 200, edge=0.0)
    ]

    assert (
        track_record(once + since, now_s=shift + 200 * HORIZON_S).weight
        < track_record(once, now_s=200 * HORIZON_S).weight
    )


def test_the_event_is_net_of_cost_and_brier_is_held_against_the_base_rate():
    barely = an_outcome(gross_return=0.0005, cost=0.001)
    right = an_outcome(gross_return=0.01, score=1.0, base=0.5)

    assert not barely.event
    record = track_record([right], now_s=0.0)
    assert record.brier == 0.0625
    assert record.base_brier == 0.25
    assert record.skill.value == 0.1875
    assert record.alpha.value == pytest.approx(0.009)
    assert record.alpha.margin is None
    assert record.document()["alpha"] == {"value": 0.009, "margin": None, "n": 1}


def test_a_short_earns_what_falls_and_flat_earns_nothing():
    assert an_outcome(score=-0.5, gross_return=-0.01).net_return == pytest.approx(0.009)
    assert an_outcome(score=0.0).net_return is None


def test_flat_votes_are_scored_by_brier_and_never_weighed():
    record = track_record([an_outcome(score=0.0)], now_s=0.0)

    assert record.blocks == 0
    assert record.brier == record.base_brier == 0.25
    assert record.alpha is None


def test_the_base_rate_is_drawn_to_one_half_while_little_was_seen():
    assert base_rate(0, 0) == 0.5
    assert base_rate(10, 10) == 0.6
    assert base_rate(6_000, 10_000) == pytest.approx(0.6, abs=0.001)


def test_reliability_says_claimed_and_right_by_confidence():
    sure = [
        an_outcome(at_s=place * HORIZON_S, score=0.8, gross_return=0.01 if place % 4 else -0.01) for place in range(40)
    ]
    unsure = [an_outcome(score=-0.1, gross_return=-0.01)]

    low, high = reliability([*sure, *unsure, an_outcome(score=0.0)])
    assert (low.claimed, low.right, low.n, low.margin) == (0.525, 1.0, 1, None)
    assert (high.claimed, high.right, high.n) == (0.7, 0.75, 40)
    assert 0.1 < high.margin < 0.2


@given(st.lists(st.tuples(st.floats(-1.0, 1.0), st.floats(0.1, 0.9), st.floats(-0.5, 0.5)), min_size=0, max_size=80))
def test_whatever_happened_a_weight_stays_within_its_bounds(rows):
    outcomes = [
        an_outcome(at_s=place * HORIZON_S, score=score, base=base, gross_return=moved)
        for place, (score, base, moved) in enumerate(rows)
    ]

    assert LEAST_WEIGHT <= track_record(outcomes, now_s=len(rows) * HORIZON_S).weight <= MOST_WEIGHT
