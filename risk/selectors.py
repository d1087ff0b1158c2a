"""Reads of limits, switches and breaches."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any
from uuid import UUID

from brokers.domain.errors import DataError
from brokers.models import TradingAccount
from risk.domain.limits import Limits
from risk.domain.switch import RELEASED, Switches, SwitchState
from risk.models import Breach, KillSwitch, LimitSet, SwitchScope

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User


def limits_for(account: TradingAccount) -> Limits:
    """Return an account's limits; raises DataError where none were set, since no limit is not no bound."""
    row = LimitSet.objects.filter(account=account).first()
    if row is None:
        raise DataError(
            f"{account} has no limits, so it may not trade", code="limit.missing", details={"account": str(account.pk)}
        )
    return limits_of(row)


def limits_of(row: LimitSet) -> Limits:
    """Return a row as the value that the gate takes."""
    return Limits(**{field.name: getattr(row, field.name) for field in fields(Limits)})


def switches_for(account: TradingAccount) -> Switches:
    """Return the switches above one account, its deployments' among them."""
    rows = {(row.scope, row.target_id): _state(row) for row in KillSwitch.objects.filter(desk_id=account.desk_id)}
    deployment_ids = {str(pk) for pk in account.deployments.values_list("pk", flat=True)}
    return Switches(
        desk=rows.get((SwitchScope.DESK, account.desk_id), RELEASED),
        account=rows.get((SwitchScope.ACCOUNT, account.pk), RELEASED),
        deployments={
            str(target_id): state
            for (scope, target_id), state in rows.items()
            if scope == SwitchScope.DEPLOYMENT and str(target_id) in deployment_ids
        },
    )


def switch_rows(user: User | AnonymousUser) -> list[dict[str, Any]]:
    """Return the switches a user may see, engaged ones first."""
    rows = KillSwitch.objects.visible_to(user).order_by("-is_engaged", "-changed_at")
    return [
        {
            "scope": row.scope,
            "target": str(row.target_id),
            "engaged": row.is_engaged,
            "reason": row.reason,
            "changed_at": row.changed_at,
            "epoch": row.epoch,
        }
        for row in rows
    ]


def breaches(user: User | AnonymousUser, *, account_id: UUID | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Return the latest refusals a user may see, newest first."""
    rows = Breach.objects.visible_to(user).order_by("-fired_at")
    if account_id is not None:
        rows = rows.filter(account_id=account_id)
    return [
        {
            "account": str(row.account_id),
            "rule": row.rule,
            "reason": row.reason,
            "instrument": row.instrument,
            "fired_at": row.fired_at,
        }
        for row in rows[:limit]
    ]


def _state(row: KillSwitch) -> SwitchState:
    return SwitchState(is_engaged=row.is_engaged, reason=row.reason, epoch=row.epoch)
