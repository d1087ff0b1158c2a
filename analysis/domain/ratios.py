"""Division where there is something to divide by."""

from __future__ import annotations

import numpy as np

from brokers.domain.market import Float64Array1D


def ratio(above: Float64Array1D, below: Float64Array1D) -> Float64Array1D:
    """Return ``above / below``; NaN where `below` is not positive or not known."""
    result = np.full(above.shape, np.nan)
    np.divide(above, below, out=result, where=below > 0.0)
    return result
