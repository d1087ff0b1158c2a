"""The indicators beyond the seven, brought forward by one closed bar per symbol.

Windows are read whole at every bar from rings of one length, so nothing drifts; recursions are seeded
as their batch forms are. Readings are NaN until their windows are full, exactly where the batch values are.
"""

# ruff: noqa: PLR0917 - compiled functions take their arguments by place

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.domain.kernels import kernel
from analysis.domain.streaming_periods import WidePeriods
from analysis.domain.streaming_steps import exponential, true_range, wilder
from analysis.domain.typical import TIE
from brokers.domain.market import Float64Array1D, Int64Array1D

Float64Array2D: TypeAlias = npt.NDArray[np.float64]
Float64Array3D: TypeAlias = npt.NDArray[np.float64]

_SEEN, _SESSION, _VALUE, _UNITS, _OBV, _MIDDLE, _REACH, _TRAIL, _UPPER, _LOWER, _UP = range(11)
_HIGHS, _LOWS, _CLOSES, _TYPICALS, _FLOWS, _VOLUMES, _RAW, _SMOOTH, _CLOUD_A, _CLOUD_B = range(10)
WIDE_READINGS = 20


class WideState(NamedTuple):
    """Numbers of every symbol, shape (n, 11), and their rings, shape (n, 10, bars)."""

    numbers: Float64Array2D
    rings: Float64Array3D


def wide_state(symbols: int, periods: WidePeriods) -> WideState:
    """Return the states of symbols that have seen no bar."""
    numbers = np.zeros((symbols, 11))
    numbers[:, _SESSION] = np.nan
    return WideState(numbers=numbers, rings=np.zeros((symbols, 10, periods.warm_after + 1)))


@kernel
def update_wide(
    rows: Int64Array1D,
    high: Float64Array1D,
    low: Float64Array1D,
    close: Float64Array1D,
    volume: Float64Array1D,
    session: Int64Array1D,
    state: WideState,
    periods: WidePeriods,
    out: Float64Array2D,
) -> None:
    """Take bar i for the symbol of state row ``rows[i]`` and write its readings to ``out[i]``."""
    for i in range(rows.size):
        own, rings, reading = state.numbers[rows[i]], state.rings[rows[i]], out[i]
        reading[:] = np.nan
        place = int(own[_SEEN]) % rings.shape[1]
        _write_rings(own, rings, place, high[i], low[i], close[i], volume[i])
        _volumes(own, rings, place, volume[i], session[i], periods, reading)
        _windows(own, rings, place, periods, reading)
        _cloud(own, rings, place, periods, reading)
        _recursions(own, rings, place, periods, reading)
        own[_SEEN] += 1.0


@kernel
def _write_rings(
    own: Float64Array1D, rings: Float64Array2D, place: int, high: float, low: float, close: float, volume: float
) -> None:
    typical = (high + low + close) / 3.0
    flow, signed = typical * volume, 0.0
    if own[_SEEN] > 0:
        close_before, typical_before = rings[_CLOSES, place - 1], rings[_TYPICALS, place - 1]
        if abs(typical - typical_before) <= TIE * abs(typical):
            typical = typical_before
        signed = flow if typical > typical_before else -flow if typical < typical_before else 0.0
        own[_OBV] += volume if close > close_before else -volume if close < close_before else 0.0
    else:
        own[_OBV] = volume
    rings[_HIGHS, place], rings[_LOWS, place], rings[_CLOSES, place] = high, low, close
    rings[_TYPICALS, place], rings[_FLOWS, place], rings[_VOLUMES, place] = typical, signed, volume


@kernel
def _volumes(
    own: Float64Array1D,
    rings: Float64Array2D,
    place: int,
    volume: float,
    session: int,
    periods: WidePeriods,
    reading: Float64Array1D,
) -> None:
    if own[_SESSION] != session:
        own[_SESSION], own[_VALUE], own[_UNITS] = session, 0.0, 0.0
    if volume > 0.0:
        own[_VALUE] += rings[_TYPICALS, place] * volume
        own[_UNITS] += volume
    if own[_UNITS] > 0.0:
        reading[0] = own[_VALUE] / own[_UNITS]
    seen = own[_SEEN]
    if seen >= periods.volume:
        usual = _sum(rings[_VOLUMES], place - 1, periods.volume) / periods.volume
        reading[1] = volume / usual if usual > 0.0 else np.nan
    reading[2] = own[_OBV]
    if seen >= periods.mfi:
        up, down = 0.0, 0.0
        for back in range(periods.mfi):
            flow = rings[_FLOWS, place - back]
            up, down = up + max(flow, 0.0), down + max(-flow, 0.0)
        reading[3] = 100.0 * up / (up + down) if up + down >= 1.0 else 0.0


@kernel
def _windows(
    own: Float64Array1D, rings: Float64Array2D, place: int, periods: WidePeriods, reading: Float64Array1D
) -> None:
    seen = own[_SEEN]
    if seen >= periods.cci - 1:
        mean, deviation = _sum(rings[_TYPICALS], place, periods.cci) / periods.cci, 0.0
        for back in range(periods.cci):
            deviation += abs(rings[_TYPICALS, place - back] - mean)
        distance = rings[_TYPICALS, place] - mean
        top, bottom = _top(rings[_TYPICALS], place, periods.cci), _bottom(rings[_TYPICALS], place, periods.cci)
        still = top - bottom <= TIE * abs(top)
        reading[4] = 0.0 if still else distance / (0.015 * deviation / periods.cci)
    if seen >= periods.stochastic - 1:
        top, bottom = _top(rings[_HIGHS], place, periods.stochastic), _bottom(rings[_LOWS], place, periods.stochastic)
        rings[_RAW, place] = 100.0 * (rings[_CLOSES, place] - bottom) / (top - bottom) if top > bottom else 0.0
        smooth, signal = periods.stochastic_smooth, periods.stochastic_signal
        first = periods.stochastic + smooth - 2
        if seen >= first:
            rings[_SMOOTH, place] = _sum(rings[_RAW], place, smooth) / smooth
        if seen >= first + signal - 1:
            reading[5], reading[6] = rings[_SMOOTH, place], _sum(rings[_SMOOTH], place, signal) / signal
    if seen >= periods.donchian - 1:
        reading[7] = _top(rings[_HIGHS], place, periods.donchian)
        reading[9] = _bottom(rings[_LOWS], place, periods.donchian)
        reading[8] = (reading[7] + reading[9]) / 2.0
    if seen >= periods.slope - 1:
        reading[19] = _slope(rings[_CLOSES], place, periods.slope)


@kernel
def _cloud(
    own: Float64Array1D, rings: Float64Array2D, place: int, periods: WidePeriods, reading: Float64Array1D
) -> None:
    seen, base = own[_SEEN], periods.base
    rings[_CLOUD_A, place], rings[_CLOUD_B, place] = np.nan, np.nan
    if seen >= periods.conversion - 1:
        reading[13] = _middle(rings, place, periods.conversion)
    if seen >= base - 1:
        reading[14] = _middle(rings, place, base)
    rings[_CLOUD_A, place] = (reading[13] + reading[14]) / 2.0
    if seen >= periods.span - 1:
        rings[_CLOUD_B, place] = _middle(rings, place, periods.span)
    if seen >= base:
        reading[15], reading[16] = rings[_CLOUD_A, place - base], rings[_CLOUD_B, place - base]


@kernel
def _recursions(
    own: Float64Array1D, rings: Float64Array2D, place: int, periods: WidePeriods, reading: Float64Array1D
) -> None:
    seen, close = int(own[_SEEN]), rings[_CLOSES, place]
    own[_MIDDLE] = exponential(own[_MIDDLE], close, seen, 0, periods.keltner)
    if seen == 0:
        return
    before, high, low = rings[_CLOSES, place - 1], rings[_HIGHS, place], rings[_LOWS, place]
    span = true_range(high, low, before)
    own[_REACH] = wilder(own[_REACH], span, seen, periods.keltner_atr)
    if seen >= max(periods.keltner - 1, periods.keltner_atr):
        reach = periods.keltner_ranges * own[_REACH]
        reading[10], reading[11], reading[12] = own[_MIDDLE] + reach, own[_MIDDLE], own[_MIDDLE] - reach
    elif seen >= periods.keltner - 1:
        reading[11] = own[_MIDDLE]
    own[_TRAIL] = wilder(own[_TRAIL], span, seen, periods.supertrend)
    if seen >= periods.supertrend:
        reach, middle = periods.supertrend_ranges * own[_TRAIL], (high + low) / 2.0
        first = seen == periods.supertrend
        if first or not (middle + reach >= own[_UPPER] and before <= own[_UPPER]):
            own[_UPPER] = middle + reach
        if first or not (middle - reach <= own[_LOWER] and before >= own[_LOWER]):
            own[_LOWER] = middle - reach
        up = close >= own[_LOWER] if own[_UP] > 0.0 else close > own[_UPPER]
        own[_UP] = 1.0 if up else 0.0
        reading[17], reading[18] = own[_LOWER] if up else own[_UPPER], 1.0 if up else -1.0


@kernel
def _sum(ring: Float64Array1D, place: int, period: int) -> float:
    total = 0.0
    for back in range(period - 1, -1, -1):
        total += ring[place - back]
    return total


@kernel
def _top(ring: Float64Array1D, place: int, period: int) -> float:
    found: float = ring[place]
    for back in range(1, period):
        found = max(found, ring[place - back])
    return found


@kernel
def _bottom(ring: Float64Array1D, place: int, period: int) -> float:
    found: float = ring[place]
    for back in range(1, period):
        found = min(found, ring[place - back])
    return found


@kernel
def _middle(rings: Float64Array2D, place: int, period: int) -> float:
    return (_top(rings[_HIGHS], place, period) + _bottom(rings[_LOWS], place, period)) / 2.0


@kernel
def _slope(ring: Float64Array1D, place: int, period: int) -> float:
    middle, above, below = (period - 1) / 2.0, 0.0, 0.0
    newest = ring[place]
    for back in range(period):
        x = middle - back
        above += x * (ring[place - back] - newest)
        below += x * x
    return above / below
