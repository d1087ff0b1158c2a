"""What the kept snapshots say of moments gone by: a minute's chains, and what open interest changes from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

from django.conf import settings

from brokers.domain.calendar import Segment, TradingCalendar
from brokers.domain.errors import DataError, NotFound
from options.chain_store import ChainStore
from options.domain.open_interest import LATEST, Interest, Since
from options.domain.received import Reference, StoredChain

# the last snapshot of a day is its close when it was taken this late
CLOSE_WITHIN = timedelta(minutes=30)


def chain_store() -> ChainStore:
    """Return the store of this installation."""
    return ChainStore(Path(settings.WINDHOVER_STATE) / "chains")


def interest_in(chain: StoredChain) -> Interest:
    """Keep of a stored chain what a change of open interest is taken against."""
    quotes = chain.quotes
    return Interest(at=chain.at, strike=quotes.strike, open_interest=quotes.open_interest, last_price=quotes.last_price)


def references(
    store: ChainStore, user_id: str, underlying: str, *, today: date, calendar: TradingCalendar
) -> dict[date, Reference]:
    """Find what each expiry's open interest changes from: the previous close, else the day's first snapshot."""
    opened_at = opening_moment(store, user_id, underlying, today)
    found = _all(store.read(user_id, underlying, today, opened_at), Since.OPEN) if opened_at else {}
    day = _day_before(today, calendar)
    closed_at = None if day is None else closing_moment(store, user_id, underlying, day, calendar)
    if day is not None and closed_at is not None:
        found |= _all(store.read(user_id, underlying, day, closed_at), Since.PREVIOUS_CLOSE)
    return found


def reference_at(
    store: ChainStore,
    user_id: str,
    underlying: str,
    *,
    expiry: date,
    now: datetime,
    since: Since,
    calendar: TradingCalendar,
) -> Interest | None:
    """Find what one expiry's change is taken against; None where no snapshot of that moment is kept."""
    today = calendar.day_of(now)
    if since is Since.PREVIOUS_CLOSE:
        day = _day_before(today, calendar)
        at = None if day is None else closing_moment(store, user_id, underlying, day, calendar)
    elif since.minutes is None:
        day, at = today, opening_moment(store, user_id, underlying, today)
    else:
        wanted = now - timedelta(minutes=since.minutes)
        day, at = today, moment_before(store, user_id, underlying, today, wanted)
        at = at if at is not None and wanted - at <= LATEST else None
    if day is None or at is None:
        return None
    return next((interest_in(one) for one in store.read(user_id, underlying, day, at) if one.expiry == expiry), None)


def chains_before(
    store: ChainStore, user_id: str, underlying: str, *, at: datetime, calendar: TradingCalendar
) -> list[StoredChain]:
    """Return the newest snapshot of `at`'s day that is not later than it.

    Raises
    ------
    NotFound
        Where none is kept.
    """
    day = calendar.day_of(at)
    found = moment_before(store, user_id, underlying, day, at)
    if found is None:
        message = f"no snapshot of {underlying} is kept of {day.isoformat()} up to that time"
        raise NotFound(message, code="chain.no_snapshot", field="at")
    return store.read(user_id, underlying, day, found)


def moment_before(store: ChainStore, user_id: str, underlying: str, day: date, at: datetime) -> datetime | None:
    """Return the newest moment of a day that is not later than `at`."""
    return next((one for one in reversed(store.moments(user_id, underlying, day)) if one <= at), None)


def opening_moment(store: ChainStore, user_id: str, underlying: str, day: date) -> datetime | None:
    """Return a day's first snapshot."""
    return next(iter(store.moments(user_id, underlying, day)), None)


def closing_moment(
    store: ChainStore, user_id: str, underlying: str, day: date, calendar: TradingCalendar
) -> datetime | None:
    """Return a day's last snapshot where it was taken near the close; None where the desk had stopped before."""
    moments = store.moments(user_id, underlying, day)
    session = calendar.session(Segment.NSE_DERIVATIVES, day)
    if not moments or session is None or moments[-1] < session.continuous_end_at - CLOSE_WITHIN:
        return None
    return moments[-1]


def _day_before(today: date, calendar: TradingCalendar) -> date | None:
    try:
        return calendar.previous_trading_day(today)
    except DataError:
        return None  # a year without a holiday list: which day came before is not known


def _all(chains: Iterable[StoredChain], since: Since) -> dict[date, Reference]:
    return {one.expiry: Reference(since=since, interest=interest_in(one)) for one in chains}
