"""Breaches in shadow: a living limit stops its own, a dead one is told."""

from datetime import time
from decimal import Decimal

import pytest

from risk.domain import rules
from risk.domain.facts import NavView
from risk.domain.levels import KINDS, Level, LevelLimits, Window
from risk.domain.limit_words import WORDS, level_named, refused_value
from risk.domain.limits import with_levels
from risk.domain.shadow import Outcome, breaches
from tests.risk.builders import NOW, some_limits

EVERY = {
    "max_net_exposure_quote": "900000",
    "max_underlying_value_quote": "400000",
    "max_order_quantity": "5000",
    "max_position_quantity": "8000",
    "max_orders_per_minute": 60,
    "max_open_orders": 20,
    "max_trades_per_day": 10,
    "max_spread_fraction": "0.01",
    "min_hold_s": 120,
    "reentry_cooldown_s": 60,
    "entry_windows_ist": (Window(start=time(9, 20), end=time(14, 45)),),
    "instruments_allowed": frozenset({"NSE:RELIANCE"}),
    "max_drawdown_fraction": "0.1",
    "max_leverage": "4",
}
STOPPED = {Outcome.REFUSED, Outcome.REDUCED}


def outcomes(limits):
    return {(row.name, row.level): row for row in breaches(limits, at=NOW)}


def test_every_limit_of_an_account_stops_its_own_breach():
    found = outcomes(some_limits(**EVERY))

    assert {name for name, _ in found} >= set(EVERY)
    assert {row.name: (row.outcome, row.sentence) for row in found.values() if row.outcome not in STOPPED} == {}
    assert all(WORDS[row.name].is_of(row.rule, row.sentence) for row in found.values())


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_limit_alone_stops_its_own_breach(name):
    assert outcomes(some_limits(**{name: EVERY[name]}))[name, Level.ACCOUNT].outcome in STOPPED


@pytest.mark.parametrize(
    ("level", "target", "values"),
    [
        (Level.DESK, "d", {"max_order_value_quote": Decimal(50)}),
        (Level.USER, "u", {"max_spread_fraction": Decimal("0.002")}),
        (Level.STRATEGY, "D1", {"max_gross_exposure_quote": Decimal(700), "max_open_orders": 2}),
        (Level.INSTRUMENT, "NSE:INFY", {"max_position_quantity": Decimal(40)}),
    ],
)
def test_a_limit_of_another_level_stops_its_own_breach_and_is_named(level, target, values):
    limits = with_levels(some_limits(), (LevelLimits(level=level, target=target, values=values),))

    rows = [row for row in breaches(limits, at=NOW) if row.level is level]

    assert {row.name for row in rows} == set(values)
    assert {row.target for row in rows} == {target}
    assert {row.outcome for row in rows} <= STOPPED
    assert all(level_named(row.sentence) is level for row in rows)


def test_a_limit_whose_rule_is_gone_is_told_as_passed(monkeypatch):
    left = tuple(entry for entry in rules.ENTRY_RULES if entry[0] != "daily_loss")
    monkeypatch.setattr("risk.domain.gate.ENTRY_RULES", left)

    assert outcomes(some_limits())["max_daily_loss_quote", Level.ACCOUNT].outcome is Outcome.PASSED


@pytest.mark.parametrize("name", ["max_drawdown_fraction", "max_leverage"])
def test_a_gate_that_is_not_told_what_a_book_is_worth_is_found_out(monkeypatch, name):
    alive = outcomes(some_limits(**{name: EVERY[name]}))[name, Level.ACCOUNT].outcome
    # the desk is told it with the limits, so what reads them is on trial
    monkeypatch.setattr("risk.domain.worth.UnitValue.nav_with", lambda *_, **__: NavView(units=Decimal(1)))
    monkeypatch.setattr("risk.domain.worth.UnitValue.equity_with", lambda *_, **__: Decimal("1e12"))

    dead = outcomes(some_limits(**{name: EVERY[name]}))[name, Level.ACCOUNT].outcome

    assert alive in STOPPED
    assert dead not in STOPPED


def test_a_limit_behind_another_one_is_told_as_not_reached():
    windows = (Window(start=time(9, 0), end=time(10, 0)),)
    elsewhere = LevelLimits(
        level=Level.DESK, target="d", values={"entry_windows_ist": (Window(start=time(11, 0), end=time(12, 0)),)}
    )

    found = outcomes(with_levels(some_limits(entry_windows_ist=windows), (elsewhere,)))

    assert found["max_daily_loss_quote", Level.ACCOUNT].outcome is Outcome.REFUSED
    assert found["price_band_fraction", Level.ACCOUNT].outcome is Outcome.OTHER


def test_what_cannot_be_made_up_is_left_out():
    found = outcomes(
        some_limits(
            max_open_orders=1_000_000,
            entry_windows_ist=(Window(start=time(0, 0), end=time(23, 59)),),
            instruments_allowed=frozenset({"NSE:SHADOW"}),
        )
    )

    names = {name for name, _ in found}
    assert names.isdisjoint({"max_open_orders", "instruments_allowed"})
    assert "entry_windows_ist" in names  # the last minute of the day


def test_every_limit_has_words():
    assert set(WORDS) == set(KINDS)


def test_a_refused_value_is_said_with_what_may_be_written():
    said = refused_value("max_order_value_quote", "-5", "max_order_value_quote must be above 0")

    assert said.startswith(
        "Order value: -5 was not taken, because order value must be above 0. Allowed: an amount above 0"
    )
    paced = refused_value("max_orders_per_second", 9, "max_orders_per_second of 9 is above max_orders_per_minute of 5")
    assert "orders a second of 9 is above orders a minute of 5" in paced
    assert "NSE:A, NSE:B was not taken" in refused_value("instruments_allowed", ["NSE:A", "NSE:B"], "no")
    assert refused_value("unheard_of", "1", "no limit") == "no limit"
    assert "Order value: nothing was not taken" in refused_value("max_order_value_quote", None, "it must be set")
