"""Combinations kept under a name: saving, listing, taking away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Desk, User
from brokers.domain.errors import Invalid
from options.builder_models import Combination

MOST_SAVED = 200


def combinations_rows(user: User) -> list[dict[str, Any]]:
    """Return what the user's desks have saved, by name."""
    rows = Combination.objects.visible_to(user).select_related("saved_by").order_by("name", "id")
    return [combination_row(row) for row in rows]


def combination_row(row: Combination) -> dict[str, Any]:
    """Give one saved combination."""
    return {
        "id": str(row.id),
        "name": row.name,
        "underlying": row.underlying,
        "legs": row.legs,
        "saved_by": str(row.saved_by) if row.saved_by else "",
        "saved_at": row.saved_at,
    }


def combination_save(
    *,
    desk: Desk,
    name: str,
    underlying: str,
    legs: Sequence[Mapping[str, Any]],
    may_replace: bool,
    by: User,
    at: datetime,
) -> Combination:
    """Keep a combination under a name; one of that name is replaced only where that is wanted.

    Raises
    ------
    Invalid
        Where the name is taken, or the desk has saved as many as it may.
    """
    values = {"underlying": underlying, "legs": [dict(leg) for leg in legs], "saved_by": by, "saved_at": at}
    with transaction.atomic():
        held: Combination | None = Combination.objects.select_for_update().filter(desk=desk, name=name).first()
        if held is not None and not may_replace:
            raise Invalid(
                f"There is a combination named {name}; allowed: another name, or to replace it.",
                code="combination.exists",
                field="name",
                details={"value": name, "allowed": "another name, or replace: true"},
            )
        if held is None and Combination.objects.filter(desk=desk).count() >= MOST_SAVED:
            raise Invalid(
                f"The desk has saved {MOST_SAVED} combinations; allowed: {MOST_SAVED}, so delete one first.",
                code="combination.too_many",
                field="name",
                details={"value": name, "allowed": MOST_SAVED},
            )
        saved, _ = Combination.objects.update_or_create(desk=desk, name=name, defaults=values)
    return saved


def combination_remove(*, combination: Combination) -> None:
    """Take a saved combination away."""
    combination.delete()
