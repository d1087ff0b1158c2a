"""The second factor: who has one, and whether it was shown a moment ago, as acts that loosen something demand.

One that was just turned on does not count yet: a stolen session could have turned it on. A person confirms at allauth's `mfa_reauthenticate`, which leads back to where they came from.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied

from accounts import vault

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest
    from rest_framework.request import Request

    from accounts.models import User

CONFIRMED_FOR_S = 300
CODE = "second_factor.required"
MISSING = (
    "This needs a second factor: turn one on under Account, Security. It counts from {hours:g} hours after that on."
)
YOUNG = "This needs a second factor that was not turned on just now: yours counts from {since:%d %b %Y %H:%M} UTC on."
STALE = "This needs your second factor: confirm it under Account, Security, then try again within five minutes."
# allauth seals without saying whose secret it is.
BINDING = "second_factor"


class SealedSecrets(DefaultMFAAdapter):  # type: ignore[misc]
    """Keeps the secrets of second factors in the vault's form."""

    def encrypt(self, text: str) -> str:
        """Seal a secret on its way to the database."""
        return vault.seal(text, binding=BINDING)

    def decrypt(self, encrypted_text: str) -> str:
        """Open a secret; one from before they were sealed comes back as it is."""
        if not vault.is_sealed(encrypted_text):
            return encrypted_text
        return vault.reveal(encrypted_text, binding=BINDING)


def is_on(user: User | AnonymousUser) -> bool:
    """Tell whether signing in asks this person for a second factor."""
    return bool(is_mfa_enabled(user))


def codes_left(user: User) -> int:
    """Count the recovery codes that were not used."""
    row = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return len(RecoveryCodes(row).get_unused_codes()) if row else 0


def is_confirmed(request: HttpRequest | Request) -> bool:
    """Tell whether this browser showed its person's second factor within the last five minutes; a key never did."""
    if not request.user.is_authenticated or getattr(request, "auth", None) is not None or not is_on(request.user):
        return False
    shown = [one for one in get_authentication_records(request, request.user) if one.get("method") == "mfa"]
    return bool(shown) and 0 <= time.time() - shown[-1]["at"] < CONFIRMED_FOR_S


def counts_since(user: User | AnonymousUser) -> datetime | None:
    """Return from when on this person's second factor counts, None where there is none; recovery codes age with it."""
    rows = Authenticator.objects.filter(user_id=user.pk).exclude(type=Authenticator.Type.RECOVERY_CODES)
    begun = rows.order_by("created_at").values_list("created_at", flat=True).last()
    return begun + timedelta(hours=settings.WINDHOVER_SECOND_FACTOR_COUNTS_AFTER_H) if begun else None


def refusal(request: HttpRequest | Request) -> str:
    """Say why this request may not do what needs the second factor; empty where it may."""
    since = counts_since(request.user)
    if since is None:
        return MISSING.format(hours=settings.WINDHOVER_SECOND_FACTOR_COUNTS_AFTER_H)
    if timezone.now() < since:
        return YOUNG.format(since=since)
    return "" if is_confirmed(request) else STALE


def require(request: HttpRequest | Request) -> None:
    """Raise PermissionDenied with the code `second_factor.required` unless it counts and was shown a moment ago."""
    if sentence := refusal(request):
        raise PermissionDenied(sentence, code=CODE)
