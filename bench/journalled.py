"""From a tick to an order's bytes with the journal on: the hosted session, an SQLite file, a venue in this process.

The decoder, the database, the journal thread and its durable commits, the pace, the permit, the gate's second look and
the send log are the desk's own; the venue is a socket pair into which the order's form is written. Every frame ends
fifty bars, and about ten orders come of it at once: the busiest moment of a minute, not the middle of one. It is
measured twice: as the desk sends, paced below the venue's ten orders a second, which makes the tenth order wait a second
and more by design; and without a pace, for what the desk's own work takes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.market import INSTRUMENTS, kite_frame, market_time
from bench.measure import Case
from bench.standins import HandFeed, Nobody, OpenBudget, WiredVenue
from bench.stopwatch import Stopwatch, p50, p99
from brokers.adapters.budget import PacedBudget
from brokers.adapters.kite.decode import decode_frame
from brokers.domain.market import QuoteColumns, ns_of
from brokers.domain.orders import ApprovedOrder
from brokers.ports import FeedOrder, FeedQuotes
from config.demo.state import environment_of, open_state

if TYPE_CHECKING:
    from execution.journal import Batch, Journal
    from execution.runtime.machine import Machine
    from execution.runtime.session import Session

SETTLE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One manner of sending, and how much of it is measured."""

    name: str
    is_paced: bool
    orders: int
    longest_s: float


WAYS = (
    Way(name="unpaced", is_paced=False, orders=400, longest_s=60.0),
    Way(name="paced", is_paced=True, orders=120, longest_s=60.0),
)


def journalled_cases() -> list[Case]:
    """Return p50 and p99 of every stage from a tick to an order's bytes."""
    with tempfile.TemporaryDirectory(prefix="windhover-bench-") as folder:
        _database_in(Path(folder))
        laps = _measured(Path(folder))
    return [case for way, lap in zip(WAYS, laps, strict=True) for case in _cases_of(way, lap)]


def _cases_of(way: Way, watch: Stopwatch) -> Iterator[Case]:
    count = len(watch.sent())
    if count < way.orders // 2:
        raise AssertionError(f"only {count} orders came of ticks, too few for a p99")
    stages = watch.stages()
    if way.is_paced:
        named = {"pacing": stages["pacing"], "tick to send": watch.tick_to_send()}
    else:
        named = {"decode": watch.decoded_us, **stages, "tick to send": watch.tick_to_send()}
        del named["pacing"]
    for name, values in named.items():
        for label, figure in (("p50", p50), ("p99", p99)):
            yield Case(
                name=f"{way.name} {name}, {label}", unit="us", ours=figure(values), peers={}, higher_is_better=False
            )


def _measured(folder: Path) -> list[Stopwatch]:
    from execution.threads import DatabaseThread

    watch = Stopwatch()
    account_id = _account()
    journal = _timed_journal(watch, folder)
    threads = (journal, DatabaseThread("reader"), DatabaseThread("lease"))
    for thread in threads:
        thread.start()
    try:
        return asyncio.run(_trade(watch, account_id, folder, threads))
    finally:
        for thread in threads:
            thread.stop()


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


async def _trade(watch: Stopwatch, account_id: str, folder: Path, threads: tuple[Any, ...]) -> list[Stopwatch]:
    from execution.runtime.hosting import open_session
    from execution.runtime.polling import Inbox

    feed, budget = HandFeed(), OpenBudget()
    machine, venue = _machine(watch, feed, budget, folder, threads)
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
    laps, show = [], Show(session=session, feed=feed, venue=venue, watch=watch)
    try:
        for way in WAYS:
            budget.paced = PacedBudget(clock=machine.clock) if way.is_paced else None
            await show.run(way)
            laps.append(watch.lap())
    finally:
        await session.finish(gently=True)
    return laps


def _machine(
    watch: Stopwatch, feed: HandFeed, budget: OpenBudget, folder: Path, threads: tuple[Any, ...]
) -> tuple[Machine, WiredVenue]:
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
        publisher=Nobody(),
        doorbell=Nobody(),
        connect=lambda *_: VenueLink(venue=venue, feed=feed, budget=budget),
        send_log_folder=folder / "sendlog",
        boot_id=boot_id(),
    )
    return machine, venue


def _watched(session: Session, watch: Stopwatch) -> None:
    """Put the stopwatch beside the session's own steps; what they do stays theirs."""
    take_quotes, objection, place = session.take_quotes, session._objection, session.sender.place

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

    async def timed_place(command: Any, **how: Any) -> None:
        watch.note(command.order.client_id, "woken")
        await place(command, **how)

    session.sender.place = timed_place  # type: ignore[method-assign]
    session.take_quotes = timed_quotes  # type: ignore[method-assign]
    session.sender._objection = timed_objection


@dataclass(slots=True, kw_only=True)
class Show:
    """The market as the desk is shown it: one frame per market minute, each ending fifty bars."""

    session: Session
    feed: HandFeed
    venue: WiredVenue
    watch: Stopwatch
    second: float = 0.0

    async def run(self, way: Way) -> None:
        """Show frames until enough orders were sent."""
        deadline = time.monotonic() + way.longest_s
        while len(self.watch.moments) < way.orders and time.monotonic() < deadline:
            await self._frame(deadline)
            is_trading = bool(self.session.engine.state.deployments) and bool(self.feed.tokens)
            self.second += 60.0 if is_trading else 1.0

    async def _frame(self, deadline: float) -> None:
        columns = _decoded(self.second, self.watch)
        self.venue.on_quotes(columns)
        self.feed.say(FeedQuotes(columns=columns, raw_bytes=0))
        await asyncio.sleep(SETTLE_S)
        while self.watch.is_waiting and time.monotonic() < deadline:  # noqa: ASYNC110 - polled beside what is measured
            await asyncio.sleep(SETTLE_S / 10)
        await asyncio.sleep(SETTLE_S)
        for update in self.venue.drain():
            self.feed.say(FeedOrder(order=update.order))
        await asyncio.sleep(SETTLE_S)


def _decoded(second: float, watch: Stopwatch) -> QuoteColumns:
    frame, received_ns = kite_frame(second), ns_of(datetime.now(tz=UTC))
    started = time.perf_counter_ns()
    columns = decode_frame(frame, received_ns, with_depth=True)
    watch.decoded_us.append((time.perf_counter_ns() - started) / 1e3)
    if columns is None:
        raise AssertionError("the made frame cannot be read")
    return columns
