"""What a portfolio could gain and lose elsewhere in spot, volatility and time, and what moves it now.

Quantities are signed units; money is in the account's currency; a volatility is a year's as a fraction, time in years of
365 days. An option keeps its strike's volatility but for the shift (sticky strike). What has no price or no volatility cannot
be judged: it is named in `unpriced` and is in no figure, so that whoever limits by these figures must refuse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from options.domain.pricing import OptionTerms, on_forward, value
from risk.domain.portfolio_kernels import Columns, add_grid

Floats = npt.NDArray[np.float64]
DAY_YEARS = 1.0 / 365.0
ONE_PER_CENT = 0.01
LEAST_YEARS = timedelta(seconds=1) / timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One position, an option where `strike` is given: `price` is the forward of an option's expiry, else its own price."""

    instrument: str
    underlying: str
    quantity: float
    price: float
    strike: float | None = None
    is_call: bool = True
    years: float = 0.0
    volatility: float = math.nan
    rate: float = 0.0

    @property
    def is_priced(self) -> bool:
        """Tell whether it can be valued; an option that has run out needs no volatility."""
        if not (math.isfinite(self.price) and self.price > 0.0 and math.isfinite(self.quantity)):
            return False
        if self.strike is None or self.years < LEAST_YEARS:
            return True
        return math.isfinite(self.volatility) and self.volatility > 0.0 and self.strike > 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The scenarios: factors of the underlyings' prices (s,), points of volatility added (v,), years passed (d,)."""

    factor: Floats
    shift: Floats
    passed_years: Floats

    def __post_init__(self) -> None:
        if not (self.factor > 0.0).all() or not (self.passed_years >= 0.0).all():
            raise Invalid("a scenario has prices above 0 and goes forward in time", code="scenario.axes")


STANDARD_AXES = Axes(
    factor=1.0 + np.linspace(-0.15, 0.15, 21),
    shift=np.linspace(-0.08, 0.24, 9),
    passed_years=np.array([0.0, 1.0, 5.0]) * DAY_YEARS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """Positions in columns, options and the rest apart, by the rows of `underlyings`."""

    underlyings: tuple[str, ...]
    options: Columns
    quantity: Floats
    price: Floats
    underlying: npt.NDArray[np.int64]
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeks:
    """What moves each underlying's positions now (u,), position-signed, as `docs/options.md` shows them.

    `delta` is in units of the underlying, `delta_notional` in currency; `gamma_1pct` is by how much the delta notional of a
    1 % move changes with that move, `vega` a volatility point, `theta` a calendar day.
    """

    underlyings: tuple[str, ...]
    delta: Floats
    delta_notional: Floats
    gamma_1pct: Floats
    vega: Floats
    theta: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Profit and loss of each underlying's positions (u, s, v, d) under the axes."""

    underlyings: tuple[str, ...]
    axes: Axes
    by_underlying: Floats

    @property
    def total(self) -> Floats:
        """What the portfolio comes to where all underlyings move alike (s, v, d)."""
        summed: Floats = self.by_underlying.sum(axis=0)
        return summed

    @property
    def worst_loss(self) -> float:
        """The sum of every underlying's own worst cell, positive for a loss: a gain in one pays for no loss in another."""
        if not self.underlyings:
            return 0.0
        worst = self.by_underlying.reshape(len(self.underlyings), -1).min(axis=1)
        return float(-np.minimum(worst, 0.0).sum())


def portfolio_of(lines: Sequence[Line]) -> Portfolio:
    """Arrange positions in columns; what cannot be valued is named and left out."""
    priced = [line for line in lines if line.is_priced and line.quantity]
    names = tuple(sorted({line.underlying for line in priced}))
    rows = {name: row for row, name in enumerate(names)}
    options = [line for line in priced if line.strike is not None]
    others = [line for line in priced if line.strike is None]
    return Portfolio(
        underlyings=names,
        options=_columns(options, rows),
        quantity=np.array([line.quantity for line in others], dtype=np.float64),
        price=np.array([line.price for line in others], dtype=np.float64),
        underlying=np.array([rows[line.underlying] for line in others], dtype=np.int64),
        unpriced=tuple(line.instrument for line in lines if line.quantity and not line.is_priced),
    )


def scenario_grid(portfolio: Portfolio, axes: Axes = STANDARD_AXES) -> Grid:
    """Revalue everything in every cell; an option that has run out pays what exercise is worth there."""
    shape = (len(portfolio.underlyings), axes.passed_years.size, axes.shift.size, axes.factor.size)
    total = np.zeros(shape)
    np.add.at(
        total, portfolio.underlying, (portfolio.quantity * portfolio.price)[:, None, None, None] * (axes.factor - 1.0)
    )
    add_grid(portfolio.options, axes.factor, axes.shift, axes.passed_years, total)
    return Grid(
        underlyings=portfolio.underlyings,
        axes=axes,
        by_underlying=np.ascontiguousarray(total.transpose(0, 3, 2, 1)),
    )


def greeks_of(portfolio: Portfolio) -> Greeks:
    """Work out what moves each underlying's positions now; an option that has run out moves nothing any more."""
    options = portfolio.options
    found = value(_terms(options), options.volatility, with_second_order=False)
    signed, rows = options.quantity, options.underlying
    count = len(portfolio.underlyings)

    def summed(figure: Floats, scale: Floats | float = 1.0) -> Floats:
        living = np.nan_to_num(figure) * signed * scale
        return np.bincount(rows, living, minlength=count).astype(np.float64)

    held = np.bincount(portfolio.underlying, portfolio.quantity, minlength=count)
    held_notional = np.bincount(portfolio.underlying, portfolio.quantity * portfolio.price, minlength=count)
    one_per_cent = ONE_PER_CENT * options.forward
    return Greeks(
        underlyings=portfolio.underlyings,
        delta=held + summed(found.delta),
        delta_notional=held_notional + summed(found.delta, options.forward),
        gamma_1pct=summed(found.gamma, one_per_cent * one_per_cent),
        vega=summed(found.vega),
        theta=summed(found.theta),
    )


def expiry_gamma(portfolio: Portfolio, factor: Floats, *, within_years: float = DAY_YEARS) -> Floats:
    """Return the gamma of what expires soon where the underlying stands elsewhere (u, s), in currency of a 1 % move.

    Near its end an option's gamma gathers at its strike: that of a position may be small here and large a little further.
    """
    options = portfolio.options
    soon = (options.years >= LEAST_YEARS) & (options.years <= within_years)
    book = _kept(options, soon)
    total = np.zeros((len(portfolio.underlyings), factor.size))
    if not book.quantity.size:
        return total
    level = (book.forward[:, None] * factor[None, :]).ravel()
    spread = {name: np.repeat(getattr(book, name), factor.size) for name in ("strike", "years", "rate", "sign")}
    discount = np.exp(-spread["rate"] * spread["years"])
    terms = on_forward(
        forward=level,
        strike=spread["strike"],
        years=spread["years"],
        discount=discount,
        is_call=spread["sign"] > 0.0,
    )
    found = value(terms, np.repeat(book.volatility, factor.size), with_second_order=False)
    one_per_cent = ONE_PER_CENT * level
    gamma = (found.gamma * one_per_cent * one_per_cent).reshape(-1, factor.size) * book.quantity[:, None]
    np.add.at(total, book.underlying, gamma)
    return total


def _columns(lines: Sequence[Line], rows: dict[str, int]) -> Columns:
    def column(name: str) -> Floats:
        return np.array([getattr(line, name) for line in lines], dtype=np.float64)

    unvalued = Columns(
        quantity=column("quantity"),
        underlying=np.array([rows[line.underlying] for line in lines], dtype=np.int64),
        forward=column("price"),
        strike=column("strike"),
        years=column("years"),
        rate=column("rate"),
        volatility=np.nan_to_num(column("volatility"), nan=1.0),
        sign=np.array([1.0 if line.is_call else -1.0 for line in lines]),
        worth=np.zeros(len(lines)),
    )
    intrinsic = np.maximum(unvalued.sign * (unvalued.forward - unvalued.strike), 0.0)
    modelled = value(_terms(unvalued), unvalued.volatility, with_second_order=False).price
    return unvalued._replace(worth=np.where(unvalued.years < LEAST_YEARS, intrinsic, modelled))


def _kept(book: Columns, rows: npt.NDArray[np.bool_]) -> Columns:
    kept = {name: column[rows] for name, column in book._asdict().items()}
    return Columns(**kept)


def _terms(book: Columns) -> OptionTerms:
    return on_forward(
        forward=book.forward,
        strike=book.strike,
        years=book.years,
        discount=np.exp(-book.rate * book.years),
        is_call=book.sign > 0.0,
    )
