"""The supertrend's recursion, as plain Python runs it and as it is compiled."""

from __future__ import annotations

import numpy as np

from brokers.domain.market import Float64Array1D


def trail(
    middle: Float64Array1D,
    reach: Float64Array1D,
    close: Float64Array1D,
    line: Float64Array1D,
    direction: Float64Array1D,
) -> None:
    """Fill `line` and `direction` wherever the reach is known; both are NaN before."""
    upper, lower, up = np.nan, np.nan, False
    for t in range(close.size):
        if np.isnan(reach[t]):
            upper, lower, up = np.nan, np.nan, False
            continue
        basic_upper, basic_lower = middle[t] + reach[t], middle[t] - reach[t]
        # a line that the last close had crossed starts afresh; NaN compares false, so the first does too
        if not (basic_upper >= upper and close[t - 1] <= upper):
            upper = basic_upper
        if not (basic_lower <= lower and close[t - 1] >= lower):
            lower = basic_lower
        up = close[t] >= lower if up else close[t] > upper
        line[t] = lower if up else upper
        direction[t] = 1.0 if up else -1.0
