"""One hosted account: the engine, its door, and the tasks that feed it.

Everything that happens comes in through `take`, one event at a time, on the loop's thread. What the
engine recorded is handed to the journal before anything of the same step is carried out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from brokers.adapters.paper.venue import PaperVenue
from brokers.domain.calendar import TradingCalendar
from brokers.domain.errors import WindhoverError
from brokers.domain.india import INDIA
from brokers.domain.instruments import Instrument
from brokers.domain.orders import ApprovedOrder, Book
from brokers.ports import Budget, LeaseGrant, Venue
from execution.domain.commands import (
    Alert,
    CancelOrder,
    Command,
    CommandDone,
    LoadHistory,
    ModifyOrder,
    PlaceOrder,
    ReadBooks,
    Record,
    RecordKind,
    Schedule,
    Subscribe,
)
from execution.domain.engine import Engine
from execution.domain.events import Event, MarketFrame, OrderSeen, TakenOver, TimerFired, TradeSeen
from execution.domain.lifecycle import OrderRecord
from execution.journal import Batch, StaleToken
from execution.projections import touched_by
from execution.runtime.ending import ended
from execution.runtime.live import LiveVenue
from execution.runtime.machine import Machine
from execution.runtime.permit import Permit
from execution.runtime.rows import is_paper, venue_order_of, venue_trade_of
from execution.runtime.sender import Door, Sender
from execution.runtime.sendlog import Evidence, SendLog, discard_before, evidence
from execution.runtime.store import AccountFacts
from risk.domain.limits import Limits

if TYPE_CHECKING:
    from execution.runtime.alert_watch import AlertWatch
    from execution.runtime.chains import ChainDesk

log = structlog.get_logger(__name__)
DRAIN_WRITES_S = 3.0
KEPT_ALERTS = 100
KEPT_SIGNALS = 60


class LeaseLost(WindhoverError):
    """The account belongs to another owner, or may; nothing more is sent or written for it."""

    code = "lease.lost"


class Session:
    """Hosts one account until its lease is lost, the process drains or something breaks."""

    def __init__(
        self,
        *,
        machine: Machine,
        facts: AccountFacts,
        grant: LeaseGrant,
        engine: Engine,
        instruments: dict[str, Instrument],
        limits: Limits,
        is_released: bool = True,
        countdown_s: int | None = None,
        followed: frozenset[str] = frozenset(),
        calendar: TradingCalendar = INDIA,
    ) -> None:
        self.machine = machine
        self.facts = facts
        self.grant = grant
        self.engine = engine
        self.instruments = instruments
        self.limits = limits
        self.is_released = is_released
        self.countdown_s = countdown_s
        self.calendar = calendar
        self.followed = followed
        self.log = log.bind(account=facts.venue_user_id, fence=grant.token)
        self.permit = Permit(grant, machine.clock)
        self.send_log = SendLog(
            machine.send_log_folder, account_id=facts.account_id, token=grant.token, boot_id=machine.boot_id
        )
        used = [instrument for name, instrument in instruments.items() if name not in followed]
        self.paper = PaperVenue(clock=machine.clock, instruments=used)
        self.live = LiveVenue(self)
        self.sender = Sender(
            clock=machine.clock,
            permit=self.permit,
            marks=self.send_log,
            objection=self._objection,
            report=self.take,
            on_needs_login=self.live.lose_login,
        )
        self.market_ns = 0
        # the option chains that the account's owner follows; None where this process hosts none
        self.chains: ChainDesk | None = None
        # the alerts on the account's ticks; None where this process only exits and cancels
        self.alert_watch: AlertWatch | None = None
        self.alerts: deque[Alert] = deque(maxlen=KEPT_ALERTS)
        self.signals: deque[Record] = deque(maxlen=KEPT_SIGNALS)
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writes: set[asyncio.Task[None]] = set()
        self._others: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._is_over = False

    # --- the door

    def take(self, event: Event) -> None:
        """Let the engine handle an event and carry its commands out; after the end nothing is taken."""
        self._taken(event)

    async def take_durably(self, event: Event) -> bool:
        """Take an event and wait until what it recorded is journalled; answer whether it was."""
        if self._is_over:
            return False
        committed = self._taken(event)
        try:
            if committed is not None:
                await asyncio.shield(committed)
        except Exception:
            self.log.exception("not_journalled", event=type(event).__name__)
            return False
        return True

    def _taken(self, event: Event) -> asyncio.Future[Any] | None:
        if self._is_over:
            return None
        try:
            commands = self.engine.handle(event)
        except BaseException as error:
            # what the engine applied before it failed is in no journal: nothing may be decided upon it
            self._is_over = True
            self.end(error)
            raise
        return self._carry_out(commands)

    def _carry_out(self, commands: Sequence[Command]) -> asyncio.Future[Any] | None:
        records = tuple(command for command in commands if isinstance(command, Record))
        writes = [command for command in commands if isinstance(command, PlaceOrder | CancelOrder | ModifyOrder)]
        self.signals.extend(record for record in records if record.kind == RecordKind.SIGNAL)
        committed = self._journal(records) if records else None
        if writes:
            self._spawn(self._after(committed, writes), self._writes)
        for command in commands:
            self._ask(command)
        return committed

    def _journal(self, records: tuple[Record, ...]) -> asyncio.Future[Any]:
        batch = Batch(
            account_id=self.facts.account_id,
            token=self.grant.token,
            records=records,
            touched=touched_by(records, self.engine.state),
        )
        committed = asyncio.wrap_future(self.machine.journal.write(batch))
        committed.add_done_callback(self._journalled)
        return committed

    def _journalled(self, committed: asyncio.Future[Any]) -> None:
        error = None if committed.cancelled() else committed.exception()
        if isinstance(error, StaleToken):
            self.end(LeaseLost(error.message))
        elif error is not None:
            # the engine's memory is ahead of the journal now: only a fresh restore brings them together
            self.end(error)

    async def _after(
        self, committed: asyncio.Future[Any] | None, writes: Sequence[PlaceOrder | CancelOrder | ModifyOrder]
    ) -> None:
        if committed is not None:
            try:
                await asyncio.shield(committed)
            except Exception:
                self.log.exception("not_sent_because_not_journalled", writes=len(writes))
                return
        async with asyncio.TaskGroup() as group:
            for command in writes:
                group.create_task(self._write(command))

    async def _write(self, command: PlaceOrder | CancelOrder | ModifyOrder) -> None:
        book = command.order.intent.book if isinstance(command, PlaceOrder) else command.book
        door: Door = self._paper_door if book is Book.PAPER else self.live.open_link
        if isinstance(command, PlaceOrder):
            instrument = self.instruments[command.order.intent.instrument]
            await self.sender.place(command, instrument=instrument, door=door)
        elif isinstance(command, CancelOrder):
            await self.sender.cancel(command, door=door)
        else:
            order = venue_order_of(self.engine.state.order(command.client_id))
            await self.sender.modify(command, order=order, door=door)
        self.drain_paper()

    def _paper_door(self) -> tuple[Venue, Budget | None]:
        return self.paper, None

    def _ask(self, command: Command) -> None:
        match command:
            case Schedule(name=name, at=at):
                self._schedule(name, at)
            case ReadBooks(reason=reason):
                self.live.read_books(reason)
            case LoadHistory():
                self.spawn(self.live.history.load(command))
            case Subscribe(instruments=names):
                self.spawn(self.live.subscribe(names))
            case Alert(level=level, subject=subject, sentence=sentence):
                self.alerts.append(command)
                self.log.warning("alert", level=level, subject=subject, sentence=sentence)
            case CommandDone(command_id=command_id, ok=ok, outcome=outcome):
                self.log.info("command_done", command=command_id, ok=ok, outcome=outcome)
            case _:
                return

    # --- market data and the paper book

    def take_quotes(self, frame: MarketFrame) -> None:
        """Take a frame of quotes: the engine first, then the paper book on the same prices."""
        if len(frame.columns):
            self.market_ns = max(self.market_ns, int(frame.columns.exchange_ns.max()))
        self.take(frame)
        self.paper.on_quotes(frame.columns)
        self.drain_paper()

    def drain_paper(self) -> None:
        """Take what happened in the paper book, as a venue's updates come."""
        for update in self.paper.drain():
            at = self.machine.clock.now()
            self.take(OrderSeen(at=at, order=update.order, book=Book.PAPER))
            if update.trade is not None:
                self.take(TradeSeen(at=at, trade=update.trade, book=Book.PAPER))

    async def learn_instruments(self, names: Sequence[str]) -> None:
        """Read instruments that are not known yet, so that the engine and the paper book can use them."""
        from brokers.listings import instruments_by_keys

        missing = [name for name in names if name not in self.instruments]
        if missing:
            found = await self.machine.read(lambda: instruments_by_keys(self.facts.venue, missing))
            self.instruments.update(found)
            self.paper.know(found.values())

    # --- life

    def take_over(self) -> None:
        """Tell the engine that this process owns the account now, and what is proven unsent."""
        state = self.engine.state
        self.paper.restore(
            [venue_order_of(order) for order in state.orders.values() if is_paper(order) and order.venue_order_id],
            [venue_trade_of(fill) for fill in state.fills_today if fill.book is Book.PAPER],
        )
        unsent = tuple(order.client_id for order in state.open_orders() if self._is_proven_unsent(order))
        self.take(
            TakenOver(
                at=self.machine.clock.now(),
                lease_token=self.grant.token,
                incarnation=self.grant.incarnation,
                unsent=unsent,
            )
        )
        discard_before(self.machine.send_log_folder, account_id=self.facts.account_id, token=self.grant.token)

    def _is_proven_unsent(self, order: OrderRecord) -> bool:
        if not order.is_in_flight or order.venue_order_id:
            return False
        if is_paper(order):
            return True  # the paper book lived in the memory of the process that died
        shown = evidence(
            self.machine.send_log_folder,
            account_id=self.facts.account_id,
            token=order.lease_token,
            client_id=order.client_id,
            boot_id=self.machine.boot_id,
        )
        return shown is Evidence.NOT_SENT

    def end(self, why: BaseException) -> None:
        """End the session; sending stops at once."""
        self.permit.withdraw()
        if not self._ended.done():
            self._ended.set_exception(why)

    @property
    def has_writes(self) -> bool:
        return bool(self._writes)

    async def until_ended(self) -> None:
        """Wait for the end and raise its reason."""
        await asyncio.shield(self._ended)

    async def finish(self, *, gently: bool) -> None:
        """Stop taking events; gently, writes under way may report their outcome first."""
        if gently and self._writes:
            await asyncio.wait(self._writes, timeout=DRAIN_WRITES_S)
        self._is_over = True
        self.permit.withdraw()
        await ended({*self._writes, *self._others, *self._timers.values()})
        await self.live.close()
        self.send_log.close()
        self._ended.cancel()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work beside the session and return its task; an error nobody foresaw ends the session."""
        return self._spawn(work, self._others)

    def _spawn(self, work: Coroutine[Any, Any, None], kept: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        kept.add(task)
        task.add_done_callback(kept.discard)
        task.add_done_callback(self._end_if_broken)
        return task

    def _end_if_broken(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.end(error)

    def _schedule(self, name: str, at: datetime) -> None:
        known = self._timers.pop(name, None)
        if known is not None:
            known.cancel()
        task = asyncio.get_running_loop().create_task(self._fire(name, at))
        task.add_done_callback(self._end_if_broken)
        self._timers[name] = task

    async def _fire(self, name: str, at: datetime) -> None:
        await self.machine.clock.sleep(max((at - self.machine.clock.now()).total_seconds(), 0.0))
        self._timers.pop(name, None)
        self.take(TimerFired(at=self.machine.clock.now(), name=name))

    def _objection(self, order: ApprovedOrder) -> str | None:
        if self._is_over:
            return "the session is over"
        refused = self.engine.still_allowed(order, self.machine.clock.now())
        return None if refused is None else f"{refused.rule}: {refused.reason}"
