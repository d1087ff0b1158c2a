"""What is looked at before an account's orders may leave: its way out, the venue's answer, the clock, the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from brokers.adapters.kite import errors, protocol
from brokers.adapters.probe import look
from brokers.domain.errors import Invalid, Retryable
from brokers.domain.login_advice import UNKNOWN_KEY
from brokers.domain.skew import skew_of
from brokers.egress import missing, sharing, way_out
from brokers.findings import Finding, bad
from brokers.logins import audit_login
from brokers.models import Preflight, TradingAccount, Venue
from brokers.preflight_aster import look_at_aster
from brokers.selectors import venue_urls

if TYPE_CHECKING:
    from accounts.models import User

# Going live on yesterday's look would be going live on none.
GOOD_FOR = timedelta(hours=24)


def preflight_run(
    *, account: TradingAccount, by: User | None, at: datetime, now: Callable[[], datetime] = timezone.now
) -> Preflight:
    """Look at an account's way to its venue and keep what was seen; it changes nothing there and needs no login."""
    source, seen, way = way_out(account, now)
    skew_s, there = look_at_aster(account, now) if account.venue == Venue.ASTER else _venue(account, now)
    findings = [*way, *there]
    with transaction.atomic():
        kept, _ = Preflight.objects.update_or_create(
            account=account,
            defaults={
                "at": at,
                "egress_address": account.egress_address,
                "seen_address": seen,
                "source_address": source,
                "clock_skew_s": skew_s,
                "findings": [asdict(finding) for finding in findings],
            },
        )
        wrong = [finding.code for finding in findings if finding.is_bad]
        audit_login(account, "preflight.run", by=by, at=at, details={"seen_address": seen, "bad": wrong})
    found: Preflight = kept
    return found


def live_objections(account: TradingAccount, *, at: datetime) -> list[Finding]:
    """Return why an account may not trade real money now, the first to be settled first; a simulated one may."""
    if account.is_simulated:
        return []
    if (objection := missing(account)) is not None:
        return [objection]
    shared = [finding for finding in sharing(account) if finding.is_bad]
    looked = Preflight.objects.filter(account=account).first()
    if looked is None or at - looked.at > GOOD_FOR or looked.egress_address != account.egress_address:
        sentence = "The way to the broker was not tested within a day: run the preflight on the account's page."
        return [*shared, bad("account.preflight_missing", sentence)]
    return [*shared, *(Finding(**row) for row in looked.findings if row["is_bad"])]


def require_may_trade_live(account: TradingAccount, *, at: datetime) -> None:
    """Raise Invalid with the first reason why an account may not trade real money now."""
    for objection in live_objections(account, at=at):
        raise Invalid(objection.sentence, code=objection.code, field="account")


def _venue(account: TradingAccount, now: Callable[[], datetime]) -> tuple[float | None, list[Finding]]:
    """Return the clocks' difference, and what the venue's answers say."""
    urls = venue_urls(account)
    try:
        answer = look(urls.api, now=now)
    except Retryable as error:
        sentence = f"The broker does not answer ({error.message}). Nothing was changed; test again in a minute."
        return None, [bad("venue.away", sentence)]
    findings = [Finding(code="venue.answers", sentence="The broker answers.")]
    skew_s = None
    if answer.said_at is None:
        findings.append(Finding(code="clock.unknown", sentence="The broker's answer bears no time to compare with."))
    else:
        skew = skew_of(said_at=answer.said_at, asked_at=answer.asked_at, answered_at=answer.answered_at)
        skew_s = round(skew.ahead_s, 1)
        if skew.exceeds(settings.WINDHOVER_CLOCK_TOLERANCE_S):
            findings.append(bad("clock.skew", skew.sentence))
        else:
            findings.append(Finding(code="clock.agrees", sentence="This machine's clock agrees with the broker's."))
    return skew_s, [*findings, *_key(account, now)]


def _key(account: TradingAccount, now: Callable[[], datetime]) -> list[Finding]:
    """Show the key at the venue's sign-in page, which refuses one that it does not know before anybody signs in."""
    try:
        answer = look(protocol.login_url(venue_urls(account).login, account.api_key, "preflight"), now=now)
    except Retryable as error:
        return [bad("venue.login_away", f"The broker's sign-in page does not answer ({error.message}).")]
    refusal = errors.refusal_of(answer.status, errors.envelope_of(answer.body))
    if refusal.error_type == "InputException":
        return [bad("login.unknown_key", UNKNOWN_KEY)]
    if answer.status >= 500:
        return [bad("venue.login_away", f"The broker's sign-in page is out of order (HTTP {answer.status}).")]
    return [Finding(code="key.known", sentence="The broker knows the API key.")]
