"""The lease: one writer per trading account, with a fencing token that grows at every claim.

PostgreSQL's own clock judges expiry, so that hosts need not agree on the time. SQLite has only
its host's: CLOCK_BOOTTIME with the boot id, and a lease of another boot has expired.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import connection, models, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import Combinable

from brokers.domain.market import NANOSECONDS
from brokers.models import TradingAccount
from brokers.ports import Clock, LeaseGrant
from execution.models import Lease
from execution.runtime.clock import boot_id
from execution.threads import DatabaseThread, session_name

Answer = TypeVar("Answer")
log = structlog.get_logger(__name__)

# no commit of ours takes as long, and a lease has been expired for as long as it has when this is asked
STANDS_STILL_S = 1.0
ENDED_WITHIN_MS = 500


class _DatabaseClock(models.Func):
    """PostgreSQL's wall clock in nanoseconds; it moves on inside a transaction."""

    template = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000000)::bigint"
    output_field = models.BigIntegerField()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTerms:
    """How long a lease lasts, and how long before its end sending stops."""

    ttl_s: float = 5.0
    renew_s: float = 1.0
    margin_s: float = 0.5

    @property
    def ttl_ns(self) -> int:
        return int(self.ttl_s * NANOSECONDS)

    @property
    def permit_ns(self) -> int:
        return int((self.ttl_s - self.margin_s) * NANOSECONDS)


class DatabaseLease:
    """Leases in the database's rows; satisfies `brokers.ports.Lease`."""

    def __init__(self, *, owner: str, terms: LeaseTerms, clock: Clock, thread: DatabaseThread) -> None:
        self.owner = owner
        self.terms = terms
        self._clock = clock
        self._thread = thread

    async def candidates(self) -> list[str]:
        """Return the enabled accounts whose lease is free or expired."""
        return await self._on_thread(lambda: _candidates(self._clock.boot_ns()))

    async def claim(self, account_id: str) -> LeaseGrant | None:
        """Take a free or expired lease that wants to run; None while another holds it."""
        return await self._on_thread(lambda: self.claim_now(account_id))

    async def renew(self, grant: LeaseGrant) -> LeaseGrant | None:
        """Extend the lease; None once it expired, was taken, or is no longer wanted."""
        return await self._on_thread(lambda: self.renew_now(grant))

    async def release(self, grant: LeaseGrant) -> None:
        """Give the lease back, so that another owner need not wait for its end."""
        await self._on_thread(lambda: self.release_now(grant))

    def claim_now(self, account_id: str) -> LeaseGrant | None:
        """Claim on the calling thread."""
        started_ns = self._clock.boot_ns()  # before the query: the database may answer late
        free = Lease.objects.filter(_is_free(started_ns), account_id=UUID(account_id), wants_to_run=True)
        if not self._was_free(free):
            return None
        with transaction.atomic():
            taken = free.update(
                token=F("token") + 1,
                owner=self.owner,
                boot_id=_boot_id(),
                expires_ns=_expiry(started_ns, self.terms.ttl_ns),
                claimed_at=self._clock.now(),
                renewed_at=self._clock.now(),
            )
            if not taken:
                return None
            token, incarnation = Lease.objects.values_list("token", "incarnation").get(account_id=UUID(account_id))
        return self._grant(account_id, token, incarnation, started_ns)

    def _was_free(self, free: QuerySet[Lease]) -> bool:
        """Tell whether the lease can be had without waiting for its row, on which other accounts' renewals would wait."""
        if not _is_postgresql() or _lockable(free):
            return True
        for owner in free.exclude(owner="").values_list("owner", flat=True):
            if _end_what_stands_still(owner):
                log.warning("stood_still_within_a_transaction", owner=owner)
        return _lockable(free)

    def renew_now(self, grant: LeaseGrant) -> LeaseGrant | None:
        """Renew on the calling thread."""
        started_ns = self._clock.boot_ns()
        kept = (
            self._mine(grant)
            .filter(~_is_free(started_ns), wants_to_run=True)
            .update(expires_ns=_expiry(started_ns, self.terms.ttl_ns), renewed_at=self._clock.now())
        )
        if not kept:
            return None
        return self._grant(grant.account_id, grant.token, grant.incarnation, started_ns)

    def release_now(self, grant: LeaseGrant) -> None:
        """Release on the calling thread."""
        self._mine(grant).update(owner="", expires_ns=0)

    def _mine(self, grant: LeaseGrant) -> QuerySet[Lease]:
        return Lease.objects.filter(account_id=UUID(grant.account_id), token=grant.token, owner=self.owner)

    def _grant(self, account_id: str, token: int, incarnation: str, started_ns: int) -> LeaseGrant:
        return LeaseGrant(
            account_id=account_id,
            token=token,
            incarnation=incarnation,
            permitted_until_boot_ns=started_ns + self.terms.permit_ns,
        )

    async def _on_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.wrap_future(self._thread.run(work))


def _lockable(free: QuerySet[Lease]) -> bool:
    with transaction.atomic():
        return bool(free.select_for_update(skip_locked=True).values_list("pk"))


def _end_what_stands_still(owner: str) -> int:
    """End the transactions of an owner whose lease has expired: frozen between two messages, none would ever end.

    The timeout of an idle transaction sees none that waits for the rest of a pipeline. What such a transaction wrote is
    gone with it, and its owner, once it goes on, finds its token stale.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, %s)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid() "
            "AND xact_start < clock_timestamp() - make_interval(secs => %s)",
            [ENDED_WITHIN_MS, session_name(owner), STANDS_STILL_S],
        )
        return int(cursor.fetchone()[0])


def lease_age_s(lease: Lease, now: datetime) -> float | None:
    """Return the seconds since the last renewal, None for a lease nobody holds."""
    if not lease.owner or lease.renewed_at is None:
        return None
    return max((now - lease.renewed_at).total_seconds(), 0.0)


def expired_since_s(lease: Lease, boot_ns: int, database_ns: int | None = None) -> float | None:
    """Return for how many seconds a held lease has been expired, None while it is held or was released."""
    if not lease.owner:
        return None
    if not _is_postgresql() and lease.boot_id != boot_id():
        return float("inf")
    now_ns = boot_ns if database_ns is None else database_ns
    late_ns = now_ns - lease.expires_ns
    return late_ns / NANOSECONDS if late_ns > 0 else None


def database_ns() -> int | None:
    """Return PostgreSQL's clock; None where the host's own boot clock judges."""
    if not _is_postgresql():
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000000)::bigint")
        return int(cursor.fetchone()[0])


def _candidates(boot_ns: int) -> list[str]:
    without = TradingAccount.objects.filter(is_enabled=True, lease__isnull=True)
    for account_id in without.values_list("id", flat=True):
        Lease.objects.get_or_create(account_id=account_id)
    free = Lease.objects.filter(_is_free(boot_ns), wants_to_run=True, account__is_enabled=True)
    return [str(account_id) for account_id in free.values_list("account_id", flat=True)]


def _is_free(boot_ns: int) -> Q:
    if _is_postgresql():
        return Q(owner="") | Q(expires_ns__lte=_DatabaseClock())
    return Q(owner="") | ~Q(boot_id=boot_id()) | Q(expires_ns__lte=boot_ns)


def _expiry(boot_ns: int, ttl_ns: int) -> Combinable:
    return _DatabaseClock() + ttl_ns if _is_postgresql() else Value(boot_ns + ttl_ns)


def _boot_id() -> str:
    return "" if _is_postgresql() else boot_id()


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"
