"""From a tick to an order's bytes with the journal on: the hosted session, an SQLite file, a venue in this process.

The database, the journal thread and its durable commits, the permit, the gate's second look and the send log are the
desk's own; the venue is a socket pair into which the order's form is written. Every frame ends fifty bars, and about
ten orders come of it at once: the busiest moment of a minute, not the middle of one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bench.market import INSTRUMENTS, history, market_time, quotes
from bench.measure import Case
from brokers.adapters.kite import protocol
from brokers.adapters.paper.venue import PaperVenue
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar
from brokers.domain.orders import ApprovedOrder
from brokers.ports import BudgetReport, FeedEvent, FeedMode, FeedOrder, FeedQuotes, FeedState, Receipt
from config.demo.state import environment_of, open_state

if TYPE_CHECKING:
    from execution.journal import Batch, Journal
    from execution.runtime.machine import Machine
    from execution.runtime.session import Session

ORDERS_WANTED = 400
LONGEST_S = 60.0
SETTLE_S = 0.05
STAGES = ("decide", "queue", "commit", "wake", "permit", "gate", "mark", "bytes")


class Stopwatch:
    """The moments of each order's way, by client id; the first tick's moment is the frame's."""

    def __init__(self) -> None:
        self.frame_ns = 0
        self.moments: dict[str, dict[str, int]] = {}

    def note(self, client_id: str, moment: str) -> None:
        """Keep the moment of an order that came of a frame."""
        found = self.moments.get(client_id)
        if found is not None:
            found[moment] = time.perf_counter_ns()

    def begin(self, client_id: str) -> None:
        """Begin an order's way; one that no frame caused (an answer's follow-up) is not measured."""
        if self.frame_ns:
            self.moments[client_id] = {"tick": self.frame_ns, "decided": time.perf_counter_ns()}

    def stages(self) -> dict[str, list[float]]:
        """Return the microseconds of every stage, and of the whole way."""
        marks = ("tick", "decided", "taken", "committed", "asked", "permitted", "judged", "marked", "sent")
        whole = [found for found in self.moments.values() if all(mark in found for mark in marks)]
        spans = {
            stage: [(found[end] - found[start]) / 1e3 for found in whole]
            for stage, start, end in zip(STAGES, marks, marks[1:], strict=False)
        }
        return spans | {"tick to send": [(found["sent"] - found["tick"]) / 1e3 for found in whole]}


class WiredVenue(PaperVenue):
    """Fills from the prices it is shown, after the order's bytes have gone into a socket."""

    name = "kite"

    def __init__(self, watch: Stopwatch, clock: Any) -> None:
        super().__init__(clock=clock, instruments=INSTRUMENTS)
        self._watch = watch
        self._near, self._far = socket.socketpair()

    async def place(self, order: ApprovedOrder, instrument: Instrument, before_write: Callable[[], None]) -> Receipt:
        """Write the order's form and take the order."""
        form = urlencode(protocol.place(order, instrument).form).encode()

        def written() -> None:
            self._watch.note(order.client_id, "asked")
            before_write()
            self._watch.note(order.client_id, "marked")
            self._near.sendall(form)
            self._watch.note(order.client_id, "sent")
            self._far.recv(65_536)

        return await super().place(order, instrument, written)

    async def history(self, instrument: Instrument, interval_s: int, start: datetime, end: datetime) -> list[Bar]:
        """Return the made market's bars."""
        return list(history(instrument.key))

    async def close(self) -> None:
        """Close both ends of the socket."""
        self._near.close()
        self._far.close()


class HandFeed:
    """A stream that says what it is told to."""

    def __init__(self) -> None:
        self.tokens: set[int] = set()
        self.opened = asyncio.Event()
        self._said: asyncio.Queue[FeedEvent | None] = asyncio.Queue()

    def say(self, event: FeedEvent) -> None:
        self._said.put_nowait(event)

    async def subscribe(self, tokens: Sequence[int], mode: FeedMode = FeedMode.FULL) -> None:
        """Take note of what is wanted."""
        self.tokens |= set(tokens)

    async def unsubscribe(self, tokens: Sequence[int]) -> None:
        """Take note of what is not wanted any more."""
        self.tokens -= set(tokens)

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield what is said until the end."""
        self.opened.set()
        yield FeedState(state="connected", reason="The stream is open.")
        while (event := await self._said.get()) is not None:
            yield event

    async def pause(self) -> None:
        """End the stream for now."""
        self._said.put_nowait(None)

    async def close(self) -> None:
        """End the stream."""
        self._said.put_nowait(None)

    def figures(self) -> Mapping[str, int]:
        """Return nothing: a hand counts no frames."""
        return {}


class _Free:
    async def acquire(self, kind: str, *, urgent: bool = False) -> None:
        return

    def pause(self, kind: str, seconds: float) -> None:
        return

    def settle(self, kind: str) -> None:
        return

    def inherit(self, decided_at: Sequence[datetime]) -> None:
        return

    def report(self) -> BudgetReport:
        return BudgetReport(used_in_a_minute=0, per_minute=1, paused_s=0.0)


class _Nobody:
    """Neither shown to anybody nor rung by anybody."""

    async def publish_all(self, states: object) -> bool:
        return True

    async def wait(self, account_id: str, timeout_s: float) -> bool:
        await asyncio.sleep(min(timeout_s, 0.2))
        return False


def journalled_cases() -> list[Case]:
    """Return p50 and p99 of every stage from a tick to an order's bytes."""
    with tempfile.TemporaryDirectory(prefix="windhover-bench-") as folder:
        watch = _measured(Path(folder))
    stages = watch.stages()
    count = len(stages["tick to send"])
    if count < ORDERS_WANTED // 2:
        raise AssertionError(f"only {count} orders came of ticks, too few for a p99")
    return [case for name, values in stages.items() for case in _cases(name, values)]


def _cases(name: str, values: list[float]) -> list[Case]:
    p50, p99 = statistics.median(values), statistics.quantiles(values, n=100)[98]
    return [
        Case(name=f"{name}, p50", unit="us", ours=p50, peers={}, higher_is_better=False),
        Case(name=f"{name}, p99", unit="us", ours=p99, peers={}, higher_is_better=False),
    ]


def _measured(folder: Path) -> Stopwatch:
    _database_in(folder)
    from execution.threads import DatabaseThread

    watch = Stopwatch()
    account_id = _account()
    journal = _timed_journal(watch, folder)
    threads = (journal, DatabaseThread("reader"), DatabaseThread("lease"))
    for thread in threads:
        thread.start()
    try:
        asyncio.run(_trade(watch, account_id, folder, threads))
    finally:
        for thread in threads:
            thread.stop()
    return watch


def _database_in(folder: Path) -> None:
    import django
    from django.core.management import call_command

    own = {"DATABASE_URL", "REDIS_URL", "WINDHOVER_STATE"}
    found = environment_of(open_state(folder))
    os.environ.update({name: value for name, value in found.items() if name not in own})
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'windhover.sqlite3'}"
    os.environ["REDIS_URL"] = f"unix://{folder / 'nobody.sock'}"
    os.environ["WINDHOVER_STATE"] = str(folder)
    # a simulated account asks for loopback addresses; nothing listens on these and nothing calls them
    os.environ["WINDHOVER_KITE_API_URL"] = "http://127.0.0.1:9"
    os.environ["WINDHOVER_KITE_STREAM_URL"] = "ws://127.0.0.1:9"
    django.setup()
    # every order's log lines are made as they are in the desk; nobody needs to read them here
    logging.getLogger().handlers = [logging.NullHandler()]
    call_command("migrate", interactive=False, verbosity=0)


def _account() -> str:
    from accounts.vault import seal
    from brokers.models import ListedInstrument, SessionState, VenueLogin
    from brokers.selectors import binding_of
    from execution.management import demo
    from risk.models import LimitSet
    from strategies.models import Deployment

    at = datetime.now(tz=UTC)
    user, _ = demo.user_ensure(at=at)
    account = demo.account_ensure(user=user, at=at)
    LimitSet.objects.filter(account=account).update(
        max_daily_loss_quote=Decimal(10_000_000),
        max_gross_exposure_quote=Decimal(100_000_000),
        max_orders_per_second=1_000,
        max_orders_per_day=100_000,
    )
    sealed = seal("token", binding=binding_of(account, "access_token"))
    VenueLogin.objects.update_or_create(
        account=account, defaults={"state": SessionState.LIVE, "epoch": 1, "access_token": sealed}
    )
    for instrument in INSTRUMENTS:
        ListedInstrument.objects.create(
            venue=account.venue,
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            token=instrument.token,
            kind=instrument.kind,
            name=instrument.name,
            segment=instrument.segment,
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
            listed_on=market_time(0).date(),
        )
    Deployment.objects.create(
        account=account,
        strategy="ema-crossover",
        instruments=[instrument.key for instrument in INSTRUMENTS],
        params={"fast": 5, "slow": 13, "direction": "long", "order_value_quote": "100000"},
        mode="live",
        is_enabled=True,
        created_by=user,
    )
    return str(account.pk)


def _timed_journal(watch: Stopwatch, folder: Path) -> Journal:
    from execution.domain.commands import RecordKind
    from execution.journal import Journal

    def intents(batch: Batch) -> list[str]:
        return [str(record.payload["client_id"]) for record in batch.records if record.kind == RecordKind.INTENT]

    class TimedJournal(Journal):
        def write(self, batch: Batch) -> Any:
            for client_id in intents(batch):
                watch.begin(client_id)
            return super().write(batch)

        def _write_group(self, group: list[Any]) -> None:
            found = [client_id for waiting in group for client_id in intents(waiting.batch)]
            for client_id in found:
                watch.note(client_id, "taken")
            super()._write_group(group)

        def _answer(self, waiting: Any, outcome: Any) -> None:
            for client_id in intents(waiting.batch):
                watch.note(client_id, "committed")
            super()._answer(waiting, outcome)

    return TimedJournal(tips_file=folder / "tips.jsonl")


async def _trade(watch: Stopwatch, account_id: str, folder: Path, threads: tuple[Any, ...]) -> None:
    from execution.runtime.hosting import open_session
    from execution.runtime.polling import Inbox

    feed = HandFeed()
    machine, venue = _machine(watch, feed, folder, threads)
    grant = await machine.lease.claim(account_id)
    if grant is None:
        raise AssertionError("nobody else can hold this lease")
    session = await open_session(machine, grant)
    _watched(session, watch)
    session.take_over()
    session.spawn(session.live.run())
    # strategies read their history from the venue, so the login comes first
    await feed.opened.wait()
    session.spawn(Inbox(session).run())
    try:
        await _show_frames(session, feed, venue, watch)
    finally:
        await session.finish(gently=True)


def _machine(watch: Stopwatch, feed: HandFeed, folder: Path, threads: tuple[Any, ...]) -> tuple[Machine, WiredVenue]:
    from execution.runtime.clock import SystemClock, boot_id
    from execution.runtime.lease import DatabaseLease, LeaseTerms
    from execution.runtime.machine import Machine, VenueLink

    journal, reader, renewer = threads
    clock = SystemClock()
    venue = WiredVenue(watch, clock)
    machine = Machine(
        clock=clock,
        journal=journal,
        reader=reader,
        # longer than the measurement: renewing is not on the way of an order
        lease=DatabaseLease(owner="bench", terms=LeaseTerms(ttl_s=600), clock=clock, thread=renewer),
        publisher=_Nobody(),
        doorbell=_Nobody(),
        connect=lambda *_: VenueLink(venue=venue, feed=feed, budget=_Free()),
        send_log_folder=folder / "sendlog",
        boot_id=boot_id(),
    )
    return machine, venue


def _watched(session: Session, watch: Stopwatch) -> None:
    """Put the stopwatch beside the session's own steps; what they do stays theirs."""
    take_quotes, objection = session.take_quotes, session._objection

    def timed_quotes(frame: Any) -> None:
        watch.frame_ns = time.perf_counter_ns()
        try:
            take_quotes(frame)
        finally:
            watch.frame_ns = 0

    def timed_objection(order: ApprovedOrder) -> str | None:
        watch.note(order.client_id, "permitted")
        answer = objection(order)
        watch.note(order.client_id, "judged")
        return answer

    session.take_quotes = timed_quotes  # type: ignore[method-assign]
    session.sender._objection = timed_objection


async def _show_frames(session: Session, feed: HandFeed, venue: WiredVenue, watch: Stopwatch) -> None:
    """Show one frame per market minute, each ending fifty bars, until enough orders were sent."""
    second, deadline = 0.0, time.monotonic() + LONGEST_S
    while len(watch.moments) < ORDERS_WANTED and time.monotonic() < deadline:
        columns = quotes(second, received_at=datetime.now(tz=UTC))
        venue.on_quotes(columns)
        feed.say(FeedQuotes(columns=columns, raw_bytes=0))
        await asyncio.sleep(SETTLE_S)
        for update in venue.drain():
            feed.say(FeedOrder(order=update.order))
        await asyncio.sleep(SETTLE_S)
        is_trading = bool(session.engine.state.deployments) and bool(feed.tokens)
        second += 60.0 if is_trading else 1.0
