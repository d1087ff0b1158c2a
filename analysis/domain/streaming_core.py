"""Seven indicators of many symbols, brought forward by one closed bar each in one call.

A symbol's state is one row: its numbers, then the ring of its last closes, so that an update touches
neighbouring memory only. Two passes keep counts of their own: the averages, and what moves and ranges.
Seeds are TA-Lib's, so a reading equals the batch value from the first on. Running sums are taken anew
whenever the ring comes round, so that they never drift.

The warm loops index the whole state: a view of one row would cost a counted reference, which takes
longer than the arithmetic.
"""

# ruff: noqa: PLR0917 - compiled functions take their arguments by place

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.domain.kernels import kernel
from analysis.domain.streaming_periods import CorePeriods
from analysis.domain.streaming_steps import NOTHING, exponential, share, true_range, wilder
from brokers.domain.market import Float64Array1D, Int64Array1D

Float64Array2D: TypeAlias = npt.NDArray[np.float64]

_SEEN, _PLACE, _SUM, _ORIGIN, _BAND, _SQUARES, _EMA, _FAST, _SLOW, _SIGNAL = range(10)
_BARS, _HIGH, _LOW, _CLOSE, _GAIN, _LOSS, _ATR, _SPAN, _PLUS, _MINUS, _ADX = range(10, 21)
_RING = 21
CORE_READINGS = 13


def core_state(symbols: int, periods: CorePeriods) -> Float64Array2D:
    """Return the states of symbols that have seen no bar."""
    return np.zeros((symbols, _RING + max(periods.sma, periods.bollinger)))


def core_windows(periods: CorePeriods) -> Float64Array1D:
    """Return the windows as the kernel takes them."""
    return np.array([*periods, periods.warm_after], dtype=np.float64)


@kernel
def update_core(
    rows: Int64Array1D,
    high: Float64Array1D,
    low: Float64Array1D,
    close: Float64Array1D,
    state: Float64Array2D,
    windows: Float64Array1D,
    out: Float64Array2D,
) -> None:
    """Take bar i for the symbol of state row ``rows[i]`` and write its readings to ``out[i]``."""
    _step_averages(rows, close, state, windows, out)
    _step_ranges(rows, high, low, close, state, windows, out)


@kernel
def _step_averages(
    rows: Int64Array1D, close: Float64Array1D, state: Float64Array2D, windows: Float64Array1D, out: Float64Array2D
) -> None:
    sma, band, deviations, warm_after = int(windows[0]), int(windows[8]), windows[9], windows[10]
    capacity = max(sma, band)
    sma_share, band_share, ema_share = 1.0 / sma, 1.0 / band, 2.0 / (windows[1] + 1.0)
    fast_share, slow_share, signal_share = 2.0 / (windows[3] + 1.0), 2.0 / (windows[4] + 1.0), 2.0 / (windows[5] + 1.0)
    for i in range(rows.size):
        k, value = rows[i], close[i]
        if state[k, _SEEN] < warm_after:
            _start_averages(state[k], value, windows, out[i])
            continue
        place = int(state[k, _PLACE])
        state[k, _SUM] += value - state[k, _RING + _behind(place, sma, capacity)]
        origin = state[k, _ORIGIN]
        entering, leaving = value - origin, state[k, _RING + _behind(place, band, capacity)] - origin
        state[k, _BAND] += entering - leaving
        state[k, _SQUARES] += entering * entering - leaving * leaving
        mean = state[k, _BAND] * band_share
        reach = deviations * math.sqrt(max(state[k, _SQUARES] * band_share - mean * mean, 0.0))
        mean += origin
        state[k, _EMA] += (value - state[k, _EMA]) * ema_share
        state[k, _FAST] += (value - state[k, _FAST]) * fast_share
        state[k, _SLOW] += (value - state[k, _SLOW]) * slow_share
        line = state[k, _FAST] - state[k, _SLOW]
        state[k, _SIGNAL] += (line - state[k, _SIGNAL]) * signal_share
        out[i, 0], out[i, 1] = state[k, _SUM] * sma_share, state[k, _EMA]
        out[i, 3], out[i, 4], out[i, 5] = line, state[k, _SIGNAL], line - state[k, _SIGNAL]
        out[i, 10], out[i, 11], out[i, 12] = mean + reach, mean, mean - reach
        state[k, _RING + place] = value
        state[k, _PLACE] = place + 1.0
        if place + 1 == capacity:
            _sum_anew(state[k], value, sma, band)


@kernel
def _step_ranges(
    rows: Int64Array1D,
    high: Float64Array1D,
    low: Float64Array1D,
    close: Float64Array1D,
    state: Float64Array2D,
    windows: Float64Array1D,
    out: Float64Array2D,
) -> None:
    rsi_share, adx_share, atr_share = 1.0 / windows[2], 1.0 / windows[6], 1.0 / windows[7]
    for i in range(rows.size):
        k, value = rows[i], close[i]
        if state[k, _BARS] < windows[10]:
            _start_ranges(state[k], high[i], low[i], value, windows, out[i])
            continue
        before = state[k, _CLOSE]
        state[k, _GAIN] += (max(value - before, 0.0) - state[k, _GAIN]) * rsi_share
        state[k, _LOSS] += (max(before - value, 0.0) - state[k, _LOSS]) * rsi_share
        out[i, 2] = share(state[k, _GAIN], state[k, _LOSS])
        span = true_range(high[i], low[i], before)
        state[k, _ATR] += (span - state[k, _ATR]) * atr_share
        rise, fall = high[i] - state[k, _HIGH], state[k, _LOW] - low[i]
        state[k, _SPAN] += span - state[k, _SPAN] * adx_share
        state[k, _PLUS] += (rise if rise > fall and rise > 0.0 else 0.0) - state[k, _PLUS] * adx_share
        state[k, _MINUS] += (fall if fall > rise and fall > 0.0 else 0.0) - state[k, _MINUS] * adx_share
        scale = 100.0 / state[k, _SPAN] if state[k, _SPAN] > NOTHING else 0.0
        plus, minus = state[k, _PLUS] * scale, state[k, _MINUS] * scale
        if plus + minus > NOTHING:
            state[k, _ADX] += (100.0 * abs(plus - minus) / (plus + minus) - state[k, _ADX]) * adx_share
        out[i, 6], out[i, 7], out[i, 8], out[i, 9] = state[k, _ADX], plus, minus, state[k, _ATR]
        state[k, _HIGH], state[k, _LOW], state[k, _CLOSE] = high[i], low[i], value


@kernel
def _behind(place: int, period: int, capacity: int) -> int:
    """Give the place in the ring of the value that leaves a window of `period`."""
    return place - period if place >= period else place - period + capacity


@kernel
def _start_averages(own: Float64Array1D, value: float, windows: Float64Array1D, reading: Float64Array1D) -> None:
    seen, sma, band = int(own[_SEEN]), int(windows[0]), int(windows[8])
    capacity, place = max(sma, band), int(own[_PLACE])
    if seen == 0:
        own[_ORIGIN] = value
    own[_SUM] += value - (own[_RING + _behind(place, sma, capacity)] if seen >= sma else 0.0)
    entering = value - own[_ORIGIN]
    leaving = own[_RING + _behind(place, band, capacity)] - own[_ORIGIN] if seen >= band else 0.0
    own[_BAND] += entering - leaving
    own[_SQUARES] += entering * entering - leaving * leaving
    reading[0] = own[_SUM] / sma if seen >= sma - 1 else np.nan
    reading[10:13] = np.nan
    if seen >= band - 1:
        mean = own[_BAND] / band
        reach = windows[9] * math.sqrt(max(own[_SQUARES] / band - mean * mean, 0.0))
        mean += own[_ORIGIN]
        reading[10], reading[11], reading[12] = mean + reach, mean, mean - reach
    own[_RING + place] = value
    own[_PLACE] = place + 1.0
    if place + 1 == capacity:
        _sum_anew(own, value, sma, band)
    _start_exponentials(own, value, windows, reading)
    own[_SEEN] += 1.0


@kernel
def _start_exponentials(own: Float64Array1D, value: float, windows: Float64Array1D, reading: Float64Array1D) -> None:
    seen, ema, fast, slow, signal = int(own[_SEEN]), windows[1], windows[3], windows[4], windows[5]
    own[_EMA] = exponential(own[_EMA], value, seen, 0, ema)
    reading[1] = own[_EMA] if seen >= ema - 1 else np.nan
    # both averages start at the slow one's bar, the fast one with the mean of the values just before it
    own[_FAST] = exponential(own[_FAST], value, seen, slow - fast, fast)
    own[_SLOW] = exponential(own[_SLOW], value, seen, 0, slow)
    reading[3:6] = np.nan
    if seen >= slow - 1:
        line = own[_FAST] - own[_SLOW]
        own[_SIGNAL] = exponential(own[_SIGNAL], line, seen, slow - 1, signal)
        if seen >= slow + signal - 2:
            reading[3], reading[4], reading[5] = line, own[_SIGNAL], line - own[_SIGNAL]


@kernel
def _start_ranges(
    own: Float64Array1D, high: float, low: float, close: float, windows: Float64Array1D, reading: Float64Array1D
) -> None:
    seen, rsi, atr = int(own[_BARS]), windows[2], windows[7]
    reading[2] = np.nan
    reading[6:10] = np.nan
    if seen > 0:
        own[_GAIN] = wilder(own[_GAIN], max(close - own[_CLOSE], 0.0), seen, rsi)
        own[_LOSS] = wilder(own[_LOSS], max(own[_CLOSE] - close, 0.0), seen, rsi)
        own[_ATR] = wilder(own[_ATR], true_range(high, low, own[_CLOSE]), seen, atr)
        reading[2] = share(own[_GAIN], own[_LOSS]) if seen >= rsi else np.nan
        reading[9] = own[_ATR] if seen >= atr else np.nan
        _start_directional(own, high, low, seen, windows[6], reading)
    own[_BARS] += 1.0
    own[_HIGH], own[_LOW], own[_CLOSE] = high, low, close


@kernel
def _start_directional(
    own: Float64Array1D, high: float, low: float, seen: int, period: float, reading: Float64Array1D
) -> None:
    rise, fall = high - own[_HIGH], own[_LOW] - low
    # the first totals are plain sums: only from the period on does each step drop a share
    kept = 1.0 - 1.0 / period if seen >= period else 1.0
    own[_SPAN] = own[_SPAN] * kept + true_range(high, low, own[_CLOSE])
    own[_PLUS] = own[_PLUS] * kept + (rise if rise > fall and rise > 0.0 else 0.0)
    own[_MINUS] = own[_MINUS] * kept + (fall if fall > rise and fall > 0.0 else 0.0)
    if seen < period:
        return
    scale = 100.0 / own[_SPAN] if own[_SPAN] > NOTHING else 0.0
    plus, minus = own[_PLUS] * scale, own[_MINUS] * scale
    reading[7], reading[8] = plus, minus
    known = plus + minus > NOTHING
    strength = 100.0 * abs(plus - minus) / (plus + minus) if known else 0.0
    if seen < 2 * period:
        own[_ADX] += strength
        if seen == 2 * period - 1:
            own[_ADX] /= period
    elif known:
        own[_ADX] += (strength - own[_ADX]) / period
    if seen >= 2 * period - 1:
        reading[6] = own[_ADX]


@kernel
def _sum_anew(own: Float64Array1D, value: float, sma: int, band: int) -> None:
    """Begin the ring again: sums from its values, distances from the newest of them."""
    end = _RING + max(sma, band)
    own[_PLACE], own[_ORIGIN] = 0.0, value
    own[_SUM], own[_BAND], own[_SQUARES] = 0.0, 0.0, 0.0
    for place in range(end - sma, end):
        own[_SUM] += own[place]
    for place in range(end - band, end):
        distance = own[place] - value
        own[_BAND] += distance
        own[_SQUARES] += distance * distance
