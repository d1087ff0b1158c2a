"""Alerts of a desk's people: made and taken back here, watched and fired by the desk that hosts their account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max

from accounts.outbox import outbox_add_all
from analysis.alert_models import AlertFiring, AlertState, PriceAlert
from analysis.domain.alert_frames import FIGURES
from analysis.domain.alerts import Alert, Direction, Subject
from analysis.domain.live_figures import figure_named, offered_live
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.instruments import Instrument
from brokers.domain.market import at_of
from brokers.hub import snapshots, topic_of
from brokers.listings import instruments_by_keys
from brokers.models import TradingAccount

if TYPE_CHECKING:
    from accounts.models import User

TOPIC = "alerts"
TELL_TASK = "notifications.alert_fired"
MOST_ALERTS = 2_000
# how many firings are written down in one transaction
MOST_NOTED = 200
MOST_DELETED = 500
# a desk says every two seconds what it watches
SILENT_AFTER = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToWatch:
    """An account's active alerts for the desk that hosts it, with their instruments as the venue lists them today."""

    alerts: Mapping[str, Alert]
    instruments: Mapping[str, Instrument]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One firing as the desk saw it."""

    alert_id: str
    value: float
    at_ns: int


def alert_add(
    *,
    account: TradingAccount,
    instrument: str,
    direction: str,
    level: Decimal,
    by: User | None,
    at: datetime,
    figure: str = "last_price",
    is_recurring: bool = False,
    hysteresis: Decimal = Decimal(0),
    at_once: bool = False,
    note: str = "",
) -> PriceAlert:
    """Make an alert, which its account's desk watches within a second or two.

    Raises
    ------
    Invalid
        For a figure that neither quotes nor bars tell, a level or hysteresis that cannot be, or too many alerts.
    NotFound
        For an instrument that the account's venue does not list today.
    """
    key = instrument.strip().upper()
    figure = _checked_figure(figure)
    if key not in instruments_by_keys(account.venue, [key]):
        message = f"{key} is not listed at the venue of {account.label}"
        raise NotFound(message, code="instrument.unknown", field="instrument")
    if PriceAlert.objects.filter(account=account, state=AlertState.ACTIVE).count() >= MOST_ALERTS:
        raise Invalid(f"an account has at most {MOST_ALERTS} active alerts", code="alert.many", field="instrument")
    # the watch's own rules speak here, not first in the desk
    Alert(
        id=key,
        subject=Subject(key, figure),
        direction=Direction(direction),
        level=float(level),
        hysteresis=float(hysteresis),
    )
    alert: PriceAlert = PriceAlert.objects.create(
        account=account,
        instrument=key,
        figure=figure,
        direction=direction,
        level=level,
        hysteresis=hysteresis,
        is_recurring=is_recurring,
        waits_for_cross=not at_once,
        is_armed=at_once,
        note=note.strip(),
        created_by=by,
        created_at=at,
    )
    return alert


def alert_remove(*, alert: PriceAlert, at: datetime) -> None:
    """Take an alert back; its log stays."""
    alert.state, alert.removed_at = AlertState.REMOVED, at
    alert.save(update_fields=["state", "removed_at"])


def alerts_listed(user: User, *, now: datetime, limit: int = 100, offset: int = 0) -> dict[str, Any]:
    """Return a page of the user's alerts, the newest first, and whether each is being watched; `count` is of all."""
    listed = PriceAlert.objects.visible_to(user).exclude(state=AlertState.REMOVED)
    rows = list(listed.select_related("account").order_by("-created_at", "id")[offset : offset + limit])
    watches = _watches({row.account_id for row in rows})
    return {
        "results": [alert_row(row, watches.get(str(row.account_id)), now=now) for row in rows],
        "count": listed.count(),
        "active": listed.filter(state=AlertState.ACTIVE).count(),
        "figures": [{"name": name, "text": figure.text} for name, figure in FIGURES.items()],
        "indicators": offered_live(),
    }


def alert_row(alert: PriceAlert, watch: Mapping[str, Any] | None, *, now: datetime) -> dict[str, Any]:
    """Return one alert as its owner sees it; `watch` is what its account's desk last said of its alerts."""
    reason = _unwatched(alert, watch, now=now)
    return {
        "id": str(alert.id),
        "account": str(alert.account_id),
        "instrument": alert.instrument,
        "figure": alert.figure,
        "figure_text": _words(alert.figure),
        "direction": alert.direction,
        "level": _plain(alert.level),
        "recurring": alert.is_recurring,
        "hysteresis": _plain(alert.hysteresis),
        "at_once": not alert.waits_for_cross,
        "note": alert.note,
        "state": alert.state,
        "fired_count": alert.fired_count,
        "last_fired_at": alert.last_fired_at,
        "last_value": None if alert.last_value is None else _plain(alert.last_value),
        "created_at": alert.created_at,
        "watched": reason is None,
        "unwatched_reason": reason,
    }


def alert_log(
    user: User,
    *,
    alert: UUID | None = None,
    since: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Return firings of the user's alerts, the newest first; `before` is the id of the last one of an earlier page."""
    rows = AlertFiring.objects.visible_to(user).select_related("alert")
    if alert is not None:
        rows = rows.filter(alert_id=alert)
    if since is not None:
        rows = rows.filter(noted_at__gt=since)
    if before is not None:
        rows = rows.filter(id__lt=before)
    page = list(rows.order_by("-id")[: limit + 1])
    found = [
        {
            "id": str(row.id),
            "alert": str(row.alert_id),
            "instrument": row.alert.instrument,
            "figure": row.alert.figure,
            "direction": row.alert.direction,
            "level": _plain(row.alert.level),
            "value": _plain(row.value),
            "at": row.exchange_at,
            "noted_at": row.noted_at,
            "text": sentence_of(row.alert, row.value),
        }
        for row in page[:limit]
    ]
    return {"results": found, "count": len(found), "more": len(page) > limit}


def alerts_tidy(*, now: datetime, days: int | None = None) -> int:
    """Delete firings, and alerts that were taken back, older than so many days; return how many rows went.

    A few hundred rows a transaction: a desk that notes a firing must not wait for it.
    """
    before = now - timedelta(days=settings.WINDHOVER_ALERT_LOG_DAYS if days is None else days)
    return _deleted(AlertFiring.objects.filter(noted_at__lt=before)) + _deleted(
        PriceAlert.objects.filter(removed_at__lt=before, firings=None)
    )


def _deleted(rows: Any) -> int:
    gone = 0
    while ids := list(rows.values_list("pk", flat=True)[:MOST_DELETED]):
        gone += rows.model.objects.filter(pk__in=ids).delete()[0]
    return gone


def sentence_of(alert: PriceAlert, value: Decimal) -> str:
    """Say in words that an alert fired."""
    words = FIGURES[alert.figure].text.lower() if alert.figure in FIGURES else _words(alert.figure)
    note = f" ({alert.note})" if alert.note else ""
    return f"{alert.instrument}: {words} {_plain(value)}, {alert.direction} {_plain(alert.level)}{note}"


# --- for the desk


def watch_mark(account_id: str) -> tuple[object, ...]:
    """Return what changes whenever an account's active alerts do; cheap enough for every second."""
    rows = PriceAlert.objects.filter(account_id=UUID(account_id), state=AlertState.ACTIVE)
    found = rows.aggregate(count=Count("id"), newest=Max("created_at"))
    return found["count"], found["newest"]


def alerts_to_watch(account_id: str, venue: str) -> ToWatch:
    """Return an account's active alerts with what they came to so far, and the instruments that the venue lists."""
    rows = PriceAlert.objects.filter(account_id=UUID(account_id), state=AlertState.ACTIVE).order_by("created_at", "id")
    alerts = {
        str(row.id): Alert(
            id=str(row.id),
            subject=Subject(row.instrument, row.figure),
            direction=Direction(row.direction),
            level=float(row.level),
            waits_for_cross=not row.is_armed,
            is_recurring=row.is_recurring,
            hysteresis=float(row.hysteresis),
            has_fired=row.fired_count > 0,
        )
        for row in rows
    }
    names = {alert.subject.instrument for alert in alerts.values()}
    return ToWatch(alerts=alerts, instruments=instruments_by_keys(venue, names))


@transaction.atomic
def alerts_note(*, fired: Sequence[Fired], turned: Mapping[str, bool], at: datetime) -> list[str]:
    """Write down what fired, what waits for its level again and what for the way back; return sentences of the firings.

    An alert that was taken back meanwhile, or that fired for good elsewhere, stays as it is.
    """
    rows = PriceAlert.objects.filter(id__in={one.alert_id for one in fired}, state=AlertState.ACTIVE).order_by("id")
    # held: what is taken back meanwhile must not come back
    known = {str(row.id): row for row in rows.select_for_update()}
    firings = [firing for one in fired if (firing := _firing(known.get(one.alert_id), one, at)) is not None]
    PriceAlert.objects.bulk_update(known.values(), _FIRED_FIELDS)
    noted = AlertFiring.objects.bulk_create(firings)
    # a broker that is away must not keep the desk: the schedule sends what waits
    outbox_add_all(task=TELL_TASK, queue="notify", arguments=[{"firing_id": str(one.id)} for one in noted], at=at)
    for is_armed in (True, False):
        ids = [alert_id for alert_id, turn in turned.items() if turn is is_armed]
        PriceAlert.objects.filter(id__in=ids, state=AlertState.ACTIVE).update(is_armed=is_armed)
    return [sentence_of(one.alert, one.value) for one in noted]


_FIRED_FIELDS = ("state", "is_armed", "fired_count", "last_fired_at", "last_value")


def _firing(alert: PriceAlert | None, fired: Fired, at: datetime) -> AlertFiring | None:
    """Bring an alert to where it stands after a firing and return the firing; None for an alert that is over."""
    if alert is None or alert.state != AlertState.ACTIVE:
        return None
    value, fired_at = Decimal(f"{fired.value:.8f}").normalize(), at_of(fired.at_ns) or at
    alert.state = AlertState.ACTIVE if alert.is_recurring else AlertState.FIRED
    alert.is_armed, alert.fired_count = False, alert.fired_count + 1
    alert.last_fired_at, alert.last_value = fired_at, value
    return AlertFiring(alert=alert, value=value, exchange_at=fired_at, noted_at=at)


def _watches(accounts: set[UUID]) -> dict[str, Mapping[str, Any]]:
    topics = {topic_of(str(account), TOPIC): str(account) for account in accounts}
    return {topics[topic]: frame.get("data") or {} for topic, frame in snapshots(list(topics)).items()}


def _unwatched(alert: PriceAlert, watch: Mapping[str, Any] | None, *, now: datetime) -> str | None:
    if alert.state != AlertState.ACTIVE:
        return "It has fired."
    if not alert.account.is_enabled:
        return f"{alert.account.label} is at rest."
    said_at = None if watch is None else watch.get("at")
    if watch is None or said_at is None or now - datetime.fromisoformat(str(said_at)) > SILENT_AFTER:
        return f"No desk hosts {alert.account.label} just now."
    reason: str | None = (watch.get("unwatched") or {}).get(str(alert.id))
    if reason is None and alert.created_at > datetime.fromisoformat(str(watch.get("read_at", said_at))):
        return "It is taken up in a moment."
    return reason


def _checked_figure(figure: str) -> str:
    if figure in FIGURES:
        return figure
    try:
        return str(figure_named(figure))
    except Invalid as problem:
        known = ", ".join(FIGURES)
        message = f"{figure!r} can be watched neither on quotes ({known}) nor on bars: {problem.message}"
        raise Invalid(message, code=problem.code, field="figure") from problem


def _words(figure: str) -> str:
    return FIGURES[figure].text if figure in FIGURES else figure_named(figure).text


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
