"""Indicators and measures: plain functions over float64 arrays."""

from analysis.domain.channels import (
    Channel,
    Ichimoku,
    Supertrend,
    bollinger,
    donchian,
    highest,
    ichimoku,
    keltner,
    lowest,
    supertrend,
)
from analysis.domain.indicators import (
    Directional,
    Macd,
    adx,
    atr,
    directional,
    ema,
    macd,
    regression_slope,
    sma,
)
from analysis.domain.oscillators import Stochastic, cci, rsi, stochastic
from analysis.domain.volumes import mfi, obv, relative_volume, session_vwap, volume_ratio

__all__ = [
    "Channel",
    "Directional",
    "Ichimoku",
    "Macd",
    "Stochastic",
    "Supertrend",
    "adx",
    "atr",
    "bollinger",
    "cci",
    "directional",
    "donchian",
    "ema",
    "highest",
    "ichimoku",
    "keltner",
    "lowest",
    "macd",
    "mfi",
    "obv",
    "regression_slope",
    "relative_volume",
    "rsi",
    "session_vwap",
    "sma",
    "stochastic",
    "supertrend",
    "volume_ratio",
]
