"""The recorded minute chain of an expiry day: what the desk's volatilities are worth on real prices."""

import numpy as np
import pytest

from options.domain.chain import Market, work_out
from options.domain.pricing import on_forward, value
from options.domain.quotes import CALL, PUT
from tests.options.recorded import EXPIRY_DAY, RATE, recorded_day

pytestmark = pytest.mark.reference
HALF_A_TICK = 0.025


def chain_of(recorded):
    market = Market(now=recorded.at, rate=RATE, spot=recorded.spot)
    return work_out(recorded.quotes, fixing=recorded.fixing, market=market)


def test_the_day_has_its_288_minutes_and_four_expiries():
    day = recorded_day()

    assert len({recorded.at for recorded in day}) == 288
    assert len(day) == 4 * 288


def test_every_implied_volatility_reprices_its_option_to_half_a_tick():
    solved = 0
    for recorded in recorded_day():
        chain = chain_of(recorded)
        has_one = chain.refusal.ravel() == 0
        terms = on_forward(
            forward=chain.forward.price,
            strike=np.tile(chain.strike, 2)[has_one],
            years=chain.years,
            discount=chain.discount,
            is_call=(np.arange(2 * len(recorded.quotes)) < len(recorded.quotes))[has_one],
        )
        repriced = value(terms, chain.own_volatility.ravel()[has_one]).price
        assert np.all(np.abs(repriced - recorded.quotes.last_price.ravel()[has_one]) <= HALF_A_TICK)
        solved += int(has_one.sum())

    assert solved > 140_000


def test_near_the_money_a_call_and_a_put_agree_on_the_volatility_of_each_later_expiry():
    apart = {}
    for recorded in recorded_day():
        if recorded.expiry != EXPIRY_DAY:
            chain = chain_of(recorded)
            legs = np.abs(chain.own_volatility[CALL] - chain.own_volatility[PUT])[np.abs(chain.moneyness) <= 0.01]
            apart.setdefault(recorded.expiry, []).append(legs[np.isfinite(legs)])

    medians = {expiry: float(np.median(np.concatenate(legs))) for expiry, legs in apart.items()}

    assert len(medians) == 3
    assert max(medians.values()) <= 0.003, medians


def test_the_recorders_volatilities_differ_by_their_convention_and_by_no_more():
    """The recorder solves on spot, in whole days; the table in docs/options.md is this distribution."""
    apart = {True: [], False: []}
    for recorded in recorded_day():
        differences = (chain_of(recorded).own_volatility - recorded.recorded_volatility).ravel()
        apart[recorded.expiry == EXPIRY_DAY].append(differences[np.isfinite(differences)])

    later, today = np.concatenate(apart[False]), np.concatenate(apart[True])

    assert np.abs(np.median(later)) < 0.01
    assert np.percentile(np.abs(later), 90) < 0.05
    assert np.median(np.abs(today)) > np.median(np.abs(later))


def test_the_forward_moves_on_while_the_recorded_spot_stands_still():
    still = [
        recorded
        for recorded in recorded_day()
        if recorded.expiry != EXPIRY_DAY and "09:46" <= recorded.at.strftime("%H:%M") <= "09:59"
    ]
    assert {round(recorded.spot, 2) for recorded in still} == {24166.35}
    nearest = min(recorded.expiry for recorded in still)

    forwards = [chain_of(recorded).forward.price for recorded in still if recorded.expiry == nearest]

    assert len(forwards) >= 10
    assert max(forwards) - min(forwards) > 10
