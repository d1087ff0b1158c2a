"""One expiry's chain, worked out: forward, implied volatilities, Greeks, and what is wrong with each cell.

Index options are priced on the forward that their own prices name (Black-76), because a spot price can stand still.
A strike has one volatility, that of its out-of-the-money leg, and both legs' Greeks are taken at it; the volatility
that a leg's own price implies stands beside it, since the two differ where the forward or a quote is off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D
from options.domain.expiries import Fixing, Forward, forward_of
from options.domain.implied import implied_volatility
from options.domain.pricing import Refusal, Valuation, on_forward, value
from options.domain.quotes import (
    CALL,
    PUT,
    Cells,
    ChainQuotes,
    Freshness,
    Mark,
    Marks,
    fresh_trades,
    marks_of,
    mids,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What a chain is worked out at: the moment, the rate (continuous a year) and, where there is one, the spot."""

    now: datetime
    rate: float
    spot: float | None = None
    dividend: float = 0.0
    freshness: Freshness = field(default_factory=Freshness)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One expiry at one moment. Cells are (2, k), calls first; a NaN cell has a mark or a refusal that says why.

    `volatility` (k,) is the strike's, `own_volatility` the leg's; `greeks` holds one unit held long, at `volatility`.
    """

    quotes: ChainQuotes
    market: Market
    fixing: Fixing
    forward: Forward
    years: float
    discount: float
    price: Cells
    marks: Marks
    own_volatility: Cells
    refusal: npt.NDArray[np.int8]
    volatility: Float64Array1D
    greeks: Valuation

    @property
    def strike(self) -> Float64Array1D:
        return self.quotes.strike

    @property
    def moneyness(self) -> Float64Array1D:
        """ln(strike / forward), of shape (k,)."""
        log: Float64Array1D = np.log(self.strike / self.forward.price)
        return log

    @property
    def is_liquid(self) -> npt.NDArray[np.bool_]:
        """Cells that carry no mark: quoted on both sides, near and now."""
        clean: npt.NDArray[np.bool_] = self.marks == 0
        return clean

    @property
    def atm_strike(self) -> float:
        """The listed strike nearest the forward, the lower of two; NaN without a forward or a strike."""
        if not (self.forward.is_known and len(self.quotes)):
            return math.nan
        return float(self.strike[int(np.argmin(np.abs(self.strike - self.forward.price)))])

    @property
    def atm_volatility(self) -> float:
        """The volatility at the forward, between the strikes around it, linear in variance; NaN where one has none."""
        return volatility_at(self, 0.0)

    def cells(self, greek: str) -> Cells:
        """Return one of the Greeks as (2, k)."""
        found: Cells = getattr(self.greeks, greek).reshape(2, len(self.quotes))
        return found

    def why_not(self, row: int, place: int) -> tuple[str, ...]:
        """Say what is wrong with a cell; nothing where all is well."""
        said = Mark(int(self.marks[row, place])).sentences
        refusal = Refusal(int(self.refusal[row, place]))
        is_told = bool(said) and refusal is Refusal.MISSING
        return said if refusal is Refusal.NONE or is_told else (*said, refusal.sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One expiry before it is worked out."""

    quotes: ChainQuotes
    fixing: Fixing
    market: Market


def work_out(quotes: ChainQuotes, *, fixing: Fixing, market: Market) -> Chain:
    """Work out one expiry's chain from its quotes; nothing in them raises, what cannot be worked out is marked."""
    return work_out_all([Listed(quotes=quotes, fixing=fixing, market=market)], market.freshness)[0]


def work_out_all(listed: Sequence[Listed], freshness: Freshness) -> list[Chain]:
    """Work out many expiries in one pass over all their cells, judged by one freshness; as `work_out`, but sooner."""
    if not listed:
        return []
    cells = {name: np.concatenate([getattr(one.quotes, name) for one in listed], axis=1) for name in _PRICED}
    mid = mids(cells["bid"], cells["ask"])
    traded = fresh_trades(cells["last_price"], cells["trade_age_s"], freshness)
    is_mid = np.isfinite(mid)
    price = np.where(is_mid, mid, traded)
    marks = marks_of(cells["bid"], cells["ask"], cells["last_price"], cells["age_s"], freshness)
    marks |= np.where(np.isfinite(price), ~is_mid * np.uint8(Mark.FROM_TRADE), np.uint8(Mark.UNPRICED))
    edges = np.cumsum([0, *(len(one.quotes) for one in listed)]).tolist()
    parts = [slice(start, end) for start, end in pairwise(edges)]
    bases = [_base(one, mid[:, part], traded[:, part]) for one, part in zip(listed, parts, strict=True)]
    solved = _solve(listed, bases, price)
    return [
        Chain(
            quotes=one.quotes,
            market=one.market,
            fixing=one.fixing,
            forward=base.forward,
            years=base.years,
            discount=base.discount,
            price=price[:, part],
            marks=marks[:, part],
            own_volatility=solved.own[:, part],
            refusal=solved.refusal[:, part],
            volatility=solved.volatility[part],
            greeks=_part(solved.greeks, part, solved.volatility.size),
        )
        for one, base, part in zip(listed, bases, parts, strict=True)
    ]


_PRICED = ("bid", "ask", "last_price", "age_s", "trade_age_s")


class _Base(NamedTuple):
    forward: Forward
    years: float
    discount: float


class _Solved(NamedTuple):
    own: Cells
    refusal: npt.NDArray[np.int8]
    volatility: Float64Array1D
    greeks: Valuation


def _base(listed: Listed, mid: Cells, traded: Cells) -> _Base:
    market, fixing = listed.market, listed.fixing
    years = fixing.years(market.now)
    discount = math.exp(-market.rate * years)
    forward = forward_of(
        strike=listed.quotes.strike,
        mid=mid,
        traded=traded,
        spot=market.spot,
        carry=market.rate - market.dividend,
        years=years,
        discount=discount,
    )
    return _Base(forward=forward, years=fixing.variance_years(market.now), discount=discount)


def _solve(listed: Sequence[Listed], bases: Sequence[_Base], price: Cells) -> _Solved:
    counts = [len(one.quotes) for one in listed]
    strike = np.concatenate([one.quotes.strike for one in listed])
    forward, years, discount = (
        np.repeat(figures, counts)
        for figures in zip(*((base.forward.price, base.years, base.discount) for base in bases), strict=True)
    )
    terms = on_forward(
        forward=np.tile(forward, 2),
        strike=np.tile(strike, 2),
        years=np.tile(years, 2),
        discount=np.tile(discount, 2),
        is_call=np.arange(2 * strike.size) < strike.size,
    )
    found = implied_volatility(price.ravel(), terms)
    own = found.volatility.reshape(2, strike.size)
    # the leg out of the money carries the time value alone
    volatility = np.where(strike >= forward, own[CALL], own[PUT])
    return _Solved(own, found.refusal.reshape(2, strike.size), volatility, value(terms, np.tile(volatility, 2)))


def _part(greeks: Valuation, part: slice, count: int) -> Valuation:
    rows = len(greeks.figures)
    width = part.stop - part.start
    return Valuation(
        figures=greeks.figures.reshape(rows, 2, count)[:, :, part].reshape(rows, 2 * width),
        refusal=greeks.refusal.reshape(2, count)[:, part].ravel(),
    )


def volatility_at(chain: Chain, log_moneyness: float) -> float:
    """Return the volatility at ln(strike / forward), between its neighbours and linear in total variance.

    NaN outside the strikes that have one: nothing is extrapolated.
    """
    has_one = np.isfinite(chain.volatility)
    if not (chain.forward.is_known and chain.years > 0.0 and has_one.any()):
        return math.nan
    place, variance = chain.moneyness[has_one], chain.volatility[has_one] ** 2
    if not place[0] <= log_moneyness <= place[-1]:
        return math.nan
    return math.sqrt(float(np.interp(log_moneyness, place, variance)))


FIGURES = ("bid", "ask", "last_price", "open_interest", "volume", "age_s")
GREEKS = ("delta", "gamma", "vega", "theta", "rho", "vanna", "volga", "charm")
Row = Mapping[str, object]


def rows_of(chain: Chain) -> list[dict[str, object]]:
    """Give a chain as plain rows of strikes, each with `ce` and `pe`: numbers, None where there is none, and why."""
    legs = [_legs(chain, row) for row in (CALL, PUT)]
    moneyness = _plain(chain.moneyness)
    volatility = _plain(chain.volatility)
    return [
        {"strike": strike, "moneyness": place, "iv": sigma, "ce": call, "pe": put}
        for strike, place, sigma, call, put in zip(
            chain.strike.tolist(), moneyness, volatility, legs[CALL], legs[PUT], strict=True
        )
    ]


def _legs(chain: Chain, row: int) -> list[dict[str, object]]:
    columns = {name: _plain(getattr(chain.quotes, name)[row]) for name in FIGURES}
    columns |= {name: _plain(chain.cells(name)[row]) for name in GREEKS}
    columns["price"], columns["iv"] = _plain(chain.price[row]), _plain(chain.own_volatility[row])
    return [
        {name: column[place] for name, column in columns.items()}
        | {"is_liquid": bool(chain.is_liquid[row, place]), "why": list(chain.why_not(row, place))}
        for place in range(len(chain.quotes))
    ]


def _plain(column: Float64Array1D) -> list[float | None]:
    return [figure if math.isfinite(figure) else None for figure in column.tolist()]


def place_of(chain: Chain, strike: float) -> int:
    """Return where a strike stands in the chain; raises `Invalid` for one that is not listed."""
    place = int(np.searchsorted(chain.strike, strike))
    if place >= len(chain.quotes) or chain.strike[place] != strike:
        raise Invalid(f"no strike {strike:g} in this expiry")
    return place
