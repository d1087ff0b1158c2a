r"""A smooth smile for each expiry: Gatheral's SVI, fitted in money, with its no-arbitrage checks and residuals.

Total variance over k = ln(strike / forward) is

.. math:: w(k) = a + b (\rho (k - m) + \sqrt{(k - m)^2 + \sigma^2})

(Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces", 2014). Years are those over which variance builds up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from brokers.domain.market import Float64Array1D
from options.domain.chain import Chain
from options.domain.quotes import CALL, PUT
from options.domain.svi_fit import Sample, fit

LEAST_STRIKES = 6
LEAST_TICKS = 2.0
FARTHEST_DEVIATIONS = 4.0
CHECKED_POINTS = 201
STEEPEST_WING = 2.0
TOLERANCE = 1e-9
_ROOT_TWO_PI = math.sqrt(2.0 * math.pi)


class Parameters(NamedTuple):
    """SVI's five figures, in its raw form."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Smile:
    """One expiry's fitted smile on its forward; `reach` is the log-moneyness that the fit has seen, left and right."""

    parameters: Parameters
    forward: float
    years: float
    reach: tuple[float, float]

    def total_variance(self, log_moneyness: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return w at any log-moneyness."""
        a, b, rho, m, sigma = self.parameters
        x = np.asarray(log_moneyness, dtype=np.float64) - m
        return np.asarray(a + b * (rho * x + np.sqrt(x * x + sigma * sigma)))

    def volatility(self, strike: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return volatilities a year at strikes, extrapolated along SVI's straight wings."""
        total = self.total_variance(np.log(np.asarray(strike, dtype=np.float64) / self.forward))
        return np.asarray(np.sqrt(total / self.years))

    def probability_below(self, level: npt.ArrayLike) -> npt.NDArray[np.float64]:
        r"""Return the risk-neutral probability that the settlement is below levels: N(-d2) + n(d2) d sqrt(w) / dk.

        0 at a level of 0, 1 at infinity.
        """
        levels = np.asarray(level, dtype=np.float64)
        inside = (levels > 0.0) & np.isfinite(levels)
        k = np.log(np.where(inside, levels, self.forward) / self.forward)
        root = np.sqrt(self.total_variance(k))
        d2 = -k / root - 0.5 * root
        below = ndtr(-d2) + np.exp(-0.5 * d2 * d2) / _ROOT_TWO_PI * self._slope(k) / (2.0 * root)
        return np.asarray(np.where(inside, np.clip(below, 0.0, 1.0), np.where(levels > 0.0, 1.0, 0.0)))

    def butterfly(self, log_moneyness: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return Gatheral's g, the density but for a positive factor: below 0 a butterfly would cost less than nothing."""
        k = np.asarray(log_moneyness, dtype=np.float64)
        w, slope = self.total_variance(k), self._slope(k)
        _, b, _, m, sigma = self.parameters
        bend = b * sigma * sigma / ((k - m) ** 2 + sigma * sigma) ** 1.5
        return np.asarray((1.0 - 0.5 * k * slope / w) ** 2 - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * bend)

    def _slope(self, k: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        _, b, rho, m, sigma = self.parameters
        return np.asarray(b * (rho + (k - m) / np.sqrt((k - m) ** 2 + sigma * sigma)))


class Failure(StrEnum):
    """What is wrong with a smile; the text is the page's."""

    NO_FORWARD = "There is no forward to fit around."
    TOO_FEW = "Fewer than six strikes carry a volatility."
    NOT_POSITIVE = "The fit gives a variance below nothing."
    BUTTERFLY = "The fit's density is below nothing somewhere: a butterfly would be free."
    WING = "The fit's wing is steeper than any price allows."
    CALENDAR = "The fit crosses that of an earlier expiry: a calendar spread would be free."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A smile with its failures, and its residuals (k,): the market's volatility less the fit's, NaN where none.

    `smile` is None exactly where the failure is NO_FORWARD or TOO_FEW.
    """

    smile: Smile | None
    failures: tuple[Failure, ...]
    residual: Float64Array1D

    @property
    def is_sound(self) -> bool:
        return not self.failures


def fit_smile(chain: Chain) -> Fitted:
    """Fit one expiry's smile to its out-of-the-money prices and check it by itself."""
    none = np.full(len(chain.quotes), np.nan)
    if not chain.forward.is_known:
        return Fitted(smile=None, failures=(Failure.NO_FORWARD,), residual=none)
    sample = _sample(chain)
    if sample.k.size < LEAST_STRIKES:
        return Fitted(smile=None, failures=(Failure.TOO_FEW,), residual=none)
    smile = Smile(
        parameters=Parameters(*fit(sample)),
        forward=chain.forward.price,
        years=chain.years,
        reach=(float(sample.k[0]), float(sample.k[-1])),
    )
    return Fitted(smile=smile, failures=failures_of(smile), residual=chain.volatility - _inside(smile, chain))


def fit_surface(chains: Sequence[Chain]) -> tuple[Fitted, ...]:
    """Fit every expiry, nearest first, and check each against the one before it that could be fitted."""
    found: list[Fitted] = []
    earlier: Smile | None = None
    for chain in sorted(chains, key=lambda chain: chain.years):
        fitted = fit_smile(chain)
        if fitted.smile is not None:
            crossed = earlier is not None and crosses(earlier, fitted.smile)
            failures = (*fitted.failures, Failure.CALENDAR) if crossed else fitted.failures
            fitted = Fitted(smile=fitted.smile, failures=failures, residual=fitted.residual)
            earlier = fitted.smile
        found.append(fitted)
    return tuple(found)


def failures_of(smile: Smile) -> tuple[Failure, ...]:
    """Check a smile by itself, over one and a half times what it has seen."""
    k = np.linspace(1.5 * min(smile.reach[0], 0.0), 1.5 * max(smile.reach[1], 0.0), CHECKED_POINTS)
    if np.min(smile.total_variance(k)) <= 0.0:
        return (Failure.NOT_POSITIVE,)
    found = []
    if np.min(smile.butterfly(k)) < -TOLERANCE:
        found.append(Failure.BUTTERFLY)
    if smile.parameters.b * (1.0 + abs(smile.parameters.rho)) > STEEPEST_WING:
        found.append(Failure.WING)
    return tuple(found)


def crosses(earlier: Smile, later: Smile) -> bool:
    """Say whether the later expiry has less total variance than the earlier, anywhere that both have seen."""
    left, right = max(earlier.reach[0], later.reach[0]), min(earlier.reach[1], later.reach[1])
    if left >= right:
        return False
    k = np.linspace(left, right, CHECKED_POINTS)
    return bool(np.any(later.total_variance(k) < earlier.total_variance(k) - TOLERANCE))


def _inside(smile: Smile, chain: Chain) -> Float64Array1D:
    return np.where(np.isfinite(chain.volatility), smile.volatility(chain.strike), np.nan)


def _sample(chain: Chain) -> Sample:
    """Gather the strikes that may speak: priced out of the money, above two ticks, within four deviations at the money."""
    freshness = chain.market.freshness
    outside = np.where(chain.strike >= chain.forward.price, chain.price[CALL], chain.price[PUT])
    vega = chain.cells("vega")[CALL] * 100.0
    deviation = chain.atm_volatility * math.sqrt(chain.years)
    usable = (
        np.isfinite(chain.volatility)
        & (outside >= LEAST_TICKS * freshness.tick)
        & (np.abs(chain.moneyness) <= FARTHEST_DEVIATIONS * deviation)
        & (vega > 0.0)
    )
    spread = np.where(
        chain.strike >= chain.forward.price,
        chain.quotes.ask[CALL] - chain.quotes.bid[CALL],
        chain.quotes.ask[PUT] - chain.quotes.bid[PUT],
    )
    # how much money a fit may be off before it disagrees with the market: half the spread, or a tick and 0.2 % of a trade
    unsure = np.where(np.isfinite(spread) & (spread > 0.0), 0.5 * spread, freshness.tick + 0.002 * outside)
    sigma = chain.volatility[usable]
    return Sample(
        k=chain.moneyness[usable],
        variance=sigma * sigma * chain.years,
        # money per unit of total variance, over the money that does not matter
        weight=vega[usable] / (2.0 * sigma * chain.years) / np.maximum(unsure[usable], 0.5 * freshness.tick),
    )
