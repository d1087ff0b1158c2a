"""What a rule may speak of: every indicator by its name, with its parameters and their bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from analysis.domain.channels import bollinger, donchian, highest, ichimoku, keltner, lowest, supertrend
from analysis.domain.daily import DailySeries
from analysis.domain.indicators import atr, directional, ema, macd, regression_slope, sma
from analysis.domain.oscillators import cci, rsi, stochastic
from analysis.domain.performance import bar_return, relative_strength
from analysis.domain.volumes import mfi, obv, volume_ratio
from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D

LONGEST_WINDOW = 500
Column = Callable[..., Float64Array1D]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """One thing that a rule may name: its text, its parameters with their defaults, and how it is computed."""

    name: str
    text: str
    defaults: Mapping[str, float]
    column: Column


def operand(name: str) -> Operand:
    """Return an operand; raise Invalid naming it where there is none."""
    found = OPERANDS.get(name)
    if found is None:
        raise Invalid(f"there is no indicator named {name!r}", code="rule.indicator", field=name)
    return found


def parameters(of: Operand, given: Mapping[str, Any]) -> dict[str, float]:
    """Return the parameters with the defaults filled in; raise Invalid for a strange or impossible one."""
    unknown = sorted(set(given) - set(of.defaults))
    if unknown:
        raise Invalid(f"{of.name} has no parameter {unknown[0]!r}", code="rule.parameter", field=unknown[0])
    values: dict[str, float] = {}
    for key, default in of.defaults.items():
        value = given.get(key, default)
        whole = isinstance(default, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            kind = "a whole number" if whole else "a number"
            raise Invalid(f"{key} of {of.name} must be {kind}", code="rule.parameter", field=key)
        if not 0 < value <= LONGEST_WINDOW:
            message = f"{key} of {of.name} must lie above 0 and within {LONGEST_WINDOW}, not {value}"
            raise Invalid(message, code="rule.parameter", field=key)
        values[key] = value
    return values


def _operand(name: str, text: str, column: Column, **defaults: float) -> Operand:
    return Operand(name=name, text=text, defaults=defaults, column=column)


def _bars(of: DailySeries) -> tuple[Float64Array1D, Float64Array1D, Float64Array1D]:
    return of.high, of.low, of.close


def _macd(of: DailySeries, fast: int, slow: int, signal: int) -> Any:
    return macd(of.close, fast, slow, signal)


def _stochastic(of: DailySeries, period: int, smooth: int, signal: int) -> Any:
    return stochastic(*_bars(of), period, smooth=smooth, signal=signal)


def _keltner(of: DailySeries, period: int, atr_period: int, ranges: float) -> Any:
    return keltner(*_bars(of), period, atr_period=atr_period, ranges=ranges)


_MACD = {"fast": 12, "slow": 26, "signal": 9}
_STOCHASTIC = {"period": 14, "smooth": 3, "signal": 3}
_BANDS = {"period": 20, "deviations": 2.0}
_KELTNER = {"period": 20, "atr_period": 10, "ranges": 2.0}
_CLOUD = {"conversion": 9, "base": 26, "span": 52}
_TRAIL = {"period": 10, "ranges": 3.0}

OPERANDS: dict[str, Operand] = {
    one.name: one
    for one in (
        _operand("open", "open", lambda of: of.open),
        _operand("high", "high", lambda of: of.high),
        _operand("low", "low", lambda of: of.low),
        _operand("close", "close", lambda of: of.close),
        _operand("volume", "volume", lambda of: of.volume),
        _operand("change", "change over bars, %", lambda of, bars: bar_return(of.close, bars) * 100.0, bars=1),
        _operand("sma", "simple average", lambda of, period: sma(of.close, period), period=20),
        _operand("ema", "exponential average", lambda of, period: ema(of.close, period), period=20),
        _operand("rsi", "RSI", lambda of, period: rsi(of.close, period), period=14),
        _operand("macd", "MACD line", lambda of, **p: _macd(of, **p).line, **_MACD),
        _operand("macd_signal", "MACD signal", lambda of, **p: _macd(of, **p).signal, **_MACD),
        _operand("macd_histogram", "MACD histogram", lambda of, **p: _macd(of, **p).histogram, **_MACD),
        _operand("adx", "ADX", lambda of, period: directional(*_bars(of), period).adx, period=14),
        _operand("plus_di", "+DI", lambda of, period: directional(*_bars(of), period).plus, period=14),
        _operand("minus_di", "-DI", lambda of, period: directional(*_bars(of), period).minus, period=14),
        _operand("atr", "average true range", lambda of, period: atr(*_bars(of), period), period=14),
        _operand("bollinger_upper", "upper Bollinger band", lambda of, **p: bollinger(of.close, **p).upper, **_BANDS),
        _operand("bollinger_lower", "lower Bollinger band", lambda of, **p: bollinger(of.close, **p).lower, **_BANDS),
        _operand("volume_ratio", "volume ratio", lambda of, period: volume_ratio(of.volume, period), period=20),
        _operand("supertrend", "supertrend", lambda of, **p: supertrend(*_bars(of), **p).line, **_TRAIL),
        _operand(
            "supertrend_direction",
            "supertrend direction",
            lambda of, **p: supertrend(*_bars(of), **p).direction,
            **_TRAIL,
        ),
        _operand("stochastic_k", "stochastic %K", lambda of, **p: _stochastic(of, **p).k, **_STOCHASTIC),
        _operand("stochastic_d", "stochastic %D", lambda of, **p: _stochastic(of, **p).d, **_STOCHASTIC),
        _operand("mfi", "money flow index", lambda of, period: mfi(*_bars(of), of.volume, period), period=14),
        _operand("cci", "CCI", lambda of, period: cci(*_bars(of), period), period=20),
        _operand("obv", "on-balance volume", lambda of: obv(of.close, of.volume)),
        _operand(
            "ichimoku_conversion",
            "Ichimoku conversion",
            lambda of, **p: ichimoku(of.high, of.low, **p).conversion,
            **_CLOUD,
        ),
        _operand("ichimoku_base", "Ichimoku base", lambda of, **p: ichimoku(of.high, of.low, **p).base, **_CLOUD),
        _operand("ichimoku_span_a", "Ichimoku span A", lambda of, **p: ichimoku(of.high, of.low, **p).span_a, **_CLOUD),
        _operand("ichimoku_span_b", "Ichimoku span B", lambda of, **p: ichimoku(of.high, of.low, **p).span_b, **_CLOUD),
        _operand(
            "donchian_upper",
            "upper Donchian line",
            lambda of, period: donchian(of.high, of.low, period).upper,
            period=20,
        ),
        _operand(
            "donchian_lower",
            "lower Donchian line",
            lambda of, period: donchian(of.high, of.low, period).lower,
            period=20,
        ),
        _operand("keltner_upper", "upper Keltner line", lambda of, **p: _keltner(of, **p).upper, **_KELTNER),
        _operand("keltner_lower", "lower Keltner line", lambda of, **p: _keltner(of, **p).lower, **_KELTNER),
        _operand("slope", "regression slope", lambda of, period: regression_slope(of.close, period), period=14),
        _operand("highest", "highest high", lambda of, period: highest(of.high, period), period=20),
        _operand("lowest", "lowest low", lambda of, period: lowest(of.low, period), period=20),
        _operand("strength", "relative strength score", lambda of: relative_strength(of.close)),
    )
}
