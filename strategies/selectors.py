"""Reads of deployments and of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.ownership import OwnedQuerySet
from strategies.domain import schema_for
from strategies.models import Deployment, DeploymentState
from strategies.registry import strategies_all

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


def deployments_visible(user: User | AnonymousUser, *, account_id: UUID | None = None) -> OwnedQuerySet:
    """Return the deployments a user may see, oldest first, without the removed ones."""
    rows = Deployment.objects.visible_to(user).exclude(state=DeploymentState.REMOVED)
    if account_id is not None:
        rows = rows.filter(account_id=account_id)
    return rows.select_related("account").order_by("created_at", "pk")


def catalogue_rows() -> list[dict[str, Any]]:
    """Return every strategy with the parameters its form shows."""
    return [schema_for(strategy) for strategy in strategies_all()]
