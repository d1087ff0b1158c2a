"""Where a limit comes from, what kind of figure it is, and which of several holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import time
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from brokers.domain.errors import Invalid


class Level(StrEnum):
    """Who set a limit, from the widest to the narrowest."""

    DESK = "desk"
    USER = "user"
    ACCOUNT = "account"
    STRATEGY = "strategy"
    INSTRUMENT = "instrument"


_WIDTH = {level: width for width, level in enumerate(Level)}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Window:
    """A stretch of the day, half-open: `start` belongs to it, `end` does not."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise Invalid(f"a window ends after it begins, not {self}", code="limit.window", field="entry_windows_ist")

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def holds(self, at: time) -> bool:
        return self.start <= at < self.end


Windows: TypeAlias = tuple[Window, ...]
Figure: TypeAlias = Decimal | int | Windows | frozenset[str]


class Tighter(StrEnum):
    """Which of two figures allows less."""

    LESS = "less"
    MORE = "more"
    WITHIN = "within"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a limit's figure is: the unit in words, which of two is tighter, and whether it counts whole things."""

    unit: str
    tighter: Tighter = Tighter.LESS
    is_count: bool = False
    is_share: bool = False
    # a bound of one order alone, which any level may tighten
    is_per_order: bool = False

    def check(self, name: str, value: object) -> None:
        """Raise Invalid, naming the limit, for a figure that bounds nothing or that is no figure."""
        if self.tighter is Tighter.WITHIN:
            if not value:
                raise Invalid(f"{name} must name at least one", code="limit.empty", field=name)
            return
        number = Decimal(str(value))
        if not number.is_finite() or number <= 0:
            raise Invalid(f"{name} must be above 0", code="limit.not_positive", field=name)
        if self.is_share and number >= 1:
            raise Invalid(
                f"{name} is a fraction: 0.03 is three per cent, and it must be below 1",
                code="limit.not_a_fraction",
                field=name,
            )


_MONEY, _SHARE, _COUNT = (
    Kind(unit="account's currency"),
    Kind(unit="fraction", is_share=True),
    Kind(unit="orders", is_count=True),
)

KINDS: Mapping[str, Kind] = {
    "max_daily_loss_quote": _MONEY,
    "max_order_value_quote": replace(_MONEY, is_per_order=True),
    "max_gross_exposure_quote": _MONEY,
    "max_position_value_quote": _MONEY,
    "max_orders_per_second": _COUNT,
    "max_orders_per_day": _COUNT,
    "price_band_fraction": replace(_SHARE, is_per_order=True),
    "max_quote_age_s": Kind(unit="seconds", is_per_order=True),
    "max_net_exposure_quote": _MONEY,
    "max_underlying_value_quote": _MONEY,
    "max_order_quantity": Kind(unit="units", is_per_order=True),
    "max_position_quantity": Kind(unit="units"),
    "max_orders_per_minute": _COUNT,
    "max_open_orders": _COUNT,
    "max_trades_per_day": replace(_COUNT, unit="trades"),
    "max_spread_fraction": replace(_SHARE, is_per_order=True),
    "min_hold_s": Kind(unit="seconds", tighter=Tighter.MORE, is_count=True, is_per_order=True),
    "reentry_cooldown_s": Kind(unit="seconds", tighter=Tighter.MORE, is_count=True, is_per_order=True),
    "entry_windows_ist": Kind(unit="times of day in India", tighter=Tighter.WITHIN, is_per_order=True),
    "instruments_allowed": Kind(unit="instruments", tighter=Tighter.WITHIN, is_per_order=True),
    "max_drawdown_fraction": _SHARE,
    "max_leverage": Kind(unit="times the equity"),
    "max_margin_fraction": Kind(unit="fraction"),
    "min_cash_fraction": replace(_SHARE, tighter=Tighter.MORE),
    "circuit_gap_fraction": replace(_SHARE, tighter=Tighter.MORE, is_per_order=True),
    "max_scenario_loss_quote": _MONEY,
    "max_delta_notional_quote": _MONEY,
    "max_var_quote": _MONEY,
}

# What a strategy may be given of its own: these count what it alone holds and sends.
SCOPED = frozenset(
    {
        "max_gross_exposure_quote",
        "max_net_exposure_quote",
        "max_position_value_quote",
        "max_underlying_value_quote",
        "max_position_quantity",
        "max_open_orders",
        "max_trades_per_day",
    }
)
# What an instrument may be given of its own: the account's limit of one position speaks of the same thing.
_OF_INSTRUMENT = frozenset({"max_position_value_quote", "max_position_quantity"})


def can_be_set(name: str, level: Level) -> bool:
    """Tell whether a limit means something at a level, measured by what one account's gate can see."""
    if level is Level.ACCOUNT or KINDS[name].is_per_order:
        return True
    return name in {Level.STRATEGY: SCOPED, Level.INSTRUMENT: _OF_INSTRUMENT}.get(level, frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One limit's figure with the level it was set at, and for whom."""

    name: str
    value: Figure
    level: Level
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelLimits:
    """What one desk, user, strategy or instrument adds to an account's limits; `target` is a deployment's id or a key."""

    level: Level
    values: Mapping[str, Figure]
    target: str = ""

    def __post_init__(self) -> None:
        for name, value in self.values.items():
            if name not in KINDS or not can_be_set(name, self.level):
                raise Invalid(f"there is no limit {name} for a {self.level}", code="limit.unknown", field=name)
            KINDS[name].check(name, value)

    def speaks_of(self, deployment_id: str | None, instrument: str) -> bool:
        """Tell whether it bounds the orders of a strategy in an instrument."""
        asked = {Level.STRATEGY: deployment_id, Level.INSTRUMENT: instrument}
        return self.level not in asked or asked[self.level] == self.target

    def bounds(self) -> Iterator[tuple[str, Bound]]:
        """Go through the limits by name."""
        for name, value in self.values.items():
            yield name, Bound(name=name, value=value, level=self.level, target=self.target)


def tightest(bounds: Iterable[Bound]) -> Bound | None:
    """Return the bound that allows least, of equal ones the widest level's; None where there is none.

    Of lists and windows only what all of them allow remains, which may be nothing, and the narrowest level that took
    something away is named.
    """
    found: Bound | None = None
    for bound in sorted(bounds, key=lambda one: _WIDTH[one.level]):
        found = bound if found is None else _tighter_of(found, bound)
    return found


def is_tighter(name: str, value: Figure | None, other: Figure | None) -> bool:
    """Tell whether a figure of a limit allows less than another one; without a figure everything is allowed."""
    if value is None or value == other:
        return False
    if other is None:
        return True
    kind = KINDS[name].tighter
    if kind is Tighter.WITHIN:
        return _both(value, other) != other
    assert isinstance(value, Decimal | int)
    assert isinstance(other, Decimal | int)
    return value < other if kind is Tighter.LESS else value > other


def _tighter_of(held: Bound, other: Bound) -> Bound:
    if KINDS[held.name].tighter is not Tighter.WITHIN:
        return other if is_tighter(held.name, other.value, held.value) else held
    both = _both(held.value, other.value)
    return held if both == held.value else replace(other, value=both)


def _both(value: Figure, other: Figure) -> Figure:
    if isinstance(value, frozenset):
        assert isinstance(other, frozenset)
        return value & other
    assert isinstance(value, tuple)
    assert isinstance(other, tuple)
    parts = ((max(a.start, b.start), min(a.end, b.end)) for a in value for b in other)
    return tuple(sorted(Window(start=start, end=end) for start, end in parts if start < end))
