"""Keeping lists, corporate actions and changed names: what a file says replaces what was there."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from analysis.domain.adjustments import CorporateAction, Rename
from analysis.domain.universe import Membership
from analysis.models import ChangedName, ListedAction, ListMember
from brokers.domain.errors import Invalid


@transaction.atomic
def members_take(*, universe: str, members: Sequence[Membership]) -> int:
    """Let a list have exactly these stays; raise Invalid for an empty one, which would be a slip."""
    if not members:
        raise Invalid(f"{universe} would have no members", code="universe.empty", field="universe")
    ListMember.objects.filter(universe=universe).delete()
    ListMember.objects.bulk_create(
        ListMember(universe=universe, instrument=stay.symbol, sector=stay.sector, since=stay.since, until=stay.until)
        for stay in members
    )
    return len(members)


def actions_take(*, actions: Sequence[CorporateAction], source: str) -> int:
    """Add actions; one of the same instrument and day replaces what stood there."""
    ListedAction.objects.bulk_create(
        [
            ListedAction(
                instrument=one.symbol, ex_date=one.ex_date, factor=one.factor, kind=one.kind.value, source=source
            )
            for one in actions
        ],
        update_conflicts=True,
        unique_fields=["instrument", "ex_date"],
        update_fields=["factor", "kind", "source"],
    )
    return len(actions)


def renames_take(*, renames: Sequence[Rename]) -> int:
    """Add changed names; one of the same old name and day replaces what stood there."""
    ChangedName.objects.bulk_create(
        [ChangedName(old=one.old, new=one.new, on=one.on) for one in renames],
        update_conflicts=True,
        unique_fields=["old", "on"],
        update_fields=["new"],
    )
    return len(renames)
