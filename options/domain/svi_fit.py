"""The least squares behind a fitted smile: Levenberg and Marquardt's steps on SVI's five figures."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from brokers.domain.market import Float64Array1D

STEPS = 60
ENOUGH = 1e-10
FARTHEST = 3.0  # in mean deviations: a strike that lies farther off after the first fit is left out of the second
LEAST_KEPT = 6
LEAST_WIDTH = 5e-4


class Sample(NamedTuple):
    """What is fitted: log-moneyness ascending, total variances, and what one unit of variance weighs."""

    k: Float64Array1D
    variance: Float64Array1D
    weight: Float64Array1D


def fit(sample: Sample) -> tuple[float, float, float, float, float]:
    """Return a, b, rho, m and sigma; strikes far off a first fit do not count in the second."""
    first = _solve(sample, _start(sample))
    off = np.abs(_residual(sample, first))
    kept = off <= FARTHEST * max(float(off.mean()), ENOUGH)
    if kept.all() or kept.sum() < LEAST_KEPT:
        return _raw(first)
    return _raw(_solve(Sample(*(column[kept] for column in sample)), first))


def _raw(point: Float64Array1D) -> tuple[float, float, float, float, float]:
    """Turn the free figures into SVI's: any point is a smile with b > 0, abs(rho) < 1 and a width above the least."""
    a, log_b, reach, m, log_sigma = (float(figure) for figure in point)
    return a, math.exp(log_b), math.tanh(reach), m, LEAST_WIDTH + math.exp(log_sigma)


def _start(sample: Sample) -> Float64Array1D:
    """Start from a parabola-like smile about the least variance seen."""
    lowest = int(np.argmin(sample.variance))
    level, m = float(sample.variance[lowest]), float(sample.k[lowest])
    width = max(0.25 * float(sample.k[-1] - sample.k[0]), 1e-3)
    rise = max(float(sample.variance[[0, -1]].max()) - level, 0.1 * level)
    slope = rise / width
    return np.array([0.7 * level, math.log(max(0.5 * slope, 1e-6)), 0.0, m, math.log(0.5 * width)])


def _residual(sample: Sample, point: Float64Array1D) -> Float64Array1D:
    a, b, rho, m, sigma = _raw(point)
    x = sample.k - m
    off: Float64Array1D = (a + b * (rho * x + np.sqrt(x * x + sigma * sigma)) - sample.variance) * sample.weight
    return off


def _jacobian(sample: Sample, point: Float64Array1D) -> npt.NDArray[np.float64]:
    _, b, rho, m, sigma = _raw(point)
    x = sample.k - m
    root = np.sqrt(x * x + sigma * sigma)
    columns = (
        np.ones_like(x),
        b * (rho * x + root),
        b * x * (1.0 - rho * rho),
        -b * (rho + x / root),
        b * sigma / root * (sigma - LEAST_WIDTH),
    )
    return np.stack(columns, axis=1) * sample.weight[:, None]


def _solve(sample: Sample, point: Float64Array1D) -> Float64Array1D:
    damping = 1e-2
    residual = _residual(sample, point)
    cost = float(residual @ residual)
    for _ in range(STEPS):
        jacobian = _jacobian(sample, point)
        normal, gradient = jacobian.T @ jacobian, jacobian.T @ residual
        scale = np.maximum(np.diag(normal), 1e-12)
        moved = _clipped(point - np.linalg.solve(normal + damping * np.diag(scale), gradient))
        tried = _residual(sample, moved)
        after = float(tried @ tried)
        if after < cost:
            is_done = cost - after <= ENOUGH * cost
            point, residual, cost = moved, tried, after
            damping = max(damping * 0.3, 1e-9)
            if is_done:
                break
        else:
            damping *= 4.0
            if damping > 1e9:
                break
    return point


def _clipped(point: Float64Array1D) -> Float64Array1D:
    # wide enough for any market, and narrow enough that no exponential leaves the range of a double
    return np.clip(point, [-5.0, -18.0, -4.0, -3.0, -18.0], [5.0, 3.0, 4.0, 3.0, 3.0])
