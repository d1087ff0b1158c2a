"""The recorded market: a recording's ticks put on the board in order, with a made book around each price."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from brokers.marketdata.replay import Recorded, Recording
from brokers.simulator.board import Board, Int64Array1D, Prints, Step, quote_around
from brokers.simulator.listings import KNOWN_TOKENS, Listing, equity, index, option, with_distinct_tokens
from brokers.simulator.sessions import IST_OFFSET_S, SECOND_NS, Session, session_on

EPOCH = date(1970, 1, 1)


class RecordedMarket:
    """Emits every tick of a recording once, in order; a step is one distinct tick time.

    The book is synthetic: one tick below and above the last price, sizes from the generator. The
    side that started a recorded trade is unknown, so that a print can fill waiting orders of both sides.
    """

    def __init__(self, *, recording: Recording, rng: np.random.Generator) -> None:
        self.recording = recording
        self.rng = rng
        self.finished = False
        self.listings = with_distinct_tokens(_list(recording))
        self._starts = np.flatnonzero(np.diff(recording.at_s, prepend=recording.at_s[0] - 1))
        self._ends = np.append(self._starts[1:], len(recording.at_s))
        self._next = 0
        self.board: Board
        self._open_day(np.zeros(len(self.listings), dtype=np.int64))

    def next_at_ns(self) -> int | None:
        """Return when the next tick of this day is due, or nothing when the day has none left."""
        if self._next >= len(self._starts):
            return None
        at_s = int(self.recording.at_s[self._starts[self._next]])
        return at_s * SECOND_NS if _day(at_s) == self.session.day else None

    def advance(self) -> Step:
        """Put the ticks of the next distinct time on the board."""
        ticks = slice(self._starts[self._next], self._ends[self._next])
        self._next += 1
        recording, board = self.recording, self.board
        at_s = int(recording.at_s[ticks.start])
        rows, price = recording.instrument[ticks], recording.price[ticks]
        self.now_ns = at_s * SECOND_NS
        quantity = self._traded(rows, recording.volume[ticks])
        happened = (quantity > 0) | (price != board.last[rows]) | board.is_index[rows] | (board.open[rows] == 0)
        prints = Prints(
            rows=rows[happened],
            price=price[happened],
            quantity=quantity[happened],
            aggressor=np.zeros(int(happened.sum()), dtype=np.int64),
        )
        known = recording.oi[ticks] >= 0
        board.set_open_interest(rows[known], recording.oi[ticks][known])
        board.print_trades(prints, at_s)
        board.quoted_s[rows] = at_s
        self._quote(rows)
        return Step(at_s=at_s, prints=prints, touched=rows)

    def open_next_day(self) -> bool:
        """Begin the recording's next day; after the last tick the market stays closed."""
        if self._next >= len(self._starts):
            self.finished = True
            return False
        self._open_day(self.board.last)
        return True

    def _traded(self, rows: Int64Array1D, total: Int64Array1D) -> Int64Array1D:
        board = self.board
        quantity = np.maximum(total - board.volume[rows], 0)
        if self.recording.snapshots:
            # What traded before the recording began is the day's volume, not this minute's.
            first = board.open[rows] == 0
            board.volume[rows] += np.where(first, quantity, 0)
            board.turnover[rows] += np.where(first, quantity, 0) * board.last[rows]
            quantity = np.where(first, 0, quantity)
        return np.asarray(np.where(board.is_index[rows], 0, quantity), dtype=np.int64)

    def _quote(self, rows: Int64Array1D) -> None:
        rows = rows[~self.board.is_index[rows]]
        tick, last = self.board.tick[rows], self.board.last[rows]
        bid, offer = -(-last // tick) * tick - tick, last // tick * tick + tick
        quote_around(self.board, rows, bid, offer, self.rng.integers(2, 40, size=(len(rows), 10)))

    def _open_day(self, last: Int64Array1D) -> None:
        first = int(self.recording.at_s[self._starts[self._next]])
        day = _day(first)
        self.session: Session = _session(self.recording, day)
        self.now_ns = min(first, self.session.open_s) * SECOND_NS
        self.board = Board(self.listings, np.where(last > 0, last, self._first_prices()))

    def _first_prices(self) -> Int64Array1D:
        numbers, first = np.unique(self.recording.instrument, return_index=True)
        price = np.zeros(len(self.listings), dtype=np.int64)
        price[numbers] = self.recording.price[first]
        return price


def _session(recording: Recording, day: date) -> Session:
    """Return the day's hours, made longer where the recording goes on after them."""
    session = session_on(day)
    last = int(recording.at_s[np.searchsorted(recording.day, (day - EPOCH).days, side="right") - 1]) + 1
    return replace(
        session,
        cash_close_s=max(session.cash_close_s, last),
        derivatives_close_s=max(session.derivatives_close_s, last),
    )


def _list(recording: Recording) -> list[Listing]:
    first = dict(zip(recording.instrument[::-1].tolist(), recording.price[::-1].tolist(), strict=True))
    return [_listing(recorded, first[number]) for number, recorded in enumerate(recording.instruments)]


def _listing(recorded: Recorded, price: int) -> Listing:
    if recorded.expiry is not None:
        return option(recorded.symbol, recorded.expiry, recorded.strike, recorded.kind)
    if recorded.symbol in KNOWN_TOKENS and recorded.symbol != "INFY":
        return index(recorded.symbol, "BSE" if recorded.symbol == "SENSEX" else "NSE")
    return equity(recorded.symbol, recorded.symbol, price)


def _day(at_s: int) -> date:
    return EPOCH + timedelta(days=(at_s + IST_OFFSET_S) // 86_400)
