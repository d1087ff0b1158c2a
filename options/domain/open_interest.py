"""What open interest says: where it lies, how it moved, and what that means with the price.

Open interest comes in units (shares). NSE's own site counts lots: `in_units` turns them, once, where data enters.
Arrays are (k,) over strikes or (2, k), calls first; NaN open interest is not told and counts as none in a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D
from options.domain.quotes import CALL, PUT, Cells


class Unit(StrEnum):
    """How a source counts contracts."""

    UNITS = "units"
    LOTS = "lots"


def in_units(counted: npt.ArrayLike, unit: Unit, lot_size: int) -> npt.NDArray[np.float64]:
    """Return open interest or volume in units of the underlying; raises `Invalid` for a lot of nothing."""
    if lot_size < 1:
        raise Invalid(f"a lot of {lot_size} units")
    count = np.asarray(counted, dtype=np.float64)
    return count * lot_size if unit is Unit.LOTS else count


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """The open interest and prices of one expiry at one moment."""

    at: datetime
    strike: Float64Array1D
    open_interest: Cells
    last_price: Cells


# --- where it lies


def told(cells: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the figures with 0 where nothing is told, as sums count it."""
    return np.where(np.isfinite(cells), cells, 0.0)


def pains(strike: Float64Array1D, open_interest: Cells) -> Float64Array1D:
    """Return what writers would pay at each listed strike, in currency: the sum of open interest times intrinsic value."""
    held = told(open_interest)
    worth = strike * held
    # calls below a level are in the money there, puts above it: sums from the left, and from the right
    calls = strike * np.cumsum(held[CALL]) - np.cumsum(worth[CALL])
    puts = np.cumsum(worth[PUT][::-1])[::-1] - strike * np.cumsum(held[PUT][::-1])[::-1]
    pain: Float64Array1D = calls + puts
    return pain


def max_pain(strike: Float64Array1D, open_interest: Cells, forward: float) -> float | None:
    """Return the listed strike where writers would pay least; of several, the one nearest the forward.

    None where nothing is open. Without a forward (NaN) a tie goes to the lowest strike.
    """
    if not told(open_interest).sum() > 0.0:
        return None
    pain = pains(strike, open_interest)
    least = strike[pain == pain.min()]
    return float(least[0] if np.isnan(forward) else least[np.argmin(np.abs(least - forward))])


def put_call_ratio(cells: Cells) -> float | None:
    """Return puts over calls, of open interest or of volume, over the strikes given; None where no call counts."""
    calls, puts = told(cells).sum(axis=1).tolist()
    return puts / calls if calls > 0.0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """A strike where much is open, and its share of the side's open interest."""

    strike: float
    open_interest: float
    share: float


def walls(strike: Float64Array1D, open_interest: Float64Array1D, *, count: int = 3) -> tuple[Wall, ...]:
    """Return the strikes of one side with the most open interest, the largest first; a tie goes to the lower strike."""
    held = told(open_interest)
    total = float(held.sum())
    largest = np.argsort(-held, kind="stable")[:count]
    return tuple(
        Wall(strike=float(strike[at]), open_interest=float(held[at]), share=float(held[at]) / total)
        for at in largest.tolist()
        if held[at] > 0.0
    )


# --- how it moved


class Since(StrEnum):
    """Against which moment a change is taken."""

    PREVIOUS_CLOSE = "previous_close"
    OPEN = "open"
    MINUTE = "1m"
    MINUTES_3 = "3m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    HOUR = "60m"

    @property
    def minutes(self) -> int | None:
        """How long ago that is; None for a moment of the session."""
        return _MINUTES.get(self)


_MINUTES = {Since.MINUTE: 1, Since.MINUTES_3: 3, Since.MINUTES_5: 5, Since.MINUTES_15: 15, Since.HOUR: 60}
# A snapshot this much older than the moment asked for would say something else.
LATEST = timedelta(seconds=90)


def reference(
    history: Sequence[Interest], now: datetime, since: Since, *, previous_close: Interest | None = None
) -> Interest | None:
    """Find what a change is taken against among the session's snapshots, oldest first; None where it was not recorded."""
    if since is Since.PREVIOUS_CLOSE:
        return previous_close
    if since.minutes is None:
        return history[0] if history else None
    wanted = now - timedelta(minutes=since.minutes)
    found = next((snapshot for snapshot in reversed(history) if snapshot.at <= wanted), None)
    return found if found is not None and wanted - found.at <= LATEST else None


def aligned(cells: Cells, strike: Float64Array1D, onto: Float64Array1D) -> Cells:
    """Return the cells of `strike` at the strikes of `onto`; NaN where they had none. Both ascend."""
    found = np.full((2, onto.size), np.nan)
    _, here, there = np.intersect1d(strike, onto, assume_unique=True, return_indices=True)
    found[:, there] = cells[:, here]
    return found


def change(now: Interest, before: Interest) -> Cells:
    """Return how open interest moved at the strikes of `now`; NaN where either moment does not tell."""
    moved: Cells = now.open_interest - aligned(before.open_interest, before.strike, now.strike)
    return moved


class BuildUp(StrEnum):
    """What price and open interest together say of who acted."""

    LONG_BUILD_UP = "long build-up"
    SHORT_BUILD_UP = "short build-up"
    SHORT_COVERING = "short covering"
    LONG_UNWINDING = "long unwinding"
    NONE = "none"


# by the signs of the moves: (price, open interest)
_BUILD_UPS = {
    (1, 1): BuildUp.LONG_BUILD_UP,
    (-1, 1): BuildUp.SHORT_BUILD_UP,
    (1, -1): BuildUp.SHORT_COVERING,
    (-1, -1): BuildUp.LONG_UNWINDING,
}


def build_up(price_change: float, interest_change: float) -> BuildUp:
    """Class one option's or future's move; none where either did not move or is not told (NaN)."""
    signs = np.sign(price_change), np.sign(interest_change)
    if not np.all(np.isfinite(signs)):
        return BuildUp.NONE
    return _BUILD_UPS.get((int(signs[0]), int(signs[1])), BuildUp.NONE)


def build_ups(now: Interest, before: Interest) -> tuple[tuple[BuildUp, ...], tuple[BuildUp, ...]]:
    """Class every cell, calls and puts, at the strikes of `now`."""
    prices = now.last_price - aligned(before.last_price, before.strike, now.strike)
    moved = change(now, before)
    calls, puts = (
        tuple(
            build_up(price, interest) for price, interest in zip(prices[row].tolist(), moved[row].tolist(), strict=True)
        )
        for row in (CALL, PUT)
    )
    return calls, puts
