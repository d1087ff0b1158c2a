"""What an API key may do, and what a call needs."""

from __future__ import annotations

from enum import StrEnum

from django.conf import settings

READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Scope(StrEnum):
    """One thing that a key may do; none holds another."""

    READ = "read"
    TRADE = "trade"
    RISK = "risk"
    ADMIN = "admin"


# What a key that was made to trade, before there were scopes, could do.
TRADING = (Scope.READ, Scope.TRADE, Scope.RISK)
WORDS = {
    Scope.READ: "Read what the desk knows",
    Scope.TRADE: "Send and cancel orders, start and stop strategies, change what is watched",
    Scope.RISK: "Engage kill switches and tighten limits",
    Scope.ADMIN: "List and revoke your API keys",
}


def scope_needed(method: str, path: str) -> Scope:
    """Return the scope that a call needs: the first row of the settings' table that fits, else read or trade."""
    for wanted, prefix, scope in settings.WINDHOVER_API_SCOPES:
        if path.startswith(prefix) and wanted in {"", method}:
            return Scope(scope)
    return Scope.READ if method in READS else Scope.TRADE
