"""Reads about people and their keys."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.models import WRITING_ROLES, ApiKey, Desk, Membership
from accounts.scopes import Scope

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

# The time of last use is for people to read; a write per request would serve nobody.
USE_NOTED_EVERY = timedelta(minutes=1)


def key_digest(key: str) -> str:
    """Hash a key; it is 256 random bits, so one plain SHA-256 cannot be searched."""
    return hashlib.sha256(key.encode()).hexdigest()


def api_key_find(*, key: str, at: datetime, scope: Scope | None = Scope.READ) -> ApiKey | None:
    """Find the living key with this text that may do `scope`, None for whatever it may do, and its user."""
    found = ApiKey.objects.select_related("user").filter(digest=key_digest(key)).first()
    if found is None or not is_alive(found, at=at) or (scope is not None and scope not in found.scopes):
        return None
    return found


def api_keys_listed(user: User, *, at: datetime) -> list[dict[str, Any]]:
    """List a person's keys, the newest first: what each may do, when it was used last, and whether it is alive."""
    rows = ApiKey.objects.filter(user=user).select_related("user").order_by("-created_at")
    return [
        {
            "id": str(row.pk),
            "label": row.label,
            "prefix": row.prefix,
            "scopes": list(row.scopes),
            "state": "revoked" if row.revoked_at else "living" if is_alive(row, at=at) else "expired",
            "created_at": row.created_at,
            "expires_at": row.expires_at,
            "last_used_at": row.last_used_at,
        }
        for row in rows
    ]


def api_key_of(user: User, id: UUID) -> ApiKey | None:  # noqa: A002 - the API's word
    """Find one of a person's own keys."""
    return ApiKey.objects.filter(user=user, pk=id).first()


def is_alive(key: ApiKey, *, at: datetime) -> bool:
    """Tell whether a key may still be used."""
    return key.revoked_at is None and at < key.expires_at and key.user.is_active


def may_write(user: User | AnonymousUser, desk_id: UUID) -> bool:
    """Tell whether the user's role on the desk lets them change anything."""
    if not user.is_authenticated:
        return False
    return Membership.objects.filter(user=user, desk_id=desk_id, is_active=True, role__in=WRITING_ROLES).exists()


def writes_anywhere(user: User | AnonymousUser) -> bool:
    """Tell whether any desk lets the user change anything."""
    if not user.is_authenticated:
        return False
    return Membership.objects.filter(user=user, is_active=True, role__in=WRITING_ROLES).exists()


def desks_to_act_on(user: User | AnonymousUser) -> list[Desk]:
    """Return the desks on which the user's role lets them act, oldest first."""
    if not user.is_authenticated:
        return []
    mine = Membership.objects.filter(user=user, is_active=True, role__in=WRITING_ROLES).values("desk_id")
    return list(Desk.objects.filter(id__in=mine).order_by("created_at"))
