"""Every trigger in a trader's words."""

from __future__ import annotations

from collections.abc import Mapping

TRIGGER_WORDS: Mapping[str, str] = {
    "macd_cross_up": "MACD crosses above its signal",
    "macd_cross_down": "MACD crosses below its signal",
    "rsi_oversold": "RSI below 30",
    "rsi_overbought": "RSI above 70",
    "golden_cross": "50-day average crosses above the 200-day",
    "death_cross": "50-day average crosses below the 200-day",
    "volume_surge_up": "Over twice the usual volume on a rise of 2 %",
    "volume_surge_down": "Over twice the usual volume on a fall of 2 %",
    "near_year_high": "Within 2 % of the 52-week high",
    "near_year_low": "Within 5 % of the 52-week low",
    "bollinger_above": "Close above the upper Bollinger band",
    "bollinger_below": "Close below the lower Bollinger band",
    "bollinger_squeeze": "Bollinger bands the narrowest of 126 days",
    "adx_strong_up": "ADX above 40, upward",
    "adx_strong_down": "ADX above 40, downward",
    "tight_range": "Five days within 3 %",
    "stochastic_up": "Stochastic turns up under 20",
    "stochastic_down": "Stochastic turns down over 80",
    "mfi_oversold": "Money flow index below 20",
    "mfi_overbought": "Money flow index above 80",
    "cci_above_200": "CCI above 200",
    "cci_below_200": "CCI below -200",
    "cloud_break_up": "Close leaves the Ichimoku cloud upward",
    "cloud_break_down": "Close leaves the Ichimoku cloud downward",
    "volatility_contraction": "Volatility contraction near the high",
    "pocket_pivot": "Pocket pivot",
    "stage_2_begins": "Stage 2 begins",
    "stage_4_begins": "Stage 4 begins",
    "relative_strength_high": "Relative strength rating of 85 or more",
    "relative_strength_low": "Relative strength rating of 15 or less",
}
