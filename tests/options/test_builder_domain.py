"""Combinations beside their arithmetic: curves, extremes, chances, margins, costs, and templates on listed strikes."""

import math
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from brokers.domain.errors import Invalid
from brokers.domain.india import CHARGES
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.orders import Product, Side
from options.domain.combination import (
    LEAST_VOLATILITY,
    Combination,
    WhatIf,
    chance_of_profit,
    deviation_levels,
    extremes,
    greeks,
    profit,
    profitable,
    shown_levels,
)
from options.domain.entry_costs import Trade, charges_of
from options.domain.margin_estimate import estimate_margin
from options.domain.payoff import Leg, outcome, payoff_at_expiry
from options.domain.quotes import arrange
from options.domain.surface import fit_smile
from options.domain.template_widths import possible_widths, step_of, usual_width
from options.domain.template_words import LIBRARY, SENTENCES
from options.domain.templates import TEMPLATES, build
from tests.options.chains import FORWARD, a_chain, some_quotes

LOT = 65.0
YEARS = 7 / 365
NEAR, FAR = a_chain(spot=23_990.0), a_chain(days=35.0)


def leg(quantity, strike, *, is_call=True, years=YEARS, price=50.0, volatility=0.13, **changes):
    return Leg(
        quantity=quantity, price=price, strike=strike, is_call=is_call, years=years, volatility=volatility, **changes
    )


CONDOR = (
    leg(LOT, 23_400.0, is_call=False, price=10.0),
    leg(LOT, 24_600.0, price=8.0),
    leg(-LOT, 23_600.0, is_call=False, price=30.0),
    leg(-LOT, 24_400.0, price=28.0),
)
CALENDAR = (leg(LOT, 24_000.0, years=35 / 365, price=400.0), leg(-LOT, 24_000.0, price=180.0))


def a_combination(legs=CONDOR, **changes):
    return Combination(**{"legs": legs, "forward": FORWARD, "years": YEARS, "spot": 23_980.0, **changes})


def test_at_the_first_expiry_the_line_is_the_payoff_after_charges():
    levels = np.array([23_000.0, 23_500.0, 24_000.0, 24_450.0, 25_000.0])

    paid = profit(a_combination(charges=100.0), levels, passed=YEARS)

    assert np.allclose(paid, payoff_at_expiry(CONDOR, levels, charges=100.0))


def test_today_a_level_stands_for_its_forward_and_at_the_expiry_for_itself():
    combination = a_combination()
    spot = np.array([combination.level])

    assert combination.forward_at(spot, 0.0)[0] == pytest.approx(FORWARD)
    assert combination.forward_at(spot, YEARS)[0] == pytest.approx(23_980.0)
    assert a_combination(years=0.0).forward_at(spot, 0.0)[0] == 23_980.0
    assert a_combination(spot=None).level == FORWARD


def test_the_line_of_now_at_the_level_of_now_is_what_leaving_at_model_prices_brings():
    assert profit(a_combination(), np.array([23_980.0]))[0] == pytest.approx(
        profit(a_combination(spot=None), np.array([FORWARD]))[0]
    )


def test_extremes_of_one_expiry_are_exact_and_name_their_levels():
    found = extremes(a_combination(charges=130.0))
    exact = outcome(CONDOR, charges=130.0)

    assert found.max_profit == exact.max_profit
    assert found.breakevens == exact.breakevens
    assert found.max_profit_ranges == ((23_600.0, 24_400.0),)
    assert found.max_loss_ranges == ((0.0, 23_400.0), (24_600.0, math.inf))


def test_an_unbounded_side_has_no_figure_and_no_level():
    found = extremes(a_combination([leg(-LOT, 24_000.0)]))

    assert found.max_loss is None
    assert found.max_loss_ranges == ()
    assert extremes(a_combination([leg(LOT, 24_000.0)])).max_profit is None


def test_a_calendars_extremes_are_those_of_a_fine_line():
    combination = a_combination(CALENDAR)

    found = extremes(combination)

    assert found.max_profit_ranges[0][0] == pytest.approx(24_000.0, abs=10.0)
    assert found.max_loss == pytest.approx(-220 * LOT, rel=0.02)
    assert len(found.breakevens) == 2
    assert np.allclose(profit(combination, np.array(found.breakevens), passed=YEARS), 0.0, atol=1.0)


@pytest.mark.parametrize(("quantity", "unbounded"), [(-LOT, "max_loss"), (LOT, "max_profit")])
def test_mixed_expiries_may_be_unbounded_too(quantity, unbounded):
    legs = (leg(quantity, 24_000.0, years=35 / 365), leg(LOT, 23_500.0, is_call=False))

    assert getattr(extremes(a_combination(legs)), unbounded) is None


def test_the_chance_of_profit_is_that_of_the_profitable_levels():
    smile = fit_smile(NEAR).smile
    found = chance_of_profit(a_combination(), smile)

    (low, high) = profitable(a_combination())[0]

    assert found == pytest.approx(float(smile.probability_below(high)) - float(smile.probability_below(low)))
    assert 0.0 < chance_of_profit(a_combination(CALENDAR), smile) < 1.0


def test_a_calendar_pays_between_its_breakevens():
    combination = a_combination(CALENDAR)

    assert profitable(combination) == (extremes(combination).breakevens,)


def test_more_volatility_hurts_who_sold_it_and_never_leaves_a_leg_without():
    combination = a_combination()
    here = np.array([23_980.0])

    assert profit(combination, here, points=0.02)[0] < profit(combination, here)[0]
    lowest = profit(combination, here, points=-0.5)
    calm = a_combination(
        [
            leg(one.quantity, one.strike, is_call=one.is_call, price=one.price, volatility=LEAST_VOLATILITY)
            for one in CONDOR
        ]
    )
    assert lowest[0] == pytest.approx(profit(calm, here)[0])


def test_greeks_elsewhere_are_those_of_the_legs_there():
    here, elsewhere = greeks(a_combination()), greeks(a_combination(), WhatIf(move=0.02, points=0.01, passed=YEARS / 2))

    assert here["theta"] > 0.0
    assert elsewhere["delta"] < here["delta"]
    assert greeks(a_combination(), WhatIf(passed=YEARS))["gamma"] == 0.0


def test_shown_levels_hold_the_strikes_the_breakevens_and_three_deviations():
    combination = a_combination()

    levels = shown_levels(combination, 0.13)

    assert np.all(np.diff(levels) > 0)
    assert {23_400.0, 23_600.0, 24_400.0, 24_600.0, 23_980.0} <= set(levels.tolist())
    assert set(extremes(combination).breakevens) <= set(levels.tolist())
    low, high = deviation_levels(combination, 0.13, (-3, 3))
    assert levels[0] <= low
    assert levels[-1] >= high
    assert shown_levels(combination, math.nan).size > 100


def test_without_legs_or_a_forward_there_is_no_combination():
    with pytest.raises(Invalid) as empty:
        a_combination(())
    with pytest.raises(Invalid) as lost:
        a_combination(forward=math.nan)

    assert (empty.value.code, lost.value.code) == ("legs.none", "chain.no_forward")


def test_a_futures_leg_counts_with_its_level():
    future = a_combination([Leg(quantity=LOT, price=FORWARD, years=YEARS)])

    assert extremes(future).max_profit is None
    assert shown_levels(future, 0.13).size > 100


# --- margin


def test_a_hedged_combination_blocks_no_more_than_it_can_lose_and_its_exposure():
    found = estimate_margin(a_combination(), underlying="NIFTY")

    worst = -extremes(a_combination()).max_loss
    assert float(found.scenarios) <= worst * 1.3
    assert found.exposure == Decimal("62348.00")
    assert found.peak == found.final + found.premium_paid
    assert found.premium_paid == Decimal("1170.00")


def test_hedges_lower_what_is_blocked_and_an_expiry_day_raises_it():
    naked = estimate_margin(a_combination(CONDOR[2:]), underlying="NIFTY")
    hedged = estimate_margin(a_combination(), underlying="NIFTY")

    assert naked.final > 2 * hedged.final
    assert estimate_margin(a_combination(), underlying="NIFTY", expires_today=True).exposure == 2 * hedged.exposure
    assert estimate_margin(a_combination(), underlying="RELIANCE", expires_today=True).exposure == Decimal("109109.00")


def test_what_is_only_bought_blocks_nothing_beyond_its_premium():
    found = estimate_margin(a_combination(CONDOR[:2]), underlying="NIFTY")

    assert (found.final, found.peak) == (Decimal(0), Decimal("1170.00"))


# --- costs


def test_charges_are_those_of_one_order_a_leg():
    option = Instrument(
        exchange="NFO",
        symbol="NIFTY26AUG24000CE",
        token=1,
        kind=InstrumentKind.CALL,
        name="NIFTY",
        tick_size=Decimal("0.05"),
        lot_size=65,
        segment="NFO-OPT",
    )
    trades = [Trade(instrument=option, side=side, quantity=Decimal(65), price=Decimal(100)) for side in Side]

    note = charges_of(trades, product=Product.CARRY, day=date(2026, 8, 18), schedule=CHARGES)

    assert note.brokerage == Decimal(40)
    assert note.transaction_tax == Decimal(10)  # 0.15 % of the sold premium of 6,500, to the rupee
    assert note.total > Decimal(55)
    free = [Trade(instrument=option, side=Side.SELL, quantity=Decimal(65), price=Decimal(0))]
    assert charges_of(free, product=Product.CARRY, day=date(2026, 8, 18), schedule=CHARGES).total == 0


# --- templates


def test_every_template_says_in_one_sentence_what_it_is_for():
    assert set(SENTENCES) == set(TEMPLATES)
    assert set(TEMPLATES) >= LIBRARY
    assert all(sentence.endswith(".") and sentence.count(". ") == 0 for sentence in SENTENCES.values())


def test_widths_are_those_at_which_every_strike_is_listed():
    widths = possible_widths(TEMPLATES["iron_condor"], [NEAR])

    assert step_of(NEAR) == 50.0
    assert widths[0] == 50.0
    assert widths[-1] == 750.0
    assert all(build(TEMPLATES["iron_condor"], [NEAR], width=width, lot_size=65) for width in widths)
    assert possible_widths(TEMPLATES["long_call"], [NEAR])[:2] == (50.0, 100.0)


def test_the_usual_width_is_about_one_expected_move():
    width = usual_width(TEMPLATES["iron_condor"], [NEAR])

    assert width == pytest.approx(FORWARD * 0.13 * math.sqrt(YEARS), abs=25.0)


def test_a_chain_that_lists_too_little_has_no_width():
    bare = a_chain(quotes=arrange([], [], {}))
    single = a_chain(quotes=some_quotes(strikes=[24_000.0]), spot=24_000.0)
    unpriced = some_quotes()
    for cells in (unpriced.bid, unpriced.ask, unpriced.last_price):
        cells[:] = math.nan

    assert math.isnan(step_of(bare))
    assert usual_width(TEMPLATES["iron_condor"], [single]) is None
    assert possible_widths(TEMPLATES["call_calendar"], [NEAR]) == ()
    assert usual_width(TEMPLATES["iron_condor"], [a_chain(quotes=unpriced, spot=24_000.0)]) == 50.0
    assert step_of(a_chain(quotes=unpriced)) == 50.0
    assert usual_width(TEMPLATES["call_calendar"], [NEAR, FAR]) is not None
