"""The functions that Black's formula is made of, compiled into whatever calls them.

None of them branches or calls a library, which is what lets a loop around them use vector instructions. numba's cache
of a kernel notices a change of the kernel's own file alone: `options.domain.kernels` therefore names the digest of this
file and of guesses.py, and a test holds them together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba
import numpy as np

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_LN2 = 0.6931471805599453
_TO_INTEGER = 6755399441055744.0  # 1.5 * 2**52: adding it leaves the rounded value in the low bits
_ROOT_HALF_BITS = 4604544271217802189  # of the square root of a half, as an integer
_ERFCX_POLE = 3.75


def inlined(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a function into its callers; a product and a sum may be rounded once, and nothing else is reordered."""
    compiled = numba.njit(forceinline=True, error_model="numpy", fastmath={"contract"})(function)
    return cast("Callable[Parameters, Result]", compiled)


@inlined
def exponential(value: float) -> float:
    """Return e to the value, for values from -700 to 700 (others are taken as the nearer of these)."""
    value = min(max(value, -700.0), 700.0)
    shifted = value * _LOG2_E + _TO_INTEGER
    whole = shifted - _TO_INTEGER
    rest = (value - whole * _LN2_HIGH) - whole * _LN2_LOW
    series = 1.0 / 6227020800.0
    series = series * rest + 1.0 / 479001600.0
    series = series * rest + 1.0 / 39916800.0
    series = series * rest + 1.0 / 3628800.0
    series = series * rest + 1.0 / 362880.0
    series = series * rest + 1.0 / 40320.0
    series = series * rest + 1.0 / 5040.0
    series = series * rest + 1.0 / 720.0
    series = series * rest + 1.0 / 120.0
    series = series * rest + 1.0 / 24.0
    series = series * rest + 1.0 / 6.0
    series = series * rest + 0.5
    series = series * rest + 1.0
    series = series * rest + 1.0
    power = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52)
    return series * power.view(np.float64)


@inlined
def _twice_atanh(value: float) -> float:
    # 2 atanh(value) for |value| <= 0.1716, the series of the logarithm of (1 + value) / (1 - value)
    square = value * value
    series = 1.0 / 23.0
    series = series * square + 1.0 / 21.0
    series = series * square + 1.0 / 19.0
    series = series * square + 1.0 / 17.0
    series = series * square + 1.0 / 15.0
    series = series * square + 1.0 / 13.0
    series = series * square + 1.0 / 11.0
    series = series * square + 1.0 / 9.0
    series = series * square + 1.0 / 7.0
    series = series * square + 0.2
    series = series * square + 1.0 / 3.0
    return 2.0 * value + 2.0 * value * square * series


@inlined
def log_ratio(upper: float, lower: float) -> float:
    """Return ln(upper / lower) of two positive figures, to full relative accuracy also where they nearly agree."""
    exponent = (np.float64(upper / lower).view(np.int64) - _ROOT_HALF_BITS) >> 52
    scaled = lower * np.int64((exponent + 1023) << 52).view(np.float64)
    # a power of two scales exactly, and the difference of two near figures is exact
    return float(exponent) * _LN2 + _twice_atanh((upper - scaled) / (upper + scaled))


@inlined
def logarithm(value: float) -> float:
    """Return the natural logarithm of a positive normal figure."""
    bits = np.float64(value).view(np.int64)
    exponent = (bits - _ROOT_HALF_BITS) >> 52
    part = np.int64(bits - (exponent << 52)).view(np.float64)
    return float(exponent) * _LN2 + _twice_atanh((part - 1.0) / (part + 1.0))


@inlined
def scaled_erfc(value: float) -> float:
    """Return exp(value^2) erfc(value) for a value from 0.

    (1 + 2v) exp(v^2) erfc(v) is smooth in u = (v - 3.75) / (v + 3.75) on the whole half line (Shepherd and Laframboise,
    Mathematics of Computation 36, 1981); the coefficients are its Chebyshev interpolant at 160 nodes, cut where a term
    falls below 1e-16 and rewritten in powers of u.
    """
    reciprocal = 1.0 / ((value + _ERFCX_POLE) * (1.0 + 2.0 * value))
    u = (value - _ERFCX_POLE) * (1.0 + 2.0 * value) * reciprocal
    series = 4.2514714447963895e-10
    series = series * u + 3.1114333809799254e-10
    series = series * u - 5.1739902140113095e-09
    series = series * u - 3.744210080962018e-09
    series = series * u + 3.8675334242222354e-08
    series = series * u + 2.3263508708859124e-08
    series = series * u - 2.5866850716155884e-07
    series = series * u - 5.7218230603224086e-08
    series = series * u + 1.751637648849062e-06
    series = series * u - 9.73559896736775e-07
    series = series * u - 1.1444146237700524e-05
    series = series * u + 2.238423915508223e-05
    series = series * u + 5.164909889268241e-05
    series = series * u - 0.0002901540805408417
    series = series * u + 0.0002937136655913448
    series = series * u + 0.0017556258528952954
    series = series * u - 0.009746579558029276
    series = series * u + 0.028362277418956406
    series = series * u - 0.05869339858963677
    series = series * u + 0.09230432116037748
    series = series * u - 0.10880393014174886
    series = series * u + 0.0822767384901452
    series = series * u + 0.0035854154854644293
    series = series * u - 0.14024059858554697
    series = series * u + 1.2375126308378275
    return series * (value + _ERFCX_POLE) * reciprocal


@inlined
def upper_quantile(log_probability: float) -> float:
    """Return about where the normal distribution leaves exp(log_probability) above it, to 5e-4.

    Hastings' rational form, Abramowitz and Stegun 26.2.23.
    """
    y = math.sqrt(-2.0 * log_probability)
    above = 2.515517 + y * (0.802853 + y * 0.010328)
    return y - above / (1.0 + y * (1.432788 + y * (0.189269 + y * 0.001308)))
