"""Reads about people and their keys."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from accounts.models import WRITING_ROLES, ApiKey, Desk, Membership

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

# The time of last use is for people to read; a write per request would serve nobody.
USE_NOTED_EVERY = timedelta(minutes=1)


def key_digest(key: str) -> str:
    """Hash a key; it is 256 random bits, so one plain SHA-256 cannot be searched."""
    return hashlib.sha256(key.encode()).hexdigest()


def api_key_find(*, key: str, at: datetime) -> ApiKey | None:
    """Find the living key with this text, and its user."""
    found = ApiKey.objects.select_related("user").filter(digest=key_digest(key)).first()
    if found is None or not is_alive(found, at=at):
        return None
    return found


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
