"""One door to a user's rows: `Model.objects.visible_to(user)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


class OwnedQuerySet(models.QuerySet[Any]):
    """Rows that belong to a desk, reached by the model's `desk_path`."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Keep the rows of desks of which `user` is an active member."""
        if not user.is_authenticated:
            return self.none()
        path: str = self.model.desk_path
        return self.filter(**{f"{path}__memberships__user": user, f"{path}__memberships__is_active": True})


OwnedManager = models.Manager.from_queryset(OwnedQuerySet)
