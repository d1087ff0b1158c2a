"""Numbers and times as the pages and the API write them: exact, as strings, rounded as their currency is."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from math import isnan

from brokers.domain.money import PAISA, Currency
from execution.domain.codec import rfc3339

_FIGURE = Decimal("0.0001")
_SMALLEST = Decimal("0.00000001")
# a fee of a small order in USDT is a fraction of a cent
_UNIT = {Currency.INR: PAISA, Currency.USDT: Decimal("0.0001")}


def text(value: Decimal | None) -> str | None:
    """Return a number as it is, without an exponent."""
    return None if value is None else f"{value:f}"


def price(value: Decimal | None) -> str | None:
    """Return a price with two places as the market writes them, with more where the tick has more."""
    if value is None:
        return None
    rounded = value.quantize(PAISA)
    return f"{rounded if rounded == value else value.normalize():f}"


def average(value: Decimal, currency: Currency) -> str:
    """Return an average price: parts of a paisa are rounding, parts of a cent may be a coin's whole price."""
    if currency is Currency.INR:
        return money(value, currency)
    return f"{value.quantize(_SMALLEST).normalize():f}"


def figure(value: Decimal | None) -> str | None:
    """Return what of a limit is used: limits are typed with few places, a product may have many."""
    return None if value is None else f"{value.quantize(_FIGURE).normalize():f}"


def money(value: Decimal, currency: Currency = Currency.INR) -> str:
    """Return an amount: a thousandth of a paisa can be left of an average, and a page adds up what it shows."""
    return f"{value.quantize(_UNIT[currency]) + 0:f}"  # no minus before a zero


def whole(value: float) -> str | None:
    """Return a count, None where there is none."""
    return None if isnan(value) else f"{value:.0f}"


def time(at: datetime | None) -> str | None:
    """Return a time, None where there is none."""
    return None if at is None else rfc3339(at)
