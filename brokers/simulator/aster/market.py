"""The made market of perpetuals: correlated prices around the clock, mark and index, funding, open interest.

It is seeded and moves only when told to; the same calls give the same market. Index prices walk, the
contract trades at a premium that comes and goes, the mark price is the index with the smoothed premium, and
the funding rate follows the premium as the venue's formula says: interest plus what the premium is beyond it,
held within 0.05 % of interest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from brokers.simulator.aster.clock import HOUR_MS, MS_NS
from brokers.simulator.aster.contracts import CONTRACTS, Contract
from brokers.simulator.board import Board, Int64Array1D, Prints, Step
from brokers.simulator.sessions import SECOND_NS

Float64Array1D = npt.NDArray[np.float64]
LEVELS = 20
SECONDS_A_YEAR = 365.0 * 86_400.0
MARKET_VOL = 0.40
PREMIUM_LIFE_S, SMOOTH_S = 900.0, 60.0
INTEREST = 0.0001
FUNDING_BAND, FUNDING_CAP = 0.0005, 0.02


@dataclass(slots=True, kw_only=True)
class Marks:
    """Mark and index prices in USDT and the funding rate of each contract; open interest in quantity units."""

    mark: Float64Array1D
    index: Float64Array1D
    rate: Float64Array1D
    open_interest: Int64Array1D


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one advance changed: the step for the matching core, all its trades one by one, and when."""

    at_ns: int
    steps: tuple[Step, ...]
    # row, price, quantity, did the taker buy, when
    trades: tuple[tuple[int, int, int, bool, int], ...] = field(default=())


class PerpetualMarket(Protocol):
    """What moves prices: a made market or a recorded one."""

    board: Board
    contracts: tuple[Contract, ...]
    marks: Marks
    now_ns: int
    finished: bool

    def next_at_ns(self) -> int | None:
        """Return when the next step is due; None where there never is another."""
        ...

    def advance(self) -> Tick:
        """Carry out the next step."""
        ...


def next_funding_ms(contract: Contract, at_ms: int) -> int:
    """Return when the contract next pays funding: whole intervals of UTC."""
    length = contract.funding_hours * HOUR_MS
    return (at_ms // length + 1) * length


def funding_rate(premium: Float64Array1D) -> Float64Array1D:
    """Return the rates of an interval from mean premiums: premium + clamp(interest − premium, ±0.05 %), capped."""
    rate = premium + np.clip(INTEREST - premium, -FUNDING_BAND, FUNDING_BAND)
    return np.clip(rate, -FUNDING_CAP, FUNDING_CAP)


class MadePerpetuals:
    """A seeded market that never closes."""

    def __init__(
        self,
        *,
        start_ns: int,
        rng: np.random.Generator,
        step_seconds: float,
        contracts: tuple[Contract, ...] = CONTRACTS,
    ) -> None:
        self.contracts = contracts
        self.now_ns = start_ns
        self.finished = False
        self.step_ns = int(step_seconds * SECOND_NS)
        self._rng = rng
        self._units = np.array([float(one.price_unit) for one in contracts])
        self._tick = np.array([one.tick for one in contracts], dtype=np.int64)
        self._trading = np.array([one.is_trading for one in contracts])
        self._vol = np.array([one.vol_annual for one in contracts])
        self._beta = np.array([one.beta for one in contracts])
        self._per_second = np.array([one.trades_per_second for one in contracts])
        self._lots = np.array([one.lots_per_trade for one in contracts])
        start = np.array([float(one.start_price) for one in contracts])
        self._pull = np.array([one.premium for one in contracts])
        self._premium, self._mean_premium = self._pull.copy(), self._pull.copy()
        interest = np.round(self._lots * self._per_second * 40_000.0).astype(np.int64)
        self.marks = Marks(
            mark=start.copy(), index=start.copy(), rate=funding_rate(self._mean_premium), open_interest=interest
        )
        close = np.round(start / self._units).astype(np.int64)
        self.board = Board([one.listing(row) for row, one in enumerate(contracts)], close, depth=LEVELS)
        self._quote()

    def next_at_ns(self) -> int | None:
        """Return when the next step is due; there always is one."""
        return self.now_ns + self.step_ns

    def advance(self) -> Tick:
        """Move every contract by one step and publish quotes and trades on the board."""
        self.now_ns += self.step_ns
        seconds = self.step_ns / SECOND_NS
        self._move(seconds)
        self._quote()
        prints = self._trade(seconds)
        at_s = self.now_ns // SECOND_NS
        self.board.print_trades(prints, at_s)
        self._build_open_interest(prints)
        step = Step(at_s=at_s, prints=prints, touched=np.flatnonzero(self._trading))
        columns = (prints.rows, prints.price, prints.quantity, prints.aggressor > 0)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return Tick(at_ns=self.now_ns, steps=(step,), trades=tuple((*row, self.now_ns) for row in rows))

    def push(self, fraction: float) -> None:
        """Move every index price by a fraction at once, as a shock does; the next step shows it."""
        self.marks.index *= 1.0 + fraction * self._trading
        self.marks.mark = np.where(self._trading, self.marks.index * (1.0 + self._mean_premium), self.marks.mark)

    def _move(self, seconds: float) -> None:
        root = np.sqrt(seconds / SECONDS_A_YEAR)
        z = self._rng.standard_normal(1 + 2 * len(self.contracts))
        own = np.sqrt(np.maximum(self._vol**2 - (self._beta * MARKET_VOL) ** 2, 0.0))
        count = len(self.contracts)
        moved = (self._beta * MARKET_VOL * z[0] + own * z[1 : 1 + count]) * root
        self.marks.index *= np.exp(np.where(self._trading, moved, 0.0))
        fade = min(seconds / PREMIUM_LIFE_S, 1.0)
        self._premium += (self._pull - self._premium) * fade + 4e-5 * z[1 + count :] * np.sqrt(fade)
        self._mean_premium += (self._premium - self._mean_premium) * min(seconds / SMOOTH_S, 1.0)
        self.marks.mark = np.where(self._trading, self.marks.index * (1.0 + self._mean_premium), self.marks.mark)
        self.marks.rate = funding_rate(self._mean_premium)

    def _quote(self) -> None:
        rows = np.flatnonzero(self._trading)
        fair = (self.marks.index * (1.0 + self._premium) / self._units)[rows]
        tick = self._tick[rows]
        half = np.maximum(0.5 * tick, 2.5e-5 * fair)
        bid = np.floor((fair - half) / tick).astype(np.int64) * tick
        offer = np.maximum(np.ceil((fair + half) / tick).astype(np.int64) * tick, bid + tick)
        # levels stand further apart the deeper they are, as in a thin book
        away = np.cumsum(self._rng.integers(1, 4, size=(len(rows), 2, LEVELS)), axis=2) - 1
        price = np.concatenate(
            [bid[:, None] - away[:, 0] * tick[:, None], offer[:, None] + away[:, 1] * tick[:, None]], 1
        )
        sizes = (
            self._lots[rows, None]
            * self._rng.exponential(1.4, size=price.shape)
            * (1.0 + np.tile(np.arange(LEVELS), 2) / 4)
        )
        quantity = np.maximum(np.round(sizes), 1).astype(np.int64)
        empty = price < tick[:, None]
        self.board.depth_price[rows] = np.where(empty, 0, price)
        self.board.depth_quantity[rows] = np.where(empty, 0, quantity)
        self.board.depth_orders[rows] = np.where(empty, 0, 1)

    def _trade(self, seconds: float) -> Prints:
        board = self.board
        trades = self._rng.poisson(self._per_second * seconds)
        quantity = np.round(trades * self._lots * self._rng.uniform(0.3, 1.7, len(trades))).astype(np.int64)
        bought = self._rng.random(len(trades)) < 0.5
        price = np.where(bought, board.depth_price[:, LEVELS], board.depth_price[:, 0])
        rows = np.flatnonzero((trades > 0) & (price > 0) & self._trading)
        return Prints(
            rows=rows,
            price=price[rows],
            quantity=np.maximum(quantity[rows], 1),
            aggressor=np.where(bought, 1, -1)[rows],
        )

    def _build_open_interest(self, prints: Prints) -> None:
        share = 0.02 + 0.2 * self._rng.standard_normal(len(prints.rows))
        interest = self.marks.open_interest
        interest[prints.rows] = np.maximum(interest[prints.rows] + (prints.quantity * share).astype(np.int64), 0)


def milliseconds(at_ns: int) -> int:
    """Return nanoseconds of the epoch as milliseconds."""
    return at_ns // MS_NS
