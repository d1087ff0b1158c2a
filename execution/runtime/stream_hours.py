"""When a real venue's stream is worth having open; pure, with the calendar and the time as arguments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from brokers.domain.calendar import Segment, Session, TradingCalendar
from brokers.domain.clock import IST
from brokers.domain.errors import DataError

BEFORE = timedelta(minutes=15)
AFTER = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHours:
    """Whether the stream is to be open, and until when that holds; None where the calendar does not say."""

    is_open: bool
    until: datetime | None


def stream_hours(calendar: TradingCalendar, at: datetime) -> StreamHours:
    """Return the hours at an instant: from before the first segment's pre-open until after the last one's end.

    Where the calendar holds no such year the stream stays open: an open one harms nobody, and trading is refused. At a
    venue that never closes it is never shut.
    """
    if calendar.is_always_open:
        return StreamHours(is_open=True, until=None)
    day = at.astimezone(IST).date()
    try:
        today = _span(calendar, day)
        if today is not None and at < today[1]:
            return StreamHours(is_open=at >= today[0], until=today[1] if at >= today[0] else today[0])
        following = _span(calendar, calendar.next_trading_day(day))
    except DataError:
        return StreamHours(is_open=True, until=None)
    return StreamHours(is_open=False, until=following[0] if following else None)


def _span(calendar: TradingCalendar, day: date) -> tuple[datetime, datetime] | None:
    if not calendar.is_trading_day(day):
        return None
    sessions = list(_sessions(calendar, day))
    if not sessions:
        return None
    return min(session.pre_open_at for session in sessions) - BEFORE, max(_end(session) for session in sessions) + AFTER


def _sessions(calendar: TradingCalendar, day: date) -> Iterable[Session]:
    for segment in Segment:
        try:
            session = calendar.session(segment, day)
        except DataError:
            continue  # hours of one segment may be unknown while the others' are not
        if session is not None:
            yield session


def _end(session: Session) -> datetime:
    ends = (session.continuous_end_at, session.auction_end_at, session.post_close_at and session.post_close_at[1])
    return max(end for end in ends if end is not None)
