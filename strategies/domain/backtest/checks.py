"""What a backtest refuses to run on: a sentence that names the row."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from brokers.domain.errors import DataError, Invalid
from brokers.domain.market import NANOSECONDS, Bars, Float64Array1D
from strategies.domain.backtest.kernels import first_fault, next_gap, survey
from strategies.domain.backtest.terms import Gaps

# no exchange stays closed longer; what is missing beyond it is missing data
_LONGEST_CLOSURE_NS = 7 * 86_400 * NANOSECONDS
_DAY_NS = 86_400 * NANOSECONDS


def check_bars(bars: Bars, *, gaps: Gaps = Gaps.REFUSE, offset_ns: int = 0) -> list[str]:
    """Return what is missing as sentences, where that is to be reported.

    Raises DataError naming the row (counted from 0) for columns of unequal length, times that do not
    rise, prices that are no positive numbers or lie outside their bar's range, and a negative volume;
    and, where gaps are refused, for bars that are missing within a day or for more than a week.
    `offset_ns` is the venue's zone, which says when a day begins.
    """
    _check_lengths(bars)
    row = first_fault(bars.start_ns, bars.open, bars.high, bars.low, bars.close, bars.volume)
    if row >= 0:
        raise DataError(f"{bars.instrument}: bar {row} ({_time(bars, row)}): {_fault(bars, row)}", code="bars.row")
    missing = _gaps(bars, offset_ns)
    if missing and gaps is Gaps.REFUSE:
        raise DataError(f"{bars.instrument}: {missing[0]}", code="bars.gap")
    return missing


def check_exposure(exposure: Float64Array1D, bars: Bars) -> int:
    """Return how many times the wanted exposure changes; NaN is no view and changes nothing.

    Raises Invalid naming the row of one beyond [-1, 1], or where there is not one for every bar.
    """
    if exposure.shape != bars.close.shape:
        raise Invalid(
            f"{exposure.shape} exposures for {len(bars)} bars of {bars.instrument}", code="strategy.exposure_shape"
        )
    found = survey(exposure)
    if found < 0:
        row = -found - 1
        raise Invalid(
            f"{bars.instrument}: exposure {exposure[row]} at bar {row} ({_time(bars, row)}) is not within -1 and 1",
            code="strategy.exposure_range",
        )
    return found


def _check_lengths(bars: Bars) -> None:
    if not len(bars):
        raise DataError(f"{bars.instrument}: there are no bars", code="bars.none")
    for name in ("start_ns", "open", "high", "low", "volume"):
        column = getattr(bars, name)
        if column.shape != bars.close.shape:
            raise DataError(
                f"{bars.instrument}: {column.size} values of {name} for {len(bars)} closes", code="bars.length"
            )


def _fault(bars: Bars, row: int) -> str:
    start = int(bars.start_ns[row])
    if row and start == int(bars.start_ns[row - 1]):
        return "the same time as the bar before"
    if row and start < int(bars.start_ns[row - 1]):
        return "earlier than the bar before"
    for name in ("open", "high", "low", "close"):
        value = float(getattr(bars, name)[row])
        if not np.isfinite(value) or value <= 0.0:
            return f"{name} is {value:g}, not a price"
    if not bars.volume[row] >= 0.0:
        return f"volume is {bars.volume[row]:g}"
    return f"high {bars.high[row]:g} and low {bars.low[row]:g} do not hold open and close between them"


def _gaps(bars: Bars, offset_ns: int) -> list[str]:
    step_ns, found = bars.interval_s * NANOSECONDS, []
    at = next_gap(bars.start_ns, 0, step_ns, _LONGEST_CLOSURE_NS, _DAY_NS, offset_ns)
    while at >= 0:
        apart = int(bars.start_ns[at + 1] - bars.start_ns[at])
        found.append(_gap(bars, at, apart // step_ns - 1))
        at = next_gap(bars.start_ns, at + 1, step_ns, _LONGEST_CLOSURE_NS, _DAY_NS, offset_ns)
    return found


def _gap(bars: Bars, at: int, missing: int) -> str:
    between = f"between bar {at} ({_time(bars, at)}) and bar {at + 1} ({_time(bars, at + 1)})"
    return f"{missing} bars are missing {between}" if missing > 0 else f"less than an interval lies {between}"


def _time(bars: Bars, row: int) -> str:
    return f"{datetime.fromtimestamp(int(bars.start_ns[row]) // NANOSECONDS, tz=UTC):%Y-%m-%d %H:%M} UTC"
