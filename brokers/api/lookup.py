"""One door from an id in a request to a row: what is not the caller's does not exist for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts.audit import audit_record
from accounts.models import ApiKey, User
from accounts.selectors import desks_to_act_on, may_write
from brokers.domain.errors import NotFound
from brokers.models import TradingAccount

if TYPE_CHECKING:
    from accounts.ownership import OwnedQuerySet


class NotYours(NotFound):
    """The row exists, but for somebody else; answered like one that does not exist, and noted."""


def row_of(rows: OwnedQuerySet, *, request: Request, id: UUID, word: str, field: str) -> Any:  # noqa: A002 - rows of any model
    """Return the row with this id that the caller may see; any other id raises NotFound."""
    row = rows.visible_to(caller(request)).filter(pk=id).first()
    if row is not None:
        return row
    kind = NotYours if rows.filter(pk=id).exists() else NotFound
    raise kind(f"There is no {word} {id}.", code=f"{word}.unknown", field=field, details={"id": str(id)})


def account_of(request: Request, id: UUID | None) -> TradingAccount | None:  # noqa: A002 - the API's word
    """Return the account that a request names, None when it names none."""
    if id is None:
        return None
    rows: OwnedQuerySet = TradingAccount.objects.all()
    account: TradingAccount = row_of(rows, request=request, id=id, word="account", field="account")
    return account


def accounts_to_act_on(user: User) -> list[TradingAccount]:
    """Return the accounts in use on the desks where the user's role lets them act, oldest first."""
    desks = desks_to_act_on(user)
    return list(TradingAccount.objects.filter(desk__in=desks, is_enabled=True).order_by("created_at"))


def check_may_write(request: Request, desk_id: UUID) -> None:
    """Raise PermissionDenied unless the caller's role on this desk lets them act."""
    if not may_write(request.user, desk_id):
        raise PermissionDenied("Your role may look but not act.", code="role.insufficient")


def caller(request: Request) -> User:
    """Return the signed-in user."""
    assert isinstance(request.user, User)
    return request.user


def through(request: Request) -> str:
    """Name the way by which a request came, for the audit chain."""
    return f"key:{request.auth.prefix}" if isinstance(request.auth, ApiKey) else "session"


def note_refusal(request: Request, error: NotYours) -> None:
    """Write the attempt to reach another's row into the audit chain."""
    audit_record(
        action="access.refused",
        at=timezone.now(),
        actor=caller(request),
        through=through(request),
        subject=str(error.details.get("id", "")),
        details={"path": request.path, "method": str(request.method)},
    )
