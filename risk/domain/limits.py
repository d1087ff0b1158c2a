"""The limits above an order: an account's own, and those that its desk, owner, strategy or instrument add.

Every name ends in its unit: `_quote` is money of the account's currency, `_fraction` a share (0.03 is three per cent),
`_s` seconds, `_ist` a time of day in India; what has no unit is a number of units or of orders. Without a figure an optional
limit bounds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from brokers.domain.errors import Invalid
from brokers.domain.orders import Book
from risk.domain.levels import KINDS, SCOPED, Bound, Figure, Level, LevelLimits, Tighter, Windows, is_tighter, tightest
from risk.domain.worth import UnitValue


@dataclass(frozen=True, kw_only=True)  # without slots: it keeps what each strategy and instrument comes to
class Limits:
    """What no order of an account may exceed.

    `levels` are what the account's desk, owner, strategies and instruments add: of each limit the tightest holds.
    """

    max_daily_loss_quote: Decimal
    max_order_value_quote: Decimal
    max_gross_exposure_quote: Decimal
    max_position_value_quote: Decimal
    max_orders_per_second: int
    max_orders_per_day: int
    price_band_fraction: Decimal
    max_quote_age_s: Decimal
    max_net_exposure_quote: Decimal | None = None
    max_underlying_value_quote: Decimal | None = None
    max_order_quantity: Decimal | None = None
    max_position_quantity: Decimal | None = None
    max_orders_per_minute: int | None = None
    max_open_orders: int | None = None
    max_trades_per_day: int | None = None
    max_spread_fraction: Decimal | None = None
    min_hold_s: int | None = None
    reentry_cooldown_s: int | None = None
    entry_windows_ist: Windows | None = None
    instruments_allowed: frozenset[str] | None = None
    max_drawdown_fraction: Decimal | None = None
    max_leverage: Decimal | None = None
    max_margin_fraction: Decimal | None = None
    min_cash_fraction: Decimal | None = None
    circuit_gap_fraction: Decimal | None = None
    max_scenario_loss_quote: Decimal | None = None
    max_delta_notional_quote: Decimal | None = None
    max_var_quote: Decimal | None = None
    levels: tuple[LevelLimits, ...] = ()
    # what the account's books were last seen to be worth, where a limit asks for it
    worth: Mapping[Book, UnitValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in KINDS.items():
            value = getattr(self, name)
            # what several levels allow together may be nothing
            if kind.tighter is not Tighter.WITHIN and (value is not None or name in REQUIRED):
                kind.check(name, value)

    @cached_property
    def _bounding(self) -> dict[tuple[str | None, str], Bounding]:
        return {}

    def over(self, *, deployment_id: str | None, instrument: str) -> Bounding:
        """Return what bounds the orders of one strategy in one instrument."""
        key = deployment_id, instrument
        known = self._bounding.get(key)
        if known is None:
            known = self._bounding[key] = _bounding(self, deployment_id, instrument)
        return known


REQUIRED = tuple(one.name for one in fields(Limits) if one.name in KINDS and one.default is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounding:
    """What bounds one order: the tightest of each limit with where it came from, and its strategy's own totals.

    `own` bounds what the strategy alone holds and sends; None where nothing was set for it. `unset` names the limits that
    are set in neither.
    """

    limits: Limits
    origin: Mapping[str, Bound]
    own: Limits | None = None
    own_origin: Mapping[str, Bound]
    unset: frozenset[str]


def _bounding(limits: Limits, deployment_id: str | None, instrument: str) -> Bounding:
    levels = [level for level in limits.levels if level.speaks_of(deployment_id, instrument)]
    shared = [(name, bound) for level in levels for name, bound in level.bounds() if not _is_own(level, name)]
    account = [(name, value) for name in KINDS if (value := getattr(limits, name)) is not None]
    offers: dict[str, list[Bound]] = {}
    for name, value in account:
        offers.setdefault(name, []).append(Bound(name=name, value=value, level=Level.ACCOUNT))
    for name, bound in shared:
        offers.setdefault(name, []).append(bound)
    origin = {name: best for name, found in offers.items() if (best := tightest(found)) is not None}
    joint = _with(limits, {name: best.value for name, best in origin.items()}, levels=()) if levels else limits
    own = {name: bound for level in levels for name, bound in level.bounds() if _is_own(level, name)}
    own_limits = _own(joint, own) if own else None
    unset = _unset(joint) & _unset(own_limits) if own_limits is not None else _unset(joint)
    return Bounding(limits=joint, origin=origin, own=own_limits, own_origin=own, unset=unset)


def _unset(limits: Limits) -> frozenset[str]:
    return frozenset(name for name in KINDS if getattr(limits, name) is None)


def _is_own(level: LevelLimits, name: str) -> bool:
    return level.level is Level.STRATEGY and name in SCOPED


def _own(joint: Limits, own: Mapping[str, Bound]) -> Limits:
    """Return the limits of a strategy's own totals: what was not set for it does not bound them a second time."""
    silent: dict[str, Figure | None] = {name: None for name in SCOPED if name not in own and name not in REQUIRED}
    return _with(joint, silent | {name: bound.value for name, bound in own.items()})


def _with(limits: Limits, figures: Mapping[str, Figure | None], **others: Any) -> Limits:
    changes: dict[str, Any] = {**figures, **others}
    return replace(limits, **changes)


def loosened(before: Limits, after: Limits) -> tuple[str, ...]:
    """Return the names of the limits that allow more after a change than before it."""
    return tuple(name for name in KINDS if is_tighter(name, getattr(before, name), getattr(after, name)))


# An inner bound that can never speak because an outer one always speaks first is a slip of whoever set it.
_NESTED = (
    ("max_orders_per_second", "max_orders_per_minute"),
    ("max_orders_per_minute", "max_orders_per_day"),
    ("max_order_quantity", "max_position_quantity"),
    ("max_net_exposure_quote", "max_gross_exposure_quote"),
)


def require_consistent(limits: Limits) -> None:
    """Raise Invalid, naming the field, where two limits contradict each other."""
    for inner, outer in _NESTED:
        small, large = getattr(limits, inner), getattr(limits, outer)
        if small is not None and large is not None and small > large:
            raise Invalid(f"{inner} of {small} is above {outer} of {large}", code="limit.contradiction", field=inner)


def with_levels(limits: Limits, levels: tuple[LevelLimits, ...]) -> Limits:
    """Return an account's limits with what other levels add."""
    return replace(limits, levels=levels) if levels else limits
