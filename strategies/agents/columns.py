"""What the specialists read of bars: one column per measure, each value known at the end of its bar.

Every column has the length of the bars and holds NaN until its window is full. A value depends on its own bar and
those before it alone, so that a backtest over a whole history and a decision at its end read the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.domain import adx, atr, bollinger, ema, highest, lowest, rsi, sma, volume_ratio
from brokers.domain.market import Bars, Float64Array1D
from strategies.library.windows import rolling_vwap, z_score

Columns: TypeAlias = Mapping[str, Float64Array1D]
Windows: TypeAlias = npt.NDArray[np.float64]

SHORT, MIDDLE, LONG = 3, 12, 48
RANGE_BARS, RANK_BARS, STACK_BARS = 20, 120, 200
SLOPE_BARS = 10
# the longest window there is, and the bars over which Wilder's averages forget their beginning
WARMUP_BARS = 260
_TINY = 1e-12


def columns_of(bars: Bars) -> dict[str, Float64Array1D]:
    """Return every measure that bars alone tell, shape (n,) each.

    Returns (`ret_*`, `*_frac`) are fractions, prices are the instrument's own, ranks and shares lie in [0, 1],
    `rv_*` are standard deviations of one bar's logarithmic return.
    """
    if not len(bars):
        return {name: np.empty(0) for name in BAR_FIELDS}
    return {**_trend(bars), **_ranges(bars), **_volatility(bars), **_stretch(bars), **_flow(bars)}


def _trend(bars: Bars) -> dict[str, Float64Array1D]:
    close, middle = bars.close, sma(bars.close, 50)
    before_high, before_low = (
        _earlier(highest(bars.high, RANGE_BARS), RANGE_BARS),
        _earlier(lowest(bars.low, RANGE_BARS), RANGE_BARS),
    )
    return {
        "last": close,
        **{f"ret_{bars_back}": _change(close, bars_back) for bars_back in (SHORT, MIDDLE, LONG)},
        "adx_14": adx(bars.high, bars.low, close, 14),
        "ema_20": ema(close, 20),
        "sma_50": middle,
        "sma_200": sma(close, STACK_BARS),
        "slope_50": _change(middle, SLOPE_BARS) / SLOPE_BARS,
        "high_20": highest(bars.high, RANGE_BARS),
        "low_20": lowest(bars.low, RANGE_BARS),
        "high_20_before": before_high,
        "low_20_before": before_low,
    }


def _ranges(bars: Bars) -> dict[str, Float64Array1D]:
    bands = bollinger(bars.close, RANGE_BARS)
    width = _ratio(bands.upper - bands.lower, bands.middle)
    return {
        # the range that a bar may break is that of the bars before it
        "donchian_high": _earlier(highest(bars.high, RANGE_BARS), 1),
        "donchian_low": _earlier(lowest(bars.low, RANGE_BARS), 1),
        "bb_width": width,
        "bb_width_rank": _earlier(_rank(width, RANK_BARS), 1),
        "bb_position": _ratio(bars.close - bands.middle, (bands.upper - bands.lower) / 2.0),
    }


def _volatility(bars: Bars) -> dict[str, Float64Array1D]:
    range_frac = atr(bars.high, bars.low, bars.close, 14) / bars.close
    returns = _log_returns(bars.close)
    short, long = _deviation(returns, MIDDLE), _deviation(returns, RANK_BARS)
    return {
        "atr_frac": range_frac,
        "atr_rank": _rank(range_frac, RANK_BARS),
        "rv_12": short,
        "rv_120": long,
        "rv_ratio": _ratio(short, long),
    }


def _stretch(bars: Bars) -> dict[str, Float64Array1D]:
    vwap = rolling_vwap(bars.high, bars.low, bars.close, bars.volume, LONG)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = np.log(bars.close / vwap)
    return {"vwap_48": vwap, "z_vwap": z_score(gap, LONG), "rsi_14": rsi(bars.close, 14)}


def _flow(bars: Bars) -> dict[str, Float64Array1D]:
    """Split each bar's volume into bought and sold by its own move (bulk classification)."""
    traded = np.nan_to_num(bars.volume, nan=0.0)
    returns = _log_returns(bars.close)
    lean = np.tanh(_ratio(returns, _deviation(returns, LONG)))
    signed = np.where(traded > 0.0, np.nan_to_num(lean) * traded, 0.0)
    total = _sum(traded, LONG)
    known = np.where(np.isnan(lean), np.nan, 0.0)
    return {
        "vol_ratio": volume_ratio(bars.volume, RANGE_BARS),
        "flow_12": _ratio(_sum(signed, MIDDLE), _sum(traded, MIDDLE)) + known,
        "vpin_48": _ratio(_sum(np.abs(signed), LONG), total) + known,
    }


def _change(values: Float64Array1D, bars: int) -> Float64Array1D:
    return _ratio(values, _earlier(values, bars)) - 1.0


def _earlier(values: Float64Array1D, bars: int) -> Float64Array1D:
    result = np.full(values.shape, np.nan)
    if values.size > bars:
        result[bars:] = values[: values.size - bars]
    return result


def _ratio(above: Float64Array1D, below: Float64Array1D) -> Float64Array1D:
    result = np.full(above.shape, np.nan)
    np.divide(above, below, out=result, where=np.abs(below) > _TINY)
    return result


def _log_returns(close: Float64Array1D) -> Float64Array1D:
    return np.concatenate([[np.nan], np.diff(np.log(close))])


def _deviation(values: Float64Array1D, bars: int) -> Float64Array1D:
    return _windowed(values, bars, lambda windows: np.asarray(windows.std(axis=1)))


def _sum(values: Float64Array1D, bars: int) -> Float64Array1D:
    return _windowed(values, bars, lambda windows: np.asarray(windows.sum(axis=1)))


def _rank(values: Float64Array1D, bars: int) -> Float64Array1D:
    """Return the share of a window that its newest value exceeds, NaN where the window holds one."""

    def ranked(windows: Windows) -> Float64Array1D:
        share = (windows[:, :-1] < windows[:, -1:]).mean(axis=1)
        return np.where(np.isnan(windows).any(axis=1), np.nan, share)

    return _windowed(values, bars, ranked)


def _windowed(values: Float64Array1D, bars: int, measure: Callable[[Windows], Float64Array1D]) -> Float64Array1D:
    result = np.full(values.shape, np.nan)
    if values.size >= bars:
        result[bars - 1 :] = measure(np.lib.stride_tricks.sliding_window_view(values, bars))
    return result


BAR_FIELDS = (
    "last",
    "ret_3",
    "ret_12",
    "ret_48",
    "adx_14",
    "ema_20",
    "sma_50",
    "sma_200",
    "slope_50",
    "high_20",
    "low_20",
    "high_20_before",
    "low_20_before",
    "donchian_high",
    "donchian_low",
    "bb_width",
    "bb_width_rank",
    "bb_position",
    "atr_frac",
    "atr_rank",
    "rv_12",
    "rv_120",
    "rv_ratio",
    "vwap_48",
    "z_vwap",
    "rsi_14",
    "vol_ratio",
    "flow_12",
    "vpin_48",
)
