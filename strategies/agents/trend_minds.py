"""The minds that follow: momentum, breakout, trend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from brokers.domain.market import Float64Array1D
from strategies.agents.columns import Columns
from strategies.agents.specialist import Character, Specialist, beyond, evidence_of, in_moves, price, share, squashed
from strategies.agents.vote import Thesis

# an index of direction below the first says nothing, above the second all it can
ADX_QUIET, ADX_STRONG = 15.0, 35.0


def _momentum(read: Columns) -> Float64Array1D:
    """Agree over three windows, in units of the usual range, on a market with direction and volume."""
    moves = [in_moves(read[f"ret_{bars}"], read["atr_frac"], bars) for bars in (3, 12, 48)]
    agree = (np.sign(moves[0]) == np.sign(moves[1])) & (np.sign(moves[1]) == np.sign(moves[2]))
    strength = squashed((moves[0] + moves[1] + moves[2]) / 3.0, 1.5)
    direction = np.clip((read["adx_14"] - ADX_QUIET) / (ADX_STRONG - ADX_QUIET), 0.0, 1.0)
    volume = np.clip(read["vol_ratio"], 0.5, 1.25) / 1.25
    return np.where(agree, strength * direction * volume, 0.0)


def _tell_momentum(of: Mapping[str, Any], score: float) -> Thesis:
    cites = ("ret_3", "ret_12", "ret_48", "adx_14", "vol_ratio")
    if score == 0.0:
        same = of["ret_3"] * of["ret_12"] > 0 and of["ret_12"] * of["ret_48"] > 0
        why = f"but ADX {of['adx_14']:.0f} shows no direction" if same else "the three windows do not agree"
        return evidence_of(of, f"{share(of['ret_12'])} over 12 bars, {why}: flat.", cites)
    verb = "rose" if score > 0 else "fell"
    text = (
        f"Price {verb} in every window from 3 to 48 bars ({share(of['ret_48'])} over the longest), "
        f"ADX {of['adx_14']:.0f}, volume {of['vol_ratio']:.1f} times its average."
    )
    return evidence_of(of, text, cites, beyond(of["last"], of["atr_frac"], score, 2.0))


def _breakout(read: Columns) -> Float64Array1D:
    """Leave the range of the bars before, the further and the busier the better, out of a squeeze best of all."""
    usual = read["last"] * read["atr_frac"]
    over, under = (read["last"] - read["donchian_high"]) / usual, (read["donchian_low"] - read["last"]) / usual
    side = np.where(over > 0.0, 1.0, np.where(under > 0.0, -1.0, 0.0))
    distance = np.clip(np.maximum(over, under), 0.0, 1.0)
    surge = np.clip((read["vol_ratio"] - 0.8) / 1.2, 0.0, 1.0)
    squeeze = 1.0 - read["bb_width_rank"]
    return side * (0.3 + 0.2 * distance + 0.3 * surge + 0.2 * squeeze) * np.where(surge > 0.0, 1.0, 0.5)


def _tell_breakout(of: Mapping[str, Any], score: float) -> Thesis:
    cites = ("last", "donchian_high", "donchian_low", "vol_ratio", "bb_width_rank")
    low, high = price(of["donchian_low"]), price(of["donchian_high"])
    if score == 0.0:
        return evidence_of(of, f"The 20-bar range is {low} to {high} and the last price is inside it: flat.", cites)
    side, level = ("above", high) if score > 0 else ("below", low)
    text = (
        f"Closed {side} the 20-bar range at {level} on {of['vol_ratio']:.1f} times the usual volume, "
        f"out of bands wider than {of['bb_width_rank'] * 100:.0f} % of their past."
    )
    return evidence_of(of, text, cites, f"void back inside the range, {'below' if score > 0 else 'above'} {level}")


def _trend(read: Columns) -> Float64Array1D:
    """Take the side on which three averages are stacked, the surer the steeper and the cleaner the swings."""
    fast, middle, slow = read["ema_20"], read["sma_50"], read["sma_200"]
    side = np.where((fast > middle) & (middle > slow), 1.0, np.where((fast < middle) & (middle < slow), -1.0, 0.0))
    slope = squashed(in_moves(read["slope_50"] * 10.0, read["atr_frac"], 10), 0.5)
    with_slope = np.where(np.sign(slope) == side, np.abs(slope), 0.0)
    higher = (read["high_20"] > read["high_20_before"]) & (read["low_20"] > read["low_20_before"])
    lower = (read["high_20"] < read["high_20_before"]) & (read["low_20"] < read["low_20_before"])
    swings = np.where(side > 0.0, higher, lower)
    return side * np.where(with_slope > 0.0, 0.25 + 0.35 * with_slope + 0.25 * swings, 0.1)


def _tell_trend(of: Mapping[str, Any], score: float) -> Thesis:
    cites = ("ema_20", "sma_50", "sma_200", "slope_50", "low_20", "low_20_before")
    if score == 0.0:
        return evidence_of(of, "The 20, 50 and 200-bar averages are not stacked either way: flat.", cites)
    way = "upwards" if score > 0 else "downwards"
    swings = of["low_20"] > of["low_20_before"] if score > 0 else of["high_20"] < of["high_20_before"]
    last = (
        ("the last low is above the one before" if score > 0 else "the last high is below the one before")
        if (swings)
        else "the swings do not confirm it yet"
    )
    text = f"The 20, 50 and 200-bar averages are stacked {way} and {last}."
    return evidence_of(of, text, cites, f"void beyond the 50-bar average at {price(of['sma_50'])}")


MOMENTUM = Specialist(
    key="momentum",
    name="Momentum Hunter",
    speciality="trend momentum",
    character=Character.TREND,
    horizon_bars=12,
    needs=("last", "ret_3", "ret_12", "ret_48", "adx_14", "vol_ratio", "atr_frac"),
    lean=_momentum,
    tell=_tell_momentum,
)
BREAKOUT = Specialist(
    key="breakout",
    name="Breakout Sniper",
    speciality="range breaks, squeezes",
    character=Character.TREND,
    horizon_bars=12,
    needs=("last", "donchian_high", "donchian_low", "vol_ratio", "bb_width_rank", "atr_frac"),
    lean=_breakout,
    tell=_tell_breakout,
)
TREND = Specialist(
    key="trend",
    name="Trend Surfer",
    speciality="slower trend following",
    character=Character.TREND,
    horizon_bars=48,
    needs=(
        "ema_20",
        "sma_50",
        "sma_200",
        "slope_50",
        "high_20",
        "low_20",
        "high_20_before",
        "low_20_before",
        "atr_frac",
    ),
    lean=_trend,
    tell=_tell_trend,
)
