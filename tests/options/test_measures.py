"""Gamma exposure, expected move, skew, term structure, standing and premiums, each beside its definition."""

import math
from datetime import timedelta

import numpy as np
import pytest

from options.domain.exposure import ASSUMPTION, delta_exposure, gamma_exposure, gamma_profile
from options.domain.pricing import on_forward, value
from options.domain.quotes import CALL, PUT, arrange
from options.domain.volatility import (
    TermPoint,
    combined_premium,
    constant_maturity,
    expected_move,
    session_vwap,
    skew,
    standing,
    straddle_price,
    term_structure,
)
from tests.options.chains import FORWARD, NOW, a_chain, smile, some_quotes


def a_book(calls, puts, **changes):
    quotes = some_quotes(**changes)
    held = np.zeros((2, len(quotes)))
    held[CALL, np.searchsorted(quotes.strike, list(calls))] = list(calls.values())
    held[PUT, np.searchsorted(quotes.strike, list(puts))] = list(puts.values())
    quotes.open_interest[:] = held
    return a_chain(quotes=quotes)


def plain_gamma(level, strike, sigma, days=7.0):
    years = days / 365
    terms = on_forward(forward=level, strike=[strike], years=years, discount=math.exp(-0.06 * years), is_call=True)
    return float(value(terms, sigma).gamma[0])


def test_gamma_exposure_is_gamma_times_units_times_the_level_squared_per_percent():
    chain = a_book({24_500.0: 6500.0}, {23_500.0: 1300.0})

    exposure = gamma_exposure(chain)

    expected = plain_gamma(FORWARD, 24_500.0, smile(24_500.0)) * 6500 * FORWARD**2 * 0.01
    against = -plain_gamma(FORWARD, 23_500.0, smile(23_500.0)) * 1300 * FORWARD**2 * 0.01
    assert np.nansum(exposure[CALL]) == pytest.approx(expected, rel=1e-6)
    assert np.nansum(exposure[PUT]) == pytest.approx(against, rel=1e-6)
    assert "dealers" in ASSUMPTION


def test_delta_exposure_is_the_notional_of_the_deltas():
    chain = a_book({24_000.0: 100.0}, {24_000.0: 100.0})

    exposure = delta_exposure(chain)

    assert np.nansum(exposure) == pytest.approx(chain.cells("delta")[:, 30].sum() * 100 * FORWARD, rel=1e-9)


def test_the_flip_is_where_the_repriced_book_has_no_gamma():
    chain = a_book({24_800.0: 6500.0}, {23_200.0: 6500.0})

    profile = gamma_profile([chain])

    def net(move):
        level = FORWARD * (1 + move)
        return plain_gamma(level, 24_800.0, smile(24_800.0)) - plain_gamma(level, 23_200.0, smile(23_200.0))

    assert profile.flip is not None
    assert net(profile.flip - 0.002) < 0 < net(profile.flip + 0.002)
    assert profile.exposure[40] == pytest.approx(np.nansum(gamma_exposure(chain)), rel=1e-9)


def test_a_book_of_one_sign_has_no_flip_and_an_empty_one_no_exposure():
    assert gamma_profile([a_book({24_000.0: 100.0}, {})]).flip is None
    assert gamma_profile([a_book({}, {})]).flip is None
    assert not gamma_profile([a_book({}, {})]).exposure.any()


def test_the_expected_move_is_one_deviation_and_the_straddle():
    chain = a_chain()

    move = expected_move(chain)

    assert move.deviation == pytest.approx(FORWARD * 0.13 * math.sqrt(7 / 365), rel=1e-6)
    assert move.straddle == pytest.approx(float(chain.price[:, 30].sum()))
    assert straddle_price(chain, 24_500.0) > move.straddle


def test_without_prices_there_is_no_move_no_skew_and_no_straddle():
    nothing = np.full((2, 61), np.nan)
    chain = a_chain(quotes=some_quotes(bid=nothing, ask=nothing, last_price=nothing), spot=FORWARD)

    assert expected_move(chain) == expected_move(a_chain(quotes=arrange([], [], {})))
    assert expected_move(chain).deviation is None
    assert straddle_price(chain) is None
    assert skew(chain) is None
    assert term_structure([chain]) == ()


def test_the_skew_is_read_at_a_quarter_delta():
    chain = a_chain()

    found = skew(chain)

    assert found.put > found.atm
    assert found.risk_reversal < 0
    assert found.butterfly == pytest.approx(0.5 * (found.call + found.put) - found.atm)
    strike = float(np.interp(found.put, smile(chain.strike[:31])[::-1], chain.strike[:31][::-1]))
    terms = on_forward(forward=FORWARD, strike=[strike], years=7 / 365, discount=1.0, is_call=False)
    assert value(terms, found.put).delta[0] == pytest.approx(-0.25, abs=0.005)


def test_strikes_that_do_not_reach_out_have_no_skew():
    assert skew(a_chain(strikes=[23_950.0, 24_000.0, 24_050.0])) is None


def test_the_term_structure_is_ordered_and_thirty_days_lie_between_two_expiries():
    week, month = a_chain(days=7.0), a_chain(days=35.0, volatility=lambda strike: smile(strike) + 0.02)

    points = term_structure([month, week])

    assert [point.volatility for point in points] == pytest.approx([0.13, 0.15], rel=1e-5)
    total = 0.13**2 * 7 + (0.15**2 * 35 - 0.13**2 * 7) * 23 / 28
    assert constant_maturity(points) == pytest.approx(math.sqrt(total / 30), rel=1e-4)


def test_thirty_days_outside_the_listed_expiries_are_not_guessed():
    assert constant_maturity([TermPoint(years=7 / 365, volatility=0.1)]) is None
    assert constant_maturity([]) is None


def test_the_rank_is_within_the_years_range_and_the_percentile_counts_days():
    history = np.concatenate((np.linspace(0.10, 0.20, 200), [np.nan] * 3, [0.30]))

    found = standing(history, 0.15)

    assert found.rank == pytest.approx(0.25)
    assert found.percentile == pytest.approx(100 / 201)
    assert found.sessions == 201
    assert standing(history, 0.35).rank == 1.0


def test_only_the_last_252_sessions_count():
    history = np.concatenate(([0.9] * 10, np.linspace(0.10, 0.20, 252)))

    assert standing(history, 0.15).rank == pytest.approx(0.5)


@pytest.mark.parametrize(("sessions", "today"), [(125, 0.15), (0, 0.15), (200, math.nan)])
def test_a_short_history_ranks_nothing(sessions, today):
    assert standing(np.linspace(0.1, 0.2, sessions), today) is None


def test_a_history_of_one_level_ranks_nothing():
    assert standing(np.full(200, 0.1), 0.1) is None


def test_the_vwap_of_a_combined_premium_starts_with_the_session_and_skips_gaps():
    call, put = np.array([10.0, np.nan, 12.0, 8.0]), np.array([20.0, 21.0, 20.0, 20.0])

    premium = combined_premium([call, put], [1.0, 1.0])
    vwap = session_vwap(premium, np.array([100.0, 50.0, 300.0, 0.0]))

    assert np.array_equal(premium, [30.0, np.nan, 32.0, 28.0], equal_nan=True)
    assert vwap == pytest.approx([30.0, 30.0, 31.5, 31.5])


def test_there_is_no_vwap_before_the_first_volume():
    assert np.isnan(session_vwap(np.array([30.0, 31.0]), np.array([0.0, 10.0]))).tolist() == [True, False]


def test_an_expired_chain_has_no_term():
    assert term_structure([a_chain(now=NOW + timedelta(days=9))]) == ()
