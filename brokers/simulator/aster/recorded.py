"""The recorded market of perpetuals: klines or a raw websocket recording, emitted in order on a declared date shift.

Mark and index prices were not recorded: they follow the middle of the book; funding pays interest alone. Where a
bar was recorded the ticks are its open, nearer extreme, other extreme and close; the book around them is made. A
websocket recording brings its own trades and its own book: differences are applied to what the best prices seeded.
"""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from heapq import nlargest, nsmallest
from pathlib import Path

import numpy as np

from brokers.simulator.aster.clock import MS_NS
from brokers.simulator.aster.contracts import CONTRACTS, Contract
from brokers.simulator.aster.market import INTEREST, LEVELS, Marks, Tick
from brokers.simulator.aster.minutes import Int64Array2D
from brokers.simulator.aster.options import AsterOptionInvalid, instant, shift_of, step_seconds
from brokers.simulator.aster.recordings import Bars, Frames, RecordingUnreadable, read_bars
from brokers.simulator.board import Board, Prints, Step, no_prints
from brokers.simulator.sessions import SECOND_NS

Trade = tuple[int, int, int, bool, int]
DAY_NS = 86_400 * SECOND_NS


class RecordedPast:
    """What a recording holds before the moment from which it is emitted, as the bars that were recorded."""

    def __init__(self, rows: list[Int64Array2D]) -> None:
        self._rows = rows

    def between(self, row: int, first_ms: int, last_ms: int) -> Int64Array2D:
        """Return the bars that start within both inclusive bounds."""
        rows = self._rows[row]
        return rows[(rows[:, 0] >= first_ms) & (rows[:, 0] <= last_ms)]


class _Stepping(ABC):
    """What both recorded markets share: a clock that steps, a board, and prices for mark and index."""

    def __init__(self, contracts: tuple[Contract, ...], first: list[int], *, start_ns: int, step_ns: int) -> None:
        self.contracts = contracts
        self.now_ns = start_ns
        self.finished = False
        self.step_ns = step_ns
        prices = np.array([float(one.price(price)) for one, price in zip(contracts, first, strict=True)])
        self.marks = Marks(
            mark=prices.copy(),
            index=prices.copy(),
            rate=np.full(len(contracts), INTEREST),
            open_interest=np.zeros(len(contracts), dtype=np.int64),
        )
        close = np.array(first, dtype=np.int64)
        self.board = Board([one.listing(row) for row, one in enumerate(contracts)], close, depth=LEVELS)

    def next_at_ns(self) -> int | None:
        """Return when the next step is due; after the recording's end the market stands still, but its clock goes on."""
        return self.now_ns + self.step_ns

    def advance(self) -> Tick:
        """Carry out the next step: after the end nothing trades and no book changes."""
        self.now_ns += self.step_ns
        return Tick(at_ns=self.now_ns, steps=()) if self.finished else self._emit()

    @abstractmethod
    def _emit(self) -> Tick:
        """Emit what was recorded up to now."""

    def _printed(self, trades: list[Trade]) -> tuple[Step, ...]:
        """Put trades on the tape one after another, each a step of its own for the matching core."""
        return tuple(self._print(trade) for trade in trades)

    def _print(self, trade: Trade) -> Step:
        row, price, quantity, taker_bought, _ = trade
        prints = Prints(
            rows=np.array([row]),
            price=np.array([price]),
            quantity=np.array([quantity]),
            aggressor=np.array([1 if taker_bought else -1]),
        )
        return Step(at_s=self.now_ns // SECOND_NS, prints=prints, touched=prints.rows)

    def _follow_middle(self) -> None:
        prices = self.board.depth_price
        bid, offer = prices[:, 0], prices[:, LEVELS]
        middle = np.where((bid > 0) & (offer > 0), (bid + offer) / 2.0, self.board.last)
        units = np.array([float(one.price_unit) for one in self.contracts])
        self.marks.mark = self.marks.index = middle * units

    def _whole(self, trades: list[Trade]) -> Tick:
        rows = np.arange(len(self.contracts))
        quiet = Step(at_s=self.now_ns // SECOND_NS, prints=no_prints(), touched=rows)
        return Tick(at_ns=self.now_ns, steps=(*self._printed(trades), quiet), trades=tuple(trades))


class RecordedBars(_Stepping):
    """Klines of some contracts, four ticks a bar, with a made book around each price."""

    def __init__(self, bars: Bars, *, start_ns: int, step_ns: int, rng: np.random.Generator) -> None:
        self._ticks = bars.ticks_from(start_ns)
        first = bars.last_before(start_ns)
        super().__init__(bars.contracts, first, start_ns=start_ns, step_ns=step_ns)
        self._rng = rng
        self._next = 0
        self._requote()

    def _emit(self) -> Tick:
        """Emit the ticks up to now and lay the book anew."""
        trades: list[Trade] = []
        while self._next < len(self._ticks.at_ns) and self._ticks.at_ns[self._next] <= self.now_ns:
            trades.append(self._take())
        self.finished = self._next >= len(self._ticks.at_ns)
        self._requote()
        self._follow_middle()
        return self._whole(trades)

    def _take(self) -> Trade:
        ticks, at = self._ticks, self._next
        self._next += 1
        row, price = int(ticks.row[at]), int(ticks.price[at])
        rises = price >= int(self.board.last[row])
        trade = (row, price, int(ticks.quantity[at]), rises, ticks.at_ns[at])
        self.board.print_trades(self._print(trade).prints, self.now_ns // SECOND_NS)
        return trade

    def _requote(self) -> None:
        board, count = self.board, len(self.contracts)
        away = np.arange(LEVELS, dtype=np.int64)[None, :] * board.tick[:, None]
        bid, offer = board.last - board.tick, board.last + board.tick
        price = np.concatenate([bid[:, None] - away, offer[:, None] + away], axis=1)
        sizes = np.maximum(self._ticks.usual[:, None] * self._rng.exponential(1.0, size=(count, 2 * LEVELS)), 1.0)
        empty = price < board.tick[:, None]
        board.depth_price[:] = np.where(empty, 0, price)
        board.depth_quantity[:] = np.where(empty, 0, sizes.astype(np.int64))
        board.depth_orders[:] = np.where(empty, 0, 1)


class RecordedFrames(_Stepping):
    """A raw websocket recording of one contract: its trades, its best prices, its differences of the book."""

    def __init__(self, frames: Frames, *, start_ns: int, step_ns: int) -> None:
        self._frames = frames
        self._sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        super().__init__((frames.contract,), [frames.first_price], start_ns=start_ns, step_ns=step_ns)
        self._lay()

    def _emit(self) -> Tick:
        """Emit every frame up to now."""
        trades: list[Trade] = []
        for at_ns, kind, data in self._frames.until(self.now_ns):
            if kind == "trade":
                trades.append(self._trade(data, at_ns))
            elif kind == "bookTicker":
                self._best(data)
            else:
                self._differences(data)
        self.finished = self._frames.finished
        self._lay()
        self._follow_middle()
        return self._whole(trades)

    def _trade(self, data: dict[str, str], at_ns: int) -> Trade:
        price, quantity = self._frames.pair(data["p"], data["q"])
        trade = (0, price, max(quantity, 1), not data["m"], at_ns)
        self.board.print_trades(self._print(trade).prints, self.now_ns // SECOND_NS)
        return trade

    def _best(self, data: dict[str, str]) -> None:
        """Set both best levels and drop what would stand before them: it is gone, its removal is on its way."""
        bids, asks = self._sides
        bid, bid_size = self._frames.pair(data["b"], data["B"])
        ask, ask_size = self._frames.pair(data["a"], data["A"])
        for price in [price for price in bids if price > bid]:
            del bids[price]
        for price in [price for price in asks if price < ask]:
            del asks[price]
        bids[bid], asks[ask] = bid_size, ask_size

    def _differences(self, data: dict[str, list[list[str]]]) -> None:
        for side, changes in zip(self._sides, (data["b"], data["a"]), strict=True):
            for price_text, quantity_text in changes:
                price, quantity = self._frames.pair(price_text, quantity_text)
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)

    def _lay(self) -> None:
        """Show the best levels of what is known; a difference older than the best prices never crosses them."""
        bids, asks = self._sides
        best_bids, best_asks = nlargest(LEVELS, bids), nsmallest(LEVELS, asks)
        while best_bids and best_asks and best_bids[0] >= best_asks[0]:
            (best_bids if bids[best_bids[0]] < asks[best_asks[0]] else best_asks).pop(0)
        board = self.board
        board.depth_price[0] = board.depth_quantity[0] = board.depth_orders[0] = 0
        for first, side, prices in ((0, bids, best_bids), (LEVELS, asks, best_asks)):
            for level, price in enumerate(prices):
                board.depth_price[0, first + level], board.depth_quantity[0, first + level] = price, side[price]
                board.depth_orders[0, first + level] = 1


def replayed(
    options: argparse.Namespace, *, kite_start_ns: int
) -> tuple[RecordedBars | RecordedFrames, int, int, RecordedPast | None]:
    """Return the market of `--aster-replay`, its start, its shift, and its past; raises `AsterOptionInvalid`."""
    path, step_ns = Path(options.aster_replay), int(step_seconds(options) * SECOND_NS)
    wanted = instant(options.aster_replay_from, "--aster-replay-from") if options.aster_replay_from else None
    try:
        if path.suffix == ".parquet":
            return _bars(options, read_bars(path, CONTRACTS), wanted, kite_start_ns, step_ns)
        frames = Frames(path, CONTRACTS)
    except RecordingUnreadable as error:
        raise AsterOptionInvalid(str(error)) from error
    first_ns = frames.first_ns if wanted is None else wanted
    shift_ns = shift_of(options.aster_shift, first_ns=first_ns, kite_start_ns=kite_start_ns, grain_ns=60 * SECOND_NS)
    frames.shift(shift_ns)
    if wanted is not None:
        for _ in frames.until(wanted + shift_ns):
            # what lies before is passed over: the best prices seed the book anew
            continue
    if frames.finished:
        raise AsterOptionInvalid(f"--aster-replay-from {options.aster_replay_from} lies after the recording's end.")
    return RecordedFrames(frames, start_ns=first_ns + shift_ns, step_ns=step_ns), first_ns + shift_ns, shift_ns, None


def _bars(
    options: argparse.Namespace, bars: Bars, wanted: int | None, kite_start_ns: int, step_ns: int
) -> tuple[RecordedBars, int, int, RecordedPast]:
    first_ns = bars.default_start_ns if wanted is None else wanted
    if first_ns >= bars.end_ns:
        raise AsterOptionInvalid(f"--aster-replay-from {options.aster_replay_from} lies after the recording's end.")
    shift_ns = shift_of(options.aster_shift, first_ns=first_ns, kite_start_ns=kite_start_ns, grain_ns=bars.length_ns)
    shifted, start_ns = bars.shifted(shift_ns), first_ns + shift_ns
    market = RecordedBars(shifted, start_ns=start_ns, step_ns=step_ns, rng=np.random.default_rng([options.seed, 75]))
    return market, start_ns, shift_ns, RecordedPast(shifted.rows_before(start_ns // MS_NS))
