"""Backtests: the fast path over wanted exposures, what its results are worth, and whether to believe them."""

from strategies.domain.backtest.bias import Leak, WarmUp, find_lookahead, find_warm_up
from strategies.domain.backtest.checks import check_bars, check_exposure
from strategies.domain.backtest.drawdowns import Drawdown, drawdowns, underwater
from strategies.domain.backtest.engine import Fills, Result, Trades, backtest, decided, run
from strategies.domain.backtest.luck import Overfitting, deflated_sharpe, expected_best, overfitting
from strategies.domain.backtest.monte_carlo import Spread, resampled_days, resampled_trades
from strategies.domain.backtest.notes import contract_notes
from strategies.domain.backtest.portfolio import Portfolio, run_together
from strategies.domain.backtest.statistics import EVERY_DAY, TRADING_DAYS, Daily, Statistics, daily_of, statistics_of
from strategies.domain.backtest.sweeps import Figures, Surface, Sweep, crossing_sweep, figures_of, surface_of, sweep
from strategies.domain.backtest.terms import FillAt, FlatFee, Gaps, IndianCharges, Sizing, Terms
from strategies.domain.backtest.verdict import Evidence, Standing, Verdict, verdict_of
from strategies.domain.backtest.walk_forward import Stretch, WalkForward, walk_forward

__all__ = [
    "EVERY_DAY",
    "TRADING_DAYS",
    "Daily",
    "Drawdown",
    "Evidence",
    "Figures",
    "FillAt",
    "Fills",
    "FlatFee",
    "Gaps",
    "IndianCharges",
    "Leak",
    "Overfitting",
    "Portfolio",
    "Result",
    "Sizing",
    "Spread",
    "Standing",
    "Statistics",
    "Stretch",
    "Surface",
    "Sweep",
    "Terms",
    "Trades",
    "Verdict",
    "WalkForward",
    "WarmUp",
    "backtest",
    "check_bars",
    "check_exposure",
    "contract_notes",
    "crossing_sweep",
    "daily_of",
    "decided",
    "deflated_sharpe",
    "drawdowns",
    "expected_best",
    "figures_of",
    "find_lookahead",
    "find_warm_up",
    "overfitting",
    "resampled_days",
    "resampled_trades",
    "run",
    "run_together",
    "statistics_of",
    "surface_of",
    "sweep",
    "underwater",
    "verdict_of",
    "walk_forward",
]
