"""What dealers would have to trade when the market moves, if they were long every call and short every put.

That is an assumption, the customary one: nobody publishes who holds what. Figures are in the underlying's currency.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brokers.domain.market import Float64Array1D
from options.domain.chain import Chain
from options.domain.open_interest import told
from options.domain.pricing import on_forward, value
from options.domain.quotes import CALL, PUT, Cells

ASSUMPTION = "Assumes that dealers are long calls and short puts."
FLIP_RANGE = 0.10
FLIP_STEPS = 81


def gamma_exposure(chain: Chain) -> Cells:
    """Return gamma * open interest * F^2 * 0.01 for each cell, calls positive and puts negative: currency per 1 % move.

    NaN where a strike has no volatility; 0 where its open interest is not told.
    """
    level = chain.forward.price
    exposure: Cells = chain.cells("gamma") * told(chain.quotes.open_interest) * (level * level * 0.01)
    exposure[PUT] *= -1.0
    return exposure


def delta_exposure(chain: Chain) -> Cells:
    """Return delta * open interest * F for each cell, as the options stand (puts negative): currency of delta notional."""
    exposure: Cells = chain.cells("delta") * told(chain.quotes.open_interest) * chain.forward.price
    return exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaProfile:
    """Total gamma exposure were the market elsewhere: `moves` as fractions of today's level, and where its sign turns.

    `flip` is the move nearest to 0 at which the total is zero; None where it keeps its sign over the whole range.
    """

    moves: Float64Array1D
    exposure: Float64Array1D
    flip: float | None


def gamma_profile(chains: Sequence[Chain], *, reach: float = FLIP_RANGE, steps: int = FLIP_STEPS) -> GammaProfile:
    """Reprice a whole book with every forward moved by the same fraction, each strike keeping its volatility."""
    moves = np.linspace(-reach, reach, steps)
    exposure = np.zeros(steps)
    for chain in chains:
        exposure += _repriced(chain, moves)
    return GammaProfile(moves=moves, exposure=exposure, flip=_nearest_zero(moves, exposure))


def _repriced(chain: Chain, moves: Float64Array1D) -> Float64Array1D:
    held = told(chain.quotes.open_interest)
    net = held[CALL] - held[PUT]  # a call and a put of one strike have one gamma
    counts = np.isfinite(chain.volatility) & (net != 0.0)
    if not counts.any():
        return np.zeros(moves.size)
    levels = np.repeat(chain.forward.price * (1.0 + moves), int(counts.sum()))
    terms = on_forward(
        forward=levels,
        strike=np.tile(chain.strike[counts], moves.size),
        years=chain.years,
        discount=chain.discount,
        is_call=True,
    )
    gamma = value(terms, np.tile(chain.volatility[counts], moves.size), with_second_order=False).gamma
    each = gamma * levels * levels * 0.01 * np.tile(net[counts], moves.size)
    total: Float64Array1D = each.reshape(moves.size, -1).sum(axis=1)
    return total


def _nearest_zero(moves: Float64Array1D, exposure: Float64Array1D) -> float | None:
    turns = np.flatnonzero(np.sign(exposure[:-1]) * np.sign(exposure[1:]) < 0)
    if turns.size == 0:
        return None
    left, right = exposure[turns], exposure[turns + 1]
    zeros = moves[turns] + (moves[turns + 1] - moves[turns]) * left / (left - right)
    nearest = float(zeros[np.argmin(np.abs(zeros))])
    return nearest if math.isfinite(nearest) else None
