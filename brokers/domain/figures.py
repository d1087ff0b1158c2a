"""Figures as people of this market read them: 1,23,456.70 and not 123456.7000."""

from __future__ import annotations

from decimal import Decimal


def in_words(value: Decimal | float) -> str:
    """Return a figure for a sentence: grouped the Indian way, whole or with two places."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not exact.is_finite():
        return "unknown"
    rounded = exact.quantize(Decimal("0.01"))
    whole, _, places = f"{abs(rounded):f}".partition(".")
    sign = "−" if rounded < 0 else ""
    return f"{sign}{_grouped(whole)}" + (f".{places}" if places != "00" else "")


def quantity_in_words(value: Decimal) -> str:
    """Return a quantity for a sentence: whole units grouped, parts of a unit with all their places."""
    plain = value.normalize()
    if not plain.is_finite() or plain == plain.to_integral_value():
        return in_words(value)
    whole, _, places = f"{abs(plain):f}".partition(".")
    return ("−" if plain < 0 else "") + f"{_grouped(whole)}.{places}"


def price_in_words(value: Decimal | float) -> str:
    """Return a price for a sentence, always with two places."""
    words = in_words(value)
    return words if "." in words or not words[-1].isdigit() else f"{words}.00"


def _grouped(digits: str) -> str:
    head, tail = digits[:-3], digits[-3:]
    groups = [tail]
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return ",".join(groups)
