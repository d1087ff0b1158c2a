"""The simulator's trading days: holidays, session hours, expiry rules.

Days and hours are the desk's own dated facts (`brokers.domain.india`). A year without a published
list has its weekends and the fixed national holidays closed, so that old recordings can be
replayed; the desk itself refuses to trade such a year.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

from brokers.domain.calendar import Segment
from brokers.domain.india import INDIA

IST = timezone(timedelta(hours=5, minutes=30), "IST")
IST_OFFSET_S = 19_800
SECOND_NS = 1_000_000_000
_NATIONAL = frozenset({(1, 26), (5, 1), (8, 15), (10, 2), (12, 25)})
TUESDAY, THURSDAY = 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One day's continuous trading as seconds of the epoch; intervals are half-open."""

    day: date
    open_s: int
    cash_close_s: int
    derivatives_close_s: int

    @property
    def last_s(self) -> int:
        """Return the second at which the last segment stops trading."""
        return max(self.cash_close_s, self.derivatives_close_s)


def is_trading_day(day: date) -> bool:
    """Return whether the cash market holds a normal session on this day."""
    if INDIA.covers(day):
        return INDIA.is_trading_day(day)
    return day.weekday() < 5 and (day.month, day.day) not in _NATIONAL


def trading_day_on_or_before(day: date) -> date:
    """Return the latest trading day that is not after the given one."""
    while not is_trading_day(day):
        day -= timedelta(days=1)
    return day


def next_trading_day(day: date) -> date:
    """Return the first trading day after the given one."""
    day += timedelta(days=1)
    while not is_trading_day(day):
        day += timedelta(days=1)
    return day


def previous_trading_days(day: date, count: int) -> list[date]:
    """Return the trading days before the given one, newest first."""
    days: list[date] = []
    while len(days) < count:
        day = trading_day_on_or_before(day - timedelta(days=1))
        days.append(day)
    return days


def session_on(day: date) -> Session:
    """Return the day's session hours, which changed on 2026-08-03 and change on 2026-12-07."""
    cash = INDIA.rule_on(Segment.EQUITY_WITH_DERIVATIVES, day)
    derivatives = INDIA.rule_on(Segment.NSE_DERIVATIVES, day)
    return Session(
        day=day,
        open_s=epoch_s(day, cash.open),
        cash_close_s=epoch_s(day, cash.continuous_end),
        derivatives_close_s=epoch_s(day, derivatives.continuous_end),
    )


def epoch_s(day: date, at: time) -> int:
    """Return the epoch second of an Indian wall-clock time."""
    return int(datetime.combine(day, at, IST).timestamp())


def ist(at_ns: int) -> datetime:
    """Return the Indian wall-clock time of an instant, cut to whole seconds."""
    return datetime.fromtimestamp(at_ns // SECOND_NS, UTC).astimezone(IST)


def stamp(at_ns: int) -> str:
    """Return the instant in the venue's own form, ``YYYY-MM-DD HH:MM:SS`` Indian time."""
    return ist(at_ns).strftime("%Y-%m-%d %H:%M:%S")


def weekly_expiries(day: date, weekday: int, count: int) -> list[date]:
    """Return the next expiries on that weekday, each moved back over holidays, from the day on."""
    expiries: list[date] = []
    nominal = day - timedelta(days=7)
    nominal += timedelta(days=(weekday - nominal.weekday()) % 7)
    while len(expiries) < count:
        expiry = trading_day_on_or_before(nominal)
        if expiry >= day:
            expiries.append(expiry)
        nominal += timedelta(days=7)
    return expiries


def is_monthly(expiry: date, weekday: int) -> bool:
    """Return whether this expiry is the last of its month for a contract of that weekday."""
    return monthly_expiry(expiry.year, expiry.month, weekday) == expiry


def monthly_expiry(year: int, month: int, weekday: int) -> date:
    """Return the month's last such weekday, moved back over holidays."""
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    last = first_of_next - timedelta(days=1)
    return trading_day_on_or_before(last - timedelta(days=(last.weekday() - weekday) % 7))


def next_monthly_expiry(day: date, weekday: int) -> date:
    """Return the first monthly expiry on or after the day."""
    expiry = monthly_expiry(day.year, day.month, weekday)
    if expiry >= day:
        return expiry
    return monthly_expiry(day.year + day.month // 12, day.month % 12 + 1, weekday)


def chain_expiries(day: date) -> list[date]:
    """Return the three listed NIFTY option expiries: two weeklies and the next monthly."""
    weeklies = weekly_expiries(day, TUESDAY, 2)
    return [*weeklies, next_monthly_expiry(weeklies[-1] + timedelta(days=1), TUESDAY)]


def years_to_expiry(at_s: float, expiry: date) -> float:
    """Return calendar years until the contract stops trading, never under one minute."""
    left = session_on(expiry).derivatives_close_s - at_s
    return max(left, 60.0) / (365.0 * 86_400.0)
