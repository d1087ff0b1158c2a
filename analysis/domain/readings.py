"""The columns of what the streaming engine answers, named without loading its compiled loops."""

from __future__ import annotations

from enum import IntEnum


class Reading(IntEnum):
    """The columns of what the engine answers; NaN until an instrument has enough bars."""

    SMA = 0
    EMA = 1
    RSI = 2
    MACD = 3
    MACD_SIGNAL = 4
    MACD_HISTOGRAM = 5
    ADX = 6
    PLUS_DI = 7
    MINUS_DI = 8
    ATR = 9
    BOLLINGER_UPPER = 10
    BOLLINGER_MIDDLE = 11
    BOLLINGER_LOWER = 12
    VWAP = 13
    VOLUME_RATIO = 14
    OBV = 15
    MFI = 16
    CCI = 17
    STOCHASTIC_K = 18
    STOCHASTIC_D = 19
    DONCHIAN_UPPER = 20
    DONCHIAN_MIDDLE = 21
    DONCHIAN_LOWER = 22
    KELTNER_UPPER = 23
    KELTNER_MIDDLE = 24
    KELTNER_LOWER = 25
    ICHIMOKU_CONVERSION = 26
    ICHIMOKU_BASE = 27
    ICHIMOKU_SPAN_A = 28
    ICHIMOKU_SPAN_B = 29
    SUPERTREND = 30
    SUPERTREND_DIRECTION = 31
    REGRESSION_SLOPE = 32
