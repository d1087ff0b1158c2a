"""Comparisons of averages that tie exactly where the prices tie.

A running sum of prices with two decimals is off by some units in the last place, so two averages
that are equal on paper compare as above or below by chance. Prices are counted here in whole units
of a fraction of the smallest tick, and sums of whole numbers are exact.
"""

from __future__ import annotations

import math

import numpy as np

from analysis.domain.talib_calls import check_period
from brokers.domain.errors import DataError
from brokers.domain.market import Float64Array1D, Int64Array1D

# thirteen digits leave room for a sum over thousands of bars times a common multiple of two windows
_LARGEST_UNITS = 1e13
_FINEST_DECIMALS = 8


def price_units(values: Float64Array1D) -> Int64Array1D:
    """Return prices as whole numbers of ``10 ** -k``, with the largest k up to 8 that their size allows.

    Raises
    ------
    DataError
        For a value that is not finite: it has no whole number.
    """
    if values.size == 0:
        return np.empty(0, dtype=np.int64)
    largest = float(np.abs(values).max())
    if not math.isfinite(largest):
        raise DataError("a price that is not finite cannot be counted", code="prices.not_finite")
    decimals = _FINEST_DECIMALS
    while decimals > 0 and largest * 10.0**decimals > _LARGEST_UNITS:
        decimals -= 1
    units: Int64Array1D = np.rint(values * 10.0**decimals).astype(np.int64)
    return units


class Averages:
    """Comparisons of the simple averages of one history; its sums are taken once.

    Parameters
    ----------
    units : ndarray of int64, shape (n,)
        From `price_units`.
    """

    __slots__ = ("_size", "_totals")

    def __init__(self, units: Int64Array1D) -> None:
        self._size = units.size
        self._totals = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(units)))

    def compared(self, fast: int, slow: int) -> Float64Array1D:
        """Return 1, 0 or -1 as the average over `fast` bars lies above, on or below that over `slow`.

        A window of 1 is the price itself; NaN until both windows are full.
        """
        check_period(fast, least=1, field="fast")
        check_period(slow, least=1, field="slow")
        result = np.full(self._size, np.nan)
        start = max(fast, slow) - 1
        if self._size > start:
            common = math.gcd(fast, slow)
            result[start:] = np.sign(
                self._sums(fast, start) * (slow // common) - self._sums(slow, start) * (fast // common)
            )
        return result

    def compared_with_earlier(self, period: int, bars: int) -> Float64Array1D:
        """Return 1, 0 or -1 as an average lies above, on or below itself `bars` bars before; NaN until known."""
        check_period(period, least=1)
        check_period(bars, least=1, field="bars")
        result = np.full(self._size, np.nan)
        start = period - 1 + bars
        if self._size > start:
            sums = self._sums(period, period - 1)
            result[start:] = np.sign(sums[bars:] - sums[:-bars])
        return result

    def _sums(self, period: int, start: int) -> Int64Array1D:
        """Sum the `period` units up to and with every bar from `start` on."""
        stop = self._totals.size
        return self._totals[start + 1 : stop] - self._totals[start + 1 - period : stop - period]


def crossings(signs: Float64Array1D) -> Float64Array1D:
    """Return 1 where a comparison turned to above, -1 where it turned to below, 0 elsewhere and where unknown.

    A touch is no crossing: signs of 0 keep the side that was taken before.
    """
    result = np.zeros(signs.shape)
    sided = np.flatnonzero((signs > 0.0) | (signs < 0.0))
    turned = sided[1:][signs[sided[1:]] != signs[sided[:-1]]]
    result[turned] = signs[turned]
    return result
