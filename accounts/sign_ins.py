"""Where and when people signed in: kept as rows, told by letter where the device is new, and taken back one by one."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.contrib.sessions.models import Session
from django.db import transaction

from accounts.audit import audit_record
from accounts.models import SignIn, SignInOutcome, User

if TYPE_CHECKING:
    from django.http import HttpRequest

DEVICE_COOKIE = "windhover_device"
DEVICE_KEPT_S = 400 * 86_400
IN_SESSION = "sign_in"
SHOWN = 20
_LONGEST_BROWSER = 200
WORDS = {"password": "password", "code": "code by letter", "totp": "authenticator", "recovery_codes": "recovery code"}


def sign_in_note(request: HttpRequest, user: User, *, at: datetime) -> SignIn:
    """Keep that somebody signed in, and write to them where their browser was never seen before."""
    mark = request.COOKIES.get(DEVICE_COOKIE, "") or secrets.token_hex(16)
    # the middleware sets it with the answer
    request.device_mark = mark  # type: ignore[attr-defined]
    device = hashlib.sha256(mark.encode()).hexdigest()
    earlier = SignIn.objects.filter(user=user, outcome=SignInOutcome.OPENED)
    is_new = earlier.exists() and not earlier.filter(device=device).exists()
    row = _row(request, user, outcome=SignInOutcome.OPENED, at=at, device=device)
    request.session[IN_SESSION] = str(row.pk)
    if is_new and row.address:
        get_adapter().send_mail("account/email/new_device", user.email, {"sign_in": row, "user": user})
    return row


def refusal_note(request: HttpRequest | None, address: str, *, at: datetime) -> None:
    """Keep that somebody was refused; an address that nobody has costs the same look and the same row."""
    if request is None:
        return
    user = User.objects.filter(email=address.strip().lower()).first()
    _row(request, user, outcome=SignInOutcome.REFUSED, at=at)


def session_follow(request: HttpRequest) -> None:
    """Keep a sign-in's row with its session once a change of password gave that another key."""
    if named := request.session.get(IN_SESSION):
        SignIn.objects.filter(pk=named).update(session_key=request.session.session_key or "")


@transaction.atomic
def sessions_end(*, user: User, at: datetime, only: UUID | None = None, but: str = "") -> int:
    """End one of a person's sessions, or all but the one with the key `but`; return how many lived."""
    rows = SignIn.objects.filter(user=user, outcome=SignInOutcome.OPENED, ended_at=None).exclude(session_key="")
    rows = rows.filter(pk=only) if only else rows.exclude(session_key=but)
    keys = list(rows.values_list("session_key", flat=True))
    ended, _ = Session.objects.filter(session_key__in=keys).delete()
    rows.update(ended_at=at)
    if ended:
        audit_record(action="session.end", at=at, actor=user, subject=str(only or ""), details={"sessions": ended})
    return ended


def sessions_listed(user: User, *, current: str, at: datetime) -> list[dict[str, Any]]:
    """List where a person is signed in now, this browser first."""
    rows = SignIn.objects.filter(user=user, outcome=SignInOutcome.OPENED, ended_at=None).order_by("-at")
    found = {row.session_key: row for row in rows if row.session_key}
    living = Session.objects.filter(session_key__in=found, expire_date__gt=at).values_list("session_key", flat=True)
    shown = [{**_shown(found[key]), "is_current": key == current} for key in living]
    return sorted(shown, key=lambda row: (row["is_current"], row["at"]), reverse=True)


def history_listed(user: User) -> list[dict[str, Any]]:
    """List the newest tries to sign in, refused ones too."""
    return [_shown(row) for row in SignIn.objects.filter(user=user).order_by("-at")[:SHOWN]]


def browser_name(text: str) -> str:
    """Name a browser and its system by what it says of itself; what is not known is an unknown browser.

    >>> browser_name("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
    'Firefox on Linux'
    """
    browsers = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
    systems = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS": "macOS"}
    browser = next((name for mark, name in browsers.items() if mark in text), "An unknown browser")
    system = next((name for mark, name in {**systems, "Linux": "Linux"}.items() if mark in text), "")
    return f"{browser} on {system}" if system else browser


def _row(request: HttpRequest, user: User | None, *, outcome: str, at: datetime, device: str = "") -> SignIn:
    opened = outcome == SignInOutcome.OPENED
    row: SignIn = SignIn.objects.create(
        user=user,
        at=at,
        outcome=outcome,
        way=_way(request, user) if opened else "",
        address=_address(request),
        browser=request.headers.get("User-Agent", "")[:_LONGEST_BROWSER],
        device=device,
        session_key=(request.session.session_key or "") if opened else "",
    )
    return row


def _address(request: HttpRequest) -> str | None:
    # a server on a socket file has no address to tell, and a database may know no zones
    text = str(request.META.get("REMOTE_ADDR", "")).partition("%")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None


def _way(request: HttpRequest, user: User | None) -> str:
    shown = get_authentication_records(request, user)
    return ", ".join(WORDS.get(str(one.get("type") or one["method"]), str(one["method"])) for one in shown)[:40]


def _shown(row: SignIn) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "at": row.at,
        "browser": browser_name(row.browser),
        "address": row.address or "",
        "way": row.way,
        "is_refused": row.outcome == SignInOutcome.REFUSED,
    }
