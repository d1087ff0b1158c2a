"""What is looked at of an Aster account before it may go live: the venue, the clock, and whether it takes the key.

The key itself is opened on the desk alone: what the desk could read with it is the proof, and what Aster said against it
the objection.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings

from brokers.adapters.probe import look
from brokers.domain.errors import Retryable
from brokers.domain.skew import Skew, skew_between
from brokers.findings import Finding, bad
from brokers.models import SessionState, TradingAccount, VenueLogin
from brokers.selectors import venue_margins, venue_urls

# a tenth of what Aster bears in a signature that is ahead of its clock
NO_MATTER_S = 0.1
AWAY = "Aster does not answer ({why}). Nothing was changed; test again in a minute."
UNPROVEN = (
    "No desk has read the account with this key yet, so nobody knows whether Aster takes it. A desk does so within seconds: "
    "test again."
)


def look_at_aster(account: TradingAccount, now: Callable[[], datetime]) -> tuple[float | None, list[Finding]]:
    """Return how far Aster's clock is ahead in seconds, and what its answer and its word on the key say."""
    try:
        answer = look(f"{venue_urls(account).api}/fapi/v1/time", now=now, egress_address=account.egress_address)
    except Retryable as error:
        return None, [bad("venue.away", AWAY.format(why=error.message))]
    said_at = _server_time(answer.body)
    if answer.status != 200 or said_at is None:
        why = f"HTTP {answer.status}" if answer.status != 200 else "it says no time"
        return None, [bad("venue.away", AWAY.format(why=why))]
    skew = skew_between(said_at=said_at, asked_at=answer.asked_at, answered_at=answer.answered_at)
    findings = [Finding(code="venue.answers", sentence="Aster answers."), _clock(skew), _key(account)]
    return round(skew.ahead_s, 3), findings


def _server_time(body: bytes) -> datetime | None:
    try:
        milliseconds = json.loads(body)["serverTime"]
        return datetime.fromtimestamp(int(milliseconds) / 1000, tz=UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def _clock(skew: Skew) -> Finding:
    tolerance_s = settings.WINDHOVER_CLOCK_TOLERANCE_S
    apart = f"This machine's clock is {abs(skew.ahead_s):.1f} s {'behind' if skew.ahead_s > 0 else 'ahead of'} Aster's"
    if skew.exceeds(tolerance_s):
        advice = "set it by a time server (timedatectl set-ntp true), then test again"
        return bad("clock.skew", f"{apart}, {tolerance_s:g} s are tolerated: {advice}.")
    if abs(skew.ahead_s) < NO_MATTER_S:
        return Finding(code="clock.agrees", sentence="This machine's clock agrees with Aster's.")
    return Finding(code="clock.agrees", sentence=f"{apart}; what the desk signs is corrected by that.")


def _key(account: TradingAccount) -> Finding:
    login = VenueLogin.objects.filter(account=account).first()
    if login is None or login.state != SessionState.LIVE:
        return bad("key.refused", f"The key is not used any more. {login.reason if login else ''}".strip())
    if not venue_margins(account):
        return bad("key.unproven", UNPROVEN)
    return Finding(code="key.taken", sentence="Aster takes the key: the desk reads the account with it.")
