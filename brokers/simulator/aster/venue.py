"""The simulated Aster's venue: a market, the engine that matches on it, its custody and its candles; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from brokers.simulator.aster.accounts import PerpetualAccount
from brokers.simulator.aster.clock import DAY_MS, INTERVALS_MS, MINUTE_MS, MS_NS, bucket_start
from brokers.simulator.aster.custody import Custody
from brokers.simulator.aster.engine import PerpetualEngine
from brokers.simulator.aster.ledger import PerpetualLedger
from brokers.simulator.aster.market import PerpetualMarket, Tick
from brokers.simulator.aster.minutes import OPEN, START, VOLUME, Int64Array2D, MinuteTape, aggregate
from brokers.simulator.orders import Moment

MOST_TAPE = 1_000
# mark and index prices are kept in hundred-millionths of a USDT
MARK_SCALE = 100_000_000
LONGEST_MONTH_MS = 31 * DAY_MS


class Past(Protocol):
    """What is known of the time before the market began."""

    def between(self, row: int, first_ms: int, last_ms: int) -> Int64Array2D:
        """Return the candles that start within both inclusive bounds."""
        ...


class PerpetualVenue:
    """One simulated venue; it moves only when told to."""

    def __init__(
        self,
        *,
        market: PerpetualMarket,
        accounts: Iterable[PerpetualAccount],
        ledger: PerpetualLedger,
        run: int,
        past: Past | None = None,
    ) -> None:
        self.market = market
        self.engine = PerpetualEngine(market=market, accounts=accounts, ledger=ledger, run=run)
        self.custody = Custody(self.engine, market.now_ns)
        self.minutes, self.marks, self.indices = (MinuteTape(len(market.contracts)) for _ in range(3))
        self.steps = 0
        # of each contract its last trades: id, price, quantity, ms, did the buyer make
        self.tape: list[list[tuple[int, int, int, int, bool]]] = [[] for _ in market.contracts]
        # the book's version of each contract: every visible change counts
        self.update_id = np.full(len(market.contracts), 1_000_000, dtype=np.int64)
        # consecutive within a contract, as at the exchange
        self._trade_ids = [1_000_000] * len(market.contracts)
        self._past = past
        self._roll()

    @property
    def now_ms(self) -> int:
        return self.market.now_ns // MS_NS

    def advance(self, wall_ns: int) -> Tick:
        """Move the market by one step, match what waits, pay funding, watch margins."""
        tick = self.market.advance()
        at = Moment(market_ns=tick.at_ns, wall_ns=wall_ns)
        self.steps += 1
        for trade in tick.trades:
            self._record(*trade)
        self._roll()
        for step in tick.steps:
            self.update_id[step.touched] += 1 + 2 * self.market.board.depth
            self.engine.on_step(step, at)
        self.custody.follow(at)
        return tick

    def _record(self, row: int, price: int, quantity: int, taker_bought: bool, at_ns: int) -> None:
        """Put a trade on the tape and into its own minute, though the step may end in a later one."""
        self._trade_ids[row] += 1
        self.minutes.roll(row, at_ns // MS_NS, price)
        self.minutes.trade(row, price, quantity, taker_bought=taker_bought)
        self.tape[row].append((self._trade_ids[row], price, quantity, at_ns // MS_NS, not taker_bought))
        if len(self.tape[row]) > 2 * MOST_TAPE:
            del self.tape[row][:-MOST_TAPE]

    def run_until(self, market_ns: int, wall_ns: int) -> None:
        """Run all steps before a market time at once, as a recording's history is read."""
        while (due := self.market.next_at_ns()) is not None and due < market_ns:
            self.advance(wall_ns)

    def reserve_update(self, row: int) -> int:
        """Return the version that a snapshot of the book is true to; the next difference will span it."""
        self.update_id[row] += 1
        return int(self.update_id[row])

    def candles(
        self, tape: MinuteTape, row: int, interval: str, *, first_ms: int | None, last_ms: int, limit: int
    ) -> Int64Array2D:
        """Return at most ``limit`` candles of a tape: the first from a time on, else the last; the running one too."""
        length = INTERVALS_MS[interval] or LONGEST_MONTH_MS
        last_ms = min(last_ms, self.now_ms)
        if first_ms is None:
            first_ms = bucket_start(max(last_ms - (limit - 1) * length, 0), interval)
        else:
            # the first candle begins at or after the time asked for
            first_ms = bucket_start(first_ms + length - 1, interval) if interval != "1M" else first_ms
            last_ms = min(last_ms, first_ms + (limit + 1) * length)
        rows = aggregate(self._between(tape, row, first_ms, bucket_start(last_ms, interval) + length - 1), interval)
        rows = rows[(rows[:, START] >= first_ms) & (rows[:, START] <= last_ms)]
        return rows[:limit]

    def _between(self, tape: MinuteTape, row: int, first_ms: int, last_ms: int) -> Int64Array2D:
        """Return the minutes that start within both bounds, made ones before the market's own."""
        began, kept = tape.first_ms(row), tape.between(row, first_ms, last_ms)
        if self._past is None or (began is not None and began <= first_ms):
            return kept
        # the minute in which the market began is the market's own
        made = self._past.between(row, first_ms, min(last_ms, (began or last_ms + MINUTE_MS) - MINUTE_MS))
        if tape is not self.minutes and len(made):
            made = made.copy()
            made[:, OPEN:VOLUME] *= int(self.market.contracts[row].price_unit * MARK_SCALE)
        return np.concatenate([made, kept]) if len(kept) else made

    def day(self, row: int) -> Int64Array2D:
        """Return the minutes of the last 24 hours."""
        return self._between(self.minutes, row, self.now_ms - DAY_MS + MINUTE_MS, self.now_ms)

    def _roll(self) -> None:
        marks = self.market.marks
        for row, contract in enumerate(self.market.contracts):
            if not contract.is_trading:
                continue
            self.minutes.roll(row, self.now_ms, int(self.market.board.last[row]))
            for tape, prices in ((self.marks, marks.mark), (self.indices, marks.index)):
                price = round(float(prices[row]) * MARK_SCALE)
                tape.roll(row, self.now_ms, price)
                tape.trade(row, price, 0, taker_bought=False)
