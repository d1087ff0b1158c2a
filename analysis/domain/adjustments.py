"""Corporate actions and changed names: what makes one history of prices that jump on paper alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np

from analysis.domain.daily import PRICES, Basis, DailySeries, day_number
from brokers.domain.errors import DataError, Invalid


class ActionKind(StrEnum):
    """Whether the number of shares changed with the price."""

    SHARES = "shares"
    """A split or bonus: prices divide, volumes multiply."""
    VALUE = "value"
    """A demerger, rights issue or special dividend: prices divide, the shares stay as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorporateAction:
    """One action; `factor` is the price before over the price after (2 for a bonus of 1:1)."""

    symbol: str
    ex_date: date
    factor: float
    kind: ActionKind

    def __post_init__(self) -> None:
        if not 0.0 < self.factor < float("inf"):
            raise Invalid(f"a factor must be positive, not {self.factor}", code="action.factor", field="factor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """From a day on, what was traded as `old` is traded as `new`."""

    old: str
    new: str
    on: date


def action_kind(factor: float) -> ActionKind:
    """Tell a split or bonus from the rest by its factor alone: within 0.1 % of a ratio of small whole numbers.

    For lists that name no kind. A demerger may come out at such a ratio by chance; only its volumes are then wrong.
    """
    if not 0.0 < factor < float("inf"):
        return ActionKind.VALUE
    change = max(factor, 1.0 / factor)
    ratio = Fraction(change).limit_denominator(4)
    return ActionKind.SHARES if change >= 1.2 and abs(change / ratio - 1) < 1e-3 else ActionKind.VALUE


def adjusted(series: DailySeries, actions: Iterable[CorporateAction], basis: Basis) -> DailySeries:
    """Return a raw series adjusted by the actions in its symbol.

    Raises
    ------
    DataError
        For a series that is adjusted already: adjusting twice is a mistake that looks like a price.
    """
    if series.basis is not Basis.RAW:
        raise DataError(f"{series.symbol} is {series.basis} adjusted already", code="candles.adjusted_twice")
    own = [action for action in actions if action.symbol == series.symbol]
    prices, shares = np.ones(len(series)), np.ones(len(series))
    for action in own if basis is not Basis.RAW else ():
        after = series.day >= day_number(action.ex_date)
        touched, factor = (after, action.factor) if basis is Basis.FORWARD else (~after, 1.0 / action.factor)
        prices[touched] *= factor
        if action.kind is ActionKind.SHARES:
            shares[touched] *= factor
    columns = {name: getattr(series, name) * prices for name in PRICES}
    return replace(series, **columns, volume=series.volume / shares, scale=prices, basis=basis)


def share_factor(actions: Iterable[CorporateAction], on: date) -> float:
    """Return what a forward-adjusted volume of a day is multiplied by to get the shares that were traded that day."""
    return math.prod(one.factor for one in actions if one.kind is ActionKind.SHARES and one.ex_date <= on)


def joined(series: Mapping[str, DailySeries], renames: Sequence[Rename]) -> dict[str, DailySeries]:
    """Join what was traded under several names to one series under the newest of them.

    Raises
    ------
    DataError
        Where both names traded on one day, or one name's series is adjusted and the other's is not.
    """
    result = dict(series)
    for rename in sorted(renames, key=lambda rename: rename.on):
        if rename.old not in result:
            continue
        older = result.pop(rename.old).until(day_number(rename.on) - 1)
        newer = result.get(rename.new)
        result[rename.new] = replace(older, symbol=rename.new) if newer is None else _chained(older, newer)
    return result


def name_on(symbol: str, on: date, renames: Sequence[Rename]) -> str:
    """Return the name under which today's `symbol` was traded on a day."""
    for rename in sorted(renames, key=lambda rename: rename.on, reverse=True):
        if rename.new == symbol and on < rename.on:
            symbol = rename.old
    return symbol


def _chained(older: DailySeries, newer: DailySeries) -> DailySeries:
    if older.basis is not newer.basis:
        raise DataError(f"{older.symbol} is {older.basis}, {newer.symbol} {newer.basis}", code="candles.mixed_basis")
    if len(older) and len(newer) and older.day[-1] >= newer.day[0]:
        raise DataError(f"{older.symbol} and {newer.symbol} both traded on one day", code="candles.overlap")
    columns: dict[str, Any] = {
        name: np.concatenate((getattr(older, name), getattr(newer, name)))
        for name in ("day", *PRICES, "volume", "scale")
    }
    return replace(newer, **columns)
