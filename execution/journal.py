"""The journal: what the engine decided, durably written before anything is done about it.

One thread owns one connection whose commits are durable (SQLite `synchronous=FULL`, PostgreSQL
`synchronous_commit=on`), writes everything that waits in one transaction, and answers each writer
through a future. A batch is written only while its fencing token is the lease's own.
"""

from __future__ import annotations

import queue
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from uuid import UUID

from django.db import connection, transaction

from brokers.domain.errors import DataError, WindhoverError
from execution.anchors import Anchors
from execution.bulk import insert
from execution.chain import GENESIS, Link, Tip
from execution.chain_check import check_database
from execution.domain.commands import Record
from execution.models import JournalEvent, Lease
from execution.projections import NOTHING, Touched, Written, project
from execution.threads import DatabaseThread

MAX_GROUP = 256


class StaleToken(WindhoverError):
    """Another owner holds the account's lease: stop writing and sending for it."""

    code = "lease.stale_token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything one engine step recorded for one account; written whole or not at all."""

    account_id: str
    token: int
    records: tuple[Record, ...]
    touched: Touched = NOTHING


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    future: Future[Tip] = field(default_factory=Future)
    # the tip this batch led to when it was last tried: tells a lost answer from a lost commit
    tried: Tip | None = None


class Journal(DatabaseThread):
    """The journal thread of one process."""

    def __init__(self, *, tips_file: Path, name: str = "journal", owner: str = "") -> None:
        super().__init__(name, owner=owner)
        self._anchors = Anchors(tips_file)
        self._tips: dict[tuple[str, int], Tip] = {}  # by account and token: a new owner reads again
        self._gaps: set[tuple[str, int]] = set()  # whose memory is ahead of the journal for good
        self.commits = 0

    def write(self, batch: Batch) -> Future[Tip]:
        """Queue a batch; its future answers with the new tip once committed, or raises StaleToken."""
        waiting = _Waiting(batch)
        self._put(waiting)
        return waiting.future

    def _handle(self, item: object) -> None:
        if not isinstance(item, _Waiting):
            super()._handle(item)
            return
        group = [item]
        following = self._gather(group)
        self._write_group([waiting for waiting in group if waiting.future.set_running_or_notify_cancel()])
        if following is not None:
            self._handle(following)

    def _gather(self, group: list[_Waiting]) -> object | None:
        """Add the batches that wait; return the item of another kind that ended the gathering."""
        while len(group) < MAX_GROUP:
            try:
                item = self._items.get_nowait()
            except queue.Empty:
                return None
            if item is None:
                self._items.put(None)
                return None
            if not isinstance(item, _Waiting):
                return cast("object", item)
            group.append(item)
        return None

    def _write_group(self, waiting_group: list[_Waiting]) -> None:
        group = self._refuse_after_a_gap(waiting_group)
        if not group:
            return
        try:
            outcomes = self._persist(lambda: self._commit(group))
        except Exception as error:  # noqa: BLE001 - a supervisor: the error goes to whoever waits for the future
            self._tips.clear()
            self._blame(group, error)
            return
        self.commits += 1
        for waiting, outcome in zip(group, outcomes, strict=True):
            self._answer(waiting, outcome)

    def _refuse_after_a_gap(self, group: list[_Waiting]) -> list[_Waiting]:
        """Fail the batches of an owner that lost one: what follows a hole could not be replayed."""
        for waiting in group:
            if (waiting.batch.account_id, waiting.batch.token) in self._gaps:
                waiting.future.set_exception(DataError("an earlier batch was not written", code="journal.gap"))
        return [waiting for waiting in group if not waiting.future.done()]

    def _blame(self, group: list[_Waiting], error: Exception) -> None:
        """Write each batch of a failed group alone, so that only the guilty one fails."""
        if len(group) == 1:
            batch = group[0].batch
            self._gaps.add((batch.account_id, batch.token))
            group[0].future.set_exception(error)
            return
        for waiting in group:
            self._write_group([waiting])

    def _answer(self, waiting: _Waiting, outcome: Tip | StaleToken) -> None:
        if isinstance(outcome, StaleToken):
            waiting.future.set_exception(outcome)
            return
        self._tips[waiting.batch.account_id, waiting.batch.token] = outcome
        self._anchors.note(waiting.batch.account_id, outcome)
        waiting.future.set_result(outcome)

    def _commit(self, group: list[_Waiting]) -> list[Tip | StaleToken]:
        with transaction.atomic():
            held = _lock_leases({waiting.batch.account_id for waiting in group})
            tips: dict[str, Tip] = {}
            written: list[Written] = []
            outcomes = [self._link(waiting, held, tips, written) for waiting in group]
            insert([_row_of(link) for part in written for link in part.links])
            project(written)
        return outcomes

    def _link(
        self, waiting: _Waiting, held: dict[str, int], tips: dict[str, Tip], written: list[Written]
    ) -> Tip | StaleToken:
        batch = waiting.batch
        if waiting.tried is not None and _is_written(batch.account_id, waiting.tried):
            return waiting.tried
        if held.get(batch.account_id) != batch.token:
            return StaleToken(
                f"token {batch.token} is stale, the lease has {held.get(batch.account_id)}",
                details={"account": batch.account_id},
            )
        if batch.account_id not in tips:
            fresh = waiting.tried is not None
            tips[batch.account_id] = self._tip(batch.account_id, batch.token, fresh=fresh)
        links = list(chain(batch, tips[batch.account_id]))
        if links:
            written.append(Written(account_id=batch.account_id, links=links, touched=batch.touched))
            tips[batch.account_id] = Tip(seq=links[-1].seq, hash=links[-1].hash)
        waiting.tried = tips[batch.account_id]
        return waiting.tried

    def _tip(self, account_id: str, token: int, *, fresh: bool) -> Tip:
        known = self._tips.get((account_id, token))
        return tip_of(account_id) if fresh or known is None else known

    def _prepare(self) -> None:
        super()._prepare()
        self._tips.clear()
        statement = "SET synchronous_commit TO on" if connection.vendor == "postgresql" else "PRAGMA synchronous=FULL"
        with connection.cursor() as cursor:
            cursor.execute(statement)

    def _idle(self) -> None:
        self._anchors.write_if_due()

    def _end(self) -> None:
        self._anchors.write()


def chain(batch: Batch, tip: Tip) -> Iterable[Link]:
    """Yield a batch's records as links that continue from `tip`."""
    seq, previous = tip.seq, tip.hash
    for record in batch.records:
        seq += 1
        link = Link(
            account_id=batch.account_id,
            seq=seq,
            at=record.at,
            kind=record.kind,
            payload=record.payload,
            lease_token=batch.token,
            previous_hash=previous,
        )
        previous = link.hash
        yield link


def tip_of(account_id: str) -> Tip:
    """Return the newest row of an account's chain."""
    newest = (
        JournalEvent.objects.filter(account_id=UUID(account_id)).order_by("-seq").values_list("seq", "hash").first()
    )
    return Tip() if newest is None else Tip(seq=newest[0], hash=newest[1])


def verify_chain(account_id: str, tips_file: Path) -> Tip:
    """Recompute an account's chain and compare it with its anchors; raise DataError where they differ."""
    found = check_database(account_id, tips_file)
    if found.broken:
        raise DataError(f"the journal of {account_id} is broken: {found.broken}", code="journal.broken")
    return found.tip


def _lock_leases(accounts: set[str]) -> dict[str, int]:
    rows = Lease.objects.select_for_update().filter(account_id__in=accounts).order_by("account_id")
    return {str(account): token for account, token in rows.values_list("account_id", "token")}


def _is_written(account_id: str, tip: Tip) -> bool:
    if tip.hash == GENESIS:
        return False
    return JournalEvent.objects.filter(account_id=UUID(account_id), seq=tip.seq, hash=tip.hash).exists()


def _row_of(link: Link) -> JournalEvent:
    return JournalEvent(
        account_id=link.account_id,
        seq=link.seq,
        at=link.at,
        kind=link.kind,
        payload=link.payload,
        lease_token=link.lease_token,
        previous_hash=link.previous_hash,
        hash=link.hash,
    )
