"""A chain from sound quotes says what made them; from broken ones, what is wrong."""

import json
import math
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brokers.domain.errors import Invalid
from options.domain.chain import Listed, Market, place_of, rows_of, volatility_at, work_out_all
from options.domain.expiries import Fixing, ForwardSource
from options.domain.pricing import Refusal
from options.domain.quotes import CALL, PUT, Freshness, Mark, arrange
from tests.options.chains import FORWARD, NOW, RATE, a_chain, smile, some_quotes


def test_a_chain_gives_back_the_forward_and_the_smile_that_made_it():
    chain = a_chain()

    assert chain.forward.source is ForwardSource.QUOTES
    assert chain.forward.price == pytest.approx(FORWARD, abs=1e-6)
    is_liquid = chain.is_liquid.all(axis=0)
    assert is_liquid.sum() > 20
    assert np.allclose(chain.volatility[is_liquid], smile(chain.strike)[is_liquid], rtol=1e-8)
    assert np.allclose(chain.own_volatility[CALL][is_liquid], chain.own_volatility[PUT][is_liquid], rtol=1e-6)
    assert chain.atm_strike == FORWARD
    assert chain.atm_volatility == pytest.approx(0.13, rel=1e-6)


def test_both_legs_of_a_strike_have_the_greeks_of_its_one_volatility():
    chain = a_chain()

    delta, gamma = chain.cells("delta"), chain.cells("gamma")

    near = np.abs(chain.moneyness) < 0.03
    assert np.allclose((delta[CALL] - delta[PUT])[near], chain.discount)
    assert np.array_equal(gamma[CALL][near], gamma[PUT][near])


def test_the_forward_is_the_median_so_that_one_bad_strike_is_outvoted():
    quotes = some_quotes()
    at = int(np.searchsorted(quotes.strike, FORWARD))
    quotes.bid[CALL, at] += 40.0
    quotes.ask[CALL, at] += 40.0

    assert a_chain(quotes=quotes).forward.price == pytest.approx(FORWARD, abs=1e-6)


def test_a_frozen_spot_does_not_move_the_forward():
    assert a_chain(spot=20_000.0).forward.price == pytest.approx(FORWARD, abs=1e-6)


def test_without_quotes_fresh_trades_name_the_forward_and_are_marked():
    nothing = np.full((2, 61), np.nan)
    chain = a_chain(quotes=some_quotes(bid=nothing, ask=nothing))

    assert chain.forward.source is ForwardSource.TRADES
    assert chain.forward.price == pytest.approx(FORWARD, abs=1e-6)
    assert np.all(chain.marks & Mark.FROM_TRADE)
    assert chain.atm_volatility == pytest.approx(0.13, rel=1e-6)


def test_an_old_trade_prices_nothing():
    nothing, old = np.full((2, 61), np.nan), np.full((2, 61), 61.0)
    chain = a_chain(quotes=some_quotes(bid=nothing, ask=nothing, trade_age_s=old))

    assert not chain.forward.is_known
    assert math.isnan(chain.atm_strike)
    assert np.all(chain.marks & Mark.UNPRICED)
    assert set(chain.refusal.ravel().tolist()) == {Refusal.MISSING}


def test_without_pairs_of_legs_the_spot_is_carried_to_the_fixing():
    quotes = some_quotes()
    quotes.bid[PUT], quotes.last_price[PUT] = 0.0, np.nan
    chain = a_chain(quotes=quotes, spot=23_970.0)

    assert chain.forward.source is ForwardSource.SPOT
    assert chain.forward.price == pytest.approx(23_970.0 * math.exp(0.06 * 7 / 365))
    assert chain.forward.source.sentence.startswith("Forward from the spot")


@pytest.mark.parametrize(
    ("breaks", "mark"),
    [
        ({"bid": np.nan, "ask": np.nan, "last_price": np.nan}, Mark.ABSENT),
        ({"bid": 0.0}, Mark.NO_BID),
        ({"ask": 0.0}, Mark.NO_ASK),
        ({"ask": np.nan}, Mark.NO_ASK),
        ({"bid": 9e9}, Mark.CROSSED),
        ({"ask": 9e9}, Mark.WIDE),
        ({"age_s": 31.0}, Mark.STALE),
    ],
)
def test_a_broken_cell_is_marked_and_the_others_are_not(breaks, mark):
    quotes = some_quotes()
    at = place_of(a_chain(), 24_500.0)
    for name, figure in breaks.items():
        getattr(quotes, name)[CALL, at] = figure

    chain = a_chain(quotes=quotes)

    assert Mark(int(chain.marks[CALL, at])) & mark
    assert not chain.is_liquid[CALL, at]
    assert chain.why_not(CALL, at)
    assert chain.is_liquid[PUT, at]
    assert chain.forward.price == pytest.approx(FORWARD, abs=1e-6)


def test_an_expired_chain_refuses_every_cell_in_words():
    chain = a_chain(now=NOW + timedelta(days=8))

    assert set(chain.refusal.ravel().tolist()) == {Refusal.EXPIRED}
    assert chain.why_not(CALL, 0)[-1] == "Expired."
    assert math.isnan(chain.atm_volatility)


def test_a_price_under_its_intrinsic_value_is_refused_in_words():
    quotes = some_quotes()
    quotes.bid[CALL, 0] -= 50.0
    quotes.ask[CALL, 0] -= 50.0

    chain = a_chain(quotes=quotes)

    assert "The price is below what exercise is worth." in chain.why_not(CALL, 0)
    assert np.isfinite(chain.volatility[0])


def test_volatility_is_not_extrapolated():
    chain = a_chain()

    assert math.isnan(volatility_at(chain, 1.0))
    assert math.isnan(volatility_at(chain, -1.0))


def test_an_empty_chain_has_no_figures_and_raises_nothing():
    chain = a_chain(quotes=arrange([], [], {}), spot=FORWARD)

    assert rows_of(chain) == []
    assert math.isnan(chain.atm_strike)
    assert math.isnan(chain.atm_volatility)


@given(
    arrays(np.float64, (4, 2, 9), elements=st.sampled_from([0.0, -1.0, 0.05, 80.0, 1e9, math.nan, math.inf])),
    st.sampled_from([None, 0.0, math.nan, 24_000.0]),
    st.sampled_from([-1.0, 0.0, 3.0]),
)
def test_whatever_the_quotes_a_row_holds_numbers_or_nothing_and_says_why(figures, spot, days):
    bid, ask, last_price, trade_age = figures
    quotes = some_quotes(
        strikes=np.linspace(23_800, 24_200, 9), bid=bid, ask=ask, last_price=last_price, trade_age_s=trade_age
    )

    rows = rows_of(a_chain(quotes=quotes, spot=spot, days=days))

    json.dumps(rows, allow_nan=False)
    for leg in (row[side] for row in rows for side in ("ce", "pe")):
        assert leg["iv"] is not None or leg["why"]


def test_rows_carry_the_figures_of_the_cells():
    chain = a_chain()

    row = rows_of(chain)[place_of(chain, 24_100.0)]

    assert row["strike"] == 24_100.0
    assert row["ce"]["iv"] == pytest.approx(float(smile(24_100.0)))
    assert row["ce"]["delta"] == pytest.approx(chain.cells("delta")[CALL, place_of(chain, 24_100.0)])
    assert row["pe"]["is_liquid"] is True
    assert row["pe"]["why"] == []


def test_many_expiries_in_one_pass_are_the_same_as_one_by_one():
    quotes = {
        7.0: some_quotes(),
        14.0: some_quotes(strikes=[23_900.0, 24_000.0, 24_150.0], days=14.0),
        2.0: arrange([], [], {}),
    }
    market = Market(now=NOW, rate=RATE)
    listed = [
        Listed(quotes=found, fixing=Fixing(at=NOW + timedelta(days=days)), market=market)
        for days, found in quotes.items()
    ]

    together = work_out_all(listed, Freshness())

    for chain, (days, found) in zip(together, quotes.items(), strict=True):
        alone = a_chain(quotes=found, days=days)
        assert chain.forward == alone.forward or not chain.forward.is_known
        assert np.array_equal(chain.marks, alone.marks)
        assert np.array_equal(chain.own_volatility, alone.own_volatility, equal_nan=True)
        assert np.array_equal(chain.greeks.figures, alone.greeks.figures, equal_nan=True)
    assert work_out_all([], Freshness()) == []


def test_cells_come_in_any_order_and_a_missing_leg_stays_untold():
    quotes = arrange([110.0, 90.0, 100.0], [True, False, True], {"bid": [1.0, 2.0, 3.0]})

    assert quotes.strike.tolist() == [90.0, 100.0, 110.0]
    assert np.array_equal(quotes.bid, [[np.nan, 3.0, 1.0], [2.0, np.nan, np.nan]], equal_nan=True)


def test_what_is_no_chain_is_refused():
    with pytest.raises(Invalid, match="twice"):
        arrange([100.0, 100.0], [True, True], {})
    with pytest.raises(Invalid, match="no colour"):
        arrange([100.0], [True], {"colour": [1.0]})
    with pytest.raises(Invalid, match="ascend"):
        arrange([-1.0], [True], {})
    with pytest.raises(Invalid, match="bid has shape"):
        some_quotes(bid=np.zeros(1))
    with pytest.raises(Invalid, match="no strike 24025"):
        place_of(a_chain(), 24_025.0)


def test_time_runs_to_the_second_and_ends_at_the_fixing():
    fixing = Fixing(at=NOW + timedelta(days=1, seconds=1))

    assert fixing.years(NOW) * 31_536_000 == pytest.approx(86_401)
    assert fixing.variance_years(NOW) == fixing.years(NOW)
    assert fixing.years(NOW + timedelta(days=2)) == fixing.variance_years(NOW + timedelta(days=2)) == 0.0


def test_the_variance_of_an_averaged_settlement_shrinks_to_nothing_without_a_jump():
    fixing = Fixing(at=NOW, averaging_s=1800.0)

    def seconds(before):
        return fixing.variance_years(NOW - timedelta(seconds=before)) * 31_536_000

    assert seconds(3600) == pytest.approx(2400)
    assert seconds(1800.001) == pytest.approx(seconds(1799.999), rel=1e-4) == pytest.approx(600, rel=1e-4)
    assert seconds(900) == pytest.approx(75)
    assert seconds(0) == 0.0


def test_a_fixing_that_is_none_is_refused():
    with pytest.raises(Invalid, match="time zone"):
        Fixing(at=NOW.replace(tzinfo=None))
    with pytest.raises(Invalid, match="averages"):
        Fixing(at=NOW, averaging_s=-1.0)
