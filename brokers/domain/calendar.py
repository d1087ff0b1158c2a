"""Trading days and sessions as dated data.

A `CalendarTable` is what an operator may replace: holidays by year and session rules by segment
and date. `TradingCalendar` answers from it, and refuses to answer for a year it does not hold:
a library that calls every weekday open would let the desk trade on a holiday.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from brokers.domain.clock import IST, UTC_ZONE, venue_day_of
from brokers.domain.errors import DataError
from brokers.domain.instruments import Instrument, InstrumentKind


class Segment(StrEnum):
    """A part of the market with its own hours."""

    EQUITY_WITH_DERIVATIVES = "NSE-EQ-FO"
    EQUITY = "NSE-EQ"
    BSE_EQUITY = "BSE-EQ"
    NSE_DERIVATIVES = "NFO"
    BSE_DERIVATIVES = "BFO"


class Phase(StrEnum):
    CLOSED = "closed"
    PRE_OPEN = "pre_open"
    CONTINUOUS = "continuous"
    CLOSING_AUCTION = "closing_auction"
    POST_CLOSE = "post_close"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRule:
    """Hours of one segment from a date on; times are the exchange's, intervals half-open.

    `square_off` is when the desk flattens its own intraday positions, ahead of the broker's own
    act, which costs a fee. `entry_cutoff` leaves an entry time to matter.
    """

    segment: Segment
    effective_from: date
    pre_open: time
    open: time
    continuous_end: time
    entry_cutoff: time
    square_off: time
    auction_end: time | None = None
    post_close: tuple[time, time] | None = None
    # expiring index contracts may stop earlier than their segment
    expiring_end: time | None = None
    # hours that rest on one source: the desk trades only while they and the ones before them agree
    is_confirmed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarTable:
    """Holidays and special sessions by year, session rules by date."""

    holidays: Mapping[int, frozenset[date]]
    extra_days: frozenset[date]
    rules: tuple[SessionRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One segment's hours on one trading day, as aware times.

    A session that is always open ends nothing: its cut-off and its square-off are no times to act on.
    """

    segment: Segment
    day: date
    pre_open_at: datetime
    open_at: datetime
    continuous_end_at: datetime
    entry_cutoff_at: datetime
    square_off_at: datetime
    auction_end_at: datetime | None
    post_close_at: tuple[datetime, datetime] | None
    is_always_open: bool = False

    def phase(self, at: datetime) -> Phase:
        """Return the phase at an instant; the end of an interval belongs to the next."""
        if self.pre_open_at <= at < self.open_at:
            return Phase.PRE_OPEN
        if self.is_always_open or self.open_at <= at < self.continuous_end_at:
            return Phase.CONTINUOUS
        if self.auction_end_at and self.continuous_end_at <= at < self.auction_end_at:
            return Phase.CLOSING_AUCTION
        if self.post_close_at and self.post_close_at[0] <= at < self.post_close_at[1]:
            return Phase.POST_CLOSE
        return Phase.CLOSED


class TradingCalendar:
    """Answers what is open when; raises DataError for a year without a loaded list.

    `zone` is where the venue's days begin at midnight.
    """

    zone: ZoneInfo = IST
    is_always_open: bool = False

    def __init__(self, table: CalendarTable) -> None:
        self._table = table

    @staticmethod
    def always_open() -> TradingCalendar:
        """Return the calendar of a venue that never closes and counts its days in UTC."""
        return ALWAYS_OPEN

    def day_of(self, at: datetime) -> date:
        """Return the venue's calendar day at an instant."""
        return venue_day_of(at, self.zone)

    def bounds_of(self, day: date) -> tuple[datetime, datetime]:
        """Return the instants between which a venue's day lies."""
        begins = datetime.combine(day, time(), tzinfo=self.zone)
        return begins, datetime.combine(day + timedelta(days=1), time(), tzinfo=self.zone)

    def covers(self, day: date) -> bool:
        """Tell whether the day's year has a holiday list."""
        return day.year in self._table.holidays

    def covered_on_or_before(self, day: date) -> date:
        """Return the latest date up to `day` whose year has a holiday list; raise DataError without any."""
        if self.covers(day):
            return day
        earlier = [year for year in self._table.holidays if year < day.year]
        if not earlier:
            raise DataError(f"no holiday list is loaded up to {day.year}", code="calendar.year_missing")
        return date(max(earlier), 12, 31)

    def is_trading_day(self, day: date) -> bool:
        holidays = self._holidays(day)
        if day in self._table.extra_days:
            return True
        return day.weekday() < 5 and day not in holidays

    def session(self, segment: Segment, day: date, *, expires_today: bool = False) -> Session | None:
        """Return the day's hours, or None on a day without trading."""
        if not self.is_trading_day(day):
            return None
        rule = self._certain_on(segment, day)

        def at(clock: time) -> datetime:
            return datetime.combine(day, clock, tzinfo=self.zone)

        end = rule.continuous_end
        if expires_today and rule.expiring_end is not None:
            end = min(end, rule.expiring_end)
        return Session(
            segment=segment,
            day=day,
            pre_open_at=at(rule.pre_open),
            open_at=at(rule.open),
            continuous_end_at=at(end),
            entry_cutoff_at=at(rule.entry_cutoff),
            square_off_at=at(rule.square_off),
            auction_end_at=at(rule.auction_end) if rule.auction_end else None,
            post_close_at=(at(rule.post_close[0]), at(rule.post_close[1])) if rule.post_close else None,
        )

    def phase(self, segment: Segment, at: datetime) -> Phase:
        """Return a segment's phase at an instant."""
        session = self.session(segment, self.day_of(at))
        return session.phase(at) if session else Phase.CLOSED

    def previous_trading_day(self, day: date) -> date:
        """Return the last trading day before `day`."""
        candidate = day - timedelta(days=1)
        while not self.is_trading_day(candidate):
            candidate -= timedelta(days=1)
        return candidate

    def next_trading_day(self, day: date) -> date:
        """Return the first trading day after `day`."""
        candidate = day + timedelta(days=1)
        while not self.is_trading_day(candidate):
            candidate += timedelta(days=1)
        return candidate

    def expiry_on_or_before(self, day: date) -> date:
        """Return `day`, or the trading day before it when it is a holiday."""
        return day if self.is_trading_day(day) else self.previous_trading_day(day)

    def _holidays(self, day: date) -> frozenset[date]:
        holidays = self._table.holidays.get(day.year)
        if holidays is None:
            raise DataError(
                f"no holiday list is loaded for {day.year}, so {day} cannot be traded",
                code="calendar.year_missing",
                details={"year": day.year},
            )
        return holidays

    def rule_on(self, segment: Segment, day: date) -> SessionRule:
        """Return the hours in force on a date, whether it is a trading day or not."""
        return self._rules_on(segment, day)[-1]

    def unconfirmed(self, day: date) -> list[SessionRule]:
        """Return the hours in force on a day that rest on one source."""
        found = [self._rules_on(segment, day)[-1] for segment in Segment]
        return [rule for rule in found if not rule.is_confirmed]

    def changed(
        self, *, days: Mapping[date, bool], years: Iterable[int] = (), rules: Iterable[SessionRule] = ()
    ) -> TradingCalendar:
        """Return this calendar with an operator's rows in it: open or closed days, whole years, hours.

        A closed day of a year that is not loaded does not load the year: the others may be missing.
        """
        table = self._table
        holidays = {year: set(dates) for year, dates in table.holidays.items()}
        for year in years:
            holidays.setdefault(year, set())
        for day, is_open in days.items():
            if day.year in holidays:
                (holidays[day.year].discard if is_open else holidays[day.year].add)(day)
        opened = {day for day, is_open in days.items() if is_open}
        own = {(rule.segment, rule.effective_from): rule for rule in (*table.rules, *rules)}
        return TradingCalendar(
            CalendarTable(
                holidays={year: frozenset(dates) for year, dates in holidays.items()},
                extra_days=frozenset((table.extra_days - days.keys()) | opened),
                rules=tuple(own.values()),
            )
        )

    def _rules_on(self, segment: Segment, day: date) -> list[SessionRule]:
        found = [rule for rule in self._table.rules if rule.segment is segment and rule.effective_from <= day]
        if not found:
            raise DataError(f"no session hours are known for {segment} on {day}", code="calendar.rule_missing")
        return sorted(found, key=lambda rule: rule.effective_from)

    def _certain_on(self, segment: Segment, day: date) -> SessionRule:
        rules = self._rules_on(segment, day)
        certain = rules[0]
        for rule in rules[1:]:
            certain = rule if rule.is_confirmed else _agreed(certain, rule)
        return certain


class _AlwaysOpen(TradingCalendar):
    """Every day of every year is a trading day without hours."""

    zone = UTC_ZONE
    is_always_open = True

    def __init__(self) -> None:
        super().__init__(CalendarTable(holidays={}, extra_days=frozenset(), rules=()))

    def covers(self, day: date) -> bool:
        """Answer that every year is known."""
        return True

    def is_trading_day(self, day: date) -> bool:
        """Answer that every day is one."""
        return True

    def session(self, segment: Segment, day: date, *, expires_today: bool = False) -> Session | None:
        """Return the whole day, from midnight to midnight."""
        begins, ends = self.bounds_of(day)
        return Session(
            segment=segment,
            day=day,
            pre_open_at=begins,
            open_at=begins,
            continuous_end_at=ends,
            entry_cutoff_at=ends,
            square_off_at=ends,
            auction_end_at=None,
            post_close_at=None,
            is_always_open=True,
        )

    def unconfirmed(self, day: date) -> list[SessionRule]:
        """Return nothing: there are no hours to confirm."""
        return []


ALWAYS_OPEN: TradingCalendar = _AlwaysOpen()


def _agreed(before: SessionRule, after: SessionRule) -> SessionRule:
    """Return the hours in which two readings agree that a segment trades."""
    auction_ends = [rule.auction_end or rule.continuous_end for rule in (before, after)]
    expiring_ends = [rule.expiring_end for rule in (before, after) if rule.expiring_end is not None]
    end = min(before.continuous_end, after.continuous_end)
    has_auction = before.auction_end is not None or after.auction_end is not None
    return replace(
        after,
        pre_open=max(before.pre_open, after.pre_open),
        open=max(before.open, after.open),
        continuous_end=end,
        entry_cutoff=min(before.entry_cutoff, after.entry_cutoff),
        square_off=min(before.square_off, after.square_off),
        auction_end=max(auction_ends) if has_auction else None,
        expiring_end=min(expiring_ends, default=None),
    )


# Their contracts may stop trading before their segment does on the day on which they expire.
INDEX_UNDERLYINGS = frozenset(
    {"NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "SENSEX", "BANKEX", "SENSEX50"}
)


def expires_on(instrument: Instrument, day: date) -> bool:
    """Tell whether an instrument is an index contract on its last day."""
    return instrument.expiry == day and instrument.name in INDEX_UNDERLYINGS


_DERIVATIVE_KINDS = frozenset({InstrumentKind.FUTURE, InstrumentKind.CALL, InstrumentKind.PUT})


def segment_of(instrument: Instrument, *, has_derivatives: bool = True) -> Segment:
    """Return the segment whose hours an instrument keeps.

    A stock is taken to have derivatives unless said otherwise: its continuous session is the
    shorter one, so the mistake is on the safe side.
    """
    if instrument.kind in _DERIVATIVE_KINDS:
        is_bse = instrument.exchange == "BFO"
        return Segment.BSE_DERIVATIVES if is_bse else Segment.NSE_DERIVATIVES
    if instrument.exchange == "BSE":
        return Segment.BSE_EQUITY
    return Segment.EQUITY_WITH_DERIVATIVES if has_derivatives else Segment.EQUITY
