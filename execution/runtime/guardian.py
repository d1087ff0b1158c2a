"""The guardian: watches leases and limits from outside the desk, and acts through the same door.

A desk that stays away longer than the deadline leaves its account unattended. The guardian then
claims the lease (token + 1), reads the books, cancels the entries that still work, and closes the
live positions where the venue's own figures have passed the daily loss limit. It opens no stream:
without quotes the engine enters nothing, and its exits are market orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import orjson
import structlog
from django.utils import timezone

from brokers import hub
from brokers.domain.clock import zone_of
from brokers.domain.errors import DataError, VenueError
from brokers.domain.orders import FINAL_STATUSES, Book, Origin, UnreadableRow, VenuePosition
from brokers.domain.portfolio import PortfolioView
from brokers.models import TradingAccount
from brokers.ports import LeaseGrant, TradesPerpetuals
from execution.books import AccountDay, account_days_of
from execution.domain.acts import OURS
from execution.domain.events import Act, OperatorAct
from execution.domain.lifecycle import OrderRecord
from execution.models import Command, Discrepancy, JournalEvent, Lease, Order, PositionRow
from execution.runtime.ending import ended
from execution.runtime.hosting import keep_lease, open_session
from execution.runtime.lease import DatabaseLease, database_ns, expired_since_s
from execution.runtime.machine import Machine
from execution.runtime.session import LeaseLost, Session
from execution.services import command_request, kill_switch_set
from execution.threads import DatabaseThread
from risk.models import KillSwitch, LimitSet, SwitchScope

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

HEARTBEAT_KEY = "windhover:guardian"
HEARTBEAT_LIFE_S = 10
BEAT_S = 1.0
WATCH_S = 1.0
LIMITS_EVERY_S = 5.0
SETTLE_S = 20.0
# what was attended and is still without a desk is looked at again: its loss may have grown
AGAIN_S = 30.0
POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardianTerms:
    """When the guardian acts: above the time a standby desk needs for its takeover."""

    deadline_s: float = 10.0


class Guardian:
    """Watches every account of the database until it is asked to stop."""

    def __init__(
        self,
        machine: Machine,
        lease: DatabaseLease,
        *,
        terms: GuardianTerms,
        threads: tuple[DatabaseThread, ...],
        redis_url: str,
    ) -> None:
        self._machine = machine
        self._lease = lease
        self._terms = terms
        self._threads = threads
        self._redis = hub.async_redis(redis_url)
        self._stop = asyncio.Event()
        self._limits_at_ns = 0
        self._again_ns: dict[str, int] = {}
        self._attending: dict[str, asyncio.Task[None]] = {}

    def stop(self) -> None:
        """Ask the guardian to end after what it is doing."""
        self._stop.set()

    async def run(self) -> None:
        """Watch until stopped."""
        for thread in self._threads:
            thread.start()
        log.info("guardian_started", owner=self._lease.owner, deadline_s=self._terms.deadline_s)
        beating = asyncio.create_task(self._keep_beating())
        try:
            while not self._stop.is_set():
                await self._watch()
                await self._pause(WATCH_S)
        finally:
            await asyncio.gather(*self._attending.values(), return_exceptions=True)
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            for thread in self._threads:
                await asyncio.to_thread(thread.stop)

    async def _watch(self) -> None:
        try:
            now_ns = self._machine.clock.boot_ns()
            for account_id in await self._machine.read(lambda: unattended(now_ns, self._terms.deadline_s)):
                if account_id not in self._attending and now_ns >= self._again_ns.get(account_id, 0):
                    self._again_ns[account_id] = now_ns + int(AGAIN_S * 1e9)
                    self._begin_attending(account_id)
            if now_ns - self._limits_at_ns > LIMITS_EVERY_S * 1e9:
                self._limits_at_ns = now_ns
                await self._machine.read(lambda: pull_where_lost(at=timezone.now()))
        except Exception:
            log.exception("guardian_round_failed")

    def _begin_attending(self, account_id: str) -> None:
        """Attend beside the watch: one account's slow venue keeps no other waiting."""
        task = self._attending[account_id] = asyncio.create_task(self._attend_logged(account_id))
        task.add_done_callback(lambda _: self._attending.pop(account_id, None))

    async def _attend_logged(self, account_id: str) -> None:
        try:
            await self.attend(account_id)
        except LeaseLost as error:
            log.warning("guardian_lost_the_lease", account=account_id, reason=error.message)
            # whoever took it attends the account; where nobody did, the deadline alone is waited for
            self._again_ns.pop(account_id, None)
        except Exception:
            log.exception("guardian_could_not_attend", account=account_id)

    async def attend(self, account_id: str) -> None:
        """Take an unattended account over, make it safe, and give it back; raise LeaseLost when it is taken away."""
        grant = await self._lease.claim(account_id)
        if grant is None:
            return
        log.warning("guardian_acts", account=account_id, fence=grant.token)
        try:
            await self._make_safe(grant)
        finally:
            await self._lease.release(grant)

    async def _make_safe(self, grant: LeaseGrant) -> None:
        session = await open_session(self._machine, grant, runs_strategies=False)
        tasks = [asyncio.create_task(work) for work in (self._act(session), keep_lease(session), session.until_ended())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await session.finish(gently=True)
            await ended(tasks)

    async def _act(self, session: Session) -> None:
        session.take_over()
        account_id = session.facts.account_id
        if not await session.live.open_without_stream():
            sentence = "the desk is away and nobody is logged in at the venue: the guardian can do nothing there"
            await self._tell(account_id, sentence)
            return
        await self._until(lambda: session.live.books_read > 0, SETTLE_S)
        cancelled = await self._cancel_entries(session)
        flattened = await self._flatten_where_lost(session)
        await self._until(lambda: not session.engine.state.open_orders() and not session.has_writes, SETTLE_S)
        sentence = f"the desk was away: {cancelled} entries cancelled, positions {'closed' if flattened else 'kept'}"
        await self._tell(account_id, sentence + _countdowns(session))

    async def _cancel_entries(self, session: Session) -> int:
        entries = [order for order in session.engine.state.open_orders() if is_to_cancel(order)]
        for order in entries:
            await self._command(session, Act.CANCEL_ORDER, {"client_id": order.client_id})
        return len(entries)

    async def _flatten_where_lost(self, session: Session) -> bool:
        limit = await self._machine.read(lambda: _loss_limit(session.facts.account_id))
        rows = await _venue_positions(session)
        if rows is None:
            return False
        venue, _ = session.live.open_link()
        loss_of = _loss_at_marks if isinstance(venue, TradesPerpetuals) else _loss_of_the_day
        loss = await self._machine.read(lambda: loss_of(session.facts.account_id, rows, timezone.now()))
        if loss < limit:
            return False
        log.warning("guardian_flattens", account=session.facts.account_id, loss=str(loss), limit=str(limit))
        await self._command(session, Act.EXIT_ALL, {"book": Book.LIVE.value, "of": OURS})
        return True

    async def _command(self, session: Session, kind: Act, payload: dict[str, str]) -> None:
        """Write the act as a command like anybody's, so that the page shows who did it, and do it."""
        account_id, fence = session.facts.account_id, session.grant.token

        def write() -> str:
            account = TradingAccount.objects.get(pk=UUID(account_id))
            key = f"guardian-{fence}-{kind}-{payload.get('client_id', '')}"
            command = command_request(
                account=account, kind=kind, payload=payload, by=None, idempotency_key=key, at=timezone.now()
            )
            return str(command.pk)

        command_id = await self._machine.read(write)
        at = self._machine.clock.now()
        session.take(OperatorAct(at=at, command_id=command_id, kind=kind, payload=payload))

    async def _tell(self, account_id: str, sentence: str) -> None:
        log.warning("guardian_acted", account=account_id, sentence=sentence)
        await self._machine.read(lambda: _inbox(account_id, sentence, timezone.now()))

    async def _keep_beating(self) -> None:
        while True:
            try:
                await self._beat()
            except Exception:
                log.exception("guardian_heartbeat_broke")
            await self._machine.clock.sleep(BEAT_S)

    async def _beat(self) -> None:
        beat = {"owner": self._lease.owner, "at": self._machine.clock.now().isoformat()}
        try:
            async with asyncio.timeout(hub.BOUND_S):
                await self._redis.set(HEARTBEAT_KEY, orjson.dumps(beat), ex=HEARTBEAT_LIFE_S)
        except hub.AWAY as error:
            log.warning("guardian_heartbeat_failed", error=repr(error))

    async def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline_ns = self._machine.clock.boot_ns() + int(seconds * 1e9)
        while not condition():
            if self._machine.clock.boot_ns() > deadline_ns:
                return False
            await self._machine.clock.sleep(POLL_S)
        return True

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


def _countdowns(session: Session) -> str:
    """Say which orders the venue will cancel by itself: the guardian does not speak for a desk that is away."""
    armed = session.engine.state.countdowns
    if not armed:
        return ""
    within_s = max(armed.values())
    return f"; the dead-man switch cancels what works in {', '.join(sorted(armed))} within {within_s} s, stops too"


def is_to_cancel(order: OrderRecord) -> bool:
    """Tell whether an order is an entry of ours; what others placed may be the stop that protects them."""
    return order.is_entry and not order.is_doubtful and order.intent.origin is not Origin.EXTERNAL


def unattended(boot_ns: int, deadline_s: float) -> list[str]:
    """Return the accounts whose desk stays away while something of theirs is open."""
    rows = Lease.objects.filter(wants_to_run=True, account__is_enabled=True)
    away = [str(row.pk) for row in rows if (_away_s(row, boot_ns) or 0.0) > deadline_s]
    return [account_id for account_id in away if _has_exposure(UUID(account_id))]


def pull_where_lost(*, at: datetime) -> None:
    """Pull the kill switch of every account that lost more than its limit, once in a market's day.

    The last market's day lasts until the next one's first tick: who releases the switch overnight
    has weighed that day's loss.
    """
    for day in account_days_of(TradingAccount.objects.filter(is_enabled=True), now=at):
        limit = LimitSet.objects.filter(pk=day.account.pk).values_list("max_daily_loss_quote", flat=True).first()
        loss = -min(day.view(book).net_quote for book in Book)
        engaged = KillSwitch.objects.filter(scope=SwitchScope.ACCOUNT, target_id=day.account.pk, is_engaged=True)
        if limit is not None and loss > limit and not engaged.exists() and not _was_pulled(day):
            reason = f"lost {loss:.2f} today, limit {limit}; pulled by the guardian"
            kill_switch_set(scope=SwitchScope.ACCOUNT, target=day.account, engaged=True, reason=reason, by=None, at=at)


def _was_pulled(day: AccountDay) -> bool:
    """Tell whether the guardian pulled an account's switch since the market's day began."""
    account_id = day.account.pk
    begun = JournalEvent.objects.filter(account=account_id, kind="day", payload__venue_day=day.day.isoformat())
    since = begun.order_by("seq").values_list("at", flat=True).first()
    pulled = Command.objects.filter(
        account=account_id, kind=Act.KILL, requested_by=None, payload__scope=SwitchScope.ACCOUNT
    )
    midnight = datetime.combine(day.day, time(), tzinfo=zone_of(day.account.venue))
    return pulled.filter(requested_at__gte=since or midnight).exists()


def _away_s(lease: Lease, boot_ns: int) -> float | None:
    if lease.owner:
        return expired_since_s(lease, boot_ns, database_ns())
    return (timezone.now() - lease.renewed_at).total_seconds() if lease.renewed_at else None


def _has_exposure(account_id: UUID) -> bool:
    open_orders = Order.objects.filter(account_id=account_id).exclude(status__in=[str(s) for s in FINAL_STATUSES])
    held = PositionRow.objects.filter(account_id=account_id, book=Book.LIVE).exclude(quantity=0)
    return open_orders.exists() or held.exists()


def _loss_limit(account_id: str) -> Decimal:
    limit: Decimal = LimitSet.objects.values_list("max_daily_loss_quote", flat=True).get(pk=UUID(account_id))
    return limit


def _loss_of_the_day(account_id: str, rows: Sequence[VenuePosition], at: datetime) -> Decimal:
    """Return what the venue, which counts by the day, says was lost today, and the charges; no quotes of ours."""
    gross = -sum((row.realised_quote + row.unrealised_quote for row in rows), Decimal(0))
    return gross + sum((view.costs_quote - view.funding_quote for _, view in _live_views(account_id, at)), Decimal(0))


def _loss_at_marks(account_id: str, rows: Sequence[VenuePosition], at: datetime) -> Decimal:
    """Return what was lost today by our books at the venue's marks: it counts a position's profit from its entry on."""
    marks = {row.instrument: row.mark_price for row in rows if row.mark_price is not None}
    days = [replace(day, marks={**day.marks, **marks}) for day, _ in _live_views(account_id, at)]
    return -sum((day.view(Book.LIVE).net_quote for day in days), Decimal(0))


def _live_views(account_id: str, at: datetime) -> list[tuple[AccountDay, PortfolioView]]:
    days = account_days_of(TradingAccount.objects.filter(pk=UUID(account_id)), now=at)
    return [(day, day.view(Book.LIVE)) for day in days]


async def _venue_positions(session: Session) -> list[VenuePosition] | None:
    """Return the venue's positions, None where any of them cannot be read."""
    try:
        venue, _ = session.live.open_link()
        positions = await venue.positions()
    except (VenueError, DataError) as error:
        log.warning("guardian_cannot_read_positions", error=error.message)
        return None
    readable = [row for row in positions if not isinstance(row, UnreadableRow)]
    if len(readable) < len(positions):
        log.warning("guardian_cannot_read_positions", error="a row of them is unreadable")
        return None
    return readable


def _inbox(account_id: str, sentence: str, at: datetime) -> None:
    still_open = Discrepancy.objects.filter(
        account_id=UUID(account_id), kind="guardian", subject="desk away", resolved_at=None
    )
    if not still_open.update(sentence=sentence[:300], found_at=at):
        still_open.create(
            account_id=UUID(account_id), kind="guardian", subject="desk away", sentence=sentence[:300], found_at=at
        )
