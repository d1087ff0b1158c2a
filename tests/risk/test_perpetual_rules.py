from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.domain.instruments import InstrumentKind
from brokers.domain.market_life import Par
from brokers.domain.money import Currency
from brokers.domain.orders import ApprovedOrder, OrderType, Product, Side
from brokers.domain.perpetual import MarginBracket, most_notional
from risk.domain import Reduced, Refused
from risk.domain.exposure import PerpetualView
from risk.domain.top_up import at_risk, objection_to_top_up
from tests.risk.builders import a_holding, a_quote, a_view, an_exit, an_instrument, an_intent, reviewed, some_limits

KEY = "ASTER:BTCUSDT"
BTC = replace(
    an_instrument(KEY, kind=InstrumentKind.PERPETUAL),
    currency=Currency.USDT,
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.002"),
    min_notional_quote=Decimal(5),
)


def a_perpetual(**terms):
    return a_view(instrument=BTC, quote=a_quote("100"), perpetual=PerpetualView(**terms))


def buy(quantity="0.5", **changes):
    return an_intent(quantity, instrument=KEY, product=Product.PERPETUAL, **changes)


def par(rate):
    return Par(
        asset="USDT",
        reference="USD",
        rate=Decimal(rate),
        band_fraction=Decimal("0.01"),
        source="a desk in Mumbai",
        as_of=datetime(2026, 8, 18, 4, 0, tzinfo=UTC),
    )


def test_approves_parts_of_a_unit_in_whole_steps():
    assert isinstance(reviewed(buy("0.123"), view=a_perpetual()), ApprovedOrder)


def test_refuses_a_part_of_a_step():
    decision = reviewed(buy("0.1235"), view=a_perpetual())

    assert decision == Refused(rule="whole_lots", reason="quantity 0.1235 is not a multiple of the step of 0.001")


def test_refuses_in_a_mode_that_strategies_cannot_trade_in():
    decision = reviewed(buy(), view=a_perpetual(mode_objection="the account is in hedge mode"))

    assert decision == Refused(rule="account_mode", reason="the account is in hedge mode")


def test_refuses_a_contract_that_leaves_the_list():
    decision = reviewed(buy(), view=a_perpetual(leaving="SETTLING"))

    assert decision.rule == "delisting"
    assert "SETTLING" in decision.reason


@pytest.mark.parametrize(("rate", "is_refused"), [("0.9899", True), ("0.99", False), ("1.01", False), ("1.0101", True)])
def test_refuses_while_usdt_is_further_off_par_than_the_operator_allows(rate, is_refused):
    decision = reviewed(buy(), view=a_perpetual(par=par(rate)))

    assert isinstance(decision, Refused) is is_refused


def test_says_where_usdt_stands_by_whom_and_since_when():
    decision = reviewed(buy(), view=a_perpetual(par=par("0.95")))

    assert decision.reason == (
        "USDT stands at 0.95 USD (a desk in Mumbai, 18 August 04:00 UTC), 5 % off par, limit 1 %"
    )


@pytest.mark.parametrize(
    ("side", "order_type", "trigger", "is_refused"),
    [
        (Side.BUY, OrderType.STOP_MARKET, "101", False),
        (Side.BUY, OrderType.STOP_MARKET, "99", True),
        (Side.SELL, OrderType.STOP_MARKET, "99", False),
        (Side.SELL, OrderType.STOP_MARKET, "101", True),
        (Side.BUY, OrderType.TAKE_PROFIT_MARKET, "99", False),
        (Side.BUY, OrderType.TAKE_PROFIT_MARKET, "101", True),
        (Side.SELL, OrderType.TAKE_PROFIT_MARKET, "101", False),
        (Side.SELL, OrderType.TAKE_PROFIT_MARKET, "99", True),
    ],
)
def test_refuses_a_trigger_that_the_mark_has_passed(side, order_type, trigger, is_refused):
    intent = buy(side=side, price=None, order_type=order_type, trigger_price=Decimal(trigger))

    decision = reviewed(intent, view=a_perpetual(mark_price=Decimal(100)))

    assert (getattr(decision, "rule", "") == "mark_trigger") is is_refused


def test_refuses_less_than_the_venue_takes():
    small = reviewed(buy("0.001"), view=a_perpetual())
    cheap = reviewed(buy("0.05"), view=a_perpetual())

    assert small.rule == "least_quantity"
    assert cheap == Refused(
        rule="least_notional", reason="order value 5, the least that ASTER:BTCUSDT takes is 5 and 1 % of room"
    )


def test_an_order_counts_by_the_lower_of_its_limit_and_the_mark():
    decision = reviewed(buy("0.051", price="100"), view=a_perpetual(mark_price=Decimal(98)))

    assert decision.rule == "least_notional"


def test_what_a_limit_makes_too_small_for_the_venue_is_refused():
    decision = reviewed(buy("1"), view=a_perpetual(), limits=some_limits(max_order_value_quote=Decimal(4)))

    assert decision.rule == "least_notional"


def test_dust_may_always_be_closed():
    view = replace(a_perpetual(leaving="SETTLING", mode_objection="no"), holdings=(holding("0.001"),))

    decision = reviewed(an_exit("0.001", instrument=KEY, product=Product.PERPETUAL), view=view)

    assert isinstance(decision, ApprovedOrder)


def holding(quantity):
    return replace(a_holding(quantity, instrument=KEY), product=Product.PERPETUAL)


def test_a_position_stays_within_what_the_leverage_allows():
    view = replace(a_perpetual(most_notional_quote=Decimal(300), leverage=25), holdings=(holding("2"),))

    decision = reviewed(buy("5"), view=view)

    assert isinstance(decision, Reduced)
    assert decision.approved.intent.quantity == Decimal(1)
    assert decision.rule == "bracket"
    assert "at 25x the venue allows 300" in decision.reason


def test_the_leverages_bracket_is_the_highest_that_still_allows_it():
    brackets = tuple(
        MarginBracket(
            floor=Decimal(floor),
            cap=Decimal(cap),
            maintenance_ratio=Decimal("0.01"),
            maintenance_amount=Decimal(0),
            max_leverage=leverage,
        )
        for floor, cap, leverage in ((0, 5_000, 50), (5_000, 50_000, 20), (50_000, 0, 5))
    )

    found = [most_notional(brackets, leverage) for leverage in (50, 21, 20, 6, 5)]

    assert found == [5_000, 5_000, 50_000, 50_000, None]


def test_the_rules_keep_silent_of_everything_else():
    assert isinstance(reviewed(an_intent("1")), ApprovedOrder)


# --- isolated margin


def top_up(amount, *, margin="100", cap="200", others="0", pnl="0", limit="5000"):
    return objection_to_top_up(
        Decimal(amount),
        isolated_margin=Decimal(margin),
        cap_quote=Decimal(cap),
        others_at_risk_quote=Decimal(others),
        pnl_today_net_quote=Decimal(pnl),
        limits=some_limits(max_daily_loss_quote=Decimal(limit)),
    )


def test_a_top_up_within_its_cap_and_the_days_limit_passes():
    assert top_up("100") is None


def test_a_top_up_beyond_its_cap_is_refused():
    assert top_up("100.01") == "the position would have a margin of 200.01, its cap is 200"


def test_a_top_up_counts_as_money_that_can_be_lost():
    sentence = top_up("50", others="300", pnl="-60", limit="500")

    assert sentence == "isolated positions could lose 450 on top of 60 lost today, limit 500"


def test_a_gain_of_today_is_no_room_for_a_top_up():
    assert top_up("50", others="300", pnl="1000", limit="449") is not None


def test_a_top_up_of_nothing_is_none():
    assert top_up("0") is not None


def test_what_is_set_aside_is_what_can_be_lost():
    assert at_risk([Decimal(100), Decimal("50.5")]) == Decimal("150.5")
