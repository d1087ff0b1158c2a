"""Every limit that an account may have: where it speaks, and where it keeps silent."""

from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal

import pytest

from brokers.domain.errors import Invalid
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import ApprovedOrder, Side
from risk.domain import Reduced, Refused
from risk.domain.exposure import symbol_of
from risk.domain.facts import CircuitView, MarginView, NavView, StressView
from risk.domain.history import DayTrades
from risk.domain.levels import Level, LevelLimits, Window
from risk.domain.rules import ENTRY_RULES, GROWTH_RULES, LIMIT_OF
from risk.domain.size_rules import SIZE_RULES
from tests.risk.builders import (
    NOW,
    RELIANCE,
    a_fill,
    a_holding,
    a_pending,
    a_quote,
    a_view,
    an_instrument,
    an_intent,
    an_option,
    reviewed,
    some_limits,
    trades,
)

MORNING = Window(start=time(9, 20), end=time(10, 30))
AROUND = Window(start=time(10, 0), end=time(11, 0))


def margin(after, *, cash="1000", collateral="0", estimate=False):
    return MarginView(
        used_quote=Decimal(0),
        after_quote=Decimal(after),
        cash_quote=Decimal(cash),
        collateral_quote=Decimal(collateral),
        is_estimate=estimate,
    )


def stress(before="0", after="0"):
    figures = [Decimal(before), Decimal(after)] * 3
    names = ("worst_before_quote", "worst_after_quote", "var_before_quote", "var_after_quote")
    names += ("delta_notional_before_quote", "delta_notional_after_quote")
    return StressView(**dict(zip(names, figures, strict=True)))


def nav(value, peak="1"):
    return NavView(units=Decimal(1), nav=Decimal(value), peak=Decimal(peak))


def quoted(bid, ask):
    return a_quote("100", bid=bid, ask=ask)


OPTION = {"instrument": an_option()}
CIRCUIT = CircuitView(lower=Decimal(90), upper=Decimal(104))
# the rule, the limits that set it, what it is silent of, what it objects to, and its sentence
CASES = [
    ("drawdown", {"max_drawdown_fraction": "0.1"}, {"nav": nav("0.91")}, {"nav": nav("0.9")},
     "the account stands 10 % below its peak, limit 10 %"),
    ("drawdown", {"max_drawdown_fraction": "0.1"}, {"nav": nav("1")}, {},
     "the account's unit value is not known, so its drawdown cannot be judged"),
    ("entry_window", {"entry_windows_ist": (MORNING, AROUND)}, {}, {"market_at": NOW + timedelta(minutes=30)},
     "it is 11:00, entries are allowed 09:20-10:30, 10:00-11:00"),
    ("entry_window", {"entry_windows_ist": ()}, None, {}, "it is 10:30, entries are allowed at no time"),
    ("instrument_allowed", {"instruments_allowed": frozenset({RELIANCE})}, {}, {"instrument": an_instrument("NSE:SBIN")},
     "NSE:SBIN is not among the 1 instruments allowed"),
    ("spread", {"max_spread_fraction": "0.01"}, {"quote": quoted("99.5", "100.5")}, {"quote": quoted("99", "101")},
     "the spread of NSE:RELIANCE is 2 %, limit 1 %"),
    ("spread", {"max_spread_fraction": "0.01"}, {"quote": quoted("99.5", "100.5")}, {"quote": quoted("99", None)},
     "NSE:RELIANCE has no price on both sides, so its spread cannot be judged"),
    ("circuit", {"circuit_gap_fraction": "0.03"}, {"circuit": CIRCUIT}, {"circuit": replace(CIRCUIT, upper=Decimal(102))},
     "price 100.00 is within 3 % of the circuit of 90.00 to 102.00"),
    ("circuit", {"circuit_gap_fraction": "0.03"}, {"circuit": CIRCUIT}, {},
     "the circuit limits of NSE:RELIANCE are not known"),
    ("reentry_cooldown", {"reentry_cooldown_s": 60}, {"trades": trades(a_fill(side=Side.SELL, ago_s=60))},
     {"trades": trades(a_fill(ago_s=90), a_fill(side=Side.SELL, ago_s=59))},
     "NSE:RELIANCE was exited 59 s ago, pause before the next entry 60 s"),
    ("reentry_cooldown", {"reentry_cooldown_s": 60}, {"trades": trades()}, {},
     "the day's trades are not known, so the pause after an exit cannot be judged"),
    ("trade_count", {"max_trades_per_day": 2}, {"trades": trades(a_fill(order="W1"), a_fill(order="W1"), held=20)},
     {"trades": trades(a_fill(order="W1"), a_fill(order="W2"), held=20)}, "2 trades today with what is pending, limit 2"),
    ("trade_count", {"max_trades_per_day": 2}, {"trades": trades()}, {},
     "the day's trades are not known, so their number cannot be judged"),
    ("open_orders", {"max_open_orders": 2}, {"pending": (a_pending(),)}, {"pending": (a_pending(), a_pending(reduce_only=True))},
     "2 orders are open, limit 2"),
    ("order_rate", {"max_orders_per_minute": 20}, {"orders_last_minute": 19}, {"orders_last_minute": 20},
     "20 orders in the last minute, limit 20"),
    ("order_rate", {"max_orders_per_minute": 20}, {"orders_last_minute": 0}, {}, "the orders of the last minute are not known"),
    ("known_equity", {"max_leverage": "2"}, {"equity_quote": Decimal(1000)}, {"equity_quote": Decimal(0)},
     "the account's equity is 0, which carries nothing"),
    ("known_equity", {"max_leverage": "2"}, {"equity_quote": Decimal(1000)}, {},
     "the account's equity is not known, so its leverage cannot be judged"),
    ("margin", {"max_margin_fraction": "0.8"}, {"margin": margin("800")}, {"margin": margin("801")},
     "margin with the order 801, limit 800"),
    ("margin", {"max_margin_fraction": "0.8"}, {"margin": margin("800")}, {"margin": margin("801", estimate=True)},
     "margin with the order 801 by our own estimate, limit 800"),
    ("margin", {"max_margin_fraction": "0.8"}, {"margin": margin("1")}, {}, "the order's margin is not known"),
    ("cash_share", {"min_cash_fraction": "0.5"}, {"margin": margin("1000", cash="500", collateral="9000")},
     {"margin": margin("1002", cash="500", collateral="9000")}, "50 % of the margin in cash is 501, cash 500"),
    ("cash_share", {"min_cash_fraction": "0.5"}, {"margin": margin("1")}, {}, "the order's margin is not known"),
    ("scenario_loss", {"max_scenario_loss_quote": "100"}, {"stress": stress("50", "100")}, {"stress": stress("50", "101")},
     "the worst scenario loses 101 with the order (50 without), limit 100"),
    ("scenario_loss", {"max_scenario_loss_quote": "100"}, {"stress": stress("300", "200")}, {},
     "the scenarios of the portfolio are not known"),
    ("value_at_risk", {"max_var_quote": "100"}, {"stress": stress("300", "300")}, {"stress": stress("50", "101")},
     "the value at risk is 101 with the order (50 without), limit 100"),
    ("value_at_risk", {"max_var_quote": "100"}, {"stress": stress()}, {}, "the value at risk of the portfolio is not known"),
    ("delta_notional", {"max_delta_notional_quote": "100"}, {"stress": stress("-50", "-100")}, {"stress": stress("-50", "-101")},
     "the delta notional is 101 with the order (50 without), limit 100"),
    ("delta_notional", {"max_delta_notional_quote": "100"}, {"stress": stress()}, {}, "the delta of the portfolio is not known"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "limits", "silent", "loud", "sentence"), CASES)
def test_a_limit_speaks_where_it_is_reached_and_not_before(rule, limits, silent, loud, sentence):
    limits = some_limits(**limits)
    view = a_view(**loud)
    intent = an_intent(instrument=view.instrument.key)

    refused = reviewed(intent, view=view, limits=limits)

    assert refused == Refused(rule=rule, reason=sentence)
    assert refused.code == f"risk.{rule}"
    if silent is not None:
        assert isinstance(reviewed(view=a_view(**silent), limits=limits), ApprovedOrder)


@pytest.mark.parametrize(("rule", "limits", "_silent", "loud", "_sentence"), CASES)
def test_no_limit_speaks_of_an_order_that_can_only_reduce(rule, limits, _silent, loud, _sentence):
    view = a_view(**loud)
    held = a_holding("10", instrument=view.instrument.key)
    leaving = an_intent("10", side=Side.SELL, instrument=view.instrument.key)

    decision = reviewed(leaving, view=replace(view, holdings=(held,)), limits=some_limits(**limits))

    assert isinstance(decision, ApprovedOrder), rule


def test_every_rule_of_a_limit_is_held_by_a_case():
    of_the_market_or_elsewhere = {"daily_loss", "written_option", "min_hold"}

    assert GROWTH_RULES - of_the_market_or_elsewhere == {case[0] for case in CASES}
    assert {name for name, _ in ENTRY_RULES} >= GROWTH_RULES
    assert set(LIMIT_OF) <= {name for name, _ in ENTRY_RULES} | {rule.name for rule in SIZE_RULES}


def turning(**changes):
    return an_intent("25", side=Side.SELL), a_view(holdings=(a_holding("10"),), **changes)


def test_a_position_is_not_turned_round_before_it_was_held_long_enough():
    intent, view = turning(trades=trades(a_fill(ago_s=29), held=10))

    decision = reviewed(intent, view=view, limits=some_limits(min_hold_s=30))

    assert decision.reason == "NSE:RELIANCE was added to 29 s ago, least hold 30 s: only orders that reduce it"
    assert isinstance(
        reviewed(replace(intent, quantity=Decimal(10)), view=view, limits=some_limits(min_hold_s=30)), ApprovedOrder
    )


@pytest.mark.parametrize("done", [trades(), trades(a_fill(ago_s=30), held=10)])
def test_a_position_held_long_enough_may_be_turned_round(done):
    intent, view = turning(trades=done)

    assert isinstance(reviewed(intent, view=view, limits=some_limits(min_hold_s=30)), ApprovedOrder)


def test_adding_to_a_position_is_no_matter_of_the_least_hold():
    view = a_view(holdings=(a_holding("10"),), trades=trades(a_fill(ago_s=1), held=10))

    assert isinstance(reviewed(an_intent("5"), view=view, limits=some_limits(min_hold_s=30)), ApprovedOrder)


def test_the_least_hold_cannot_be_judged_without_the_day_s_trades():
    intent, view = turning()

    assert reviewed(intent, view=view, limits=some_limits(min_hold_s=30)).rule == "min_hold"


SIZES = [
    ("order_quantity", {"max_order_quantity": 40}, {}, "order of 50, limit 40", 40),
    ("position_quantity", {"max_position_quantity": 40}, {"holdings": (a_holding("10"),), "pending": (a_pending("5"),)},
     "NSE:RELIANCE could be 65 with what is pending, limit 40", 25),
    ("position_quantity", {"max_position_quantity": 40}, {"holdings": (a_holding("10", deployment="D2"),)},
     "NSE:RELIANCE could be 60 with what is pending, limit 40", 30),
    ("underlying_value", {"max_underlying_value_quote": 4000},
     {"holdings": (a_holding("10", instrument="NFO:RELIANCE26AUGFUT"), replace(a_holding("-5", instrument="NFO:R", deployment=None),
      underlying="RELIANCE"), a_holding("99", instrument="NSE:SBIN")),
      "pending": (a_pending("2", instrument="NFO:RP", underlying="RELIANCE"),)},
     "all of RELIANCE could be worth 5,700 with what is pending, limit 4,000", 33),
    ("net_exposure", {"max_net_exposure_quote": 4000},
     {"holdings": (a_holding("30", instrument="NSE:SBIN"), a_holding("-10", instrument="NSE:ITC"))},
     "net exposure could be 7,000 with what is pending, limit 4,000", 20),
    ("leverage", {"max_leverage": 2}, {"equity_quote": Decimal(2000), "holdings": (a_holding("-10", instrument="NSE:SBIN"),)},
     "gross exposure of 6,000 would be 3 times the equity, limit 2", 30),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "limits", "facts", "sentence", "allowed"), SIZES)
def test_an_order_is_made_as_small_as_its_limit_wants(rule, limits, facts, sentence, allowed):
    decision = reviewed(an_intent("50"), view=a_view(**facts), limits=some_limits(**limits))

    assert isinstance(decision, Reduced)
    assert (decision.rule, decision.reason, decision.approved.intent.quantity) == (rule, sentence, allowed)
    assert [(clamp.rule, clamp.asked) for clamp in decision.clamps] == [(rule, 50)]
    assert isinstance(
        reviewed(an_intent(str(allowed)), view=a_view(**facts), limits=some_limits(**limits)), ApprovedOrder
    )


def test_every_rule_that_made_an_order_smaller_is_recorded():
    limits = some_limits(max_order_quantity=40, max_order_value_quote=3000)

    decision = reviewed(an_intent("50"), limits=limits)

    assert [(clamp.rule, clamp.allowed) for clamp in decision.clamps] == [("order_quantity", 40), ("order_value", 30)]
    assert decision.approved.intent.quantity == 30
    assert decision.rule == "order_quantity"


def test_a_sell_that_lowers_the_net_exposure_needs_no_room():
    view = a_view(holdings=(a_holding("90", instrument="NSE:SBIN"),))

    decision = reviewed(an_intent("50", side=Side.SELL), view=view, limits=some_limits(max_net_exposure_quote=4000))

    assert isinstance(decision, ApprovedOrder)


def test_of_an_order_beyond_a_full_limit_the_part_that_reduces_passes():
    view = a_view(holdings=(a_holding("30"), a_holding("5000", instrument="NSE:SBIN")))
    limits = some_limits(max_gross_exposure_quote=400_000)

    decision = reviewed(an_intent("50", side=Side.SELL), view=view, limits=limits)

    assert (decision.rule, decision.approved.intent.quantity) == ("gross_exposure", 30)


def test_a_strategy_has_limits_of_its_own_beside_the_account_s():
    own = LevelLimits(
        level=Level.STRATEGY, target="D1", values={"max_gross_exposure_quote": Decimal(3000), "max_open_orders": 1}
    )
    limits = replace(some_limits(), levels=(own,))
    others = (a_holding("99", instrument="NSE:SBIN", deployment="D2"),)
    mine = a_pending("1", instrument="NSE:ITC")

    crowded = reviewed(an_intent("50"), view=a_view(holdings=others), limits=limits)
    busy = reviewed(an_intent("1"), view=a_view(pending=(mine,)), limits=limits)
    stranger = reviewed(
        an_intent("50", deployment_id="D2"), view=a_view(holdings=others, pending=(mine,)), limits=limits
    )

    assert crowded.reason == "gross exposure could be 5,000 with what is pending, limit 3,000, set for the strategy"
    assert (busy.rule, busy.level) == ("open_orders", Level.STRATEGY)
    assert isinstance(stranger, ApprovedOrder)


def test_a_strategy_s_trades_are_counted_apart():
    own = LevelLimits(level=Level.STRATEGY, target="D1", values={"max_trades_per_day": 1})
    done = trades(a_fill(deployment="D2"), held=10)
    limits = replace(some_limits(), levels=(own,))

    assert isinstance(reviewed(view=a_view(trades=done), limits=limits), ApprovedOrder)
    mine = trades(a_fill(deployment="D1"), held=10)
    assert reviewed(view=a_view(trades=mine), limits=limits).level is Level.STRATEGY


def test_the_desk_s_tighter_limit_refuses_in_its_own_name():
    desk = LevelLimits(level=Level.DESK, values={"max_order_value_quote": Decimal(50)})

    decision = reviewed(an_intent("10"), limits=replace(some_limits(), levels=(desk,)))

    assert decision == Refused(
        rule="order_value", reason="order value 1,000, limit 50, set for the desk", level=Level.DESK
    )


def test_an_instrument_off_every_list_may_still_be_left():
    desk = LevelLimits(level=Level.DESK, values={"instruments_allowed": frozenset({"NSE:SBIN"})})
    limits = replace(some_limits(instruments_allowed=frozenset({RELIANCE})), levels=(desk,))
    held = a_view(holdings=(a_holding("10"),))

    assert reviewed(limits=limits).reason == "NSE:RELIANCE is not among the 0 instruments allowed"
    assert isinstance(reviewed(an_intent("10", side=Side.SELL), view=held, limits=limits), ApprovedOrder)


def test_an_option_that_is_held_may_be_sold_without_cover():
    key = "NFO:NIFTY2681824200CE"
    view = a_view(holdings=(a_holding("65", instrument=key),), **OPTION)

    assert isinstance(reviewed(an_intent("65", side=Side.SELL, instrument=key), view=view), ApprovedOrder)


def test_a_unit_keeps_its_value_while_money_comes_and_goes():
    account = NavView(units=Decimal(100)).marked(Decimal(120))

    moved = account.moved(Decimal(60)).moved(Decimal(-30))

    assert (moved.nav, moved.peak, moved.units) == (Decimal("1.2"), Decimal("1.2"), Decimal(125))
    assert moved.marked(Decimal(120)).drawdown_fraction == Decimal("0.2")


def test_an_account_without_units_has_no_value_to_fall():
    assert NavView(units=Decimal(0)).marked(Decimal(50)).drawdown_fraction == 0


@pytest.mark.parametrize(
    ("account", "flow", "code"),
    [
        (NavView(units=Decimal(1), nav=Decimal(0)), "1", "nav.lost"),
        (NavView(units=Decimal(1)), "-2", "nav.flow"),
    ],
)
def test_money_that_no_unit_can_carry_is_refused(account, flow, code):
    with pytest.raises(Invalid) as caught:
        account.moved(Decimal(flow))

    assert caught.value.code == code


def test_a_peak_is_never_below_its_value():
    with pytest.raises(Invalid):
        NavView(units=Decimal(1), nav=Decimal(2))


def test_the_day_s_trades_are_followed_as_they_come():
    fills, day = [a_fill("10", ago_s=50)], DayTrades(a_fill().book)
    day.follow(fills, lambda _: Decimal(10))
    fills.append(a_fill("4", side=Side.SELL, ago_s=40))
    fills.append(a_fill("20", side=Side.SELL, ago_s=30, order="TURN"))
    fills.append(a_fill("1", book="live"))

    last = day.follow(fills, lambda _: Decimal(-14)).of(a_holding().holder)

    assert last.quantity == -14
    assert (last.added_at, last.reduced_at) == (NOW - timedelta(seconds=30), NOW - timedelta(seconds=40))
    assert len(day.orders()) == 2
    assert "TURN" in day.orders("D1")
    assert day.orders("D2") == set()


def test_a_new_day_s_list_begins_anew():
    day = DayTrades(a_fill().book).follow([a_fill()], lambda _: Decimal(10))

    assert day.follow([], lambda _: Decimal(10)).orders() == set()
    assert day.of(a_holding().holder).added_at is None


def test_an_order_without_a_client_id_counts_by_its_venue_id():
    fills = [
        replace(a_fill(), client_id=None, venue_order_id="7"),
        replace(a_fill(), client_id=None, venue_order_id="7"),
    ]

    assert trades(*fills, held=20).orders() == {"NSE:RELIANCE 7"}


def test_a_key_s_symbol_stands_behind_its_exchange():
    assert symbol_of("NSE:RELIANCE") == "RELIANCE"
    assert an_instrument(kind=InstrumentKind.EQUITY).symbol == "RELIANCE"
