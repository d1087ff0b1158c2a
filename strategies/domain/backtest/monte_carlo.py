"""Monte Carlo: the same trades, or the same days, in the orders that chance could have dealt them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D
from strategies.domain.backtest.terms import Float64Array2D

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Outcomes of many resampled histories: quantiles (5, 25, 50, 75, 95 %) and the shares that lost or were ruined.

    `ruined` counts histories that fell below half of the capital at some time.
    """

    final_quote: tuple[float, ...]
    max_drawdown: tuple[float, ...]
    lost: float
    ruined: float


def resampled_trades(
    profits: Float64Array1D, capital: float, random: np.random.Generator, *, histories: int = 1_000
) -> Spread:
    """Draw as many trades as there were, with replacement, `histories` times; profits after charges, shape (trades,)."""
    _check(profits, histories)
    drawn = random.choice(profits, (histories, profits.size))
    return _spread(capital + np.cumsum(drawn, axis=1), capital)


def resampled_days(
    returns: Float64Array1D,
    capital: float,
    random: np.random.Generator,
    *,
    block: int = 10,
    histories: int = 1_000,
) -> Spread:
    """Draw blocks of consecutive days until there are as many as before, `histories` times.

    Blocks keep what lies in the days' order, such as quiet and wild times; they go round from the last day
    to the first. `returns` are daily, shape (days,).
    """
    _check(returns, histories)
    if not 1 <= block <= returns.size:
        raise Invalid(f"a block has 1 to {returns.size} days, not {block}", code="monte_carlo.block", field="block")
    begins = random.integers(0, returns.size, (histories, -(-returns.size // block)))
    places = (begins[:, :, np.newaxis] + np.arange(block)) % returns.size
    drawn = returns[places.reshape(histories, -1)[:, : returns.size]]
    return _spread(capital * np.cumprod(1.0 + drawn, axis=1), capital)


def _check(values: Float64Array1D, histories: int) -> None:
    if values.size < 2:
        raise Invalid("there is too little to draw from: at least two", code="monte_carlo.few", field="values")
    if histories < 1:
        raise Invalid(f"at least one history is drawn, not {histories}", code="monte_carlo.few", field="histories")


def _spread(equity: Float64Array2D, capital: float) -> Spread:
    peak = np.maximum(np.maximum.accumulate(equity, axis=1), capital)
    deepest = np.max(1.0 - equity / peak, axis=1)
    return Spread(
        final_quote=tuple(np.quantile(equity[:, -1], QUANTILES).tolist()),
        max_drawdown=tuple(np.quantile(deepest, QUANTILES).tolist()),
        lost=float(np.mean(equity[:, -1] < capital)),
        ruined=float(np.mean(equity.min(axis=1) < capital / 2)),
    )
