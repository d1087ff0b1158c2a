"""Signing in: by a code sent to an address that belongs to the given Zerodha id, or by password."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import RequestLoginCodeForm
from allauth.core import context as allauth_context
from django import forms
from django.conf import settings
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest

logger = logging.getLogger(__name__)

# One thread: a right pair must not be told from a wrong one by the time that a mail server takes.
_letters = ThreadPoolExecutor(max_workers=1, thread_name_prefix="letters")


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


class SignInAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """How allauth serves this desk: nobody signs up alone, letters leave in the background."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse: an owner adds people."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a letter, out of the request's way."""
        request = allauth_context.request
        told = {"request": request, "email": email, "current_site": get_current_site(request), **context}
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
