"""Black's formula to sixty digits, slowly and from its definition: what fast answers are held to."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import NamedTuple

DIGITS = 60
# A price that carries less than this much volatility in its last digit has none to give back.
RECOVERABLE = Decimal("1e-10")


class Priced(NamedTuple):
    """One option and its exact price, rounded once."""

    price: float
    strike: float
    years: float
    volatility: float
    is_call: bool


def _pi() -> Decimal:
    """Return pi by Machin's formula."""

    def arctan_of_inverse(number: int) -> Decimal:
        power = total = Decimal(1) / number
        for term in range(1, 60):
            power /= -(number * number)
            total += power / (2 * term + 1)
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


with localcontext() as _context:
    _context.prec = DIGITS + 10
    ROOT_TWO_PI = (2 * _pi()).sqrt()


def normal_density(value: Decimal) -> Decimal:
    """Return the standard normal density."""
    return (-value * value / 2).exp() / ROOT_TWO_PI


def normal_tail(value: Decimal) -> Decimal:
    """Return the probability above a value."""
    if value < 0:
        return 1 - normal_tail(-value)
    if value < 8:
        return Decimal("0.5") - normal_density(value) * _series(value)
    return normal_density(value) / _fraction(value)


def _series(value: Decimal) -> Decimal:
    term = total = value
    number = 1
    while abs(term) > Decimal(10) ** -(DIGITS + 20):
        number += 2
        term = term * value * value / number
        total += term
    return total


def _fraction(value: Decimal) -> Decimal:
    # the continued fraction of the density over the tail, from its far end
    rest = value
    for number in range(400, 0, -1):
        rest = value + number / rest
    return rest


def exact_price(  # noqa: PLR0917 - the order is the formula's
    spot: Decimal,
    strike: Decimal,
    years: Decimal,
    volatility: Decimal,
    rate: Decimal,
    carry: Decimal,
    is_call: bool,
) -> Decimal:
    """Price one option of the generalised Black-Scholes formula, under the precision of the context."""
    forward = spot * (carry * years).exp()
    deviation = volatility * years.sqrt()
    first = (forward / strike).ln() / deviation + deviation / 2
    sign = 1 if is_call else -1
    paid = forward * normal_tail(-sign * first) - strike * normal_tail(-sign * (first - deviation))
    return sign * paid * (-rate * years).exp()


def hard_grid() -> list[Priced]:
    """Return options on 100 from an hour to two years, 1 % to 300 %, to twelve deviations; without what no double holds."""
    return [
        priced
        for years in (1 / (365 * 24), 1 / 365, 7 / 365, 30 / 365, 1.0, 2.0)
        for volatility in (0.01, 0.03, 0.08, 0.2, 0.5, 1.0, 2.0, 3.0)
        for deviations in (-12, -8, -5, -3, -1.5, -0.5, -1e-6, 0.0, 0.3, 1, 2, 4, 6, 10, 12)
        for is_call in (True, False)
        if (priced := _priced(years, volatility, deviations, is_call)) is not None
    ]


def _priced(years: float, volatility: float, deviations: float, is_call: bool) -> Priced | None:
    strike = 100.0 * math.exp(deviations * volatility * math.sqrt(years))
    with localcontext() as context:
        context.prec = DIGITS
        spot, at, term, sigma = Decimal(100), Decimal(strike), Decimal(years), Decimal(volatility)
        price = exact_price(spot, at, term, sigma, Decimal(0), Decimal(0), is_call)
        deviation = sigma * term.sqrt()
        vega = spot * normal_density((spot / at).ln() / deviation + deviation / 2) * term.sqrt()
        if price < Decimal("1e-290") or price * Decimal("2.3e-16") > vega * RECOVERABLE:
            return None
    return Priced(float(price), strike, years, volatility, is_call)
