"""What every browser request is checked for beyond its cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.utils import timezone

from accounts.audit import audit_record, came_through

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase

    from accounts.models import User

BINDING = "zerodha_id"


class SessionBindingMiddleware:
    """Ends a session whose user is no longer mapped to the Zerodha id it was opened for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and not is_bound(request.session.get(BINDING), user):
            logout(request)
        came_through.set("session")
        return self.get_response(request)


def is_bound(bound_to: str | None, user: User) -> bool:
    """Tell whether a session opened for `bound_to` still fits what the database says of its user."""
    return bound_to is not None and bound_to == (user.zerodha_id or "")


@receiver(user_logged_in, dispatch_uid="accounts.bind_session")
def _bind_session(*, request: HttpRequest, user: User, **_: object) -> None:
    # Some ways of signing in, a test's for one, have no request.
    if request is not None:
        request.session[BINDING] = user.zerodha_id or ""
        audit_record(action="session.open", at=timezone.now(), actor=user, through="session")
