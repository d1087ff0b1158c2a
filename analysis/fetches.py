"""Fetching daily candles from a venue: what is missing and no more, so that an interrupted fetch goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Desk
from accounts.outbox import outbox_add
from analysis.candles import candles_of, candles_take
from analysis.domain.candle_files import Candle, objection
from analysis.domain.daily import date_of, day_number
from analysis.domain.fetching import CandleRequest, fetch_plan
from analysis.fetch_models import FETCHING, CandleFetch, CandlelessDays, FetchState
from analysis.models import CandleYear, ListMember
from analysis.own_models import Watchlist
from analysis.scan_models import ScanRun
from analysis.services import scan_ask
from analysis.subjects import EVERYTHING, members_of, require_known
from brokers.daily_history import DailyHistory
from brokers.domain.calendar import Segment, TradingCalendar
from brokers.domain.errors import DataError, Invalid, NeedsLogin, Rejected, WindhoverError
from brokers.domain.india import INDIA
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar
from brokers.listings import instruments_by_keys
from brokers.models import SessionState, TradingAccount, Venue

if TYPE_CHECKING:
    from accounts.models import User

FETCH_TASK = "analysis.candles_fetch"
FETCH_QUEUE = "research"
# two years, and what the checks need before them
DAYS_BACK = 1_150
# one call may wait for its pace and be repeated; a fetch that says nothing for longer has no worker any more
SILENT_AFTER = timedelta(minutes=5)
# the venue makes its day's candle some time after the close
SETTLED_AFTER = timedelta(minutes=45)
_MOST_LEFT_OUT = 500


class History(Protocol):
    """Gives daily candles with their days."""

    def candles(self, instrument: Instrument, since: date, until: date) -> list[tuple[date, Bar]]: ...


Opened = Callable[[TradingAccount], AbstractContextManager[History]]


class CancelledError(Exception):
    """Somebody wants the fetch no more."""


def fetch_ask(
    *, account: TradingAccount, universe: str, by: User | None, at: datetime, then_scans: bool = False
) -> CandleFetch:
    """Ask for the missing candles of a list; return the fetch that is under way where there is one.

    Raises
    ------
    NotFound
        For a list that does not exist.
    """
    require_known(universe, Watchlist.objects.filter(desk=account.desk_id))
    _give_up_silent(account, at=at)
    try:
        with transaction.atomic():
            fetch: CandleFetch = CandleFetch.objects.create(
                account=account,
                universe=universe,
                requested_by=by,
                requested_at=at,
                touched_at=at,
                then_scans=then_scans,
            )
            outbox_add(task=FETCH_TASK, queue=FETCH_QUEUE, arguments={"fetch_id": str(fetch.id)}, at=at)
    except IntegrityError:
        fetch = CandleFetch.objects.get(account=account, state__in=FETCHING)
    return fetch


def fetch_cancel(*, fetch: CandleFetch, at: datetime) -> CandleFetch:
    """End a fetch: at once where it waits, after the call under way where it runs; what it stored stays.

    Raises
    ------
    Invalid
        For one that has ended already.
    """
    waiting = CandleFetch.objects.filter(id=fetch.id, state=FetchState.QUEUED)
    if not waiting.update(state=FetchState.CANCELLED, is_unwanted=True, finished_at=at):
        running = CandleFetch.objects.filter(id=fetch.id, state=FetchState.RUNNING)
        if not running.update(is_unwanted=True):
            raise Invalid("This fetch has ended already.", code="fetch.ended", field="id")
    fetch.refresh_from_db()
    return fetch


def daily_ask(*, at: datetime) -> int:
    """After the close: let every desk's session fetch what is missing and scan then; return how many fetches there are.

    A desk without any open session scans what it has.
    """
    asked, served = 0, set()
    accounts = TradingAccount.objects.filter(is_enabled=True, login__state=SessionState.LIVE)
    for account in accounts.select_related("desk").order_by("created_at"):
        if (account.desk_id, account.venue) not in served:
            served.add((account.desk_id, account.venue))
            fetch_ask(account=account, universe=EVERYTHING, by=None, at=at, then_scans=True)
            asked += 1
    for desk in Desk.objects.exclude(id__in={desk for desk, _ in served}).order_by("created_at"):
        if ScanRun.objects.filter(desk=desk).exists():
            _scan_again(desk)
    return asked


def fetch_run(*, fetch_id: UUID, opened: Opened = DailyHistory) -> None:
    """Carry out a fetch that waits; one that does not wait any more is left alone."""
    claimed = CandleFetch.objects.filter(id=fetch_id, state=FetchState.QUEUED)
    if not claimed.update(state=FetchState.RUNNING, touched_at=timezone.now()):
        return
    fetch = CandleFetch.objects.select_related("account__desk").get(id=fetch_id)
    try:
        _carry_out(fetch, opened)
        fetch.state = FetchState.DONE
    except CancelledError:
        fetch.state = FetchState.CANCELLED
    except WindhoverError as problem:
        fetch.state, fetch.problem = FetchState.FAILED, _stopped(problem)
    except BaseException:
        # the reason is the worker's log's; the page must not say "running" for ever
        fetch.state, fetch.problem = FetchState.FAILED, "The fetch failed; the worker's log has the reason."
        raise
    finally:
        fetch.finished_at = fetch.touched_at = timezone.now()
        fetch.save()
    if fetch.state == FetchState.DONE and fetch.then_scans:
        _scan_again(fetch.account.desk)


def _carry_out(fetch: CandleFetch, opened: Opened) -> None:
    account = fetch.account
    members = _wanted(fetch)
    listed = instruments_by_keys(account.venue, [key for key in members if ":" in key])
    for key in sorted(set(members) - listed.keys()):
        _leave_out(fetch, key, f"{account.label} does not list it today.")
    sessions = sessions_until(account, timezone.now())
    plan = fetch_plan(sorted(listed), sessions, _stored(listed), _empty(listed))
    fetch.total = len(plan)
    _show(fetch)
    if not plan:
        return
    with opened(account) as history:
        for request in plan:
            _fetch_one(fetch, history, listed[request.symbol], request, sessions)
            fetch.done += 1
            _show(fetch)


def _fetch_one(
    fetch: CandleFetch, history: History, instrument: Instrument, request: CandleRequest, sessions: list[date]
) -> None:
    try:
        found = history.candles(instrument, request.since, request.until)
    except NeedsLogin:
        raise
    except (Rejected, DataError) as refusal:
        _leave_out(fetch, request.symbol, f"The venue gave no candles: {refusal.message}")
        return
    candles = [_candle(instrument.symbol, day, bar) for day, bar in found]
    wrong = [one for one in candles if objection(one) is not None]
    for one in wrong:
        _leave_out(fetch, request.symbol, f"{one.day:%d %b %Y}: {objection(one)}.")
    good = [one for one in candles if objection(one) is None]
    taken = candles_take(exchange=instrument.exchange, candles=good, source=fetch.account.venue, at=timezone.now())
    fetch.added += taken.added + taken.changed
    _note_empty(request, {one.day for one in candles}, sessions)


def _wanted(fetch: CandleFetch) -> list[str]:
    own = Watchlist.objects.filter(desk=fetch.account.desk_id)
    members = members_of(fetch.universe, own)
    if members is not None:
        return members
    names = set(CandleYear.objects.values_list("instrument", flat=True))
    names |= set(ListMember.objects.values_list("instrument", flat=True))
    return sorted(names.union(*own.values_list("instruments", flat=True)))


def sessions_until(account: TradingAccount, at: datetime) -> list[date]:
    """Return the trading days that a venue has finished candles of, oldest first, as far back as is fetched.

    A simulated exchange keeps its own clock: its day under way is taken for unfinished however late it is here.
    """
    calendar = TradingCalendar.always_open() if account.venue == Venue.ASTER else INDIA
    last = calendar.day_of(at)
    if account.is_simulated or not _is_settled(calendar, last, at):
        last -= timedelta(days=1)
    if account.is_simulated and calendar is INDIA:
        while not _is_open(calendar, last + timedelta(days=1)):
            last -= timedelta(days=1)
    days = (last - timedelta(days=back) for back in range(DAYS_BACK, -1, -1))
    return [day for day in days if _is_open(calendar, day)]


def _is_settled(calendar: TradingCalendar, day: date, at: datetime) -> bool:
    if calendar.is_always_open or not calendar.covers(day):
        return False
    session = calendar.session(Segment.EQUITY_WITH_DERIVATIVES, day)
    return session is None or at >= session.continuous_end_at + SETTLED_AFTER


def _is_open(calendar: TradingCalendar, day: date) -> bool:
    # of a year without a list every weekday is asked for, once
    return calendar.is_trading_day(day) if calendar.covers(day) else day.weekday() < 5


def _stored(listed: Iterable[str]) -> dict[str, frozenset[date]]:
    return {name: frozenset(date_of(int(day)) for day in one.day) for name, one in candles_of(listed).items()}


def _empty(listed: Mapping[str, Instrument]) -> dict[str, frozenset[date]]:
    rows = CandlelessDays.objects.filter(instrument__in=listed).values_list("instrument", "days")
    return {name: frozenset(date_of(day) for day in days) for name, days in rows}


def _note_empty(request: CandleRequest, found: set[date], sessions: list[date]) -> None:
    """Remember days for which there was nothing; not the last one, whose candle may only be late."""
    asked = {day for day in sessions[:-1] if request.since <= day <= request.until}
    empty = {day_number(day) for day in asked - found}
    if not empty:
        return
    row, _ = CandlelessDays.objects.get_or_create(instrument=request.symbol)
    row.days = sorted(empty.union(row.days))
    row.save()


def _candle(symbol: str, day: date, bar: Bar) -> Candle:
    return Candle(symbol=symbol, day=day, open=bar.open, high=bar.high, low=bar.low, close=bar.close, volume=bar.volume)


def _leave_out(fetch: CandleFetch, instrument: str, text: str) -> None:
    if len(fetch.left_out) < _MOST_LEFT_OUT:
        fetch.left_out.append({"symbol": instrument, "text": text})


def _show(fetch: CandleFetch) -> None:
    """Write how far the fetch is; raise CancelledError once it is not wanted any more."""
    rows = CandleFetch.objects.filter(id=fetch.id)
    rows.update(done=fetch.done, total=fetch.total, added=fetch.added, touched_at=timezone.now())
    fetch.is_unwanted = rows.values_list("is_unwanted", flat=True).get()
    if fetch.is_unwanted:
        raise CancelledError


def _stopped(problem: WindhoverError) -> str:
    return f"{problem.message} What was fetched is kept; asked again, the fetch goes on from there."[:300]


def _scan_again(desk: Desk) -> None:
    """Scan every list again that the desk has scanned before; everything where it has scanned nothing yet."""
    lists = set(ScanRun.objects.filter(desk=desk).values_list("universe", flat=True)) or {EVERYTHING}
    for universe in sorted(lists):
        try:
            scan_ask(desk=desk, universe=universe, by=None, at=timezone.now())
        except WindhoverError:
            continue  # a list that is gone is scanned no more


def _give_up_silent(account: TradingAccount, *, at: datetime) -> None:
    CandleFetch.objects.filter(account=account, state__in=FETCHING, touched_at__lt=at - SILENT_AFTER).update(
        state=FetchState.FAILED, finished_at=at, problem="No worker took or finished this fetch."
    )
