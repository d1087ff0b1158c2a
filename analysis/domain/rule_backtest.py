"""What happened after a rule held: returns from the next open, against all days on which it could be judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from analysis.domain.daily import DailySeries, date_of, day_number
from analysis.domain.rules import Group, evaluate
from analysis.domain.universe import Universe
from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D

LONGEST_HORIZON = 250
_RECENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Returns of many entries; 0.02 is two per cent, None where there were no entries."""

    n: int
    mean: float | None
    median: float | None
    positive: float | None
    worst: float | None
    best: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """One holding time: every hit, hits that did not hold the day before, and every day that could be judged."""

    days: int
    hits: Outcomes
    fresh: Outcomes
    base: Outcomes
    unfinished: int

    @property
    def edge(self) -> float | None:
        """The mean after a hit less the mean of all days, None where either is not known."""
        return None if self.hits.mean is None or self.base.mean is None else self.hits.mean - self.base.mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One hit: when it was seen, when and at which price of that day it was entered, and the return of each horizon."""

    symbol: str
    on: date
    entered_on: date | None
    price: float | None
    returns: Mapping[int, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBacktest:
    """A rule over a universe's past; `never_judged` gives the conditions that no day of a symbol could answer."""

    hits: int
    fresh_hits: int
    days_with_hits: int
    judged: int
    horizons: tuple[Horizon, ...]
    recent: tuple[Entry, ...]
    never_judged: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """One symbol: places that were judged, that hit, that hit freshly, and the returns of each horizon."""

    series: DailySeries
    judged: npt.NDArray[np.bool_]
    hit: npt.NDArray[np.bool_]
    fresh: npt.NDArray[np.bool_]
    returns: tuple[Float64Array1D, ...]


def rule_backtest(
    rule: Group,
    universe: Universe,
    series: Mapping[str, DailySeries],
    *,
    since: date,
    until: date,
    horizons: Sequence[int],
) -> RuleBacktest:
    """Measure what followed the days on which a rule held.

    Parameters
    ----------
    rule : Group
    universe : Universe
        Only days on which a stock was a member count, for hits and for the base alike.
    series : mapping of str to DailySeries
        By symbol, adjusted forward; indicators warm up on candles before `since`.
    since, until : date
        First and last day of the hits; their returns may end later.
    horizons : sequence of int
        Trading days of the stock from the entry at the next open to the exit at a close; the day of entry is the first.

    Raises
    ------
    Invalid
        For a horizon that is not from 1 to 250 days.
    """
    wrong = next((days for days in horizons if not 1 <= days <= LONGEST_HORIZON), None)
    if wrong is not None or not horizons:
        message = f"a horizon lies from 1 to {LONGEST_HORIZON} days, not at {wrong}"
        raise Invalid(message, code="rule.horizon", field="horizons")
    found: dict[str, _Own] = {}
    never: dict[str, tuple[str, ...]] = {}
    for symbol in sorted(series):
        days = series[symbol].day
        inside = (days >= day_number(since)) & (days <= day_number(until)) & universe.held(symbol, days)
        own, unknown = _measured(rule, series[symbol], inside, horizons)
        found[symbol] = own
        if unknown:
            never[symbol] = unknown
    every = list(found.values())
    return RuleBacktest(
        hits=_count(own.hit for own in every),
        fresh_hits=_count(own.fresh for own in every),
        days_with_hits=len({int(day) for own in every for day in own.series.day[own.hit]}),
        judged=_count(own.judged for own in every),
        horizons=tuple(_horizon(days, number, every) for number, days in enumerate(horizons)),
        recent=_recent(found, horizons),
        never_judged=never,
    )


def forward_return(series: DailySeries, days: int) -> Float64Array1D:
    """Return, for each day, the move from the next open to the close `days` days on; NaN where that lies ahead."""
    result = np.full(len(series), np.nan)
    if len(series) > days:
        result[:-days] = series.close[days:] / series.open[1 : len(series) - days + 1] - 1.0
    return result


def outcomes(returns: Float64Array1D) -> Outcomes:
    """Return what returns come to; NaN are left out."""
    known = returns[~np.isnan(returns)]
    if not known.size:
        return Outcomes(n=0, mean=None, median=None, positive=None, worst=None, best=None)
    return Outcomes(
        n=int(known.size),
        mean=float(known.mean()),
        median=float(np.median(known)),
        positive=float(np.mean(known > 0.0)),
        worst=float(known.min()),
        best=float(known.max()),
    )


def _measured(
    rule: Group, series: DailySeries, inside: npt.NDArray[np.bool_], horizons: Sequence[int]
) -> tuple[_Own, tuple[str, ...]]:
    truth = evaluate(rule, series)
    judged = inside & ~np.isnan(truth.values)
    holds = truth.values == 1.0
    own = _Own(
        series=series,
        judged=judged,
        hit=judged & holds,
        fresh=judged & holds & ~np.r_[False, holds[:-1]][: len(series)],
        returns=tuple(forward_return(series, days) for days in horizons),
    )
    if judged.any() or not inside.any():
        return own, ()
    last = int(np.flatnonzero(inside)[-1])
    return own, tuple(f"{one.path}: {one}" for one in truth.unknown_at(last))


def _horizon(days: int, number: int, every: Sequence[_Own]) -> Horizon:
    def of(name: str) -> Float64Array1D:
        parts = [own.returns[number][getattr(own, name)] for own in every]
        return np.concatenate(parts) if parts else np.empty(0)

    hits = of("hit")
    return Horizon(
        days=days,
        hits=outcomes(hits),
        fresh=outcomes(of("fresh")),
        base=outcomes(of("judged")),
        unfinished=int(np.isnan(hits).sum()),
    )


def _recent(found: Mapping[str, _Own], horizons: Sequence[int]) -> tuple[Entry, ...]:
    places = [
        (int(own.series.day[place]), symbol, int(place))
        for symbol, own in found.items()
        for place in np.flatnonzero(own.hit)[-_RECENT:]
    ]
    newest = sorted(places, key=lambda one: (-one[0], one[1]))[:_RECENT]
    return tuple(_entry(symbol, place, found[symbol], horizons) for _, symbol, place in newest)


def _entry(symbol: str, place: int, own: _Own, horizons: Sequence[int]) -> Entry:
    series, is_entered = own.series, place + 1 < len(own.series)
    returns = {days: float(column[place]) for days, column in zip(horizons, own.returns, strict=True)}
    return Entry(
        symbol=symbol,
        on=date_of(int(series.day[place])),
        entered_on=date_of(int(series.day[place + 1])) if is_entered else None,
        price=float(series.open[place + 1] / series.scale[place + 1]) if is_entered else None,
        returns={days: None if np.isnan(value) else value for days, value in returns.items()},
    )


def _count(masks: Iterable[npt.NDArray[np.bool_]]) -> int:
    return sum(int(np.count_nonzero(mask)) for mask in masks)
