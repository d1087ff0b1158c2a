"""The volatility that a price implies, by Peter Jäckel's method ("Let's be rational", Wilmott 2015).

A rational guess and two Householder steps of the third order find it to the last digits that the price itself carries:
the error of the deviation volatility * sqrt(years) is a few roundings, whatever the strike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brokers.domain.market import Float64Array1D
from options.domain import kernels
from options.domain.pricing import Codes, Given, OptionTerms, Valuation, column_of, on_forward, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Implied:
    """Volatilities a year as fractions, shape (n,): NaN exactly where `refusal`, a `Refusal` code, is not 0."""

    volatility: Float64Array1D
    refusal: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedGreeks:
    """Implied volatilities with the Greeks at them; both carry the same refusals."""

    implied: Implied
    greeks: Valuation


def implied_volatility(price: Given, terms: OptionTerms) -> Implied:
    """Imply volatilities of prices today, shape (n,) or a scalar.

    A price outside what any volatility gives, or without a time value above rounding, is refused with its reason.
    """
    count = len(terms)
    volatility, codes = np.empty(count), np.empty(count, dtype=np.int8)
    kernels.solve_all(column_of(price, count), terms.columns, volatility, codes)
    return Implied(volatility=volatility, refusal=codes)


def implied_greeks(price: Given, terms: OptionTerms) -> ImpliedGreeks:
    """Imply volatilities and give the Greeks at them, in one pass over the options."""
    count = len(terms)
    volatility, codes = np.empty(count), np.empty(count, dtype=np.int8)
    figures = np.empty((kernels.GREEKS, count))
    carry_moves = float(terms.rate_moves_carry)
    kernels.solve_and_value_all(column_of(price, count), terms.columns, carry_moves, volatility, figures, codes)
    return ImpliedGreeks(
        implied=Implied(volatility=volatility, refusal=codes), greeks=Valuation(figures=figures, refusal=codes)
    )


def warm() -> None:
    """Compile the kernels, or load them from their cache: for a worker's start, so that no request waits for it."""
    terms = on_forward(forward=100.0, strike=[100.0], years=1.0, discount=1.0, is_call=True)
    found = implied_greeks(8.0, terms)
    implied_volatility(8.0, terms)
    value(terms, found.implied.volatility)
