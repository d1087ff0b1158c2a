"""Each limit in a trader's words: its name, its unit, what may be written for it, and which refusals are its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from risk.domain.levels import KINDS, Level, Tighter


class Unit(StrEnum):
    """How a limit's figure is written and read."""

    MONEY = "money"
    SHARE = "share"
    COUNT = "count"
    UNITS = "units"
    SECONDS = "seconds"
    TIMES = "times"
    WINDOWS = "windows"
    INSTRUMENTS = "instruments"


ALLOWED: Mapping[Unit, str] = {
    Unit.MONEY: "an amount above 0 in the account's currency, with at most two places",
    Unit.SHARE: "a fraction above 0 and below 1: 0.03 is three per cent",
    Unit.COUNT: "a whole number above 0",
    Unit.UNITS: "a quantity above 0",
    Unit.SECONDS: "seconds above 0",
    Unit.TIMES: "a number above 0: 2 is twice the equity",
    Unit.WINDOWS: "times of day in India as 09:20-14:45, several separated by commas",
    Unit.INSTRUMENTS: "keys as NSE:RELIANCE, separated by commas",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitWords:
    """A limit's label and unit; its refusals are those of `rule`, where one rule speaks of several, with `says` in them."""

    label: str
    unit: Unit
    rule: str
    says: str = ""

    def is_of(self, rule: str, reason: str) -> bool:
        """Tell whether a refusal was this limit's."""
        return rule == self.rule and self.says in reason


def _words(label: str, unit: Unit, rule: str, says: str = "") -> LimitWords:
    return LimitWords(label=label, unit=unit, rule=rule, says=says)


WORDS: Mapping[str, LimitWords] = {
    "max_daily_loss_quote": _words("Daily loss", Unit.MONEY, "daily_loss"),
    "max_drawdown_fraction": _words("Drawdown from peak", Unit.SHARE, "drawdown"),
    "max_gross_exposure_quote": _words("Gross exposure", Unit.MONEY, "gross_exposure"),
    "max_net_exposure_quote": _words("Net exposure", Unit.MONEY, "net_exposure"),
    "max_leverage": _words("Leverage", Unit.TIMES, "leverage"),
    "max_underlying_value_quote": _words("One underlying", Unit.MONEY, "underlying_value"),
    "max_position_value_quote": _words("Position value", Unit.MONEY, "position_value"),
    "max_position_quantity": _words("Position size", Unit.UNITS, "position_quantity"),
    "max_order_value_quote": _words("Order value", Unit.MONEY, "order_value"),
    "max_order_quantity": _words("Order size", Unit.UNITS, "order_quantity"),
    "max_open_orders": _words("Open orders", Unit.COUNT, "open_orders"),
    "max_orders_per_second": _words("Orders a second", Unit.COUNT, "order_rate", "last second"),
    "max_orders_per_minute": _words("Orders a minute", Unit.COUNT, "order_rate", "last minute"),
    "max_orders_per_day": _words("Orders a day", Unit.COUNT, "order_rate", "today"),
    "max_trades_per_day": _words("Trades a day", Unit.COUNT, "trade_count"),
    "price_band_fraction": _words("Price from the last", Unit.SHARE, "price_band"),
    "circuit_gap_fraction": _words("Distance to the circuit", Unit.SHARE, "circuit"),
    "max_spread_fraction": _words("Spread", Unit.SHARE, "spread"),
    "max_quote_age_s": _words("Age of the price", Unit.SECONDS, "stale_quote"),
    "min_hold_s": _words("Least hold before turning round", Unit.SECONDS, "min_hold"),
    "reentry_cooldown_s": _words("Pause after an exit", Unit.SECONDS, "reentry_cooldown"),
    "entry_windows_ist": _words("Times for entries", Unit.WINDOWS, "entry_window"),
    "instruments_allowed": _words("Instruments allowed", Unit.INSTRUMENTS, "instrument_allowed"),
    "max_margin_fraction": _words("Margin", Unit.TIMES, "margin"),
    "min_cash_fraction": _words("Cash share of the margin", Unit.SHARE, "cash_share"),
    "max_scenario_loss_quote": _words("Worst scenario", Unit.MONEY, "scenario_loss"),
    "max_delta_notional_quote": _words("Delta notional", Unit.MONEY, "delta_notional"),
    "max_var_quote": _words("Value at risk", Unit.MONEY, "value_at_risk"),
}


def refused_value(name: str, raw: object, why: str) -> str:
    """Say of a figure that cannot be taken: the limit, what was written, why, and what may be written."""
    words = WORDS.get(name)
    if words is None:
        return why
    shown = ", ".join(map(str, raw)) if isinstance(raw, list | tuple) else str(raw)
    written = "nothing" if raw is None or not shown.strip() else shown
    return f"{words.label}: {written} was not taken, because {_in_words(why)}. Allowed: {ALLOWED[words.unit]}."


def _in_words(why: str) -> str:
    """Return a sentence about limits with their labels in place of their names."""
    said = why
    for name, words in WORDS.items():
        said = said.replace(name, words.label.lower())
    return said


def level_named(reason: str) -> Level:
    """Return the level whose limit a refusal's sentence names; a sentence without one speaks of the account's."""
    ending = reason.rpartition(", set for the ")[2]
    return next((level for level in Level if ending == level and ending != reason), Level.ACCOUNT)


def is_most(name: str) -> bool:
    """Tell whether a limit is a most, of which something is used; the others are conditions of an order."""
    return KINDS[name].tighter is Tighter.LESS and WORDS[name].rule not in _CONDITIONS


# asked of one order's own price: nothing of them is used up while no order is judged
_CONDITIONS = frozenset({"price_band", "spread", "stale_quote", "circuit"})
