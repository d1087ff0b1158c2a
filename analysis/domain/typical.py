"""The typical price of a bar, in which ties are ties."""

from __future__ import annotations

import numpy as np

from brokers.domain.market import Float64Array1D

# A tick is at least a billionth of a price; the rounding of a sum of three is ten thousand times less.
TIE = 1e-12


def typical_price(high: Float64Array1D, low: Float64Array1D, close: Float64Array1D) -> Float64Array1D:
    r"""Return the typical price, equal to the one before wherever the two differ by rounding alone.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of the prices.

    Notes
    -----
    .. math:: q_t = \tfrac{1}{3} (h_t + l_t + c_t)

    Two bars whose three prices have one sum may differ in the last bit by the order of adding,
    and an indicator that asks which of them is higher would let that bit decide.
    """
    prices = (high + low + close) / 3.0
    if prices.size < 2:
        return prices
    own = np.ones(prices.size, dtype=bool)
    own[1:] = ~(np.abs(np.diff(prices)) <= TIE * np.abs(prices[1:]))
    result: Float64Array1D = prices[np.maximum.accumulate(np.where(own, np.arange(prices.size), 0))]
    return result
