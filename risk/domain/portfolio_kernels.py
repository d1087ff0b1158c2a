"""What is compiled of portfolio risk: options revalued cell by cell and summed into their underlying at once.

The formula is Black's on the forward, with the functions of `options.domain.special`: d1 = s/2 - x/s for the option turned
out of the money, x = |ln(F/K)|, s = volatility * sqrt(years). A cell costs one exponential and two scaled complementary
error functions. Nothing in the innermost loop branches, so that it runs on vector instructions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, ParamSpec, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from options.domain.special import exponential, log_ratio, scaled_erfc

Floats = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.int64]
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# Of options/domain/special.py, which is compiled into these: numba's cache notices a change of this file alone.
PARTS_DIGEST = "b64bae2912d39bda"

_ROOT_HALF = math.sqrt(0.5)
# a contract with less than a second of its life left has run out
_LEAST_YEARS = 1.0 / 31_536_000.0
# whatever a shift takes away, this much a year remains
_LEAST_VOLATILITY = 1e-4


class Columns(NamedTuple):
    """Options in columns of one length: signed units, the underlying's row, and what each is worth now a unit.

    `sign` is 1 for a call and -1 for a put; rates are continuous a year, volatilities a year.
    """

    quantity: Floats
    underlying: Indexes
    forward: Floats
    strike: Floats
    years: Floats
    rate: Floats
    volatility: Floats
    sign: Floats
    worth: Floats


def _kernel(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    try:
        compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function)
    except RuntimeError:
        # nothing may be written beside this file: compiled at each start instead
        compiled = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"})(function)
    return cast("Callable[Parameters, Result]", compiled)


@_kernel
def add_row(  # noqa: PLR0917 - compiled functions take no keyword-only arguments
    book: Columns, option: int, left: float, factor: Floats, shift: Floats, total: Floats
) -> None:
    """Add what one option gains where its forward is multiplied by `factor` and its volatility moved by `shift` (n,)."""
    quantity, strike, sign = book.quantity[option], book.strike[option], book.sign[option]
    forward, worth, volatility = book.forward[option], book.worth[option], book.volatility[option]
    if left < _LEAST_YEARS:
        for cell in range(len(factor)):
            total[cell] += quantity * (max(sign * (forward * factor[cell] - strike), 0.0) - worth)
        return
    root, discount = math.sqrt(left), exponential(-book.rate[option] * left)
    for cell in range(len(factor)):
        level = forward * factor[cell]
        s = max(volatility + shift[cell], _LEAST_VOLATILITY) * root
        low = min(level, strike)
        d1 = 0.5 * s - abs(log_ratio(level, strike)) / s
        bell = 0.5 * exponential(-0.5 * d1 * d1)
        near, far = scaled_erfc(abs(d1) * _ROOT_HALF), scaled_erfc((s - d1) * _ROOT_HALF)
        time_value = low * (1.0 - bell * (near + far) if d1 > 0.0 else bell * (near - far))
        price = discount * (time_value + max(sign * (level - strike), 0.0))
        total[cell] += quantity * (price - worth)


@_kernel
def add_grid(book: Columns, factor: Floats, shift: Floats, passed: Floats, total: Floats) -> None:
    """Add every option to the grid of its underlying: `total` (underlyings, days, shifts, factors)."""
    shifts = np.empty(len(factor))
    for option in range(len(book.quantity)):
        row = total[book.underlying[option]]
        for day in range(len(passed)):
            left = book.years[option] - passed[day]
            for point in range(len(shift)):
                shifts[:] = shift[point]
                add_row(book, option, left, factor, shifts, row[day, point])


@_kernel
def add_paths(book: Columns, factor: Floats, shift: Floats, passed: float, total: Floats) -> None:
    """Add every option along the days of a history: `factor` and `shift` (underlyings, n), `total` (n,)."""
    for option in range(len(book.quantity)):
        row = book.underlying[option]
        add_row(book, option, book.years[option] - passed, factor[row], shift[row], total)
