"""Letters to the owners of accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from analysis.alert_models import AlertFiring
from analysis.alerts import sentence_of
from brokers.domain.calendar import Segment
from brokers.domain.clock import IST
from brokers.domain.india import INDIA
from brokers.models import Proof, SessionState, TradingAccount, VenueLogin
from notifications.models import Letter

BRAND = "Windhover"


def session_ended_tell(*, account_id: str, epoch: int, at: datetime) -> bool:
    """Tell an account's owner that its session is over; answer False where that is old news or was told already."""
    login = VenueLogin.objects.select_related("account__owner").get(account_id=account_id)
    if login.state == SessionState.LIVE or login.epoch != epoch or not login.account.is_enabled:
        return False
    told = {"reason": login.reason, "ended": f"{at.astimezone(IST):%H:%M IST on %-d %B}"}
    subject, page = f"your Kite session of {login.account.label} has ended", "session_ended"
    if login.account.auth_scheme != Proof.LOGIN:
        subject, page = f"the key of {login.account.label} is refused", "key_refused"
    return _send(login.account, key=f"session-{account_id}-{epoch}", subject=subject, page=page, told=told, at=at)


def mornings_tell(*, at: datetime) -> int:
    """Remind the owners of accounts that nobody is logged in to, on a trading day before the open; return how many."""
    session = INDIA.session(Segment.EQUITY_WITH_DERIVATIVES, at.astimezone(IST).date())
    if session is None or at >= session.open_at:
        return 0
    waiting = TradingAccount.objects.filter(
        is_enabled=True, is_simulated=False, login__state=SessionState.NEEDS_LOGIN, auth_scheme=Proof.LOGIN
    ).select_related("owner")
    told = {"opens": f"{session.open_at.astimezone(IST):%H:%M}"}
    key = f"morning-{session.day:%Y-%m-%d}"
    subject = "log in to Kite before the market opens"
    return sum(
        _send(account, key=f"{key}-{account.pk}", subject=subject, page="morning", told=told, at=at)
        for account in waiting
    )


def alert_tell(*, firing_id: str, at: datetime) -> bool:
    """Tell who made an alert that it fired; of one that fires again and again a letter an hour is enough."""
    firing = AlertFiring.objects.select_related("alert__created_by", "alert__account").get(pk=firing_id)
    alert = firing.alert
    if alert.created_by is None or not alert.created_by.is_active:
        return False
    key = f"alert-{alert.pk}-{firing.noted_at:%Y%m%d%H}"
    letter, _ = Letter.objects.get_or_create(
        key=key, defaults={"user": alert.created_by, "subject": f"alert on {alert.instrument}"[:120], "created_at": at}
    )
    if letter.sent_at is not None:
        return False
    told = {
        "sentence": sentence_of(alert, firing.value),
        "at": f"{firing.exchange_at.astimezone(IST):%H:%M:%S IST on %-d %B}",
        "recurring": alert.is_recurring,
        "label": alert.account.label,
        "link": settings.WINDHOVER_SITE_URL + "/analysis/alerts",
    }
    body = render_to_string("notifications/alert_fired.txt", told)
    send_mail(f"{BRAND}: {letter.subject}", body, None, [alert.created_by.email])
    Letter.objects.filter(pk=letter.pk).update(sent_at=at)
    return True


def _send(account: TradingAccount, *, key: str, subject: str, page: str, told: dict[str, Any], at: datetime) -> bool:
    """Send a letter once: the row stands before it leaves, and says when it left."""
    letter, _ = Letter.objects.get_or_create(
        key=key, defaults={"user": account.owner, "subject": subject[:120], "created_at": at}
    )
    if letter.sent_at is not None:
        return False
    has_login = account.auth_scheme == Proof.LOGIN
    link = settings.WINDHOVER_SITE_URL + (
        f"/brokers/{account.pk}/login" if has_login else f"/brokers/accounts/{account.pk}"
    )
    body = render_to_string(
        f"notifications/{page}.txt", {"account": str(account), "label": account.label, "link": link, **told}
    )
    send_mail(f"{BRAND}: {subject}", body, None, [account.owner.email])
    Letter.objects.filter(pk=letter.pk).update(sent_at=at)
    return True
