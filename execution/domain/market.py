"""What the market shows now: the latest quotes in columns, the forming bars, the day's hours.

Nothing here is journalled: after a restart the feed and the history tell it again. The per-tick
path does numpy assignments for the table and plain Python only for instruments that build bars.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from brokers.domain.calendar import Phase, Segment, Session, TradingCalendar, expires_on, segment_of
from brokers.domain.clock import MarketClock
from brokers.domain.errors import DataError
from brokers.domain.instruments import Instrument
from brokers.domain.market import NANOSECONDS, Bar, BarBuilder, QuoteColumns, Tick, ns_of
from execution.domain.events import Link
from risk.domain.exposure import QuoteView

LAST, BID, ASK, VOLUME, INTEREST, CLOSE, FAIR = range(7)
_COLUMNS = 7
LARGE_FRAME = 64
_NEVER = np.iinfo(np.int64).max
# a stretch of neighbours, which numpy copies many times as fast as it picks single ones
_Picked: TypeAlias = "npt.NDArray[np.intp] | slice"


class _Places(NamedTuple):
    """Where a frame's known quotes stand in it, and which rows of the table they are; `numbers` are those rows one by one."""

    places: _Picked
    rows: _Picked
    numbers: npt.NDArray[np.intp]


@dataclass(slots=True)
class _Interval:
    """The bars of one length: who uses them, and since when each one's ticks are complete."""

    builder: BarBuilder
    instruments: set[str] = field(default_factory=set)
    since_ns: dict[str, int] = field(default_factory=dict)
    due_ns: int = 0
    # how many of the instruments have a row in the table
    shown: int = 0


class Market:
    """The ephemeral half of the desk's knowledge."""

    def __init__(self, instruments: Mapping[str, Instrument], calendar: TradingCalendar) -> None:
        self.instruments = instruments
        self.clock = MarketClock()
        self._now = 0, datetime.fromtimestamp(0, tz=UTC)
        self.link = Link.DISCONNECTED
        self.link_reason = "the feed has not connected yet"
        self.day: date | None = None
        self.source = ""
        # counts the frames that changed a price
        self.revision = 0
        self._calendar = calendar
        self._sessions: dict[tuple[Segment, bool], Session | None] = {}
        self._session_of: dict[str, Session | None] = {}
        self._hours_of_row: list[tuple[int, int]] = []
        # from the last opening to the first close: in between everything is open
        self._shared_hours = 0, 0
        self._row_of_token: dict[int, int] = {}
        self._row_of: dict[str, int] = {}
        self._names: list[str] = []
        self._shown: dict[str, None] = {}
        self._table = np.full((_COLUMNS, 64), np.nan)
        self._exchange_ns = np.zeros(64, dtype=np.int64)
        self._received_ns = np.zeros(64, dtype=np.int64)
        self._cached = np.zeros(64, dtype=np.bool_)
        self._intervals: dict[int, _Interval] = {}
        self._prices: dict[tuple[int, int], tuple[float, Decimal]] = {}
        # the last look at each instrument, with the moment that it is of: an order is priced and judged at one
        self._quotes: dict[str, tuple[tuple[datetime, Link, int, int], QuoteView]] = {}
        self._builds = np.zeros(64, dtype=np.bool_)
        self._has_cached = False
        self._sorted_tokens = np.empty(0, dtype=np.int64)
        self._sorted_rows = np.empty(0, dtype=np.intp)
        self._places: dict[bytes, _Places] = {}

    @property
    def now_ns(self) -> int:
        return self.clock.now_ns

    def now(self, fallback: datetime) -> datetime:
        """Return market time, or the fallback before any feed has shown one."""
        now_ns = self.clock.now_ns
        if now_ns == 0:
            return fallback
        if self._now[0] != now_ns:
            self._now = now_ns, datetime.fromtimestamp(now_ns / NANOSECONDS, tz=UTC)
        return self._now[1]

    def tracked(self) -> tuple[str, ...]:
        return tuple(self._names)

    def shown(self) -> tuple[str, ...]:
        """Return what the pages show: all but what is only listened to."""
        return tuple(self._shown)

    def track(self, names: Iterable[str], *, is_shown: bool = True) -> bool:
        """Keep quotes of these instruments too; answer whether any is new."""
        names = tuple(names)
        if is_shown:
            self._shown.update(dict.fromkeys(name for name in names if name in self.instruments))
        fresh = [name for name in names if name not in self._row_of and name in self.instruments]
        for name in fresh:
            row = len(self._names)
            if row == self._exchange_ns.size:
                self._grow()
            self._names.append(name)
            self._row_of[name] = row
            self._row_of_token[self.instruments[name].token] = row
            self._hours_of_row.append(self._hours_of(name))
        if fresh:
            self._places.clear()
            self._share_hours()
        return bool(fresh)

    def build_bars(self, instrument: str, interval_s: int) -> None:
        """Build this instrument's bars from its ticks from now on."""
        self.track([instrument])
        found = self._intervals.get(interval_s)
        if found is None:
            found = self._intervals[interval_s] = _Interval(BarBuilder(interval_s=interval_s, anchor_ns=self._anchor()))
        if instrument in self._row_of:
            self._builds[self._row_of[instrument]] = True
            found.shown += instrument not in found.instruments
        found.instruments.add(instrument)
        if self.now_ns:
            found.since_ns.setdefault(instrument, self.now_ns)

    def lose_ticks(self) -> None:
        """Note that ticks are being missed: the bars now forming will not be whole."""
        for interval in self._intervals.values():
            interval.since_ns.clear()

    def is_whole(self, bar: Bar) -> bool:
        """Tell whether a bar built here began after its first tick was awaited."""
        found = self._intervals.get(bar.interval_s)
        since = found.since_ns.get(bar.instrument) if found else None
        return since is not None and since <= bar.start_ns

    def take(self, columns: QuoteColumns, source: str, newest_ns: int | None = None) -> list[Bar]:
        """Take a frame in: the table, market time, the bars; return the bars that it closed.

        `newest_ns` is the newest of its exchange times, where that is known already.
        """
        if len(columns) == 0:
            return []
        self.source = source
        now = self.clock.advance(int(columns.exchange_ns.max()) if newest_ns is None else newest_ns)
        placed = self._placed(columns.token)
        bars = self._take_bars(columns, placed, now)
        if placed.numbers.size:
            self._store(columns, placed)
        return bars

    def start_day(self, day: date) -> None:
        """Look the day's hours up; raises DataError for a year without a calendar."""
        self.day = day
        self._sessions, self._session_of = {}, {}
        self._hours_of_row = [self._hours_of(name) for name in self._names]
        self._share_hours()
        for interval in self._intervals.values():
            interval.builder.anchor_ns = self._anchor()

    def session(self, instrument: str) -> Session | None:
        """Return today's session of an instrument, None on a day without one."""
        if instrument not in self._session_of:
            if self.day is None or instrument not in self.instruments:
                return None
            self._session_of[instrument] = self._session_on(self.instruments[instrument], self.day)
        return self._session_of[instrument]

    def _session_on(self, contract: Instrument, day: date) -> Session | None:
        key = segment_of(contract), expires_on(contract, day)
        if key not in self._sessions:
            try:
                self._sessions[key] = self._calendar.session(key[0], day, expires_today=key[1])
            except DataError:
                self._sessions[key] = None  # without a calendar nothing is open; the desk says so once a day
        return self._sessions[key]

    def use(self, calendar: TradingCalendar) -> None:
        """Keep another calendar's hours from now on."""
        self._calendar = calendar
        if self.day is not None:
            self.start_day(self.day)

    def has_calendar(self) -> bool:
        try:
            return self.day is None or self._calendar.is_trading_day(self.day) in (True, False)
        except DataError:
            return False

    def phase(self, instrument: str, at: datetime) -> Phase:
        session = self.session(instrument)
        return session.phase(at) if session else Phase.CLOSED

    def mark(self, instrument: str) -> Decimal | None:
        """Return the last price as an exact Decimal, None where none was shown."""
        return self._price(instrument, LAST)

    def fair(self, instrument: str) -> Decimal | None:
        """Return the price at which a position is valued: the venue's own mark where it tells one, else the last."""
        told = self.told_mark(instrument)
        return self.mark(instrument) if told is None else told

    def told_mark(self, instrument: str) -> Decimal | None:
        """Return the venue's own mark of a contract, None where it tells none."""
        row = self._row_of.get(instrument)
        value = self._table.item(FAIR, row) if row is not None else 0.0
        if row is None or not value > 0:
            return None
        known = self._prices.get((FAIR, row))
        if known is None or known[0] != value:
            # a mark is an average of other markets and lies on no tick
            known = self._prices[FAIR, row] = (value, Decimal(repr(value)))
        return known[1]

    def middle(self, instrument: str) -> Decimal | None:
        bid, ask = self._price(instrument, BID), self._price(instrument, ASK)
        return self.mark(instrument) if bid is None or ask is None else (bid + ask) / 2

    def marks(self, instruments: Iterable[str]) -> dict[str, Decimal]:
        found = ((name, self.fair(name)) for name in instruments)
        return {name: mark for name, mark in found if mark is not None}

    def quote(self, instrument: str, at: datetime) -> QuoteView | None:
        """Return what the gate may know of an instrument's price, with its age on both clocks."""
        asked = at, self.link, self.clock.now_ns, self.revision
        known = self._quotes.get(instrument)
        if known is not None and known[0] == asked:
            return known[1]
        last = self.mark(instrument)
        if last is None:
            return None
        quote = QuoteView(
            last_price=last,
            bid=self._price(instrument, BID),
            ask=self._price(instrument, ASK),
            age_s=self.age_s(instrument, at),
            is_stale=self.link is not Link.CONNECTED,
            is_cached=bool(self._cached[self._row_of[instrument]]),
        )
        self._quotes[instrument] = asked, quote
        return quote

    def youngest_age_s(self, at: datetime) -> Decimal | None:
        """Return the age of the newest quote of all, None before the first."""
        count = len(self._names)
        received, made = self._received_ns[:count], self._exchange_ns[:count]
        waited = ns_of(at) - received
        aged = np.maximum(waited, np.where(made > 0, self.clock.now_ns - made, 0))[self._table[LAST, :count] > 0]
        return Decimal(max(int(aged.min()), 0) // 1_000_000) / 1000 if aged.size else None

    def age_s(self, instrument: str, at: datetime) -> Decimal:
        """Return a quote's age: since it was received, or since the venue made it, if longer."""
        row = self._row_of[instrument]
        waited = ns_of(at) - int(self._received_ns[row])
        made = int(self._exchange_ns[row])
        aged = max(waited, self.clock.now_ns - made if made else 0, 0)
        return Decimal(aged // 1_000_000) / 1000

    def figures(self, instrument: str) -> dict[str, float]:
        """Return the raw columns of one instrument, for a page."""
        row = self._row_of[instrument]
        names = ("last_price", "bid", "ask", "volume", "oi", "previous_close")
        return dict(zip(names, self._table[:FAIR, row].tolist(), strict=True))

    def times(self, instrument: str) -> tuple[int, int]:
        """Return when the venue made the quote and when it was received, in nanoseconds."""
        row = self._row_of[instrument]
        return int(self._exchange_ns[row]), int(self._received_ns[row])

    def _price(self, instrument: str, column: int) -> Decimal | None:
        row = self._row_of.get(instrument)
        if row is None:
            return None
        value = self._table.item(column, row)
        if not value > 0:  # an untraded option shows 0, an index has no bid: neither is a price
            return None
        known = self._prices.get((column, row))
        if known is None or known[0] != value:
            # every look of the gate asks for prices again, and between two frames none has changed
            known = self._prices[column, row] = (value, self.instruments[instrument].price_of(value))
        return known[1]

    def _placed(self, token: npt.NDArray[np.int64]) -> _Places:
        if token.size > LARGE_FRAME:
            places, rows = self._placed_many(token)
            return _Places(places, rows, rows)
        key = token.tobytes()
        known = self._places.get(key)
        if known is None:
            pairs = [(i, row) for i, t in enumerate(token.tolist()) if (row := self._row_of_token.get(t)) is not None]
            places = np.array([i for i, _ in pairs], dtype=np.intp)
            rows = np.array([row for _, row in pairs], dtype=np.intp)
            known = _Places(_stretch(places), _stretch(rows), rows)
            if len(self._places) >= 256:
                self._places.clear()
            self._places[key] = known
        return known

    def _placed_many(self, token: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Find the rows of a large frame, of which hardly any is like another."""
        if self._sorted_tokens.size != len(self._row_of_token):
            tokens = np.array(list(self._row_of_token), dtype=np.int64)
            order = np.argsort(tokens)
            self._sorted_tokens = tokens[order]
            self._sorted_rows = np.array(list(self._row_of_token.values()), dtype=np.intp)[order]
        if self._sorted_tokens.size == 0:
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
        found = np.minimum(np.searchsorted(self._sorted_tokens, token), self._sorted_tokens.size - 1)
        places = np.flatnonzero(self._sorted_tokens[found] == token)
        return places, self._sorted_rows[found[places]]

    def _store(self, columns: QuoteColumns, placed: _Places) -> None:
        self.revision += 1
        places, rows, numbers = placed
        table = self._table
        table[LAST, rows] = columns.last_price[places]
        table[BID, rows] = columns.bid[places]
        table[ASK, rows] = columns.ask[places]
        table[VOLUME, rows] = columns.volume[places]
        table[INTEREST, rows] = columns.open_interest[places]
        table[CLOSE, rows] = columns.previous_close[places]
        if columns.mark_price is not None:
            marks = columns.mark_price[places]
            told = ~np.isnan(marks)
            table[FAIR, numbers[told]] = marks[told]
        self._exchange_ns[rows] = columns.exchange_ns[places]
        self._received_ns[rows] = columns.received_ns
        if columns.cached is not None:
            self._cached[rows] = columns.cached[places]
            self._has_cached = True
        elif self._has_cached:
            self._cached[rows] = False

    def _take_bars(self, columns: QuoteColumns, placed: _Places, now_ns: int) -> list[Bar]:
        closed: list[Bar] = []
        if not self._intervals:
            return closed
        places, rows, numbers = self._of_bars(columns, placed)
        prices, volumes = columns.last_price[places].tolist(), columns.volume[places].tolist()
        times = columns.exchange_ns[places].tolist()
        older = self._exchange_ns[rows].tolist()
        names, hours = self._names, self._hours_of_row
        opened, closes = self._shared_hours
        is_open = bool(times) and opened <= min(times) and max(times) < closes
        ticks = [
            (names[row], ns, price, volume)
            for row, ns, price, volume, last in zip(numbers.tolist(), times, prices, volumes, older, strict=True)
            if price > 0 and ns >= last and (is_open or hours[row][0] <= ns < hours[row][1])
        ]
        for interval in self._intervals.values():
            closed += self._feed(interval, ticks, now_ns)
        return closed

    def _of_bars(self, columns: QuoteColumns, placed: _Places) -> _Places:
        """Leave out what was seen before the desk listened and, of a large frame, what builds no bars."""
        is_large = placed.numbers.size > LARGE_FRAME
        if columns.cached is None and not is_large:
            return placed
        used = np.ones(placed.numbers.size, dtype=np.bool_)
        if is_large:
            used &= self._builds[placed.numbers]
        if columns.cached is not None:
            used &= ~columns.cached[placed.places]
        rows = placed.numbers[used]
        return _Places(np.arange(len(columns))[placed.places][used], rows, rows)

    def _feed(self, interval: _Interval, ticks: list[Tick], now_ns: int) -> list[Bar]:
        used, builder = interval.instruments, interval.builder
        if len(interval.since_ns) < len(used):
            for name in used:
                interval.since_ns.setdefault(name, now_ns)
        mine = ticks if interval.shown == len(self._names) else [tick for tick in ticks if tick[0] in used]
        if now_ns < interval.due_ns:
            builder.add(mine)
            return []
        # this frame ends bars: their own last ticks first, then the close, then the next bar's
        edge = interval.due_ns
        builder.add(tick for tick in mine if tick[1] < edge)
        closed = builder.close_until(now_ns)
        builder.add(tick for tick in mine if tick[1] >= edge)
        length = builder.interval_s * NANOSECONDS
        interval.due_ns = now_ns - (now_ns - builder.anchor_ns) % length + length
        return closed

    def _share_hours(self) -> None:
        hours = self._hours_of_row
        opened, closes = [start for start, _ in hours], [end for _, end in hours]
        self._shared_hours = max(opened, default=0), min(closes, default=0)

    def _hours_of(self, name: str) -> tuple[int, int]:
        session = self.session(name)
        if session is None:
            return _NEVER, _NEVER
        if session.is_always_open:
            return 0, _NEVER  # the last ticks of a day belong to its bars, though the next one has begun
        return ns_of(session.open_at), ns_of(session.continuous_end_at)

    def _anchor(self) -> int:
        # bars count from the open, so that an hour is 09:15 to 10:15 as the venue's candles are
        opens = [hours[0] for hours in self._hours_of_row if hours[0] != _NEVER]
        return min(opens, default=0)

    def _grow(self) -> None:
        size = self._exchange_ns.size
        self._table = np.concatenate([self._table, np.full((_COLUMNS, size), np.nan)], axis=1)
        self._exchange_ns = np.concatenate([self._exchange_ns, np.zeros(size, dtype=np.int64)])
        self._received_ns = np.concatenate([self._received_ns, np.zeros(size, dtype=np.int64)])
        self._cached = np.concatenate([self._cached, np.zeros(size, dtype=np.bool_)])
        self._builds = np.concatenate([self._builds, np.zeros(size, dtype=np.bool_)])


def _stretch(numbers: npt.NDArray[np.intp]) -> _Picked:
    """Return neighbours in their order as one slice, anything else as it is."""
    first = int(numbers[0]) if numbers.size else 0
    is_stretch = numbers.size > 0 and bool((numbers == np.arange(first, first + numbers.size)).all())
    return slice(first, first + numbers.size) if is_stretch else numbers
