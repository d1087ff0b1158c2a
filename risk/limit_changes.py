"""Changes of limits: what tightens holds at once, what loosens waits, and each leaves its audit event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts.audit import audit_record
from brokers.domain.errors import Invalid
from brokers.domain.money import Currency
from brokers.models import TradingAccount
from risk.domain.figures import Written, parsed, written
from risk.domain.levels import KINDS, Figure, Level, can_be_set
from risk.domain.limits import REQUIRED, Limits, require_consistent
from risk.domain.loosening import Change, plan
from risk.models import LevelLimit, LimitChange, LimitSet
from risk.selectors import STORED, figures_of, limits_of

if TYPE_CHECKING:
    from accounts.models import User

Figures = Mapping[str, Figure | None]
MONEY_SUFFIX = "_quote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose limits change: a level and its target in a desk; `account` where the level is one."""

    desk_id: UUID
    level: Level
    target: str
    account: TradingAccount | None = None
    currency: str = ""

    @property
    def subject(self) -> str:
        return self.target if self.account is not None else f"{self.level} {self.target}"


@transaction.atomic
def limits_set(*, account: TradingAccount, values: Mapping[str, Any], by: User | None, at: datetime) -> Limits:
    """Change some of an account's limits, or set all of them the first time; return those in force.

    What tightens holds at once. What loosens takes effect after its delay, and a later decision about the same limit takes
    it back. Raises Invalid for an unknown name, a value that is no number, one that is not above 0, limits that contradict
    each other, and one of the first limits left out. The audit event says which limits are loosened.
    """
    row = LimitSet.objects.select_for_update().filter(account=account).first()
    before: dict[str, Figure | None] = figures_of(row) if row is not None else {}
    wanted = {**before, **{name: _figure(name, value) for name, value in values.items()}}
    missing = next((name for name in REQUIRED if wanted.get(name) is None), None)
    if missing is not None:
        raise Invalid(f"{missing} must be set", code="limit.missing", field=missing)
    require_consistent(Limits(**wanted))  # type: ignore[arg-type]
    place = Place(desk_id=account.desk_id, level=Level.ACCOUNT, target=str(account.pk), account=account)
    changes = plan(before, {name: wanted[name] for name in values}, at=at) if row is not None else ()
    now = wanted if row is None else {**before, **_at_once(changes)}
    saved, _ = LimitSet.objects.update_or_create(account=account, defaults=_columns(now))
    _withdraw(place, list(values), at)
    _wait(place, changes, by, at)
    _audit(place, before=before, after=wanted, changes=changes, by=by, at=at)
    return limits_of(saved)


@transaction.atomic
def level_limit_set(
    *,
    desk_id: UUID,
    level: Level,
    target: str,
    name: str,
    value: object,
    currency: str = "",
    by: User | None,
    at: datetime,
) -> bool:
    """Set or (with None) remove one limit of a desk, user, strategy or instrument; answer whether it holds at once.

    Money needs the currency of the accounts that it bounds. Raises Invalid for a limit that means nothing at the level.
    """
    _check_level(level, name, currency)
    row = (
        LevelLimit.objects.select_for_update()
        .filter(desk_id=desk_id, level=level, target=target, name=name, currency=currency)
        .first()
    )
    before = {name: parsed(name, row.figure) if row is not None else None}
    after = {name: None if value is None else _fitting(name, parsed(name, value))}
    place = Place(desk_id=desk_id, level=level, target=target, currency=currency)
    changes = plan(before, after, at=at)
    for change in changes:
        if not change.is_loosening:
            _put(place, change.name, _as_json(change.after), at)
    _withdraw(place, [name], at)
    _wait(place, changes, by, at)
    _audit(place, before=before, after=after, changes=changes, by=by, at=at)
    return not any(change.is_loosening for change in changes)


def loosenings_apply(*, account_id: UUID, at: datetime) -> int:
    """Let every loosening whose time has come take effect for an account and its other levels; answer how many did."""
    account = TradingAccount.objects.filter(pk=account_id).first()
    if account is None:
        return 0
    due = LimitChange.objects.filter(
        Q(desk_id=account.desk_id) | Q(level=Level.USER, target=str(account.owner_id)),
        applied_at=None,
        withdrawn_at=None,
        effective_at__lte=at,
    )
    return sum(_apply(change.pk, at) for change in due.order_by("effective_at", "pk")) if due.exists() else 0


@transaction.atomic
def loosening_withdraw(*, change: LimitChange, by: User | None, at: datetime) -> None:
    """Take a waiting loosening back, with its audit event; raises Invalid for one that took effect or was taken back."""
    waiting = LimitChange.objects.select_for_update().get(pk=change.pk)
    if waiting.applied_at is not None or waiting.withdrawn_at is not None:
        done = "took effect" if waiting.applied_at is not None else "was taken back"
        raise Invalid(f"this loosening {done} already", code="limit.not_waiting", field="id")
    waiting.withdrawn_at = at
    waiting.save(update_fields=["withdrawn_at"])
    audit_record(
        action="limits.withdrawn",
        at=at,
        actor=by,
        desk_id=waiting.desk_id,
        subject=waiting.target if waiting.account_id else f"{waiting.level} {waiting.target}",
        details={"name": waiting.name, "before": waiting.before, "after": waiting.after},
    )


@transaction.atomic
def _apply(change_id: int, at: datetime) -> bool:
    change = LimitChange.objects.select_for_update().get(pk=change_id)
    if change.applied_at is not None or change.withdrawn_at is not None:
        return False
    place = Place(
        desk_id=change.desk_id,
        level=Level(change.level),
        target=change.target,
        account=change.account,
        currency=change.currency,
    )
    _put(place, change.name, change.after, at)
    change.applied_at = at
    change.save(update_fields=["applied_at"])
    details = {
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "asked_at": change.asked_at.isoformat(),
    }
    audit_record(
        action="limits.loosened",
        at=at,
        actor=change.asked_by,
        desk_id=change.desk_id,
        subject=place.subject,
        details=details,
    )
    return True


def _put(place: Place, name: str, figure: Written | None, at: datetime) -> None:
    if place.account is not None:
        value = None if figure is None else parsed(name, figure)
        LimitSet.objects.filter(account=place.account).update(**_columns({name: value}), changed_at=at)
        return
    where: dict[str, Any] = {
        "desk_id": place.desk_id,
        "level": place.level,
        "target": place.target,
        "name": name,
        "currency": place.currency,
    }
    if figure is None:
        LevelLimit.objects.filter(**where).delete()
        return
    LevelLimit.objects.update_or_create(**where, defaults={"figure": figure, "changed_at": at})


def _withdraw(place: Place, names: list[str], at: datetime) -> None:
    waiting = LimitChange.objects.filter(
        desk_id=place.desk_id,
        level=place.level,
        target=place.target,
        currency=place.currency,
        name__in=names,
        applied_at=None,
        withdrawn_at=None,
    )
    waiting.update(withdrawn_at=at)


def _wait(place: Place, changes: tuple[Change, ...], by: User | None, at: datetime) -> None:
    for change in changes:
        if change.is_loosening:
            LimitChange.objects.create(
                desk_id=place.desk_id,
                account=place.account,
                level=place.level,
                target=place.target,
                name=change.name,
                currency=place.currency,
                before=_as_json(change.before),
                after=_as_json(change.after),
                asked_by=by,
                asked_at=at,
                effective_at=change.effective_at,
            )


def _audit(
    place: Place, *, before: Figures, after: Figures, changes: tuple[Change, ...], by: User | None, at: datetime
) -> None:
    loosened = [change.name for change in changes if change.is_loosening]
    effective_at = max((change.effective_at for change in changes if change.is_loosening), default=None)
    audit_record(
        action="limits.loosen" if loosened else "limits.set",
        at=at,
        actor=by,
        desk_id=place.desk_id,
        subject=place.subject,
        details={
            "before": _texts(before) or None,
            "after": _texts(after),
            "loosened": loosened,
            "effective_at": effective_at.isoformat() if effective_at else None,
        },
    )


def _check_level(level: Level, name: str, currency: str) -> None:
    if name not in KINDS or name not in STORED or level is Level.ACCOUNT or not can_be_set(name, level):
        raise Invalid(f"there is no limit {name} for a {level}", code="limit.unknown", field=name)
    is_money = name.endswith(MONEY_SUFFIX)
    if is_money and currency not in set(Currency):
        raise Invalid(f"{name} is money: say in which currency", code="limit.currency", field="currency")
    if not is_money and currency:
        raise Invalid(f"{name} is no money and has no currency", code="limit.currency", field="currency")


def _figure(name: str, value: object) -> Figure | None:
    if name not in STORED:
        raise Invalid(f"there is no limit named {name}", code="limit.unknown", field=name)
    is_empty = value is None or value in ("", [])
    if is_empty and name not in REQUIRED:
        return None
    return _fitting(name, parsed(name, value))


def _fitting(name: str, figure: Figure) -> Figure:
    if not isinstance(figure, Decimal | int):
        return figure
    column: Any = LimitSet._meta.get_field(name)
    places = getattr(column, "decimal_places", 0)
    digits = getattr(column, "max_digits", 9)
    number = Decimal(figure)
    if abs(number) >= Decimal(10) ** (digits - places):
        raise Invalid(f"{name} is too large", code="limit.too_large", field=name)
    if number != round(number, places):
        raise Invalid(f"{name} has more than {places} decimal places", code="limit.places", field=name)
    return figure


def _at_once(changes: tuple[Change, ...]) -> dict[str, Figure | None]:
    return {change.name: change.after for change in changes if not change.is_loosening}


def _columns(figures: Figures) -> dict[str, object]:
    return {name: figure if isinstance(figure, Decimal | int) else _as_json(figure) for name, figure in figures.items()}


def _as_json(figure: Figure | None) -> Written | None:
    return None if figure is None else written(figure)


def _texts(figures: Figures) -> dict[str, Written]:
    return {name: written(figure) for name, figure in figures.items() if figure is not None}
