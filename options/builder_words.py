"""Bounds in words: what can be won or lost, and where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from options.builder_rows import money


def bound_document(bound: float | None, ranges: Sequence[tuple[float, float]], *, is_profit: bool) -> dict[str, Any]:
    """Give a bound with the sentence beside it; None with the words "unbounded" where there is none."""
    if bound is None:
        grows = "grows with every point that it rises"
        return {"amount": None, "is_bounded": False, "said": f"Unbounded: {grows}."}
    where = " and ".join(_place(low, high) for low, high in ranges)
    amount = money(bound)
    if is_profit and bound <= 0.0:
        return {"amount": amount, "is_bounded": True, "said": "It cannot end with a profit."}
    if not is_profit and bound >= 0.0:
        return {"amount": amount, "is_bounded": True, "said": "It cannot end with a loss."}
    return {"amount": amount, "is_bounded": True, "said": f"{where[:1].upper()}{where[1:]}."}


def _place(low: float, high: float) -> str:
    if low == 0.0:
        return "at 0" if high == 0.0 else f"below {_level(high)}"
    if math.isinf(high):
        return f"above {_level(low)}"
    return f"at {_level(low)}" if low == high else f"from {_level(low)} to {_level(high)}"


def _level(level: float) -> str:
    whole, _, part = f"{level:.2f}".partition(".")
    digits = whole
    groups = [digits[-3:]]
    digits = digits[:-3]
    while digits:
        groups.insert(0, digits[-2:])
        digits = digits[:-2]
    return ",".join(groups) + ("" if part == "00" else f".{part}")
