"""The audit chain: who did what, in rows that betray any later change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from accounts.models import AuditEvent, AuditTip

if TYPE_CHECKING:
    from accounts.models import User

SITE = "site"
# By which way the current request came: session, key:PREFIX; work that nobody asked for over the wire is the service's own.
came_through: ContextVar[str] = ContextVar("came_through", default="service")


@transaction.atomic
def audit_record(
    *,
    action: str,
    at: datetime,
    actor: User | None = None,
    through: str | None = None,
    desk_id: UUID | None = None,
    subject: str = "",
    details: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Append one event to the desk's chain; inside a transaction it stands or falls with it."""
    chain = str(desk_id) if desk_id else SITE
    AuditTip.objects.get_or_create(chain=chain)
    tip = AuditTip.objects.select_for_update().get(chain=chain)
    event = AuditEvent(
        chain=chain,
        seq=tip.seq + 1,
        at=at,
        actor=actor,
        through=through or came_through.get(),
        action=action,
        subject=subject[:120],
        details=dict(details or {}),
        previous_hash=tip.hash,
    )
    event.hash = _digest(event)
    event.save()
    AuditTip.objects.filter(chain=chain).update(seq=event.seq, hash=event.hash)
    return event


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainVerdict:
    """Whether a chain is whole, and the first sequence number that is not."""

    is_whole: bool
    events: int
    broken_at: int | None = None


def audit_verify(*, desk_id: UUID | None = None) -> ChainVerdict:
    """Recompute a chain from its first event to its tip."""
    chain = str(desk_id) if desk_id else SITE
    previous, count = "", 0
    for event in AuditEvent.objects.filter(chain=chain).order_by("seq").iterator():
        count += 1
        if event.seq != count or event.previous_hash != previous or event.hash != _digest(event):
            return ChainVerdict(is_whole=False, events=count, broken_at=count)
        previous = event.hash
    tip = AuditTip.objects.filter(chain=chain).first()
    if tip is not None and (tip.seq, tip.hash) != (count, previous):
        return ChainVerdict(is_whole=False, events=count, broken_at=count + 1)
    return ChainVerdict(is_whole=True, events=count)


def _digest(event: AuditEvent) -> str:
    content = [
        event.chain,
        event.seq,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        str(event.actor_id or ""),
        event.through,
        event.action,
        event.subject,
        event.details,
        event.previous_hash,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
