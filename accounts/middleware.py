"""What every browser request is checked for beyond its cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from allauth.account.signals import password_changed
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.utils import timezone

from accounts.audit import audit_record, came_through
from accounts.sign_ins import DEVICE_COOKIE, DEVICE_KEPT_S, refusal_note, session_follow, sign_in_note

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from accounts.models import User

BINDING = "zerodha_id"


class PermissionsPolicyMiddleware:
    """Tells browsers what no page of the desk may ask of them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        return response


class SessionBindingMiddleware:
    """Ends a session whose user is no longer mapped to the Zerodha id it was opened for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and not is_bound(request.session.get(BINDING), user):
            logout(request)
        came_through.set("session")
        response = self.get_response(request)
        if mark := getattr(request, "device_mark", ""):
            response.set_cookie(
                DEVICE_COOKIE,
                mark,
                max_age=DEVICE_KEPT_S,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response


def is_bound(bound_to: str | None, user: User) -> bool:
    """Tell whether a session opened for `bound_to` still fits what the database says of its user."""
    return bound_to is not None and bound_to == (user.zerodha_id or "")


@receiver(user_logged_in, dispatch_uid="accounts.bind_session")
def _bind_session(*, request: HttpRequest, user: User, **_: object) -> None:
    # Some ways of signing in, a test's for one, have no request.
    if request is not None:
        request.session[BINDING] = user.zerodha_id or ""
        audit_record(action="session.open", at=timezone.now(), actor=user, through="session")
        sign_in_note(request, user, at=timezone.now())


@receiver(user_login_failed, dispatch_uid="accounts.note_refusal")
def _note_refusal(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    refusal_note(request, str(credentials.get("email") or ""), at=timezone.now())


@receiver(password_changed, dispatch_uid="accounts.follow_session")
def _follow_session(*, request: HttpRequest, **_: object) -> None:
    session_follow(request)
