"""Figures of closed bars of minutes that an alert may watch: any indicator of the rules that has a lasting level.

A figure is written as one name, ``rsi(14)@5m``: the indicator, its parameters in their order, and how long a bar is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from analysis.domain.operands import operand, parameters
from analysis.domain.readings import Reading
from analysis.domain.streaming_periods import CorePeriods, WidePeriods, checked_core, checked_wide
from brokers.domain.errors import Invalid

TIMEFRAMES: Mapping[str, int] = {"1m": 60, "3m": 180, "5m": 300, "15m": 900, "30m": 1_800, "60m": 3_600}
LONGEST_NAME = 64
# a recursive average has forgotten all but e⁻²⁰ of where it began after so many of its periods
_SETTLED_PERIODS = 20
_MOST_BARS = 5_000
_STRENGTH_BARS = 253
_WRITTEN = re.compile(r"([a-z_]+)(?:\(([^()]*)\))?@([0-9a-z]+)")


class Windows(NamedTuple):
    """Where the streaming engine tells a figure: the windows that it runs with, and the column."""

    core: CorePeriods
    wide: WidePeriods
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFigure:
    """An indicator on closed bars; `given` are its parameters in the order of its defaults."""

    indicator: str
    given: tuple[float, ...]
    timeframe: str

    def __str__(self) -> str:
        inside = ",".join(f"{value:g}" for value in self.given)
        return f"{self.indicator}({inside})@{self.timeframe}" if inside else f"{self.indicator}@{self.timeframe}"

    @property
    def interval_s(self) -> int:
        return TIMEFRAMES[self.timeframe]

    @property
    def parameters(self) -> dict[str, float]:
        return dict(zip(operand(self.indicator).defaults, self.given, strict=True))

    @property
    def text(self) -> str:
        """The figure in words."""
        inside = ", ".join(f"{value:g}" for value in self.given)
        named = operand(self.indicator).text
        shown = f"{named}({inside})" if inside else named
        return f"{shown}, {self.timeframe.removesuffix('m')} min"

    @property
    def bars_needed(self) -> int:
        """How many bars its value is worked out from at first."""
        if self.indicator in _STREAMED:
            longest = max((value for value in self.given if isinstance(value, int)), default=1)
            return min(_SETTLED_PERIODS * int(longest) + 60, _MOST_BARS)
        return _STRENGTH_BARS if self.indicator == "strength" else int(max(self.given, default=0)) + 1

    @property
    def windows(self) -> Windows | None:
        """Where the streaming engine tells it; None for what the last bars tell by themselves."""
        if self.indicator not in _STREAMED:
            return None
        reading, fields = _STREAMED[self.indicator]
        values: dict[str, Any] = {field: self.parameters[name] for field, name in fields.items()}
        core = {field: value for field, value in values.items() if field in CorePeriods._fields}
        wide = {field: value for field, value in values.items() if field in WidePeriods._fields}
        return Windows(
            checked_core(CorePeriods()._replace(**core)), checked_wide(WidePeriods()._replace(**wide)), reading
        )


def live_figure(indicator: str, timeframe: str, given: Mapping[str, Any]) -> LiveFigure:
    """Return a figure; raise Invalid for an indicator, a parameter or a timeframe that cannot be watched."""
    if timeframe not in TIMEFRAMES:
        known = ", ".join(TIMEFRAMES)
        raise Invalid(
            f"{timeframe!r} is no length of live bars; there are {known}", code="alert.timeframe", field="figure"
        )
    of = operand(indicator)
    if indicator in _NO_LEVEL:
        raise Invalid(_NO_LEVEL[indicator], code="alert.figure", field="figure")
    values = parameters(of, given)
    # the engine's windows are typed, and 2 bands are 2.0
    exact = tuple(
        values[name] if isinstance(usual, int) else float(values[name]) for name, usual in of.defaults.items()
    )
    figure = LiveFigure(indicator=indicator, given=exact, timeframe=timeframe)
    # the engine's own bounds speak here, not first in the desk
    _ = figure.windows
    if figure != _read(str(figure)):
        raise Invalid("a parameter has more digits than are told apart", code="rule.parameter", field="figure")
    return figure


def figure_named(name: str) -> LiveFigure:
    """Return the figure that a name writes; raise Invalid for a name that writes none."""
    figure = _read(name)
    return live_figure(figure.indicator, figure.timeframe, figure.parameters)


def offered_live() -> dict[str, Any]:
    """Return what an alert may watch on closed bars: indicators with their parameters and defaults, and timeframes."""
    names = [*_STREAMED, *_RECENT]
    return {
        "operands": [
            {"name": name, "text": operand(name).text, "parameters": dict(operand(name).defaults)} for name in names
        ],
        "timeframes": list(TIMEFRAMES),
    }


def _read(name: str) -> LiveFigure:
    written = _WRITTEN.fullmatch(name)
    if written is None:
        raise Invalid(f"{name!r} is no figure", code="alert.figure", field="figure")
    indicator, inside, timeframe = written.groups()
    defaults = operand(indicator).defaults
    values = inside.split(",") if inside else []
    if len(values) != len(defaults):
        raise Invalid(f"{indicator} takes {len(defaults)} parameters", code="alert.figure", field="figure")
    try:
        given = tuple(
            int(value) if isinstance(usual, int) else float(value)
            for value, usual in zip(values, defaults.values(), strict=True)
        )
    except ValueError:
        raise Invalid(f"{name!r} has a parameter that is no number", code="alert.figure", field="figure") from None
    return LiveFigure(indicator=indicator, given=given, timeframe=timeframe)


_PERIOD = "period"
_LINES = {"macd_fast": "fast", "macd_slow": "slow", "macd_signal": "signal"}
_BANDS = {"bollinger": _PERIOD, "deviations": "deviations"}
_TRAIL = {"supertrend": _PERIOD, "supertrend_ranges": "ranges"}
_TURNS = {"stochastic": _PERIOD, "stochastic_smooth": "smooth", "stochastic_signal": "signal"}
_CLOUD = {"conversion": "conversion", "base": "base", "span": "span"}
_KELTNER = {"keltner": _PERIOD, "keltner_atr": "atr_period", "keltner_ranges": "ranges"}
_EXTREMES = {"donchian": _PERIOD}

_STREAMED: Mapping[str, tuple[Reading, Mapping[str, str]]] = {
    "sma": (Reading.SMA, {"sma": _PERIOD}),
    "ema": (Reading.EMA, {"ema": _PERIOD}),
    "rsi": (Reading.RSI, {"rsi": _PERIOD}),
    "macd": (Reading.MACD, _LINES),
    "macd_signal": (Reading.MACD_SIGNAL, _LINES),
    "macd_histogram": (Reading.MACD_HISTOGRAM, _LINES),
    "adx": (Reading.ADX, {"adx": _PERIOD}),
    "plus_di": (Reading.PLUS_DI, {"adx": _PERIOD}),
    "minus_di": (Reading.MINUS_DI, {"adx": _PERIOD}),
    "atr": (Reading.ATR, {"atr": _PERIOD}),
    "bollinger_upper": (Reading.BOLLINGER_UPPER, _BANDS),
    "bollinger_lower": (Reading.BOLLINGER_LOWER, _BANDS),
    "volume_ratio": (Reading.VOLUME_RATIO, {"volume": _PERIOD}),
    "supertrend": (Reading.SUPERTREND, _TRAIL),
    "supertrend_direction": (Reading.SUPERTREND_DIRECTION, _TRAIL),
    "stochastic_k": (Reading.STOCHASTIC_K, _TURNS),
    "stochastic_d": (Reading.STOCHASTIC_D, _TURNS),
    "mfi": (Reading.MFI, {"mfi": _PERIOD}),
    "cci": (Reading.CCI, {"cci": _PERIOD}),
    "ichimoku_conversion": (Reading.ICHIMOKU_CONVERSION, _CLOUD),
    "ichimoku_base": (Reading.ICHIMOKU_BASE, _CLOUD),
    "ichimoku_span_a": (Reading.ICHIMOKU_SPAN_A, _CLOUD),
    "ichimoku_span_b": (Reading.ICHIMOKU_SPAN_B, _CLOUD),
    "donchian_upper": (Reading.DONCHIAN_UPPER, _EXTREMES),
    "donchian_lower": (Reading.DONCHIAN_LOWER, _EXTREMES),
    "highest": (Reading.DONCHIAN_UPPER, _EXTREMES),
    "lowest": (Reading.DONCHIAN_LOWER, _EXTREMES),
    "keltner_upper": (Reading.KELTNER_UPPER, _KELTNER),
    "keltner_lower": (Reading.KELTNER_LOWER, _KELTNER),
    "slope": (Reading.REGRESSION_SLOPE, {"slope": _PERIOD}),
}
# what the last bars tell by themselves
_RECENT = ("open", "high", "low", "close", "volume", "change", "strength")
_NO_LEVEL: Mapping[str, str] = {
    "obv": "on-balance volume counts from wherever its bars begin, so no level of it lasts",
}
