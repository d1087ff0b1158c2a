"""Whether a strategy sees the future, or needs more of the past than it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import NANOSECONDS, Bars, Float64Array1D
from strategies.domain.backtest.terms import FillAt
from strategies.domain.strategy import SignalStrategy, wanted_exposure

_COLUMNS = ("start_ns", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A decision that changed although only what came after it did."""

    bar: int
    at: datetime
    was: float
    became: float
    known_until: int

    @property
    def sentence(self) -> str:
        """Tell it with its bar and both exposures."""
        return (
            f"the exposure after bar {self.bar} ({self.at:%Y-%m-%d %H:%M} UTC) turns from {self.was:g} to {self.became:g} "
            f"when nothing but the bars from {self.known_until} on is changed: it sees the future"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """How many bars passed, at the worst of the beginnings, until decisions were those of the whole history.

    `declared` is the history that the strategy asks for; `held` is its longest position, which a later beginning cannot know of.
    """

    needed: int
    declared: int
    held: int

    @property
    def is_enough(self) -> bool:
        return self.needed <= self.declared + self.held

    @property
    def sentence(self) -> str:
        """Tell whether the warm-up is long enough, with both numbers."""
        verdict = "is enough" if self.is_enough else "is too short"
        return f"a warm-up of {self.declared} bars {verdict}: decisions agree after {self.needed} at the latest"


def find_lookahead(
    strategy: SignalStrategy,
    bars: Bars,
    random: np.random.Generator,
    *,
    cuts: int = 12,
    fill_at: FillAt = FillAt.NEXT_OPEN,
) -> Leak | None:
    """Return the first decision found that depends on what was not known when it was acted on, or None.

    At each of `cuts` places the bars that follow are cut off, driven up and down, and made turbulent; no
    decision before may change. Where orders fill at the close that they were decided on, that close counts
    as not known, because it is known only when it is too late to trade at it.
    """
    if cuts < 1 or len(bars) < 4:
        raise Invalid("the search needs at least one cut and four bars", code="bias.cuts", field="cuts")
    whole = wanted_exposure(strategy, bars)
    later = 0 if fill_at is FillAt.SAME_CLOSE else 1
    for cut in _places(len(bars), strategy.warmup_bars(), cuts, random):
        known = cut + later
        for future in _futures(bars, known, random):
            # where the bar itself is cut off, its decision is not there to compare
            compared = min(cut + 1, len(future))
            leak = _first_difference(whole, wanted_exposure(strategy, future), bars, compared, known)
            if leak is not None:
                return leak
    return None


def find_warm_up(strategy: SignalStrategy, bars: Bars, *, beginnings: int = 8) -> WarmUp:
    """Begin the history at several later bars and return how long decisions take to become the same.

    Raises Invalid for a history too short to begin within.
    """
    declared = strategy.history_bars()
    room = len(bars) - 2 * max(declared, 1)
    if beginnings < 1 or room < 1:
        raise Invalid(
            f"{len(bars)} bars are too few for a warm-up of {declared}", code="bias.warm_up", field="beginnings"
        )
    whole = wanted_exposure(strategy, bars)
    begins = np.unique(np.linspace(1, room, beginnings).astype(int)).tolist()
    needed = max(_bars_until_same(whole[begin:], wanted_exposure(strategy, _part(bars, begin))) for begin in begins)
    return WarmUp(needed=needed, declared=declared, held=_longest_position(whole))


def _places(count: int, warmup: int, cuts: int, random: np.random.Generator) -> Sequence[int]:
    first = min(max(warmup, 1), count // 2)
    spread = np.linspace(first, count - 2, cuts).astype(int)
    moved = spread + random.integers(-2, 3, spread.size)
    return [int(place) for place in np.unique(np.clip(moved, 1, count - 2))]


def _futures(bars: Bars, known: int, random: np.random.Generator) -> Iterator[Bars]:
    yield _part(bars, 0, known)
    later = len(bars) - known
    climb = np.linspace(0.0, 1.0, later)
    for factor in (1.0 + climb, 1.0 / (1.0 + climb), np.exp(random.normal(0.0, 0.05, later).cumsum())):
        yield _driven(bars, known, factor)
    yield _driven(bars, known, np.full(later, 1.3))
    yield _driven(bars, known, np.full(later, 0.7))


def _driven(bars: Bars, known: int, factor: Float64Array1D) -> Bars:
    whole = np.concatenate((np.ones(known), factor))
    prices = {name: getattr(bars, name) * whole for name in ("open", "high", "low", "close")}
    return replace(bars, **prices, volume=bars.volume * whole**3)


def _part(bars: Bars, begin: int, end: int | None = None) -> Bars:
    columns = {name: getattr(bars, name)[begin:end] for name in _COLUMNS}
    return Bars(instrument=bars.instrument, interval_s=bars.interval_s, **columns)


def _first_difference(
    whole: Float64Array1D, other: Float64Array1D, bars: Bars, compared: int, known: int
) -> Leak | None:
    was, became = whole[:compared], other[:compared]
    differs = np.flatnonzero((was != became) & ~(np.isnan(was) & np.isnan(became)))
    if not differs.size:
        return None
    bar = int(differs[0])
    at = datetime.fromtimestamp(int(bars.start_ns[bar]) // NANOSECONDS, tz=UTC)
    return Leak(bar=bar, at=at, was=float(was[bar]), became=float(became[bar]), known_until=known)


def _bars_until_same(whole: Float64Array1D, begun: Float64Array1D) -> int:
    differs = np.flatnonzero((whole != begun) & ~(np.isnan(whole) & np.isnan(begun)))
    return int(differs[-1]) + 1 if differs.size else 0


def _longest_position(exposure: Float64Array1D) -> int:
    held = np.nan_to_num(exposure, nan=0.0) != 0.0
    edges = np.flatnonzero(np.diff(held.astype(np.int8), prepend=0, append=0))
    return int(np.max(edges[1::2] - edges[::2])) if edges.size else 0
