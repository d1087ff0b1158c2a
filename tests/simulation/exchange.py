"""The simulated exchange in this process: the simulator's own venue and routes on a small market.

The market has three shares and does as the scenario says; matching, order rows, ledger and wire
forms are the simulator's.
"""

from __future__ import annotations

import random
from datetime import date, time

import numpy as np

from brokers.simulator.board import Board, Prints, Step, quote_around
from brokers.simulator.candles import Candles
from brokers.simulator.kite_budgets import Budgets
from brokers.simulator.kite_server import KiteSite
from brokers.simulator.kite_sessions import DEMO_APP, Sessions
from brokers.simulator.ledger import Ledger
from brokers.simulator.listings import Listing, equity
from brokers.simulator.orders import Ids
from brokers.simulator.pace import Pace, step_seconds
from brokers.simulator.portfolio import Account
from brokers.simulator.sessions import SECOND_NS, Session, epoch_s, previous_trading_days, session_on
from brokers.simulator.venue import Venue
from tests.simulation.clockwork import VirtualLoop

DAY = date(2026, 11, 20)
SPEED = 20.0
TOKEN = "simulated-access-token"
PRICES = {"RELIANCE": 140_000, "INFY": 150_000, "TCS": 300_000}
RISE_A_MINUTE = 0.0004


class SmallMarket:
    """Three shares that rise evenly; scenarios take the offers or the bids away, or let prices jump."""

    def __init__(self, rng: random.Random, start_s: int) -> None:
        self._rng = rng
        self.finished = False
        self.step_ns = int(step_seconds(SPEED) * SECOND_NS)
        self.session: Session = session_on(DAY)
        self.now_ns = start_s * SECOND_NS
        self.listings: tuple[Listing, ...] = tuple(equity(name, name, price) for name, price in PRICES.items())
        self.price = np.array([float(price) for price in PRICES.values()])
        self.board = Board(self.listings, np.array(list(PRICES.values())))
        self.drift = RISE_A_MINUTE * step_seconds(SPEED) / 60
        self.offered: int | None = None  # units at each of the five levels; None for plenty
        self.bid_for: int | None = None

    def next_at_ns(self) -> int | None:
        due = self.now_ns + self.step_ns
        return due if due < self.session.last_s * SECOND_NS else None

    def open_next_day(self) -> bool:
        self.finished = True
        return False

    def jump(self, fraction: float) -> None:
        self.price *= 1 + fraction

    def turn(self, fraction: float) -> None:
        """Let prices fall at once by a part, and go on falling."""
        self.jump(-fraction)
        self.drift = -3 * abs(self.drift)

    def skip_to(self, at: time) -> None:
        """Let the market's time jump on; whoever drives the pace must be told."""
        self.now_ns = max(self.now_ns, epoch_s(DAY, at) * SECOND_NS)

    def advance(self) -> Step:
        self.now_ns += self.step_ns
        noise = np.array([self._rng.uniform(-0.5, 0.5) for _ in self.listings])
        self.price *= 1 + self.drift * (1 + noise)
        board, rows = self.board, np.arange(len(self.listings))
        bid = (np.round(self.price / board.tick) * board.tick).astype(np.int64)
        quote_around(board, rows, bid, bid + board.tick, np.full((len(rows), 10), 500))
        self._thin(slice(0, 5), self.bid_for)
        self._thin(slice(5, 10), self.offered)
        at_s = self.now_ns // SECOND_NS
        # the tape's buyers never fill a waiting buy, so that scenarios alone decide what fills
        prints = Prints(rows=rows, price=bid, quantity=np.full(len(rows), 10), aggressor=np.full(len(rows), 1))
        if self.bid_for == 0:
            prints = Prints(rows=rows, price=bid, quantity=np.full(len(rows), 10), aggressor=np.full(len(rows), -1))
        board.print_trades(prints, at_s)
        return Step(at_s=at_s, prints=prints, touched=rows)

    def _thin(self, levels: slice, units: int | None) -> None:
        if units is None:
            return
        self.board.depth_quantity[:, levels] = units
        if units == 0:
            self.board.depth_price[:, levels] = 0


class RisingHistory:
    """Yesterday's minutes of every share, rising to today's first price."""

    def __init__(self) -> None:
        self._day = previous_trading_days(DAY, 1)[0]

    def days(self, _listing: Listing, first: date, last: date) -> list[date]:
        return [self._day] if first <= self._day <= last else []

    def minutes(self, listing: Listing, day: date) -> Candles:
        count = 360
        start = session_on(day).open_s + 60 * np.arange(count)
        close = (PRICES[listing.symbol] * (1 - RISE_A_MINUTE * (count - np.arange(count)))).astype(np.int64)
        flat = np.full(count, 1_000)
        return Candles(start_s=start, open=close, high=close, low=close, close=close, volume=flat, oi=flat * 0)


def open_exchange(loop: VirtualLoop, rng: random.Random, *, start: time) -> KiteSite:
    """Return the exchange with one signed-in user, in mid-session."""
    market = SmallMarket(rng, epoch_s(DAY, start))
    account = Account(user_id=DEMO_APP.user_id, cash=DEMO_APP.cash * 10, holdings={})
    venue = Venue(
        market=market,
        accounts=[account],
        ids=Ids(1),
        ledger=Ledger(),
        made_history=RisingHistory(),  # type: ignore[arg-type]
    )
    sessions = Sessions([DEMO_APP], endless=True)
    sessions.open(DEMO_APP.user_id, TOKEN)
    return KiteSite(
        venue=venue,
        sessions=sessions,
        budgets=Budgets(enforced=False),
        pace=Pace(speed=SPEED, market_ns=market.now_ns, wall_ns=loop.wall_ns()),
        seed=0,
        faults_allowed=True,
        wall_ns=loop.wall_ns,
        monotonic_ns=loop.wall_ns,
    )
