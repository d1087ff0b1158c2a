"""Drawdowns: how far an equity fell from its highest, from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from brokers.domain.market import Float64Array1D


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """One fall below a high: its depth as a share of that high, and its days; `recovered_on` is None while it lasts."""

    depth_fraction: float
    peak_on: date
    trough_on: date
    recovered_on: date | None


def underwater(equity: Float64Array1D, start: float) -> Float64Array1D:
    r"""Return how far the equity lies below its highest so far, shape (n,), from 0 to 1 (above 1 where it is negative).

    Notes
    -----
    .. math:: d_t = 1 - E_t / \max(E_0, \max_{i \le t} E_i)

    with the capital `start` as the first peak.
    """
    peak = np.maximum(np.maximum.accumulate(equity), start)
    fallen: Float64Array1D = 1.0 - equity / peak
    return fallen


def drawdowns(equity: Float64Array1D, start: float, days: list[date], begun_on: date) -> list[Drawdown]:
    """Return every drawdown, deepest first; `days` are the equity's own, `begun_on` the day of the capital."""
    below = underwater(equity, start)
    edges = np.diff((below > 0.0).astype(np.int8), prepend=0, append=0)
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    found = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        trough = begin + int(np.argmax(below[begin:end]))
        found.append(
            Drawdown(
                depth_fraction=float(below[trough]),
                peak_on=days[begin - 1] if begin else begun_on,
                trough_on=days[trough],
                recovered_on=days[end] if end < equity.size else None,
            )
        )
    return sorted(found, key=lambda one: -one.depth_fraction)
