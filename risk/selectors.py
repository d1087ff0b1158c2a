"""Reads of limits, switches and breaches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q

from brokers.domain.errors import DataError
from brokers.domain.orders import Book
from brokers.models import TradingAccount
from risk.domain.figures import parsed
from risk.domain.levels import KINDS, Figure, Level, LevelLimits, is_tighter
from risk.domain.limits import Limits, with_levels
from risk.domain.switch import RELEASED, Switches, SwitchState
from risk.domain.worth import UnitValue
from risk.liveness_models import UnitWorth
from risk.models import Breach, KillSwitch, LevelLimit, LimitChange, LimitLevel, LimitSet, SwitchScope

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

# What an account may set: the limits for which its gate is told every fact.
STORED = tuple(name for name in KINDS if any(column.name == name for column in LimitSet._meta.get_fields()))


def limits_for(account: TradingAccount) -> Limits:
    """Return an account's limits; raises DataError where none were set, since no limit is not no bound."""
    row = LimitSet.objects.select_related("account").filter(account=account).first()
    if row is None:
        raise DataError(
            f"{account} has no limits, so it may not trade", code="limit.missing", details={"account": str(account.pk)}
        )
    return limits_in_force(row)


def limits_of(row: LimitSet) -> Limits:
    """Return an account's own limits as the value that the gate takes."""
    return Limits(**figures_of(row))  # type: ignore[arg-type]


def figures_of(row: LimitSet) -> dict[str, Figure | None]:
    """Return an account's own limits by name, None for what bounds nothing."""
    found: dict[str, Figure | None] = {}
    for name in STORED:
        raw = getattr(row, name)
        found[name] = None if raw is None else parsed(name, raw)
    return found


def limits_in_force(row: LimitSet) -> Limits:
    """Return an account's limits with what its desk, owner, strategies and instruments add."""
    limits = with_levels(limits_of(row), levels_for(row.account))
    if limits.max_drawdown_fraction is None and limits.max_leverage is None:
        return limits
    return replace(limits, worth=worth_of(row.account))


def worth_of(account: TradingAccount) -> dict[Book, UnitValue]:
    """Return what the account's books were last seen to be worth."""
    return {
        Book(row.book): UnitValue(
            nav=row.nav,
            peak=row.peak,
            equity_quote=row.equity_quote,
            net_quote=row.net_quote,
            day_ends_at=row.day_ends_at,
        )
        for row in UnitWorth.objects.filter(account=account)
    }


def levels_for(account: TradingAccount) -> tuple[LevelLimits, ...]:
    """Return what other levels add to an account's limits; money in another currency does not bound it."""
    mine = (
        Q(level=LimitLevel.DESK, target=str(account.desk_id))
        | Q(level=LimitLevel.USER, target=str(account.owner_id))
        | Q(level__in=[LimitLevel.STRATEGY, LimitLevel.INSTRUMENT], desk_id=account.desk_id)
    )
    rows = LevelLimit.objects.filter(mine, currency__in=["", account.currency]).order_by("level", "target", "name")
    found: dict[tuple[str, str], dict[str, Figure]] = {}
    for row in rows:
        figures = found.setdefault((row.level, row.target), {})
        figure, known = parsed(row.name, row.figure), figures.get(row.name)
        # two desks may have set the same limit for one user
        figures[row.name] = figure if known is None or is_tighter(row.name, figure, known) else known
    return tuple(
        LevelLimits(level=Level(level), target=target, values=values) for (level, target), values in found.items()
    )


def level_rows(user: User | AnonymousUser) -> list[dict[str, Any]]:
    """Return the limits of desks, users, strategies and instruments that a user may see."""
    rows = LevelLimit.objects.visible_to(user).order_by("level", "target", "name")
    return list(rows.values("level", "target", "name", "figure", "currency", "changed_at"))


def waiting_changes(user: User | AnonymousUser) -> list[dict[str, Any]]:
    """Return the loosenings that wait for their time, soonest first."""
    rows = LimitChange.objects.visible_to(user).filter(applied_at=None, withdrawn_at=None).order_by("effective_at")
    return list(rows.values("id", "level", "target", "name", "currency", "before", "after", "asked_at", "effective_at"))


def switches_for(account: TradingAccount) -> Switches:
    """Return the switches above one account, its deployments' among them."""
    rows = {(row.scope, row.target_id): switch_state(row) for row in KillSwitch.objects.filter(desk_id=account.desk_id)}
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


def switch_state(row: KillSwitch | None) -> SwitchState:
    """Return a switch as the value that the gate takes; one that was never touched is released."""
    return RELEASED if row is None else SwitchState(is_engaged=row.is_engaged, reason=row.reason, epoch=row.epoch)
