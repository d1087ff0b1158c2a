"""How far apart a template's strikes may stand on a chain as it is listed, and how far they usually do."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from options.domain.chain import Chain
from options.domain.templates import Template

MOST_WIDTHS = 40


def step_of(chain: Chain) -> float:
    """Return the distance of strikes most common among those around the money; NaN with fewer than two strikes."""
    if len(chain.quotes) < 2:
        return math.nan
    middle = int(np.argmin(np.abs(chain.strike - chain.atm_strike))) if chain.forward.is_known else 0
    near = chain.strike[max(middle - 8, 0) : middle + 9]
    apart, count = np.unique(np.diff(near), return_counts=True)
    return float(apart[int(np.argmax(count))])


def possible_widths(template: Template, chains: Sequence[Chain]) -> tuple[float, ...]:
    """Return the widths at which every strike of a template is listed, the least first."""
    near = chains[0]
    step, middle = step_of(near), near.atm_strike
    if not (math.isfinite(step) and math.isfinite(middle)) or len(chains) < template.expiries:
        return ()
    listed = [set(chain.strike.tolist()) for chain in chains]
    return tuple(
        width
        for width in (step * count for count in range(1, MOST_WIDTHS + 1))
        if all(middle + part.widths * width in listed[part.expiry] for part in template.parts)
    )


def usual_width(template: Template, chains: Sequence[Chain]) -> float | None:
    """Return the possible width nearest one expected move to the first expiry; None where there is none.

    So what is sold a width away has about one chance in six to be exercised.
    """
    widths = possible_widths(template, chains)
    if not widths:
        return None
    near = chains[0]
    move = near.forward.price * near.atm_volatility * math.sqrt(near.years)
    if not math.isfinite(move):
        return widths[0]
    return min(widths, key=lambda width: abs(width - move))
