"""Signing in: by a code sent to an address that belongs to the given Zerodha id, or by password.

Whether an address is known to the desk shows in no answer and in no work: an unknown one gets its letter written too,
and thrown away.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import ConfirmLoginCodeForm, RequestLoginCodeForm
from allauth.core import context as allauth_context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from axes.handlers.proxy import AxesProxyHandler
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.signals import user_login_failed
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User

logger = logging.getLogger(__name__)

# One thread: a right pair must not be told from a wrong one by the time that a mail server takes.
_letters = ThreadPoolExecutor(max_workers=1, thread_name_prefix="letters")


LOCKED = "Too many wrong attempts. Wait a quarter of an hour and try again."
UNKNOWN, CODE_LETTER = "account/email/unknown_account", "account/email/login_code"


class RequestCodeForm(RequestLoginCodeForm):  # type: ignore[misc]
    """Asks for a code; a pair that does not match is answered like one that does, and gets none."""

    zerodha_id = forms.CharField(
        label="Zerodha id", max_length=16, widget=forms.TextInput(attrs={"autocomplete": "username"})
    )

    def clean(self) -> dict[str, Any]:
        """Forget the user whose Zerodha id is another."""
        cleaned: dict[str, Any] = super().clean()
        user = getattr(self, "_user", None)
        given = str(cleaned.get("zerodha_id", "")).strip().upper()
        if user is not None and (user.zerodha_id or "").upper() != given:
            self._user = None
        return cleaned


class ConfirmCodeForm(ConfirmLoginCodeForm):  # type: ignore[misc]
    """Takes the code of a letter; a wrong one counts towards the lockout, of an address that nobody has too."""

    def clean_code(self) -> str:
        """Compare the codes, unless too many were wrong."""
        stage = allauth_context.request._login_stage
        address = stage.state.get("email") or ""
        if stage.login.user is None:
            # somebody's row was read with the session; nobody's is looked for here
            User.objects.filter(email=address).first()
        return _guarded(address, super().clean_code)


class SecondFactorForm(AuthenticateForm):  # type: ignore[misc]
    """Takes a second factor's code at signing in; a wrong one counts towards the lockout."""

    def clean_code(self) -> str:
        """Check the code, unless too many were wrong."""
        return _guarded(self.user.email, super().clean_code)


class SecondFactorAgainForm(ReauthenticateForm):  # type: ignore[misc]
    """Takes a second factor's code before an act that needs it; a wrong one counts towards the lockout."""

    def clean_code(self) -> str:
        """Check the code, unless too many were wrong."""
        return _guarded(self.user.email, super().clean_code)


def _guarded(address: str, check: Callable[[], str]) -> str:
    """Run a check of a code under the lockout that passwords have: by the address of the person and of the machine."""
    request, credentials = allauth_context.request, {"email": address}
    if not AxesProxyHandler.is_allowed(request, credentials):
        raise forms.ValidationError(LOCKED, code="sign_in.locked")
    try:
        return check()
    except forms.ValidationError:
        user_login_failed.send(sender=__name__, credentials=credentials, request=request)
        raise


class SignInAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """How allauth serves this desk: nobody signs up alone, letters leave in the background."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse: an owner adds people."""
        return False

    def pre_login(self, request: HttpRequest, user: User, **hints: Any) -> HttpResponse | None:
        """Let nobody in whose address is locked out, whichever way they come."""
        if not AxesProxyHandler.is_allowed(request, {"email": user.email}):
            messages.error(request, LOCKED)
            return redirect("account_login")
        answer: HttpResponse | None = super().pre_login(request, user, **hints)
        return answer

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a letter, out of the request's way; one to an address that nobody has is written and thrown away."""
        request = allauth_context.request
        told = {"request": request, "email": email, "current_site": get_current_site(request), **context}
        if template_prefix == UNKNOWN:
            self.render_mail(CODE_LETTER, email, {**told, "code": self.generate_login_code()})
            return
        message = self.render_mail(template_prefix, email, told)
        if not settings.MAIL_IN_BACKGROUND:
            message.send()
            return
        _letters.submit(message.send).add_done_callback(_note_failure)


def tried_name(request: HttpRequest | None, credentials: dict[str, Any] | None = None) -> str | None:
    """Return the address that somebody tried to sign in with, for the lockout."""
    given = credentials or (request.POST.dict() if request is not None else {})
    name = given.get("email") or given.get("login") or given.get("username")
    return str(name).lower() if name else None


def _note_failure(letter: Future[int]) -> None:
    if (error := letter.exception()) is not None:
        logger.error("letter_not_sent", extra={"error": type(error).__name__})
