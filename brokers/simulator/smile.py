"""Black-76 prices of the made option chain, under a skewed smile."""

import math

import numpy as np
import numpy.typing as npt

Float64Array1D = npt.NDArray[np.float64]

RATE_ANNUAL = 0.065
_REACH, _STEP = 9.0, 0.01
_GRID = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
_CDF = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in _GRID])
_PDF = np.exp(-0.5 * _GRID**2) / math.sqrt(2.0 * math.pi)


def normal_cdf(x: Float64Array1D) -> Float64Array1D:
    """Return the standard normal distribution function.

    A cubic Hermite table: the density is the exact slope, so that a step of 0.01 leaves an error
    below 1e-10. Beyond nine deviations the nearest end value stands.
    """
    place = (np.clip(x, -_REACH, _REACH - 1e-9) + _REACH) / _STEP
    left = np.minimum(place.astype(np.int64), len(_GRID) - 2)
    t = place - left
    t2, t3 = t * t, t * t * t
    values = (2 * t3 - 3 * t2 + 1) * _CDF[left] + (3 * t2 - 2 * t3) * _CDF[left + 1]
    slopes = (t3 - 2 * t2 + t) * _PDF[left] + (t3 - t2) * _PDF[left + 1]
    return np.asarray(values + _STEP * slopes, dtype=np.float64)


def smile_vol(
    forward: Float64Array1D, strike: Float64Array1D, years: Float64Array1D, atm_vol: Float64Array1D
) -> Float64Array1D:
    """Return annual volatility by strike: dear downside puts, a flat low call side, both ends lifted.

    With x = ln(K/F) / (atm_vol·√T), capped at five deviations, vol = atm_vol·(1 − 0.065·x + 0.022·x²).
    """
    deviations = np.clip(np.log(strike / forward) / (atm_vol * np.sqrt(years)), -5.0, 5.0)
    return np.asarray(atm_vol * (1.0 - 0.065 * deviations + 0.022 * deviations**2), dtype=np.float64)


def term_vol(atm_vol: float, years: Float64Array1D) -> Float64Array1D:
    """Return at-the-money volatility by maturity: the short end sits a little above the long one."""
    return np.asarray(atm_vol * (1.0 + 0.04 / (1.0 + 60.0 * years)), dtype=np.float64)


def black76(
    forward: Float64Array1D,
    strike: Float64Array1D,
    years: Float64Array1D,
    vol: Float64Array1D,
    is_call: npt.NDArray[np.bool_],
) -> Float64Array1D:
    """Return discounted option values; a put is its call less the discounted forward difference.

    c = e^(−rT)·(F·Φ(d₁) − K·Φ(d₂)), d₁,₂ = (ln(F/K) ± σ²T/2)/(σ√T); so put-call parity holds exactly
    wherever neither side is cut at zero.
    """
    spread = vol * np.sqrt(years)
    d1 = np.log(forward / strike) / spread + 0.5 * spread
    discount = np.exp(-RATE_ANNUAL * years)
    call = discount * (forward * normal_cdf(d1) - strike * normal_cdf(d1 - spread))
    value = np.where(is_call, call, call - discount * (forward - strike))
    return np.asarray(np.maximum(value, 0.0), dtype=np.float64)
