"""The door at which a venue says that an order changed: a hint to ask, kept for the desk, trusted by nobody here."""

from __future__ import annotations

from django.core.cache import cache

from brokers import hub
from brokers.models import TradingAccount

# Kite's own have about one kilobyte.
MOST_BYTES = 8_000
DOOR_KNOWN_S = 60.0
NOBODY = ""


def account_behind(door: str) -> str | None:
    """Return the id of the account that a postback's address belongs to; None for an address nobody has."""
    key = f"postback-door-{door}"
    known: str | None = cache.get(key)
    if known is None:
        account_id = TradingAccount.objects.filter(postback_door=door, is_enabled=True).values_list("pk", flat=True)
        known = str(account_id.first() or NOBODY)
        cache.set(key, known, DOOR_KNOWN_S)
    return known or None


def postback_keep(*, account_id: str, body: bytes) -> None:
    """Keep a postback for the account's desk, and ring it unless it was rung for one before."""
    if hub.leave_hint(account_id, body) == 1:
        hub.ring(account_id)
