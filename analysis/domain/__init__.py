"""Indicators and measures: plain functions over float64 arrays."""

from analysis.domain.indicators import atr, ema, relative_volume, session_vwap, sma

__all__ = ["atr", "ema", "relative_volume", "session_vwap", "sma"]
