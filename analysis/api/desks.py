"""Which desk a write of the analysis belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from accounts.selectors import desks_to_act_on
from analysis.own_models import Watchlist
from analysis.subjects import require_known
from brokers.api.lookup import caller, check_may_write, row_of
from brokers.domain.errors import NotFound

if TYPE_CHECKING:
    from accounts.models import Desk
    from accounts.ownership import OwnedQuerySet


def desk_of(request: Request) -> Desk:
    """Return the caller's first desk on which their role lets them act; raise PermissionDenied where there is none."""
    desks = desks_to_act_on(caller(request))
    if not desks:
        raise PermissionDenied("Your role may look but not act.", code="role.insufficient")
    return desks[0]


def desk_of_list(request: Request, universe: str | None) -> Desk:
    """Return the desk on which a list is scanned: the one it belongs to, else the caller's first."""
    first = desk_of(request)
    if not universe:
        return first
    for desk in desks_to_act_on(caller(request)):
        try:
            require_known(universe, Watchlist.objects.filter(desk=desk))
        except NotFound:
            continue
        return desk
    return first


def own_row(rows: OwnedQuerySet, *, request: Request, id: UUID, word: str) -> Any:  # noqa: A002 - rows of any model
    """Return a row that the caller may change; another's does not exist for them."""
    row = row_of(rows, request=request, id=id, word=word, field="id")
    check_may_write(request, row.desk_id)
    return row
