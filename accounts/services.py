"""Changes to people, desks and keys, each with its audit event in the same transaction."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction

from accounts.audit import audit_record
from accounts.models import ApiKey, Desk, KeptAnswer, Membership, Role, SignIn, User
from accounts.scopes import Scope
from accounts.selectors import USE_NOTED_EVERY, key_digest

KEY_MARK = "wh_"
# A client that repeats a write does so within minutes.
ANSWERS_KEPT_FOR = timedelta(days=2)
SIGN_INS_KEPT_FOR = timedelta(days=400)


@transaction.atomic
def user_create(
    *,
    email: str,
    at: datetime,
    name: str = "",
    zerodha_id: str | None = None,
    password: str | None = None,
    is_operator: bool = False,
    by: User | None = None,
) -> User:
    """Make a user; without a password they sign in by code alone."""
    user = User.objects.create_user(
        email,
        password,
        name=name,
        zerodha_id=zerodha_id.upper() if zerodha_id else None,
        is_staff=is_operator,
        is_superuser=is_operator,
    )
    audit_record(action="user.create", at=at, actor=by, subject=str(user.id))
    return user


@transaction.atomic
def desk_create(*, name: str, owner: User, at: datetime) -> Desk:
    """Make a desk with its first owner."""
    desk = Desk.objects.create(name=name)
    membership_set(desk=desk, user=owner, role=Role.OWNER, at=at, by=owner)
    return desk


@transaction.atomic
def membership_set(
    *, desk: Desk, user: User, role: Role, at: datetime, by: User | None, is_active: bool = True
) -> Membership:
    """Give a person a role on a desk, or take it away."""
    membership, _ = Membership.objects.update_or_create(
        desk=desk, user=user, defaults={"role": role, "is_active": is_active}
    )
    audit_record(
        action="membership.set",
        at=at,
        actor=by,
        desk_id=desk.id,
        subject=str(user.id),
        details={"role": str(role), "is_active": is_active},
    )
    return membership


@transaction.atomic
def api_key_create(
    *, user: User, label: str, at: datetime, lifetime: timedelta, scopes: Iterable[Scope] = (Scope.READ,)
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is shown once and kept nowhere."""
    allowed = [scope.value for scope in Scope if scope in set(scopes)]
    text = KEY_MARK + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        user=user, label=label, prefix=text[:9], digest=key_digest(text), scopes=allowed, expires_at=at + lifetime
    )
    audit_record(action="api_key.create", at=at, actor=user, subject=str(key.id), details={"scopes": allowed})
    return key, text


@transaction.atomic
def api_key_revoke(*, key: ApiKey, at: datetime, by: User) -> None:
    """Cut a key off; one that is cut off stays as it is."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=at):
        audit_record(action="api_key.revoke", at=at, actor=by, subject=str(key.id))


def api_key_touch(*, key: ApiKey, at: datetime) -> None:
    """Note that a key was used, at most once a minute."""
    if key.last_used_at is None or at - key.last_used_at >= USE_NOTED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=at)


def answer_reserve(*, user: User, key: str, fingerprint: str) -> KeptAnswer:
    """Return the answer kept under a caller's key, locked, or an empty one for this request."""
    KeptAnswer.objects.get_or_create(user=user, key=key, defaults={"fingerprint": fingerprint})
    return KeptAnswer.objects.select_for_update().get(user=user, key=key)


def answer_keep(kept: KeptAnswer, *, status: int, answer: Mapping[str, Any]) -> None:
    """Keep the answer of a write, for its repeats."""
    KeptAnswer.objects.filter(pk=kept.pk).update(status=status, answer=dict(answer))


def leftovers_clear(*, at: datetime) -> dict[str, int]:
    """Delete what has expired and return how much of each."""
    answers, _ = KeptAnswer.objects.filter(created_at__lt=at - ANSWERS_KEPT_FOR).delete()
    sessions, _ = Session.objects.filter(expire_date__lt=at).delete()
    sign_ins, _ = SignIn.objects.filter(at__lt=at - SIGN_INS_KEPT_FOR).delete()
    return {"answers": answers, "sessions": sessions, "sign_ins": sign_ins}
