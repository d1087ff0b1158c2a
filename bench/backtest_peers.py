"""One rule for every contender: a crossing of two simple averages, bought and sold at the next open.

Long only, 100 units, 0.1 % of the value a side, 10 million to begin with; the equity is marked at the last close.
Run as a program it prints what the peers make of the made markets, for whoever compares: ``python -m bench.backtest_peers``.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from brokers.domain.market import NANOSECONDS, Bars

CASH, UNITS, FEE = 1e7, 100.0, 0.001
FAST, SLOW = 10, 30
COMPARED = ((2_500, 86_400, 1), (2_500, 86_400, 2), (20_000, 60, 3))
Floats = npt.NDArray[np.float64]


def made_market(count: int, interval_s: int, seed: int) -> Bars:
    """Walk at random, seeded; six places, so that averages hardly ever tie."""
    random = np.random.default_rng(seed)
    spread = 0.015 if interval_s >= 86_400 else 0.0006
    close = np.round(500.0 * np.exp(np.cumsum(random.normal(0.0, spread, count))), 6)
    opened = np.round(np.concatenate(([500.0], close[:-1])) * np.exp(random.normal(0.0, spread / 3, count)), 6)
    reach = 1.0 + np.abs(random.normal(0.0, spread / 3, (2, count)))
    begin = int(datetime(2010, 1, 1, tzinfo=UTC).timestamp())
    return Bars(
        instrument=f"NSE:MADE{seed}",
        interval_s=interval_s,
        start_ns=(begin + np.arange(count, dtype=np.int64) * interval_s) * NANOSECONDS,
        open=opened,
        high=np.maximum(opened, close) * reach[0],
        low=np.minimum(opened, close) / reach[1],
        close=close,
        volume=np.full(count, 1e6),
    )


class Vectorbt:
    """vectorbt's `Portfolio.from_signals`."""

    def __init__(self) -> None:
        self._pandas, self._library = import_module("pandas"), import_module("vectorbt")

    def run(self, bars: Bars, fast: int = FAST, slow: int = SLOW) -> Any:
        """Trade one market; returns the portfolio."""
        return self._portfolio(self._frame([bars], "open")[0], self._frame([bars], "close")[0], fast, slow)

    def run_all(self, opens: Any, closes: Any) -> Floats:
        """Trade many markets in one table; returns final equities."""
        return np.asarray(self._portfolio(opens, closes, FAST, SLOW).final_value())

    def tables(self, markets: Sequence[Bars]) -> tuple[Any, Any]:
        """Give the markets' opens and closes as two tables."""
        return self._frame(markets, "open"), self._frame(markets, "close")

    def sweep(self, bars: Bars, pairs: Sequence[tuple[int, int]]) -> Floats:
        """Trade every pair; returns final equities."""
        close, opened = self._frame([bars], "close")[0], self._frame([bars], "open")[0]
        average = self._library.MA
        fast = average.run(close, window=[pair[0] for pair in pairs], short_name="fast")
        slow = average.run(close, window=[pair[1] for pair in pairs], short_name="slow")
        enter = fast.ma_crossed_above(slow).vbt.signals.fshift(1)
        leave = fast.ma_crossed_below(slow).vbt.signals.fshift(1)
        return np.asarray(self._traded(close, enter, leave, opened).final_value())

    def _portfolio(self, opened: Any, close: Any, fast: int, slow: int) -> Any:
        first, second = close.rolling(fast).mean(), close.rolling(slow).mean()
        enter = (first > second) & (first.shift() <= second.shift())
        leave = (first < second) & (first.shift() >= second.shift())
        return self._traded(close, enter.shift(1, fill_value=False), leave.shift(1, fill_value=False), opened)

    def _traded(self, close: Any, enter: Any, leave: Any, opened: Any) -> Any:
        return self._library.Portfolio.from_signals(
            close, enter, leave, price=opened, size=UNITS, fees=FEE, init_cash=CASH, freq="1D"
        )

    def _frame(self, markets: Sequence[Bars], column: str) -> Any:
        index = self._pandas.to_datetime(markets[0].start_ns)
        return self._pandas.DataFrame({place: getattr(bars, column) for place, bars in enumerate(markets)}, index=index)


class BacktestingPy:
    """backtesting.py's `Backtest`, without its progress bar."""

    def __init__(self) -> None:
        self._pandas, self._library = import_module("pandas"), import_module("backtesting")
        vars(import_module("backtesting.backtesting"))["_tqdm"] = lambda rows, **_: rows
        self._strategy = _crossing(self._library, self._pandas)

    def run(self, bars: Bars, fast: int = FAST, slow: int = SLOW) -> Any:
        """Trade one market; returns its statistics."""
        columns = {name.title(): getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
        frame = self._pandas.DataFrame(columns, index=self._pandas.to_datetime(bars.start_ns))
        test = self._library.Backtest(
            frame, self._strategy, cash=CASH, commission=FEE, trade_on_close=False, finalize_trades=False
        )
        return test.run(fast=fast, slow=slow)

    def final(self, bars: Bars, fast: int = FAST, slow: int = SLOW) -> float:
        """Trade one market; returns the final equity."""
        return float(self.run(bars, fast, slow)["Equity Final [$]"])


def _crossing(library: Any, pandas: Any) -> Any:
    class Crossing(library.Strategy):  # type: ignore[misc]
        fast, slow = FAST, SLOW

        def init(self) -> None:
            def mean(values: Any, bars: int) -> Any:
                return pandas.Series(values).rolling(bars).mean().to_numpy()

            self.first = self.I(mean, self.data.Close, self.fast)
            self.second = self.I(mean, self.data.Close, self.slow)

        def next(self) -> None:
            first, second = self.first, self.second
            if first[-2] <= second[-2] and first[-1] > second[-1]:
                if not self.position:
                    self.buy(size=int(UNITS))
            elif first[-2] >= second[-2] and first[-1] < second[-1] and self.position:
                self.position.close()

    return Crossing


def told() -> list[dict[str, Any]]:
    """Return final equity and closed trades (entry bar, exit bar, profit) of both peers for each compared market."""
    vectorbt, backtesting = Vectorbt(), BacktestingPy()
    rows = []
    for shape in COMPARED:
        bars = made_market(*shape)
        portfolio, figures = vectorbt.run(bars), backtesting.run(bars)
        records = portfolio.trades.records
        closed = records[records["status"] == 1]
        trades = figures["_trades"]
        rows.append(
            {
                "shape": shape,
                "vectorbt": {
                    "final": float(portfolio.final_value()),
                    "trades": closed[["entry_idx", "exit_idx", "pnl"]].to_numpy().tolist(),
                },
                "backtesting": {
                    "final": float(figures["Equity Final [$]"]),
                    "trades": trades[["EntryBar", "ExitBar", "PnL"]].to_numpy().tolist(),
                },
            }
        )
    return rows


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of the peers, about their own dependencies
    json.dump(told(), sys.stdout)
