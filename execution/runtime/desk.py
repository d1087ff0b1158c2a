"""The desk: one asyncio loop that claims trading accounts by lease and hosts a session for each."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import structlog
from django.conf import settings

from analysis.domain import ema
from brokers import hub
from brokers.adapters.paces import SharedPaces, SharedWeights
from brokers.domain.allowance import OrderShare, VenueAllowance
from brokers.ports import FeedMode, LeaseGrant
from brokers.registry import ASTER, KITE, allowance_of
from execution.journal import Journal
from execution.runtime.chains import ChainPorts, Ready
from execution.runtime.clock import SystemClock, boot_id
from execution.runtime.guardian import Guardian, GuardianTerms
from execution.runtime.hosting import host
from execution.runtime.lease import DatabaseLease, LeaseTerms
from execution.runtime.machine import Follow, Machine, connector
from execution.runtime.session import LeaseLost
from execution.threads import DatabaseThread
from options.desk_line import DeskLine
from options.domain.implied import warm
from options.snapshots import chain_store

log = structlog.get_logger(__name__)
CLAIM_EVERY_S = 0.5
BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
HEALTHY_AFTER_S = 60.0


class Desk:
    """Hosts every account whose lease it can get; a broken session is dropped and claimed again later."""

    def __init__(self, machine: Machine, lease: DatabaseLease, *, threads: tuple[DatabaseThread, ...]) -> None:
        self._machine = machine
        self._lease = lease
        self._threads = threads
        self._drain = asyncio.Event()
        self._hosted: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, int] = {}
        self._not_before_ns: dict[str, int] = {}

    def drain(self) -> None:
        """Ask the desk to end its sessions and give its leases back."""
        self._drain.set()

    async def run(self) -> None:
        """Claim and host until drained."""
        for thread in self._threads:
            thread.start()
        log.info("desk_started", owner=self._lease.owner)
        try:
            while not self._drain.is_set():
                await self._claim_free()
                await self._pause(CLAIM_EVERY_S)
        finally:
            self._drain.set()
            await asyncio.gather(*self._hosted.values(), return_exceptions=True)
            for thread in self._threads:
                await asyncio.to_thread(thread.stop)
            log.info("desk_stopped", owner=self._lease.owner)

    async def _claim_free(self) -> None:
        try:
            for account_id in await self._lease.candidates():
                if account_id not in self._hosted and self._is_due(account_id):
                    grant = await self._lease.claim(account_id)
                    if grant is not None:
                        self._begin(grant)
        except Exception:
            log.exception("claiming_failed")

    def _begin(self, grant: LeaseGrant) -> None:
        log.info("lease_claimed", account=grant.account_id, fence=grant.token)
        task = asyncio.create_task(self._host(grant))
        self._hosted[grant.account_id] = task
        task.add_done_callback(lambda _: self._hosted.pop(grant.account_id, None))

    async def _host(self, grant: LeaseGrant) -> None:
        began_ns = self._machine.clock.boot_ns()
        try:
            await host(self._machine, grant, self._drain)
        except LeaseLost as error:
            log.warning("session_lost_its_lease", account=grant.account_id, fence=grant.token, reason=error.message)
            return
        except Exception:
            self._note_failure(grant.account_id, began_ns)
            log.exception("session_broke", account=grant.account_id, fence=grant.token)
        await self._release(grant)

    async def _release(self, grant: LeaseGrant) -> None:
        try:
            await self._lease.release(grant)
        except Exception:
            log.exception("lease_not_released", account=grant.account_id)

    def _note_failure(self, account_id: str, began_ns: int) -> None:
        now_ns = self._machine.clock.boot_ns()
        lasted_s = (now_ns - began_ns) / 1e9
        failures = 0 if lasted_s > HEALTHY_AFTER_S else self._failures.get(account_id, 0)
        wait_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
        self._failures[account_id] = failures + 1
        self._not_before_ns[account_id] = now_ns + int(wait_s * 1e9)

    def _is_due(self, account_id: str) -> bool:
        return self._machine.clock.boot_ns() >= self._not_before_ns.get(account_id, 0)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._drain.wait()
        except TimeoutError:
            return


class RedisDoorbell:
    """Waits on the account's Redis list; while Redis is away it is the polling's interval that passes."""

    def __init__(self, url: str, clock: SystemClock) -> None:
        self._redis = hub.async_redis(url, may_block=True)
        self._clock = clock

    async def wait(self, account_id: str, timeout_s: float) -> bool:
        """Wait until somebody rings, at most `timeout_s`."""
        began_ns = self._clock.boot_ns()
        if await hub.wait_doorbell(self._redis, account_id, timeout_s):
            return True
        left_s = timeout_s - (self._clock.boot_ns() - began_ns) / 1e9
        await self._clock.sleep(max(left_s, 0.0))
        return False


def owner_name() -> str:
    """Return a name that no other process has."""
    return f"{settings.WINDHOVER_PROCESS}@{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"[:120]


def desk_from_settings() -> Desk:
    """Return the desk of this process as its environment describes it."""
    _load_indicators()
    machine, lease, threads = _machine(owner_name(), {name: every.desk for name, every in _allowances().items()})
    return Desk(machine, lease, threads=threads)


def guardian_from_settings(*, deadline_s: float) -> Guardian:
    """Return the guardian of this process as its environment describes it."""
    machine, lease, threads = _machine(owner_name(), {name: every.guardian for name, every in _allowances().items()})
    terms = GuardianTerms(deadline_s=deadline_s)
    return Guardian(machine, lease, terms=terms, threads=threads, redis_url=settings.REDIS_URL)


def _load_indicators() -> None:
    """Load what strategies compute with before any account is held: done later it keeps the loop for a second or more."""
    ema(np.ones(4), 2)


def _allowances() -> dict[str, VenueAllowance]:
    """Return what each venue allows an account, as the operator has it."""
    return {KITE: settings.WINDHOVER_KITE_ALLOWANCE, ASTER: allowance_of(ASTER)}


def _machine(owner: str, shares: Mapping[str, OrderShare]) -> tuple[Machine, DatabaseLease, tuple[DatabaseThread, ...]]:
    clock = SystemClock()
    state = Path(settings.WINDHOVER_STATE)
    journal = Journal(tips_file=state / "journal-tips.jsonl", owner=owner)
    reader, renewer, aside = (DatabaseThread(f"desk-{name}", owner=owner) for name in ("reader", "lease", "aside"))
    terms = LeaseTerms(ttl_s=settings.WINDHOVER_LEASE_TTL_S, renew_s=settings.WINDHOVER_LEASE_RENEW_S)
    lease = DatabaseLease(owner=owner, terms=terms, clock=clock, thread=renewer)
    paces = SharedPaces(
        hub.async_redis(settings.REDIS_URL),
        folder=state / "pace",
        clock=clock,
        allowance=settings.WINDHOVER_KITE_ALLOWANCE,
    )
    machine = Machine(
        clock=clock,
        journal=journal,
        reader=reader,
        aside=aside,
        lease=lease,
        publisher=hub.HubPublisher(hub.async_redis(settings.REDIS_URL)),
        doorbell=RedisDoorbell(settings.REDIS_URL, clock),
        follow=Follow(count=settings.WINDHOVER_FEED_FOLLOW, mode=FeedMode(settings.WINDHOVER_FEED_FOLLOW_MODE)),
        connect=connector(
            clock=clock,
            silence_s=settings.WINDHOVER_FEED_SILENCE_S,
            share_of=shares.__getitem__,
            shared_pace=paces,
            shared_weights=SharedWeights(hub.async_redis(settings.REDIS_URL), folder=state / "pace", clock=clock),
        ),
        send_log_folder=state / "sendlog",
        boot_id=boot_id(),
        renew_s=terms.renew_s,
        shares=shares,
        hints=partial(hub.take_hints, hub.async_redis(settings.REDIS_URL)),
        chains=ChainPorts(
            store=chain_store(),
            line=DeskLine(hub.async_redis(settings.REDIS_URL)),
            rate=settings.WINDHOVER_OPTIONS_RATE,
            ready=Ready(warm),
        ),
    )
    return machine, lease, (journal, reader, renewer, aside)
