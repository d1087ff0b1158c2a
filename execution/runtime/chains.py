"""Option chains of a hosted account: quotes in with every frame, chains out a few times a second.

Everything runs on the desk's loop in slices of about a millisecond, one expiry at a time, and gives the loop back between
them. A thread would not be gentler: whoever waits for the interpreter's lock waits up to five
milliseconds for a thread that holds it. What takes longer than a slice and may (compiling, files, rows of the database)
is done on threads.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from brokers import hub
from brokers.domain.instruments import Instrument
from brokers.domain.market import NANOSECONDS, QuoteColumns
from execution.domain.codec import rfc3339
from options import snapshots
from options.chain_store import ChainStore
from options.chain_wire import moment, pack
from options.desk_line import INTEREST
from options.domain.alerts import Alert
from options.domain.documents import Document
from options.following import Followed, Wish
from options.listed import VENUE, Subject, heard_of, list_mark, subject_of
from options.reading import wishes_of
from options.services import day_write, fired_write, minutes_write, tracking_by_default
from options.warming import PREPARING

if TYPE_CHECKING:
    from execution.runtime.session import Session

T = TypeVar("T")
TURN_S = 0.25
# what is compiled already is loaded within it
HEAD_START_S = 2.0
# the requirement is two seconds
INTEREST_TURNS = 8
LEAVE_TURNS = 4
LOOK_TURNS = 4
MINUTE_NS = 60 * NANOSECONDS
FRESH = timedelta(seconds=60)
KEPT_ALERTS = 20


class Line(Protocol):
    """The desk's end of what passes between it and the pages."""

    async def watched(self, account_id: str) -> frozenset[str]: ...
    async def leave(self, account_id: str, packed: Mapping[str, bytes]) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPorts:
    """What the chains of every session of a process share."""

    store: ChainStore
    line: Line
    # continuous a year
    rate: float
    # waits until the kernels are there
    ready: Callable[[], Awaitable[None]]


class Ready:
    """Does a piece of slow work once, on a thread, however many wait for it."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        """Wait until it is done; what it raised is raised to each who waits."""
        if self._task is None:
            self._task = asyncio.create_task(asyncio.to_thread(self._work))
        await asyncio.shield(self._task)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """What a followed underlying was made from; another one makes it anew."""

    expiries: int
    listed: str
    day: date | None


class ChainDesk:
    """Follows the chains that the owner of a hosted account asked for."""

    def __init__(self, session: Session, ports: ChainPorts) -> None:
        self._session = session
        self._ports = ports
        self._account_id = session.facts.account_id
        self._followed: dict[str, Followed] = {}
        self._marks: dict[str, _Marks] = {}
        self._interest: dict[str, Document] = {}
        self._inbox: deque[dict[str, str]] = deque(maxlen=KEPT_ALERTS)
        self._owner_id = ""
        self._turn = 0
        self._slots: dict[str, int] = {}
        self._minute = 0
        self._keeping: asyncio.Task[None] | None = None
        self._market: tuple[int, int] = (0, 0)
        self._is_preparing = True

    def take(self, columns: QuoteColumns) -> None:
        """Take a frame; what fails is dropped and made anew, and trading never hears of it."""
        at = self._session.machine.clock.now()
        for name, followed in list(self._followed.items()):
            try:
                followed.take(columns, at)
            except Exception:
                self._session.log.exception("chain_dropped", underlying=name)
                self._drop(name)

    def inbox(self) -> dict[str, dict[str, str]]:
        """Return the alerts last told, as rows of the inbox."""
        return {f"chain:{row['subject']}:{row['found_at']}:{place}": row for place, row in enumerate(self._inbox)}

    async def run(self) -> None:
        """Follow, work out and tell, for ever."""
        if self._session.facts.venue != VENUE:
            return
        ready = asyncio.ensure_future(self._ports.ready())
        try:
            await asyncio.wait({ready}, timeout=HEAD_START_S)
            await self._take_turns(ready)
        finally:
            ready.cancel()

    async def _take_turns(self, ready: asyncio.Future[None]) -> None:
        clock = self._session.machine.clock
        began_ns = clock.boot_ns()
        self._turn, self._slots = 0, {}
        while True:
            if ready.done():
                ready.result()
            self._is_preparing = not ready.done()
            await self._do_turn()
            # on a grid from the start: two seconds stay two seconds however long a turn took
            passed = (clock.boot_ns() - began_ns) / NANOSECONDS / TURN_S
            self._turn = max(self._turn + 1, int(passed) + 1)
            await clock.sleep(max(self._turn * TURN_S - (clock.boot_ns() - began_ns) / NANOSECONDS, 0.0))

    async def _do_turn(self) -> None:
        if self._is_due("look", LOOK_TURNS):
            await self._look()
        now_ns = self._market_now_ns()
        if not now_ns:
            return
        watched = await self._ports.line.watched(self._account_id)
        sums_up = self._is_due("interest", INTEREST_TURNS)
        states: dict[str, Mapping[str, object]] = {}
        for followed in list(self._followed.values()):
            states |= await self._told(followed, now_ns, watched, sums_up=sums_up)
        if sums_up:
            states[INTEREST] = dict(self._interest)
        if states:
            named = {hub.topic_of(self._account_id, name): state for name, state in states.items()}
            await self._session.machine.publisher.publish_all(named)
        if self._is_due("leave", LEAVE_TURNS):
            await self._leave(now_ns)
        if not self._is_preparing:
            self._note_minute()

    def _is_due(self, what: str, every: int) -> bool:
        """Tell whether it is time again; a turn that was skipped is made up for at the next."""
        slot = self._turn // every
        is_due = slot > self._slots.get(what, -1)
        self._slots[what] = slot
        return is_due

    async def _told(
        self, followed: Followed, now_ns: int, watched: frozenset[str], *, sums_up: bool
    ) -> dict[str, Mapping[str, object]]:
        """Work one underlying out, where anybody wants it, and return the states of its topics."""
        name = followed.subject.underlying
        if not (sums_up or any(topic.split(":")[1:2] == [name] for topic in watched)):
            return {}
        if self._is_preparing:
            self._interest[name] = followed.summary(self._now()) | {"said": [PREPARING]}
            return {}
        await _in_slices(followed.working_out(now_ns))
        states: dict[str, Mapping[str, object]] = {}
        for topic, one in followed.topics(watched).items():
            states[topic] = followed.topic_state(one)
            await asyncio.sleep(0)
        if sums_up:
            self._interest[name] = followed.summary(self._now())
            await asyncio.sleep(0)
        return states

    async def _leave(self, now_ns: int) -> None:
        """Leave what was received for the pages, who work it out when somebody asks."""
        packed = {}
        for name, followed in list(self._followed.items()):
            packed[name] = pack(followed.received(now_ns))
            await asyncio.sleep(0)
        await self._ports.line.leave(self._account_id, packed)

    # --- what is followed

    async def _look(self) -> None:
        """Follow what the rows ask for, as the list of the day has it."""
        read = await self._session.machine.read_aside(partial(_wished, self._account_id, self._now()))
        self._owner_id, day = read.owner_id, self._market_day()
        wished = {wish.underlying: wish for wish in read.wishes}
        for name in [name for name in self._followed if name not in wished]:
            self._drop(name)
        for name, wish in wished.items():
            marks = _Marks(expiries=wish.expiries, listed=read.listed, day=day)
            if self._marks.get(name) != marks:
                await self._follow(wish, marks)
            elif self._followed[name].wish != wish:
                self._followed[name].wish = wish
        listening = self._session.live.listening
        listening.hear_besides(self._heard())
        for followed in self._followed.values():
            followed.leave_out(listening.left_out)

    async def _follow(self, wish: Wish, marks: _Marks) -> None:
        calendar, name = self._session.calendar, wish.underlying
        subject: Subject = await self._session.machine.read_aside(
            lambda: subject_of(name, day=marks.day, expiries=wish.expiries, calendar=calendar)
        )
        before = {}
        if marks.day is not None:
            before = await asyncio.to_thread(
                snapshots.references, self._ports.store, self._owner_id, name, today=marks.day, calendar=calendar
            )
        followed, former = Followed(wish, subject, rate=self._ports.rate, before=before), self._followed.get(name)
        if former is not None:
            followed.succeed(former)
        self._marks[name], self._followed[name] = marks, followed
        self._session.log.info("chains_followed", underlying=name, options=len(subject.options))

    def _drop(self, name: str) -> None:
        self._followed.pop(name, None)
        self._marks.pop(name, None)
        self._interest.pop(name, None)

    def _heard(self) -> list[Instrument]:
        """Return what to listen to, the first to stay where there is no room for all: indices, then the nearest expiries."""
        found = [one for followed in self._followed.values() for one in heard_of(followed.subject)]
        return sorted(found, key=lambda one: (one.expiry is not None, one.expiry or date.min))

    # --- once a market minute

    def _note_minute(self) -> None:
        minute = self._session.market_ns // MINUTE_NS
        if minute <= self._minute or (self._keeping is not None and not self._keeping.done()):
            return
        self._minute = minute
        self._keeping = self._session.spawn(self._keep_minute(minute * MINUTE_NS))

    async def _keep_minute(self, at_ns: int) -> None:
        """Keep the minute's quotes and sums, and tell the alerts that became true; what fails is logged."""
        for name, followed in list(self._followed.items()):
            try:
                await self._keep(followed, at_ns)
            except Exception:
                self._session.log.exception("minute_not_kept", underlying=name)

    async def _keep(self, followed: Followed, at_ns: int) -> None:
        heard_at, day = followed.received_at, self._market_day()
        if heard_at is None or day is None or self._now() - heard_at > FRESH:
            return
        await _in_slices(followed.working_out(at_ns))
        rows, volatility = followed.minute(day), followed.volatility_30d()
        received = followed.received(at_ns)
        told = [one for slice_ in await _in_slices(followed.alerting()) for one in slice_]
        machine, tracked_id = self._session.machine, followed.wish.tracked_id
        await asyncio.to_thread(self._ports.store.write, self._owner_id, received.underlying, day, received.chains)
        await machine.read_aside(partial(minutes_write, rows=rows))
        if volatility is not None:
            at = moment(at_ns)
            await machine.read_aside(partial(day_write, tracked_id=tracked_id, day=day, at=at, iv_30d=volatility))
        if told:
            await self._tell(followed, told)

    async def _tell(self, followed: Followed, told: Sequence[tuple[date, Alert]]) -> None:
        name, rows = followed.subject.underlying, dict[date, list[tuple[str, datetime, str]]]()
        for expiry, alert in told:
            sentence = f"{name} {expiry:%d %b}: {alert.text}"
            self._inbox.append({"kind": "chain", "subject": name, "sentence": sentence, "found_at": rfc3339(alert.at)})
            rows.setdefault(expiry, []).append((alert.measure.value, alert.at, sentence))
        self._session.log.info("chain_alerts", underlying=name, told=len(told))
        # a rule of cells may speak of hundreds at once
        for expiry, found in rows.items():
            write = partial(fired_write, tracked_id=followed.wish.tracked_id, expiry=expiry, told=found)
            await self._session.machine.read_aside(write)

    # --- the market's clock

    def _market_now_ns(self) -> int:
        """Return the market's time, running on while no frame comes; 0 before the first."""
        seen, now_ns = self._session.market_ns, self._session.machine.clock.boot_ns()
        if seen != self._market[0]:
            self._market = (seen, now_ns)
        return seen + (now_ns - self._market[1]) if seen else 0

    def _market_day(self) -> date | None:
        at_ns = self._session.market_ns
        return self._session.calendar.day_of(moment(at_ns)) if at_ns else None

    def _now(self) -> datetime:
        return self._session.machine.clock.now()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    owner_id: str
    wishes: tuple[Wish, ...]
    listed: str


async def _in_slices(steps: Iterator[T]) -> list[T]:
    """Go through some steps, with the loop given back after each."""
    found = []
    for step in steps:
        found.append(step)
        await asyncio.sleep(0)
    return found


def _wished(account_id: str, at: datetime) -> _Read:
    owner_id, wishes = wishes_of(account_id)
    if not wishes:
        # at each look: on a new installation the day's list may still be on its way
        tracking_by_default(account_id=account_id, at=at)
        owner_id, wishes = wishes_of(account_id)
    return _Read(owner_id=owner_id, wishes=wishes, listed=list_mark())
