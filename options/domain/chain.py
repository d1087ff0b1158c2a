"""One expiry's chain, worked out: forward, implied volatilities, Greeks, and what is wrong with each cell.

Index options are priced on the forward that their own prices name (Black-76), because a spot price can stand still.
A strike has one volatility, that of its out-of-the-money leg, and both legs' Greeks are taken at it; the volatility
that a leg's own price implies stands beside it, since the two differ where the forward or a quote is off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D
from options.domain.expiries import Fixing, Forward, forward_of
from options.domain.implied import implied_volatility
from options.domain.pricing import Refusal, Valuation, on_forward, value
from options.domain.quotes import CALL, PUT, Cells, ChainQuotes, Freshness, Mark, Marks

NO_ATM = "No volatility at the money: the strikes around the forward carry no price that counts."


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
        found: Cells = getattr(self.greeks, greek).reshape(2, -1)
        return found

    def why_not(self, row: int, place: int) -> tuple[str, ...]:
        """Say what is wrong with a cell; nothing where all is well."""
        said = Mark(int(self.marks[row, place])).sentences
        refusal = Refusal(int(self.refusal[row, place]))
        is_told = bool(said) and refusal is Refusal.MISSING
        return said if refusal is Refusal.NONE or is_told else (*said, refusal.sentence)


def work_out(quotes: ChainQuotes, *, fixing: Fixing, market: Market) -> Chain:
    """Work out one expiry's chain from its quotes; nothing in them raises, what cannot be worked out is marked."""
    years = fixing.variance_years(market.now)
    calendar_years = fixing.years(market.now)
    discount = math.exp(-market.rate * calendar_years)
    mid, traded = quotes.mid, quotes.traded(market.freshness)
    forward = forward_of(
        strike=quotes.strike,
        mid=mid,
        traded=traded,
        spot=market.spot,
        carry=market.rate - market.dividend,
        years=calendar_years,
        discount=discount,
    )
    is_mid = np.isfinite(mid)
    price = np.where(is_mid, mid, traded)
    is_priced = np.isfinite(price)
    marks = quotes.marks(market.freshness)
    marks = marks | np.where(is_priced, np.where(is_mid, 0, Mark.FROM_TRADE), Mark.UNPRICED).astype(np.uint8)
    strikes = np.concatenate((quotes.strike, quotes.strike))
    terms = on_forward(
        forward=forward.price,
        strike=strikes,
        years=years,
        discount=discount,
        is_call=np.arange(strikes.size) < len(quotes),
    )
    own = implied_volatility(price.ravel(), terms)
    own_volatility, refusal = own.volatility.reshape(2, -1), own.refusal.reshape(2, -1)
    # the leg out of the money carries the time value alone
    outside = np.where(quotes.strike >= forward.price, own_volatility[CALL], own_volatility[PUT])
    return Chain(
        quotes=quotes,
        market=market,
        fixing=fixing,
        forward=forward,
        years=years,
        discount=discount,
        price=price,
        marks=marks,
        own_volatility=own_volatility,
        refusal=refusal,
        volatility=outside,
        greeks=value(terms, np.concatenate((outside, outside))),
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
