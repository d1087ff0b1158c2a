"""The value of a book's unit: moved by what it earns, never by money that comes or goes, over days and restarts."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.errors import Invalid
from brokers.domain.orders import Book
from risk.domain import Reduced, Refused
from risk.domain.worth import UnitValue
from tests.risk.builders import NOW, a_view, an_intent, reviewed, some_limits

TONIGHT, TOMORROW = NOW + timedelta(hours=13), NOW + timedelta(days=1)


def a_unit(**changes):
    values = {"equity_quote": Decimal(100_000), "net_quote": Decimal(0), "day_ends_at": TONIGHT}
    return UnitValue(**values | changes)


def seen(unit, *, equity, net, at=NOW):
    ends = TONIGHT if at < TONIGHT else TONIGHT + timedelta(days=1)
    return unit.seen(equity_quote=Decimal(equity), net_quote=Decimal(net), market_at=at, day_ends_at=ends)


def test_a_loss_moves_the_unit_down_from_its_peak():
    view = a_unit().nav_with(Decimal(-10_000), market_at=NOW)

    assert (view.nav, view.peak, view.drawdown_fraction) == (Decimal("0.9"), Decimal(1), Decimal("0.1"))


def test_money_that_comes_or_goes_does_not_move_it():
    after = seen(seen(a_unit(), equity=50_000, net=0), equity=200_000, net=0)

    assert (after.nav, after.peak, after.equity_quote) == (1, 1, 200_000)
    assert after.nav_with(Decimal(-20_000), market_at=NOW).nav == Decimal("0.9")


def test_the_peak_outlives_the_day_and_a_new_day_begins_at_nothing():
    won = seen(a_unit(), equity=110_000, net=10_000)
    next_day = seen(won, equity=107_800, net=-2_200, at=TOMORROW)

    assert (won.peak, next_day.peak) == (Decimal("1.1"), Decimal("1.1"))
    assert next_day.nav == Decimal("1.1") * (1 - Decimal(2_200) / Decimal(110_000))


def test_what_was_lost_after_it_was_seen_last_counts_once_the_day_is_closed():
    closed = a_unit().closed(Decimal(-5_000))

    assert (closed.nav, closed.equity_quote) == (Decimal("0.95"), Decimal(95_000))
    assert seen(closed, equity=95_000, net=0, at=TOMORROW).nav == Decimal("0.95")


def test_a_lost_account_has_nothing_that_can_be_earned_upon():
    lost = seen(a_unit(), equity=0, net=-100_000)

    assert lost.nav == 0
    assert lost.nav_with(Decimal(0), market_at=TOMORROW).drawdown_fraction == 1
    assert lost.nav_with(Decimal(0), market_at=TOMORROW).units == 0


def test_a_peak_below_its_value_is_no_peak():
    with pytest.raises(Invalid, match="peak"):
        a_unit(nav=Decimal(2))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(-900, 900), st.integers(0, 500_000)), max_size=8))
def test_flows_in_any_order_leave_the_unit_to_what_was_earned(steps):
    unit, expected, net = a_unit(), Decimal(1), Decimal(0)
    for gain, flow in steps:
        net += gain
        expected *= 1 + Decimal(gain) / unit.equity_quote
        unit = seen(unit, equity=unit.equity_quote + gain + flow, net=net)

    assert abs(unit.nav - expected) < Decimal("1e-20")
    assert unit.peak >= unit.nav


def test_the_gate_refuses_entries_below_the_peak_and_lets_exits_go():
    limits = some_limits(max_drawdown_fraction="0.1", worth={Book.PAPER: a_unit()})

    refused = reviewed(limits=limits, view=a_view(pnl_today_net_quote=Decimal(-4_000)))
    fallen = some_limits(max_drawdown_fraction="0.03", worth={Book.PAPER: a_unit()})

    assert not isinstance(refused, Refused)
    decision = reviewed(limits=fallen, view=a_view(pnl_today_net_quote=Decimal(-4_000)))
    assert decision == Refused(rule="drawdown", reason="the account stands 4 % below its peak, limit 3 %")


def test_the_gate_keeps_leverage_of_the_orders_own_book():
    worth = {Book.PAPER: a_unit(equity_quote=Decimal(1_000)), Book.LIVE: a_unit(equity_quote=Decimal(1))}
    limits = some_limits(max_leverage="2", worth=worth)

    decision = reviewed(an_intent("30"), limits=limits, view=a_view())

    assert isinstance(decision, Reduced)
    assert (decision.rule, decision.approved.intent.quantity) == ("leverage", 20)
    assert "times the equity, limit 2" in decision.reason


def test_a_drawdown_limit_of_a_book_that_was_never_seen_refuses():
    assert reviewed(limits=some_limits(max_drawdown_fraction="0.1")).rule == "drawdown"
    assert reviewed(limits=some_limits(max_leverage="2")).rule == "known_equity"


def test_a_day_between_at_which_it_was_not_seen_moves_the_unit_by_its_own_result():
    unit = a_unit().closed(Decimal(-2_000)).lived(Decimal(9_800)).lived(Decimal(-10_780))

    assert (unit.nav, unit.peak, unit.equity_quote) == (Decimal("0.9702"), Decimal("1.078"), Decimal(97_020))
    assert seen(unit, equity=97_020, net=0, at=TOMORROW).nav == Decimal("0.9702")


@pytest.mark.parametrize("limit", ["max_drawdown_fraction", "max_leverage"])
def test_what_was_seen_before_a_whole_day_passed_judges_no_entry(limit):
    limits = some_limits(**{limit: "0.9"}, worth={Book.PAPER: a_unit(day_ends_at=NOW - timedelta(days=1))})
    fresh = some_limits(**{limit: "0.9"}, worth={Book.PAPER: a_unit(day_ends_at=NOW - timedelta(hours=23))})

    assert reviewed(limits=limits).rule in {"drawdown", "known_equity"}
    assert not isinstance(reviewed(limits=fresh), Refused)
