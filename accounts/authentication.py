"""Who is calling the API: a browser with its session, or a program with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from accounts.audit import came_through
from accounts.scopes import scope_needed
from accounts.selectors import api_key_find
from accounts.services import api_key_touch

if TYPE_CHECKING:
    from rest_framework.request import Request

    from accounts.models import ApiKey, User

SCHEME = "bearer"


class ApiKeyAuthentication(BaseAuthentication):
    """Reads `Authorization: Bearer KEY`."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """Return the key's user and the key.

        A key that is unknown, expired or revoked raises AuthenticationFailed; one that may not do what this address
        needs raises PermissionDenied, whatever the view itself would let through.
        """
        text = bearer_text(request.headers.get("Authorization", ""))
        if text is None:
            return None
        now = timezone.now()
        key = api_key_find(key=text, at=now, scope=None)
        if key is None:
            raise AuthenticationFailed("The API key is unknown, expired or revoked.", code="auth.key")
        api_key_touch(key=key, at=now)
        came_through.set(f"key:{key.prefix}")
        needed = scope_needed(str(request.method), request.path)
        if needed not in key.scopes:
            may = ", ".join(key.scopes) or "do nothing"
            raise PermissionDenied(
                f"This needs a key with the scope {needed}; this one has: {may}.", code="scope.insufficient"
            )
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme, so that a refusal is 401 and not 403."""
        return "Bearer"


class BrowserSessionAuthentication(SessionAuthentication):
    """The browser's session; its writes need the CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        """Check the token under a code of its own."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            sentence = "The page is older than your session: reload it and try again."
            raise PermissionDenied(sentence, code="csrf.failed") from error


def bearer_text(header: str) -> str | None:
    """Return the key in an Authorization header, or None for another scheme."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == SCHEME and text.strip() else None
