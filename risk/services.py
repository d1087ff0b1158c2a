"""Changes of limits and switches, each with its audit event in the same transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from accounts.audit import audit_record
from brokers.domain.errors import Invalid
from risk.limit_changes import level_limit_set, limits_set, loosening_withdraw, loosenings_apply
from risk.models import KillSwitch, SwitchScope

if TYPE_CHECKING:
    from accounts.models import User

REASON_LENGTH = 300
__all__ = ["level_limit_set", "limits_set", "loosening_withdraw", "loosenings_apply", "switch_set"]


@transaction.atomic
def switch_set(
    *, scope: str, desk_id: UUID, target_id: UUID, engaged: bool, reason: str, by: User | None, at: datetime
) -> tuple[KillSwitch, bool]:
    """Set a switch and grow its epoch; answer the switch and whether anything changed.

    Raises Invalid for an unknown scope, and for engaging without a reason.
    """
    if scope not in SwitchScope.values:
        raise Invalid(f"{scope!r} is no scope of a switch", code="switch.scope", field="scope")
    if engaged and not reason.strip():
        raise Invalid("say why the switch is pulled", code="switch.reason", field="reason")
    switch, _ = KillSwitch.objects.select_for_update().get_or_create(
        scope=scope, target_id=target_id, defaults={"desk_id": desk_id, "changed_at": at}
    )
    if switch.is_engaged == engaged:
        return switch, False
    switch.is_engaged, switch.reason, switch.changed_by, switch.changed_at = engaged, reason[:REASON_LENGTH], by, at
    switch.epoch += 1
    switch.save()
    audit_record(
        action="switch.engage" if engaged else "switch.release",
        at=at,
        actor=by,
        desk_id=desk_id,
        subject=f"{scope} {target_id}",
        details={"reason": switch.reason, "epoch": switch.epoch},
    )
    return switch, True
