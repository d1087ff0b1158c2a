"""Black-Scholes and Black-76 in columns: what European options are worth at a volatility, and how that moves.

Units, everywhere in this room: prices in the currency per unit of the underlying; years of 365 days, to the second;
rates and yields continuous a year; volatility a year as a fraction (0.12, never 12). Figures are of one option held
long; who holds 50 short multiplies by -50.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D
from options.domain import kernels

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]
Given = npt.ArrayLike
Scalar = TypeVar("Scalar", bound=np.generic)


class Refusal(IntEnum):
    """Why an option has no figure; the figure beside a refusal is NaN, and none is without one."""

    NONE = kernels.FINE
    MISSING = kernels.MISSING
    EXPIRED = kernels.EXPIRED
    BELOW_INTRINSIC = kernels.BELOW_INTRINSIC
    NO_TIME_VALUE = kernels.NO_TIME_VALUE
    ABOVE_BOUND = kernels.ABOVE_BOUND

    @property
    def sentence(self) -> str:
        """Say the reason to a trader."""
        return _SENTENCES[self]


_SENTENCES = {
    Refusal.NONE: "",
    Refusal.MISSING: "A figure that this needs is missing.",
    Refusal.EXPIRED: "Expired.",
    Refusal.BELOW_INTRINSIC: "The price is below what exercise is worth.",
    Refusal.NO_TIME_VALUE: "The price is what exercise is worth; it says nothing about volatility.",
    Refusal.ABOVE_BOUND: "The price is above what any volatility gives.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionTerms:
    """Options in columns of one length (n,), beside their price and volatility; made by `on_forward` or `on_spot`."""

    columns: kernels.Terms
    rate_moves_carry: bool

    def __len__(self) -> int:
        return int(self.columns.strike.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """Prices and Greeks in columns (n,), for one option held long.

    The underlying is the forward for terms made by `on_forward` and the spot for those of `on_spot`; theta and charm
    hold it still while the clock runs.
    """

    figures: npt.NDArray[np.float64]
    refusal: Codes

    def _row(self, number: int) -> Float64Array1D:
        row: Float64Array1D = self.figures[number]
        return row

    @property
    def price(self) -> Float64Array1D:
        """The value today, in currency."""
        return self._row(0)

    @property
    def delta(self) -> Float64Array1D:
        """The change of price per unit of the underlying."""
        return self._row(1)

    @property
    def gamma(self) -> Float64Array1D:
        """The change of delta per unit of the underlying."""
        return self._row(2)

    @property
    def vega(self) -> Float64Array1D:
        """The change of price per volatility point (0.01)."""
        return self._row(3)

    @property
    def theta(self) -> Float64Array1D:
        """The change of price per calendar day that passes; negative where time costs."""
        return self._row(4)

    @property
    def rho(self) -> Float64Array1D:
        """The change of price per percentage point (0.01) of the rate; a forward is held still, a spot's carry moves."""
        return self._row(5)

    @property
    def vanna(self) -> Float64Array1D:
        """The change of delta per volatility point."""
        return self._row(6)

    @property
    def volga(self) -> Float64Array1D:
        """The change of vega per volatility point."""
        return self._row(7)

    @property
    def charm(self) -> Float64Array1D:
        """The change of delta per calendar day that passes."""
        return self._row(8)


def on_forward(*, forward: Given, strike: Given, years: Given, discount: Given, is_call: Given) -> OptionTerms:
    """Describe options on a forward or future (Black-76), `discount` being what one unit at settlement costs today.

    `strike` gives the length n; every other argument is of shape (n,) or a scalar. Raises `Invalid` for other shapes.
    """
    strikes = _strikes(strike)
    count = strikes.size
    terms, discounts = column_of(years, count), column_of(discount, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        # a discount that is none makes the rate infinite or NaN, which the kernel refuses as missing
        rate = np.where(terms > 0.0, -np.log(discounts) / terms, 0.0)
    columns = kernels.Terms(
        spot=column_of(forward, count),
        strike=strikes,
        years=terms,
        rate=rate,
        carry=np.zeros(count),
        is_call=_flags(is_call, count),
    )
    return OptionTerms(columns=columns, rate_moves_carry=False)


def on_spot(
    *, spot: Given, strike: Given, years: Given, rate: Given, is_call: Given, dividend: Given = 0.0
) -> OptionTerms:
    """Describe options on a spot price with a dividend yield (Black-Scholes-Merton); shapes as for `on_forward`."""
    strikes = _strikes(strike)
    count = strikes.size
    rates = column_of(rate, count)
    carry = rates if np.isscalar(dividend) and dividend == 0.0 else rates - column_of(dividend, count)
    columns = kernels.Terms(
        spot=column_of(spot, count),
        strike=strikes,
        years=column_of(years, count),
        rate=rates,
        carry=carry,
        is_call=_flags(is_call, count),
    )
    return OptionTerms(columns=columns, rate_moves_carry=True)


def value(terms: OptionTerms, volatility: Given, *, with_second_order: bool = True) -> Valuation:
    """Price options at a volatility of shape (n,) or a scalar; one that is missing or not positive is refused.

    Without the second order there is no vanna, volga or charm, and a million options take a third less memory.
    """
    count = len(terms)
    rows = kernels.GREEKS if with_second_order else kernels.FIRST_ORDER
    figures, codes = np.empty((rows, count)), np.empty(count, dtype=np.int8)
    kernels.value_all(column_of(volatility, count), terms.columns, float(terms.rate_moves_carry), figures, codes)
    return Valuation(figures=figures, refusal=codes)


def _strikes(strike: Given) -> Float64Array1D:
    strikes = np.ascontiguousarray(strike, dtype=np.float64)
    if strikes.ndim != 1:
        raise Invalid(f"strikes come as one column, not with shape {strikes.shape}")
    return strikes


def column_of(given: Given, count: int) -> Float64Array1D:
    """Return a figure as a contiguous float64 column of `count`; raises `Invalid` where it has another length."""
    column = np.asarray(given, dtype=np.float64)
    if column.ndim == 1 and column.size == count and column.flags.c_contiguous:
        return column
    return _spread(column, count)


def _flags(given: Given, count: int) -> Flags:
    flags = np.asarray(given, dtype=np.bool_)
    if flags.ndim == 1 and flags.size == count and flags.flags.c_contiguous:
        return flags
    return _spread(flags, count)


def _spread(column: npt.NDArray[Scalar], count: int) -> npt.NDArray[Scalar]:
    if column.shape not in ((), (count,)):
        raise Invalid(f"a figure of shape {column.shape} stands beside {count} strikes")
    return np.ascontiguousarray(np.broadcast_to(column, (count,)))
