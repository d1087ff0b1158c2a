"""Following an underlying's chains, ceasing to, and what the desk writes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.audit import audit_record
from accounts.selectors import may_write
from brokers import hub
from brokers.domain.errors import Invalid, NotFound
from brokers.models import TradingAccount
from options.domain.alerts import Measure, Rule
from options.listed import VENUE, has_options
from options.models import (
    FEWEST_EXPIRIES,
    MOST_EXPIRIES,
    ChainAlert,
    ChainAlertFired,
    ChainDay,
    ChainMinute,
    TrackedUnderlying,
)

if TYPE_CHECKING:
    from accounts.models import User

BY_DEFAULT = ("NIFTY", "SENSEX")
EXPIRIES = 3
MOST_ALERTS = 50
# each brings some hundred options to a desk that trades for others too
MOST_FOLLOWED = 10


def tracking_start(
    *, user: User, underlying: str, expiries: int | None, account: TradingAccount | None, at: datetime
) -> TrackedUnderlying:
    """Follow an underlying's chains on one of the user's own accounts, and ring its desk.

    Without an account it is the one that follows it already, else the oldest.

    Raises
    ------
    Invalid
        Where the venue lists no options on it, or the account cannot bring them, or brings as many as it may.
    NotFound
        Where the user has no account whose venue lists options.
    """
    count = EXPIRIES if expiries is None else expiries
    if not FEWEST_EXPIRIES <= count <= MOST_EXPIRIES:
        message = f"between {FEWEST_EXPIRIES} and {MOST_EXPIRIES} expiries can be followed"
        raise Invalid(message, code="chain.expiries", field="expiries")
    if not has_options(underlying):
        raise Invalid(f"{underlying} has no listed options", code="chain.no_options", field="underlying")
    with transaction.atomic():
        known = TrackedUnderlying.objects.filter(owner=user, underlying=underlying).first()
        chosen = _account_for(user, account, known)
        # whoever asks for one more keeps what everybody has
        tracking_by_default(account_id=str(chosen.pk), at=at)
        _check_room(chosen, underlying)
        row, _ = TrackedUnderlying.objects.update_or_create(
            owner=user,
            underlying=underlying,
            defaults={"account": chosen, "expiries": count, "is_tracked": True, "asked_at": at},
        )
        audit_record(
            action="options.tracking_start", at=at, actor=user, desk_id=chosen.desk_id, subject=f"{underlying} {count}"
        )
    transaction.on_commit(lambda: hub.ring(str(chosen.pk)))
    started: TrackedUnderlying = row
    return started


def _check_room(account: TradingAccount, underlying: str) -> None:
    followed = TrackedUnderlying.objects.filter(account=account, is_tracked=True).exclude(underlying=underlying).count()
    if followed >= MOST_FOLLOWED:
        message = f"the account follows {followed} underlyings already, which is the most; cease to follow one first"
        raise Invalid(message, code="chain.many", field="underlying")


def tracking_stop(*, row: TrackedUnderlying, by: User, at: datetime) -> None:
    """Follow an underlying no longer; what was kept of it stays."""
    with transaction.atomic():
        row.is_tracked = False
        row.save(update_fields=["is_tracked"])
        account: TradingAccount = row.account
        audit_record(action="options.tracking_stop", at=at, actor=by, desk_id=account.desk_id, subject=row.underlying)
    transaction.on_commit(lambda: hub.ring(str(account.pk)))


def tracking_by_default(*, account_id: str, at: datetime) -> None:
    """Follow NIFTY and SENSEX for an owner who has never followed or ceased to follow anything."""
    account = TradingAccount.objects.get(pk=UUID(account_id))
    if account.venue != VENUE or TrackedUnderlying.objects.filter(owner=account.owner_id).exists():
        return
    TrackedUnderlying.objects.bulk_create(
        [
            TrackedUnderlying(
                owner_id=account.owner_id, account=account, underlying=name, expiries=EXPIRIES, asked_at=at
            )
            for name in BY_DEFAULT
            if has_options(name)
        ],
        ignore_conflicts=True,
    )


def alert_add(*, row: TrackedUnderlying, measure: str, level: float, by: User, at: datetime) -> ChainAlert:
    """Wish to be told; the same wish twice is one.

    Raises
    ------
    Invalid
        For a level that is no positive number, and beyond fifty wishes.
    """
    Rule(measure=Measure(measure), level=level)
    known = ChainAlert.objects.filter(tracked=row)
    if known.count() >= MOST_ALERTS:
        raise Invalid(f"at most {MOST_ALERTS} alerts on one underlying", code="chain.alerts", field="level")
    try:
        with transaction.atomic():
            made: ChainAlert = ChainAlert.objects.create(tracked=row, measure=measure, level=level, created_at=at)
            audit_record(
                action="options.alert_add",
                at=at,
                actor=by,
                desk_id=row.account.desk_id,
                subject=f"{row.underlying} {measure} {level:g}",
            )
    except IntegrityError:
        made = known.get(measure=measure, level=level)
    return made


def alert_switch(*, alert: ChainAlert, is_on: bool, by: User, at: datetime) -> None:
    """Watch an alert again, or no longer; its level and what it told stay."""
    with transaction.atomic():
        alert.is_on = is_on
        alert.save(update_fields=["is_on"])
        tracked: TrackedUnderlying = alert.tracked
        subject = f"{tracked.underlying} {alert} {'on' if is_on else 'off'}"
        audit_record(action="options.alert_switch", at=at, actor=by, desk_id=tracked.account.desk_id, subject=subject)


def alert_remove(*, alert: ChainAlert, by: User, at: datetime) -> None:
    """Take a wish back."""
    with transaction.atomic():
        tracked: TrackedUnderlying = alert.tracked
        subject = f"{tracked.underlying} {alert}"
        alert.delete()
        audit_record(action="options.alert_remove", at=at, actor=by, desk_id=tracked.account.desk_id, subject=subject)


# --- what the desk writes


def minutes_write(*, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep what a minute came to; a minute written twice has the later figures."""
    made = [ChainMinute(**row) for row in rows]
    figures = [field.name for field in ChainMinute._meta.fields if field.name not in _MINUTE_KEY]
    ChainMinute.objects.bulk_create(
        made, update_conflicts=True, unique_fields=["tracked", "expiry", "at"], update_fields=figures
    )


_MINUTE_KEY = {"id", "tracked", "expiry", "at"}


def day_write(*, tracked_id: UUID, day: date, at: datetime, iv_30d: float) -> None:
    """Keep the last 30-day volatility that a day has shown."""
    ChainDay.objects.update_or_create(tracked_id=tracked_id, day=day, defaults={"at": at, "iv_30d": iv_30d})


def fired_write(*, tracked_id: UUID, expiry: date, told: Sequence[tuple[str, datetime, str]]) -> None:
    """Keep the alerts that were told: measure, moment and sentence."""
    ChainAlertFired.objects.bulk_create(
        ChainAlertFired(tracked_id=tracked_id, expiry=expiry, measure=measure, at=at, text=text[:200])
        for measure, at, text in told
    )


def _account_for(user: User, account: TradingAccount | None, known: TrackedUnderlying | None) -> TradingAccount:
    if account is not None:
        if account.owner_id != user.pk or account.venue != VENUE:
            message = "chains are followed on an account of one's own, at a venue that lists options"
            raise Invalid(message, code="chain.account", field="account")
        return account
    if known is not None and known.is_tracked:
        followed: TradingAccount = known.account
        return followed
    own = TradingAccount.objects.filter(owner=user, venue=VENUE, is_enabled=True).order_by("created_at")
    chosen: TradingAccount | None = next((one for one in own if may_write(user, one.desk_id)), None)
    if chosen is None:
        raise NotFound("You have no account whose venue lists options.", code="chain.no_account")
    return chosen
