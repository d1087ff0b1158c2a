"""Templates beside what their names promise, and legs at the side they trade."""

import pytest

from brokers.domain.errors import Invalid
from options.domain.payoff import outcome
from options.domain.quotes import CALL, PUT, arrange
from options.domain.templates import TEMPLATES, Outlook, build, pick
from tests.options.chains import FORWARD, a_chain, some_quotes

CHAINS = (a_chain(), a_chain(days=35.0))


def built(name, **changes):
    return build(TEMPLATES[name], CHAINS, **{"width": 200.0, "lot_size": 65, **changes})


def outcome_of(name):
    return outcome([picked.leg for picked in built(name)])


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_is_built_from_a_sound_chain_hedges_first(name):
    picked = built(name, lots=2)

    assert all(one.leg is not None and not one.why for one in picked)
    assert all(one.quantity % 130 == 0 for one in picked)
    sides = [one.quantity > 0 for one in picked]
    assert sides == sorted(sides, reverse=True)


def test_there_are_twenty_more_than_the_librarys_and_titles_are_their_own():
    assert len(TEMPLATES) >= 28
    assert len({template.title for template in TEMPLATES.values()}) == len(TEMPLATES)
    assert {template.outlook for template in TEMPLATES.values()} == set(Outlook)


def test_a_leg_is_bought_at_the_ask_and_sold_at_the_bid():
    bought, sold = built("bull_call_spread")
    quotes = CHAINS[0].quotes

    assert bought.leg.price == quotes.ask[CALL, 30]
    assert sold.leg.price == quotes.bid[CALL, 34]
    assert sold.quantity == -65.0


@pytest.mark.parametrize(
    ("name", "has_max_profit", "has_max_loss", "earns_premium"),
    [
        ("iron_condor", True, True, True),
        ("iron_butterfly", True, True, True),
        ("short_straddle", True, False, True),
        ("short_strangle", True, False, True),
        ("long_straddle", False, True, False),
        ("bull_call_spread", True, True, False),
        ("bear_call_spread", True, True, True),
        ("call_ratio_back_spread", False, True, False),
        ("put_ratio_back_spread", True, True, False),
        ("jade_lizard", True, True, True),
        ("call_condor", True, True, False),
    ],
)
def test_bounds_are_those_of_the_strategy(name, has_max_profit, has_max_loss, earns_premium):
    found = outcome_of(name)

    assert (found.max_profit is not None) == has_max_profit
    assert (found.max_loss is not None) == has_max_loss
    assert (found.net_premium > 0) == earns_premium


def test_a_calendars_far_leg_knows_its_own_life():
    picked = built("call_calendar")

    far = next(one for one in picked if one.expiry == 1)

    assert far.leg.years == pytest.approx(35 / 365)
    assert far.leg.volatility == pytest.approx(0.13, rel=1e-5)
    assert far.leg.forward_gap == pytest.approx(0.0, abs=1e-3)


def test_a_leg_without_a_quote_on_its_side_is_picked_with_the_reason():
    quotes = some_quotes()
    quotes.bid[CALL, 34] = 0.0
    chain = a_chain(quotes=quotes)

    _, sold = build(TEMPLATES["bull_call_spread"], [chain], width=200.0, lot_size=65)

    assert sold.leg is None
    assert "Nobody bids." in sold.why
    assert pick(chain, strike=24_200.0, is_call=True, quantity=65.0).leg is not None


def test_a_crossed_quote_prices_no_leg():
    quotes = some_quotes()
    quotes.bid[PUT, 30] += 100.0

    found = pick(a_chain(quotes=quotes), strike=FORWARD, is_call=False, quantity=65.0)

    assert found.leg is None
    assert "The bid stands above the ask." in found.why


def test_what_cannot_be_built_says_why():
    with pytest.raises(Invalid, match="needs 2 expiries"):
        build(TEMPLATES["call_calendar"], CHAINS[:1], width=200.0, lot_size=65)
    with pytest.raises(Invalid, match="no strike 24075"):
        built("bull_call_spread", width=75.0)
    with pytest.raises(Invalid, match="No forward"):
        build(TEMPLATES["long_call"], [a_chain(quotes=arrange([], [], {}))], width=50.0, lot_size=65)
