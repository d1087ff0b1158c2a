"""The panel over a whole history at once: the consensus at every bar, from bars alone.

What only a book or a model could say is an abstention here: order flow without a depth, so that a backtest and the
desk hear the same five voices, and the reasoner where they are in dispute. Each value depends on its own bar and
those before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brokers.domain.market import Bars, Float64Array1D
from strategies.agents.columns import columns_of
from strategies.agents.consensus import Rules
from strategies.agents.regime import ADX_DIRECTION, DIRECTION, MULTIPLIERS, VOLATILE_RANK, VOLATILE_RATIO
from strategies.agents.roster import SPECIALISTS
from strategies.agents.specialist import Character

VOICES = tuple(one for one in SPECIALISTS if one.character is not Character.FLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelColumns:
    """The consensus after each bar, shape (n,); `side` is 1, -1 or 0, and NaN where too few could vote."""

    scores: dict[str, Float64Array1D]
    score: Float64Array1D
    participation: Float64Array1D
    agreement: Float64Array1D
    side: Float64Array1D


def panel_of(bars: Bars, rules: Rules) -> PanelColumns:
    """Return what the panel says after every bar, every record at equal weight."""
    columns = columns_of(bars)
    scores = {voice.key: voice.scores({**columns}) for voice in VOICES}
    told = np.stack([scores[voice.key] for voice in VOICES])
    weights = np.stack([_multiplier(voice.character, columns) for voice in VOICES])
    spoke = ~np.isnan(told)
    known, weight = np.nan_to_num(told), np.where(spoke, weights, 0.0)
    total, asked = weight.sum(axis=0), weights.sum(axis=0)
    lean, force = (known * weight).sum(axis=0), (np.abs(known) * weight).sum(axis=0)
    with_it = np.where(known * lean > 0.0, np.abs(known) * weight, 0.0).sum(axis=0)
    score, participation, agreement = _divided(lean, total), _divided(total, asked), _divided(with_it, force)
    passes = (np.abs(score) >= rules.threshold) & (agreement >= rules.agreement) & (score != 0.0)
    side = np.where(participation >= rules.participation, np.where(passes, np.sign(score), 0.0), np.nan)
    return PanelColumns(scores=scores, score=score, participation=participation, agreement=agreement, side=side)


def _multiplier(character: Character, columns: dict[str, Float64Array1D]) -> Float64Array1D:
    """Return what the instrument's own regime makes of a character, 1 until it can be named."""
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = np.abs(columns["ret_48"] / (columns["atr_frac"] * np.sqrt(48.0)))
        is_volatile = (columns["atr_rank"] >= VOLATILE_RANK) & (columns["rv_ratio"] >= VOLATILE_RATIO)
        is_trending = (moved >= DIRECTION) & (columns["adx_14"] >= ADX_DIRECTION) & ~is_volatile
    words = MULTIPLIERS.get(character, {})
    named = np.where(
        is_volatile,
        words.get("volatile", 1.0),
        np.where(is_trending, words.get("trending", 1.0), words.get("range", 1.0)),
    )
    is_known: npt.NDArray[np.bool_] = np.isfinite(moved) & np.isfinite(columns["adx_14"])
    is_known &= np.isfinite(columns["atr_rank"]) & np.isfinite(columns["rv_ratio"])
    return np.where(is_known, named, 1.0)


def _divided(above: Float64Array1D, below: Float64Array1D) -> Float64Array1D:
    result = np.zeros(above.shape)
    np.divide(above, below, out=result, where=below > 0.0)
    return result
