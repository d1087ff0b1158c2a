"""What is looked at before an account's orders may leave: its way out, the venue's answer, the clock, the key."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from brokers.adapters.kite import errors, protocol
from brokers.adapters.probe import is_local, local_address_towards, look
from brokers.domain.egress import Neighbour, is_public, sharing_objection
from brokers.domain.errors import Invalid, Retryable
from brokers.domain.login_advice import UNKNOWN_KEY
from brokers.domain.skew import skew_of
from brokers.logins import audit_login
from brokers.models import FamilyTie, Preflight, TradingAccount
from brokers.selectors import venue_urls

if TYPE_CHECKING:
    from accounts.models import User

# Going live on yesterday's look would be going live on none.
GOOD_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; a bad one keeps the account from going live."""

    code: str
    sentence: str
    is_bad: bool = False


def preflight_run(
    *, account: TradingAccount, by: User | None, at: datetime, now: Callable[[], datetime] = timezone.now
) -> Preflight:
    """Look at an account's way to its venue and keep what was seen; it changes nothing there and needs no login."""
    source, seen, way = _way_out(account, now)
    skew_s, there = _venue(account, now)
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
        bad = [finding.code for finding in findings if finding.is_bad]
        audit_login(account, "preflight.run", by=by, at=at, details={"seen_address": seen, "bad": bad})
    found: Preflight = kept
    return found


def live_objections(account: TradingAccount, *, at: datetime) -> list[Finding]:
    """Return why an account may not trade real money now, the first to be settled first; a simulated one may."""
    if account.is_simulated:
        return []
    if not account.egress_address:
        return [_bad("account.egress_missing", NO_WAY_OUT)]
    shared = _sharing(account)
    looked = Preflight.objects.filter(account=account).first()
    if looked is None or at - looked.at > GOOD_FOR or looked.egress_address != account.egress_address:
        sentence = "The way to the broker was not tested within a day: run the preflight on the account's page."
        return [*shared, _bad("account.preflight_missing", sentence)]
    return [*shared, *(Finding(**row) for row in looked.findings if row["is_bad"])]


def require_may_trade_live(account: TradingAccount, *, at: datetime) -> None:
    """Raise Invalid with the first reason why an account may not trade real money now."""
    for objection in live_objections(account, at=at):
        raise Invalid(objection.sentence, code=objection.code, field="account")


def ways_out(account: TradingAccount) -> list[str]:
    """Return what may be declared here: this machine's address towards the venue, and the operator's proxies."""
    own = local_address_towards(venue_urls(account).api)
    return [*([own] if own else []), *settings.WINDHOVER_EGRESS_PROXIES]


NO_WAY_OUT = (
    "No address is declared from which this account's orders leave. Kite takes orders from a registered address alone: "
    "declare one of this machine or a proxy, and register it in the developer profile."
)


def _way_out(account: TradingAccount, now: Callable[[], datetime]) -> tuple[str, str, list[Finding]]:
    """Return the local address, the one that the venue will see, and what is to be said about them."""
    egress = account.egress_address
    source = egress if egress and "://" not in egress else local_address_towards(venue_urls(account).api)
    if not egress:
        if account.is_simulated:
            return source, "", [Finding(code="egress.not_needed", sentence="A simulated account needs no address.")]
        return source, "", [_bad("account.egress_missing", NO_WAY_OUT)]
    if "://" in egress and egress not in settings.WINDHOVER_EGRESS_PROXIES:
        return source, "", [_bad("egress.not_allowed", f"{egress} is no longer among the operator's proxies.")]
    if "://" not in egress and not is_local(egress):
        return source, "", [_bad("egress.not_here", f"This machine does not have the address {egress}.")]
    seen, heard = _echo(egress, now)
    return source, seen, [heard, *_sharing(account, seen=seen)]


def _echo(egress: str, now: Callable[[], datetime]) -> tuple[str, Finding]:
    url = settings.WINDHOVER_ADDRESS_ECHO_URL
    if not url:
        sentence = (
            f"Which address the broker will see cannot be known: no echo is set up (WINDHOVER_ADDRESS_ECHO_URL). Orders "
            f"leave by {egress}."
        )
        return "", Finding(code="egress.unknown", sentence=sentence)
    try:
        seen = _address_in(look(url, now=now, egress_address=egress).body)
    except Retryable as error:
        return "", _bad("egress.no_answer", f"Nothing comes back by {egress}: {error.message}.")
    if not seen:
        return "", _bad("egress.no_answer", f"The echo answered by {egress}, but with no address.")
    if is_public(egress) and seen != egress:
        return seen, _bad("egress.other", f"Orders would leave from {seen}, and {egress} is declared.")
    sentence = f"The broker will see orders come from {seen}: register this address in Kite's developer profile."
    return seen, Finding(code="egress.seen", sentence=sentence)


def _address_in(body: bytes) -> str:
    """Read an address from an echo's answer, plain or as the one value of that kind in a JSON object."""
    text = body.decode("utf-8", "replace").strip()
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    for value in [*said.values()] if isinstance(said, dict) else [said]:
        try:
            return str(ip_address(str(value)))
        except ValueError:
            continue
    return ""


def _sharing(account: TradingAccount, *, seen: str | None = None) -> list[Finding]:
    if account.is_simulated:
        return []
    if seen is None:
        seen = Preflight.objects.filter(account=account).values_list("seen_address", flat=True).first() or ""
    same = TradingAccount.objects.filter(egress_address=account.egress_address)
    if seen:
        same = same | TradingAccount.objects.filter(preflight__seen_address=seen)
    rows = same.filter(is_enabled=True, is_simulated=False).exclude(pk=account.pk).distinct()
    neighbours = [Neighbour(owner_id=str(row.owner_id), label=row.label) for row in rows]
    objection = sharing_objection(
        seen or account.egress_address,
        owner_id=str(account.owner_id),
        neighbours=neighbours,
        family=_family_of(account),
    )
    return [_bad("account.egress_shared", objection)] if objection else []


def _family_of(account: TradingAccount) -> set[str]:
    ties = FamilyTie.objects.filter(desk_id=account.desk_id).values_list("person_id", "relative_id")
    return {str(other) for pair in ties if account.owner_id in pair for other in pair if other != account.owner_id}


def _venue(account: TradingAccount, now: Callable[[], datetime]) -> tuple[float | None, list[Finding]]:
    """Return the clocks' difference, and what the venue's answers say."""
    urls = venue_urls(account)
    try:
        answer = look(urls.api, now=now)
    except Retryable as error:
        sentence = f"The broker does not answer ({error.message}). Nothing was changed; test again in a minute."
        return None, [_bad("venue.away", sentence)]
    findings = [Finding(code="venue.answers", sentence="The broker answers.")]
    skew_s = None
    if answer.said_at is None:
        findings.append(Finding(code="clock.unknown", sentence="The broker's answer bears no time to compare with."))
    else:
        skew = skew_of(said_at=answer.said_at, asked_at=answer.asked_at, answered_at=answer.answered_at)
        skew_s = round(skew.ahead_s, 1)
        if skew.exceeds(settings.WINDHOVER_CLOCK_TOLERANCE_S):
            findings.append(_bad("clock.skew", skew.sentence))
        else:
            findings.append(Finding(code="clock.agrees", sentence="This machine's clock agrees with the broker's."))
    return skew_s, [*findings, *_key(account, now)]


def _key(account: TradingAccount, now: Callable[[], datetime]) -> list[Finding]:
    """Show the key at the venue's sign-in page, which refuses one that it does not know before anybody signs in."""
    try:
        answer = look(protocol.login_url(venue_urls(account).login, account.api_key, "preflight"), now=now)
    except Retryable as error:
        return [_bad("venue.login_away", f"The broker's sign-in page does not answer ({error.message}).")]
    refusal = errors.refusal_of(answer.status, errors.envelope_of(answer.body))
    if refusal.error_type == "InputException":
        return [_bad("login.unknown_key", UNKNOWN_KEY)]
    if answer.status >= 500:
        return [_bad("venue.login_away", f"The broker's sign-in page is out of order (HTTP {answer.status}).")]
    return [Finding(code="key.known", sentence="The broker knows the API key.")]


def _bad(code: str, sentence: str) -> Finding:
    return Finding(code=code, sentence=sentence, is_bad=True)
