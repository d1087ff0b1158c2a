"""The fast backtest beside vectorbt and backtesting.py: the same rule, the same bars, the same final equity.

`daily`: 50 instruments of 2,500 days, each its own account. `minutes`: one series of 500,000 bars. `sweep`: 1,000 pairs of
periods over 2,500 bars. Averages, and the checks of every bar, are within the time. Ours is on one core. What a peer does
one after another is timed on a part (backtesting.py: 5 instruments, 20,000 bars, 10 pairs) and told as a rate.
`memory` is the most that one run allocated through Python and NumPy, in megabytes.
"""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from bench.backtest_peers import CASH, FAST, FEE, SLOW, UNITS, BacktestingPy, Floats, Vectorbt, made_market
from bench.measure import Case, Topic, seconds_per_call
from brokers.domain.market import Bars
from strategies.domain.backtest import FlatFee, Result, Sizing, Terms, crossing_sweep, run
from strategies.domain.backtest.sweep_kernels import crossing, simple_averages

PACKAGES = ("vectorbt", "backtesting", "numpy", "numba", "pandas")
TERMS = Terms(capital_quote=CASH, sizing=Sizing.UNITS, size=UNITS, costs=FlatFee(fraction=FEE))
DAYS, INSTRUMENTS, MINUTES = 2_500, 50, 500_000
PAIRS = [(fast, slow) for fast in range(5, 25) for slow in range(30, 130, 2)]
PART = {"instruments": 5, "minutes": 20_000, "pairs": 10}
MEGABYTE = 1e6


def measure() -> Topic:
    """Compare the final equities, then time the three."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peers, about their own dependencies
        vectorbt, backtesting = Vectorbt(), BacktestingPy()
        cases = [*_daily(vectorbt, backtesting), *_minutes(vectorbt, backtesting), *_sweep(vectorbt, backtesting)]
    return Topic(name="backtest", cases=cases, packages=PACKAGES)


def crossed(bars: Bars) -> Result:
    """Trade the rule: averages, exposures, orders, charges and equity."""
    fast, slow = simple_averages(bars.close, np.array([FAST, SLOW]))
    exposure = np.empty(len(bars))
    crossing(fast, slow, SLOW - 1, False, exposure)
    return run(bars, exposure, TERMS)


def _daily(vectorbt: Vectorbt, backtesting: BacktestingPy) -> list[Case]:
    markets = [made_market(DAYS, 86_400, seed) for seed in range(INSTRUMENTS)]
    part = markets[: PART["instruments"]]
    opens, closes = vectorbt.tables(markets)

    def ours() -> list[Result]:
        return [crossed(bars) for bars in markets]

    def table() -> Floats:
        return vectorbt.run_all(opens, closes)

    def each() -> list[float]:
        return [backtesting.final(bars) for bars in part]

    _compare("daily", [result.final_quote for result in ours()], table(), each())
    bars = DAYS * INSTRUMENTS
    spent = seconds_per_call({"ours": ours, "vectorbt": table, "backtesting.py": each})
    return [
        _case(f"daily, {INSTRUMENTS} x {DAYS:,}", spent, {"backtesting.py": DAYS * len(part)}, bars),
        _memory(f"memory, daily {INSTRUMENTS} x {DAYS:,}", ours, {"vectorbt": table}),
    ]


def _minutes(vectorbt: Vectorbt, backtesting: BacktestingPy) -> list[Case]:
    bars = made_market(MINUTES, 60, 3)
    part = made_market(PART["minutes"], 60, 3)

    def ours() -> Result:
        return crossed(bars)

    def one() -> float:
        return float(vectorbt.run(bars).final_value())

    def few() -> float:
        return backtesting.final(part)

    _compare("minutes", [ours().final_quote], [one()], [])
    _compare("minutes, part", [crossed(part).final_quote], [few()], [])
    spent = seconds_per_call({"ours": ours, "vectorbt": one, "backtesting.py": few})
    return [
        _case(f"minutes, {MINUTES:,}", spent, {"backtesting.py": len(part)}, MINUTES),
        _memory(f"memory, minutes {MINUTES:,}", ours, {"vectorbt": one}),
    ]


def _sweep(vectorbt: Vectorbt, backtesting: BacktestingPy) -> list[Case]:
    bars = made_market(DAYS, 86_400, 1)
    few = PAIRS[:: len(PAIRS) // PART["pairs"]]

    def ours() -> Floats:
        return crossing_sweep(bars, PAIRS, TERMS, is_exponential=False, joins_late=False).final_quote

    def table() -> Floats:
        return vectorbt.sweep(bars, PAIRS)

    def each() -> list[float]:
        return [backtesting.final(bars, *pair) for pair in few]

    _compare("sweep", ours(), table(), [])
    _compare("sweep, part", ours()[:: len(PAIRS) // PART["pairs"]], each(), [])
    spent = seconds_per_call({"ours": ours, "vectorbt": table, "backtesting.py": each})
    return [
        _case(f"sweep, {len(PAIRS):,} x {DAYS:,}", spent, {"backtesting.py": DAYS * len(few)}, DAYS * len(PAIRS)),
        _memory(f"memory, sweep {len(PAIRS):,} x {DAYS:,}", ours, {"vectorbt": table}),
    ]


def _case(name: str, spent: dict[str, float], parts: dict[str, int], bars: int) -> Case:
    rates = {contender: parts.get(contender, bars) / seconds for contender, seconds in spent.items()}
    return Case(name=name, unit="bars/s", ours=rates.pop("ours"), peers=rates)


def _memory(name: str, ours: Callable[[], object], peers: dict[str, Callable[[], object]]) -> Case:
    most = {peer: _allocated(call) for peer, call in peers.items()}
    return Case(name=name, unit="MB", ours=_allocated(ours), peers=most, higher_is_better=False)


def _allocated(call: Callable[[], object]) -> float:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()


def _compare(
    name: str, ours: Sequence[float] | Floats, first: Sequence[float] | Floats, second: Sequence[float]
) -> None:
    for theirs in (np.asarray(first), np.asarray(second)):
        mine = np.asarray(ours)[: theirs.size]
        if not np.allclose(mine, theirs, rtol=1e-8, atol=1e-3):
            raise AssertionError(f"{name}: a peer's equity is off by {np.max(np.abs(mine - theirs))}")
