"""How much of a Sharpe ratio is luck: deflated by the number of trials, and the probability of overfitting."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import e, sqrt
from statistics import NormalDist

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D
from strategies.domain.backtest.statistics import deviation, standardised_moment
from strategies.domain.backtest.terms import Float64Array2D

_EULER = 0.5772156649015329
_NORMAL = NormalDist()
_LEAST = 1e-12


def expected_best(trials: int, deviation_of_trials: float) -> float:
    r"""Return the daily Sharpe ratio that the best of so many worthless trials is expected to show.

    Parameters
    ----------
    trials : int
        Every one that was tried, abandoned ones included, from 1.
    deviation_of_trials : float
        Standard deviation of the trials' unannualised Sharpe ratios.

    Notes
    -----
    .. math:: \sigma \left[(1 - \gamma) \Phi^{-1}(1 - 1/N) + \gamma \Phi^{-1}(1 - 1/(N e))\right]

    0 for a single trial. Source: Bailey and López de Prado, The Deflated Sharpe Ratio (2014).
    """
    if trials < 1:
        raise Invalid(f"at least one trial was made, not {trials}", code="statistics.trials", field="trials")
    if trials == 1:
        return 0.0
    inverse = _NORMAL.inv_cdf
    return deviation_of_trials * ((1 - _EULER) * inverse(1 - 1 / trials) + _EULER * inverse(1 - 1 / (trials * e)))


def deflated_sharpe(returns: Float64Array1D, *, trials: int = 1, deviation_of_trials: float = 0.0) -> float | None:
    r"""Return the probability that the true Sharpe ratio is above what the best of the trials shows by luck.

    Parameters
    ----------
    returns : ndarray of float64, shape (days,)
        Daily, net, idle days included.

    Returns
    -------
    float or None
        From 0 to 1; None where the returns do not vary.

    Notes
    -----
    .. math:: \Phi\left(\frac{(\hat S - S_0) \sqrt{T - 1}}{\sqrt{1 - g_3 \hat S + \frac{g_4 - 1}{4} \hat S^2}}\right)

    with S unannualised, and skew and kurtosis g of the returns. Source: as `expected_best`.
    """
    spread, skew, kurtosis = deviation(returns), standardised_moment(returns, 3), standardised_moment(returns, 4)
    if spread is None or skew is None or kurtosis is None:
        return None
    sharpe = float(returns.mean()) / spread
    # never negative, since a kurtosis is at least the squared skew and 1
    variance = max(1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2, _LEAST)
    hurdle = expected_best(trials, deviation_of_trials)
    return _NORMAL.cdf((sharpe - hurdle) * sqrt(returns.size - 1) / sqrt(variance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """How often the best of one half of the time is worse than the median in the other half."""

    probability: float
    logits: Float64Array1D
    splits: int


def overfitting(returns: Float64Array2D, *, blocks: int = 10) -> Overfitting:
    r"""Return the probability of overfitting by combinatorially symmetric cross-validation.

    Parameters
    ----------
    returns : ndarray of float64, shape (days, trials)
        Daily returns of every trial over the same days.
    blocks : int
        Even; the days are cut into so many, and every half of them judges the other.

    Notes
    -----
    .. math:: \lambda = \ln \frac{w}{1 - w}, \quad p = P(\lambda \le 0)

    with w the rank, over N + 1, of the best trial in sample among all out of sample. Source: Bailey, Borwein,
    López de Prado and Zhu, The Probability of Backtest Overfitting (2015).
    """
    days, trials = returns.shape
    if trials < 2:
        raise Invalid("overfitting is judged over at least two trials", code="statistics.trials", field="trials")
    if blocks < 4 or blocks % 2 or days < 2 * blocks:
        raise Invalid(
            f"blocks are an even number from 4 to half the days ({days}), not {blocks}",
            code="statistics.blocks",
            field="blocks",
        )
    moments = _block_moments(returns, blocks)
    chosen = list(combinations(range(blocks), blocks // 2))
    logits = np.array([_logit(moments, halves) for halves in chosen])
    return Overfitting(probability=float(np.mean(logits <= 0.0)), logits=logits, splits=len(chosen))


def _block_moments(returns: Float64Array2D, blocks: int) -> Float64Array2D:
    parts = np.array_split(returns, blocks)
    return np.stack([np.stack((np.full(part.shape[1], len(part)), part.sum(0), (part**2).sum(0))) for part in parts])


def _logit(moments: Float64Array2D, inside: tuple[int, ...]) -> float:
    outside = [block for block in range(len(moments)) if block not in inside]
    best = int(np.argmax(_sharpe(moments[list(inside)])))
    out = _sharpe(moments[outside])
    # ties share their rank, so that equal trials are neither luck nor skill
    rank = np.count_nonzero(out < out[best]) + (np.count_nonzero(out == out[best]) + 1) / 2
    place = rank / (out.size + 1)
    return float(np.log(place / (1.0 - place)))


def _sharpe(moments: Float64Array2D) -> Float64Array1D:
    count, total, squares = moments.sum(axis=0)
    mean = total / count
    spread = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    ratio: Float64Array1D = np.zeros(mean.shape)
    np.divide(mean, spread, out=ratio, where=spread > 1e-12)
    return ratio
