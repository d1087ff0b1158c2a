"""The limits that bound an account, each level's by itself, and which of them holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from brokers.models import TradingAccount
from risk.domain.levels import Figure, Level, LevelLimits
from risk.domain.limits import Limits, with_levels
from risk.domain.shadow import NOWHERE
from risk.models import LimitSet
from risk.selectors import STORED, levels_for, limits_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEntry:
    """One limit of one level; `holds` where no other level's is tighter."""

    level: Level
    target: str
    name: str
    value: Figure
    holds: bool

    @property
    def number(self) -> Decimal | None:
        """Return the figure where it is a number."""
        return Decimal(self.value) if isinstance(self.value, Decimal | int) else None


def limits_whole(row: LimitSet) -> Limits:
    """Return an account's own limits with those of the other levels."""
    return with_levels(limits_of(row), levels_for(row.account))


def limit_table(limits: Limits, account: TradingAccount) -> list[LimitEntry]:
    """Return every limit that was set for an account, its desk, its owner, its strategies and its instruments."""
    shared = limits.over(deployment_id=None, instrument=NOWHERE).origin
    own = [
        LimitEntry(
            level=Level.ACCOUNT,
            target=str(account.pk),
            name=name,
            value=value,
            holds=shared[name].level is Level.ACCOUNT,
        )
        for name in STORED
        if (value := getattr(limits, name)) is not None
    ]
    return [*own, *(entry for level in limits.levels for entry in _of_level(limits, level))]


def _of_level(limits: Limits, level: LevelLimits) -> Iterator[LimitEntry]:
    deployment_id = level.target if level.level is Level.STRATEGY else None
    key = level.target if level.level is Level.INSTRUMENT else NOWHERE
    bounding = limits.over(deployment_id=deployment_id, instrument=key)
    for name, value in level.values.items():
        held = bounding.own_origin.get(name) or bounding.origin.get(name)
        yield LimitEntry(
            level=level.level,
            target=level.target,
            name=name,
            value=value,
            holds=held is not None and (held.level, held.target) == (level.level, level.target),
        )
