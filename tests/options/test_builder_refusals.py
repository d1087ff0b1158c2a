"""What the builder refuses: with the field, the value, what is allowed and a code, never with a bare NaN."""

import math
from datetime import date

import pytest

from brokers.models import ListedInstrument
from options.domain.quotes import CALL, PUT
from tests.options.builder_site import (
    EVALUATE,
    FAR,
    LEGS,
    NEAR,
    STRIKES,
    TEMPLATES,
    body,
    has_no_nan,
    key,
    live,
    one_leg,
    refusal,
    symbol,
)
from tests.options.chains import some_quotes
from tests.people import a_listed

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("legs", "code", "field"),
    [
        ([], "field.empty", "legs"),
        ([{"side": "BUY", "lots": 1}], "field.required", "legs.0.instrument"),
        ([{"instrument": "NFO:NIFTY99", "side": "BUY", "lots": 1}], "instrument.unknown", "legs.0.instrument"),
        ([{"instrument": "nonsense", "side": "BUY", "lots": 1}], "instrument.unknown", "legs.0.instrument"),
        ([{"instrument": "NSE:RELIANCE", "side": "BUY", "lots": 1}], "leg.not_option", "legs.0.instrument"),
        ([{"instrument": key(24_000, "CE"), "side": "HOLD", "lots": 1}], "field.choice", "legs.0.side"),
        ([{"instrument": key(24_000, "CE"), "side": "BUY", "lots": -1}], "field.too_small", "legs.0.lots"),
        ([{"instrument": key(24_000, "CE"), "side": "BUY", "lots": "1e9"}], "field.invalid", "legs.0.lots"),
        (one_leg() + one_leg(side="SELL"), "leg.twice", "legs.1.instrument"),
    ],
)
def test_wrong_legs_are_refused_with_their_place(ours, follow, legs, code, field):
    a_listed()

    error = refusal(ours.post(EVALUATE, body(legs)))

    assert (error["code"], error["field"]) == (code, field)
    assert "llowed" in error["message"] or code.startswith("field.")


@pytest.mark.parametrize(
    ("what", "value", "side"),
    [
        ("ask", 0.0, "BUY"),
        ("ask", math.nan, "BUY"),
        ("bid", -1.0, "SELL"),
        ("bid", 10_000.0, "SELL"),
        ("ask", math.inf, "BUY"),
    ],
)
def test_a_zero_missing_or_crossed_quote_prices_no_leg(ours, follow, what, value, side):
    quotes = some_quotes(strikes=STRIKES)
    getattr(quotes, what)[CALL, STRIKES.index(24_400.0)] = value
    follow(live(quotes=quotes))

    rows = ours.post(LEGS, body(one_leg(24_400, side=side))).json()
    error = refusal(ours.post(EVALUATE, body(one_leg(24_400, side=side))))

    assert rows["legs"][0]["price"] is None
    assert rows["legs"][0]["why"]
    assert not rows["is_complete"]
    assert (error["code"], error["field"]) == ("leg.unpriced", "legs.0")
    assert set(error["details"]) == {"value", "allowed"}


def test_an_expired_contract_is_refused(ours, follow):
    follow(live(FAR))
    ListedInstrument.objects.filter(expiry=NEAR).update(expiry=date(2026, 8, 17))

    error = refusal(ours.post(EVALUATE, body()))

    assert (error["code"], error["details"]["value"]) == ("leg.expired", "2026-08-17")
    assert error["details"]["allowed"] == ["2026-09-22"]


def test_a_contract_of_another_underlying_or_an_expiry_not_followed_is_refused(ours, follow):
    follow(live())
    assert refusal(ours.post(EVALUATE, body(one_leg(expiry=FAR))))["code"] == "leg.no_chain"

    ListedInstrument.objects.filter(symbol=symbol(24_000, "CE")).update(name="BANKNIFTY")
    assert refusal(ours.post(EVALUATE, body(one_leg())))["code"] == "leg.underlying"


def test_a_strike_outside_the_followed_chain_is_refused(ours, follow):
    follow(live(quotes=some_quotes(strikes=STRIKES[:10])))

    assert refusal(ours.post(EVALUATE, body(one_leg(25_000))))["code"] == "leg.no_strike"


def test_without_spot_and_quotes_there_is_nothing_to_build_on(ours, follow):
    quotes = some_quotes(strikes=STRIKES)
    for cells in (quotes.bid, quotes.last_price):
        cells[:] = math.nan
    follow(live(spot=None, quotes=quotes))

    for path, asked in ((EVALUATE, body(one_leg())), (LEGS, {"underlying": "NIFTY", "template": "iron_condor"})):
        error = refusal(ours.post(path, asked))
        assert (error["code"], error["field"]) == ("chain.no_forward", "underlying")


def test_a_leg_whose_expiry_has_no_volatility_is_refused(ours, follow):
    quotes = some_quotes(strikes=STRIKES)
    quotes.bid[:] = math.nan
    quotes.last_price[:] = math.nan
    follow(live(quotes=quotes))

    assert refusal(ours.post(EVALUATE, body(one_leg())))["code"] == "leg.no_volatility"


def test_a_strike_without_a_volatility_takes_the_fitted_smiles(ours, follow):
    quotes = some_quotes(strikes=STRIKES)
    place = STRIKES.index(24_400.0)
    quotes.bid[CALL, place] = quotes.last_price[CALL, place] = math.nan
    follow(live(quotes=quotes))

    answer = ours.post(EVALUATE, body(one_leg(24_400))).json()

    assert answer["greeks"]["vega"] > 0
    assert has_no_nan(answer)


def test_a_chain_too_thin_for_a_smile_has_no_probability_but_says_why(ours, follow):
    quotes = some_quotes(strikes=STRIKES)
    thin = [place for place in range(len(STRIKES)) if STRIKES[place] not in {23_900.0, 24_000.0, 24_100.0}]
    for cells in (quotes.bid, quotes.ask, quotes.last_price):
        for row in (CALL, PUT):
            cells[row, thin] = math.nan
    follow(live(quotes=quotes))

    answer = ours.post(EVALUATE, body(one_leg())).json()

    assert answer["probability_of_profit"]["value"] is None
    assert "six strikes" in answer["probability_of_profit"]["said"][0]
    assert answer["curve"]["density"] is None


@pytest.mark.parametrize(
    ("underlying", "code", "status"),
    [("RELIANCE", "underlying.no_options", 404), ("NIFTY", "chain.not_followed", 400)],
)
def test_an_underlying_without_options_or_a_followed_chain_is_refused(ours, follow, underlying, code, status):
    follow(known=())
    a_listed()

    for response in (
        ours.get(f"{TEMPLATES}?underlying={underlying}"),
        ours.post(EVALUATE, {**body(), "underlying": underlying}),
    ):
        assert refusal(response, status)["code"] == code


def test_a_chain_of_which_nothing_was_heard_yet_is_refused(ours, follow):
    follow()

    assert refusal(ours.post(EVALUATE, body()))["code"] == "chain.waiting"


def test_a_chain_that_has_run_out_is_refused(ours, follow):
    follow(live(days=0.0))

    assert refusal(ours.get(f"{TEMPLATES}?underlying=NIFTY"))["code"] == "chain.expired"


@pytest.mark.parametrize(
    ("what_if", "field"),
    [
        ({"spot_shift_percent": "NaN"}, "what_if.spot_shift_percent"),
        ({"spot_shift_percent": "-99"}, "what_if.spot_shift_percent"),
        ({"volatility_shift_points": "Infinity"}, "what_if.volatility_shift_points"),
        ({"days": "-1"}, "what_if.days"),
        ({"dayz": "1"}, "what_if.dayz"),
    ],
)
def test_a_what_if_that_is_no_place_is_refused(ours, follow, what_if, field):
    assert refusal(ours.post(EVALUATE, body(what_if=what_if)))["field"] == field


def test_whoever_is_not_signed_in_gets_nothing(anybody):
    assert anybody.post(EVALUATE, body(), format="json").status_code == 401
