"""Backtests: the fast path over wanted exposures, what its results are worth, and whether to believe them."""

from strategies.domain.backtest.checks import check_bars, check_exposure
from strategies.domain.backtest.engine import Fills, Result, Trades, backtest, decided, run
from strategies.domain.backtest.notes import contract_notes
from strategies.domain.backtest.terms import FillAt, FlatFee, Gaps, IndianCharges, Sizing, Terms

__all__ = [
    "FillAt",
    "Fills",
    "FlatFee",
    "Gaps",
    "IndianCharges",
    "Result",
    "Sizing",
    "Terms",
    "Trades",
    "backtest",
    "check_bars",
    "check_exposure",
    "contract_notes",
    "decided",
    "run",
]
