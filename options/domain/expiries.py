"""How long an option still lives, and the forward that its own prices name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D

YEAR_S = 31_536_000.0
NEAR_STRIKES = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixing:
    """When an expiry settles: the end of the settlement price's measurement, and how long it averages before that."""

    at: datetime
    averaging_s: float = 0.0

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise Invalid("a fixing has a time zone")
        if self.averaging_s < 0.0:
            raise Invalid(f"a fixing averages over {self.averaging_s} seconds")

    def years(self, now: datetime) -> float:
        """Return the time to the fixing in years of 31,536,000 seconds; 0 from the fixing on."""
        return max((self.at - now).total_seconds(), 0.0) / YEAR_S

    def variance_years(self, now: datetime) -> float:
        """Return the time over which the settlement price's variance still builds up, in years.

        The mean of a price over w seconds varies as the price would over w/3. So w seconds count as a third from
        outside, and with u seconds of them left, the share u/w of the mean still moves: u^3 / (3 w^2).
        """
        left, window = max((self.at - now).total_seconds(), 0.0), self.averaging_s
        if left >= window:
            return (left - 2.0 * window / 3.0) / YEAR_S
        return left**3 / (3.0 * window * window) / YEAR_S


class ForwardSource(StrEnum):
    """What a forward was read from, best first."""

    QUOTES = "quotes"
    TRADES = "trades"
    SPOT = "spot"
    NONE = "none"

    @property
    def sentence(self) -> str:
        """Say it to a trader."""
        return _SENTENCES[self]


_SENTENCES = {
    ForwardSource.QUOTES: "Forward by put-call parity of two-sided quotes.",
    ForwardSource.TRADES: "Forward by put-call parity of fresh trades: fewer than three strikes are quoted on both sides.",
    ForwardSource.SPOT: "Forward from the spot price: too few strikes carry both a call and a put.",
    ForwardSource.NONE: "No forward: neither both sides of a strike nor a spot price.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """The forward of one expiry, in the underlying's currency; NaN where there is none, and only there."""

    price: float
    source: ForwardSource
    strikes: int

    @property
    def is_known(self) -> bool:
        return self.source is not ForwardSource.NONE


def parity_forward(
    *,
    strike: Float64Array1D,
    call: Float64Array1D,
    put: Float64Array1D,
    discount: float,
) -> tuple[float, int]:
    """Return the median of K + (C - P) / discount over the strikes nearest the money, and how many there were.

    `call` and `put` are of shape (k,), NaN where a leg has no price that counts. Nearest the money is where the two
    legs are nearest each other; up to `NEAR_STRIKES` strikes count. NaN and 0 where no strike has both legs.
    """
    apart = call - put
    both = np.flatnonzero(np.isfinite(apart))
    if both.size == 0:
        return math.nan, 0
    if both.size > NEAR_STRIKES:
        both = both[np.argpartition(np.abs(apart[both]), NEAR_STRIKES - 1)[:NEAR_STRIKES]]
    # statistics.median on a handful is a fraction of numpy's fixed cost
    return median((strike[both] + apart[both] / discount).tolist()), int(both.size)


def forward_of(
    *,
    strike: Float64Array1D,
    mid: npt.NDArray[np.float64],
    traded: npt.NDArray[np.float64],
    spot: float | None,
    carry: float,
    years: float,
    discount: float,
) -> Forward:
    """Find the forward: by parity of mids, of fresh trades, or else the spot carried to the fixing.

    `mid` and `traded` are of shape (2, k), calls first. Three strikes are what a median needs to outvote one.
    """
    for source, price in ((ForwardSource.QUOTES, mid), (ForwardSource.TRADES, traded)):
        level, strikes = parity_forward(strike=strike, call=price[0], put=price[1], discount=discount)
        if strikes >= 3 and level > 0.0:
            return Forward(price=level, source=source, strikes=strikes)
    if spot is not None and math.isfinite(spot) and spot > 0.0:
        return Forward(price=spot * math.exp(carry * years), source=ForwardSource.SPOT, strikes=0)
    return Forward(price=math.nan, source=ForwardSource.NONE, strikes=0)
