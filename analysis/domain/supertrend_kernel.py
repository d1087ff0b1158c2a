"""The supertrend's recursion, compiled."""

from __future__ import annotations

from analysis.domain import supertrend_loop
from analysis.domain.kernels import kernel

trail = kernel(supertrend_loop.trail)
