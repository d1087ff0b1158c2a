"""What the smile says: the expected move, its skew, the term structure, and where it stands in its own history."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from brokers.domain.market import Float64Array1D
from options.domain.chain import Chain, place_of, volatility_at
from options.domain.quotes import CALL, PUT

THIRTY_DAYS = 30.0 / 365.0
RANK_SESSIONS = 252
LEAST_SESSIONS = 126


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedMove:
    """How far the market may go by the fixing, in currency: one standard deviation, and the straddle's price."""

    deviation: float | None
    straddle: float | None


def expected_move(chain: Chain) -> ExpectedMove:
    """Return F * volatility * sqrt(years) at the money, and the price of the straddle nearest the forward."""
    sigma = chain.atm_volatility
    deviation = chain.forward.price * sigma * math.sqrt(chain.years) if math.isfinite(sigma) else None
    return ExpectedMove(deviation=deviation, straddle=straddle_price(chain))


def straddle_price(chain: Chain, strike: float | None = None) -> float | None:
    """Return the price of a strike's call and put together, the one nearest the forward unless told; None without both."""
    at = chain.atm_strike if strike is None else strike
    if math.isnan(at):
        return None
    total = float(chain.price[:, place_of(chain, at)].sum())
    return total if math.isfinite(total) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """Volatilities at a quarter delta, and what they say: differences in volatility as a fraction."""

    put: float
    call: float
    atm: float

    @property
    def risk_reversal(self) -> float:
        """The call's less the put's; negative where protection costs more."""
        return self.call - self.put

    @property
    def butterfly(self) -> float:
        """The mean of the two less the one at the money."""
        return 0.5 * (self.call + self.put) - self.atm


def skew(chain: Chain, *, delta: float = 0.25) -> Skew | None:
    """Return the smile at a forward delta; None where the strikes do not reach that far out."""
    put = _at_delta(chain, PUT, delta)
    call = _at_delta(chain, CALL, delta)
    atm = chain.atm_volatility
    if put is None or call is None or math.isnan(atm):
        return None
    return Skew(put=put, call=call, atm=atm)


def _at_delta(chain: Chain, row: int, delta: float) -> float | None:
    found = np.abs(chain.cells("delta")[row]) / chain.discount
    outside = chain.strike < chain.forward.price if row == PUT else chain.strike >= chain.forward.price
    usable = np.flatnonzero(np.isfinite(found) & outside)
    ordered = usable[np.argsort(found[usable], kind="stable")]
    if ordered.size == 0 or not found[ordered[0]] <= delta <= found[ordered[-1]]:
        return None
    return float(np.interp(delta, found[ordered], chain.volatility[ordered]))


@dataclass(frozen=True, slots=True, kw_only=True)
class TermPoint:
    """One expiry's volatility at the money."""

    years: float
    volatility: float


def term_structure(chains: Sequence[Chain]) -> tuple[TermPoint, ...]:
    """Return the volatility at the money of each expiry that has one, nearest first."""
    points = (TermPoint(years=chain.years, volatility=volatility_at(chain, 0.0)) for chain in chains)
    return tuple(sorted((point for point in points if math.isfinite(point.volatility)), key=lambda point: point.years))


def constant_maturity(points: Sequence[TermPoint], years: float = THIRTY_DAYS) -> float | None:
    """Return the volatility at a fixed time ahead, linear in total variance; None where no two expiries enclose it."""
    times = [point.years for point in points]
    if not times or not times[0] <= years <= times[-1]:
        return None
    totals = [point.volatility**2 * point.years for point in points]
    return math.sqrt(float(np.interp(years, times, totals)) / years)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where today's volatility stands among its own closes; `rank` and `percentile` as fractions from 0 to 1."""

    rank: float
    percentile: float
    sessions: int


def standing(history: Float64Array1D, today: float) -> Standing | None:
    """Rank today's 30-day volatility among the last 252 closes before it; None under 126, or where all are equal.

    The rank is (today - min) / (max - min) with today among them, the percentile the share of closes below today.
    """
    closes = history[np.isfinite(history)][-RANK_SESSIONS:]
    if closes.size < LEAST_SESSIONS or not math.isfinite(today):
        return None
    low, high = min(float(closes.min()), today), max(float(closes.max()), today)
    if low == high:
        return None
    below = float(np.count_nonzero(closes < today)) / closes.size
    return Standing(rank=(today - low) / (high - low), percentile=below, sessions=int(closes.size))


def combined_premium(prices: Sequence[Float64Array1D], quantities: Sequence[float]) -> Float64Array1D:
    """Return what several legs cost together, minute by minute (n,); NaN while one of them has no price."""
    total = np.zeros(prices[0].size)
    for price, quantity in zip(prices, quantities, strict=True):
        total = total + quantity * price
    return total


def session_vwap(price: Float64Array1D, volume: Float64Array1D) -> Float64Array1D:
    """Return the session's running volume-weighted mean; `volume` is each minute's own, of all legs together.

    A minute without a price or a volume adds nothing; NaN until the first that has both.
    """
    counts = np.isfinite(price) & (volume > 0.0)
    weight = np.where(counts, volume, 0.0)
    money = np.cumsum(np.where(counts, price, 0.0) * weight)
    total = np.cumsum(weight)
    mean: Float64Array1D = np.divide(money, total, out=np.full(price.size, np.nan), where=total > 0.0)
    return mean
