"""Changes of limits and switches, each with its audit event in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from accounts.audit import audit_record
from brokers.domain.errors import Invalid
from brokers.models import TradingAccount
from risk.domain.limits import Limits, loosened
from risk.models import KillSwitch, LimitSet, SwitchScope
from risk.selectors import limits_of

if TYPE_CHECKING:
    from accounts.models import User

REASON_LENGTH = 300
_COUNTS = frozenset({"max_orders_per_second", "max_orders_per_day"})


@transaction.atomic
def limits_set(*, account: TradingAccount, values: Mapping[str, Any], by: User | None, at: datetime) -> Limits:
    """Change some of an account's limits, or set all of them the first time.

    Raises Invalid for an unknown name, a value that is no number, one that is not above 0, and a
    name left out of the first set. The audit event says which limits were loosened.
    """
    row = LimitSet.objects.select_for_update().filter(account=account).first()
    before = limits_of(row) if row is not None else None
    after = _limits(before, values)
    LimitSet.objects.update_or_create(account=account, defaults=asdict(after))
    looser = loosened(before, after) if before is not None else ()
    audit_record(
        action="limits.loosen" if looser else "limits.set",
        at=at,
        actor=by,
        desk_id=account.desk_id,
        subject=str(account.pk),
        details={
            "before": _as_text(before) if before is not None else None,
            "after": _as_text(after),
            "loosened": list(looser),
        },
    )
    return after


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


def _limits(before: Limits | None, values: Mapping[str, Any]) -> Limits:
    names = [field.name for field in fields(Limits)]
    unknown = next((name for name in values if name not in names), None)
    if unknown is not None:
        raise Invalid(f"there is no limit named {unknown}", code="limit.unknown", field=unknown)
    kept = asdict(before) if before is not None else {}
    missing = next((name for name in names if name not in values and name not in kept), None)
    if missing is not None:
        raise Invalid(f"{missing} must be set", code="limit.missing", field=missing)
    return Limits(**kept | {name: _number(name, value) for name, value in values.items()})


def _number(name: str, value: object) -> Decimal | int:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise Invalid(f"{name} must be a number, not {value!r}", code="limit.not_a_number", field=name) from None
    if not number.is_finite():
        raise Invalid(f"{name} must be a number, not {value!r}", code="limit.not_a_number", field=name)
    if name not in _COUNTS:
        return _fitting(name, number)
    if number != number.to_integral_value():
        raise Invalid(f"{name} must be a whole number, not {number}", code="limit.not_whole", field=name)
    return int(_fitting(name, number))


def _fitting(name: str, number: Decimal) -> Decimal:
    column: Any = LimitSet._meta.get_field(name)
    places = getattr(column, "decimal_places", 0)
    digits = getattr(column, "max_digits", 9)
    if abs(number) >= Decimal(10) ** (digits - places):
        raise Invalid(f"{name} is too large", code="limit.too_large", field=name)
    if number != round(number, places):
        raise Invalid(f"{name} has more than {places} decimal places", code="limit.places", field=name)
    return number


def _as_text(limits: Limits) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(limits).items()}
