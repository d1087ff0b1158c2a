"""From where an account's orders leave: looked at on this machine, at an echo, and beside other accounts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address

from django.conf import settings

from brokers.adapters.probe import is_local, local_address_towards, look
from brokers.domain.egress import Neighbour, is_public, sharing_objection
from brokers.domain.errors import Retryable
from brokers.findings import Finding, bad
from brokers.models import FamilyTie, Preflight, TradingAccount, Venue
from brokers.selectors import venue_urls

NO_WAY_OUT = (
    "No address is declared from which this account's orders leave. Kite takes orders from a registered address alone: "
    "declare one of this machine or a proxy, and register it in the developer profile."
)
ANY_WAY = (
    "Orders leave as this machine's other traffic does: Aster asks for no registered address. It counts requests per "
    "address, so accounts that leave from one share its allowance."
)


def ways_out(account: TradingAccount) -> list[str]:
    """Return what may be declared here: this machine's address towards the venue, and the operator's proxies."""
    own = local_address_towards(venue_urls(account).api)
    return [*([own] if own else []), *settings.WINDHOVER_EGRESS_PROXIES]


def way_out(account: TradingAccount, now: Callable[[], datetime]) -> tuple[str, str, list[Finding]]:
    """Return the local address, the one that the venue will see, and what is to be said about them."""
    egress = account.egress_address
    source = egress if egress and "://" not in egress else local_address_towards(venue_urls(account).api)
    if not egress:
        return source, "", [_without(account)]
    if "://" in egress and egress not in settings.WINDHOVER_EGRESS_PROXIES:
        return source, "", [bad("egress.not_allowed", f"{egress} is no longer among the operator's proxies.")]
    if "://" not in egress and not is_local(egress):
        return source, "", [bad("egress.not_here", f"This machine does not have the address {egress}.")]
    seen, heard = _echo(account, now)
    return source, seen, [heard, *sharing(account, seen=seen)]


def missing(account: TradingAccount) -> Finding | None:
    """Object to an account without a way out at a venue that takes orders from a registered address alone."""
    is_missing = account.venue == Venue.KITE and not account.egress_address
    return bad("account.egress_missing", NO_WAY_OUT) if is_missing else None


def sharing(account: TradingAccount, *, seen: str | None = None) -> list[Finding]:
    """Look at who else's orders leave from the same address: forbidden to strangers at Kite, a shared budget at Aster."""
    if account.is_simulated or not account.egress_address:
        return []
    if seen is None:
        seen = Preflight.objects.filter(account=account).values_list("seen_address", flat=True).first() or ""
    same = TradingAccount.objects.filter(egress_address=account.egress_address)
    if seen:
        same = same | TradingAccount.objects.filter(preflight__seen_address=seen)
    # each venue counts and forbids for itself
    same = same.filter(venue=account.venue, is_enabled=True, is_simulated=False)
    rows = list(same.exclude(pk=account.pk).distinct())
    if account.venue == Venue.ASTER:
        return [_shared_budget(len(rows))] if rows else []
    neighbours = [Neighbour(owner_id=str(row.owner_id), label=row.label) for row in rows]
    objection = sharing_objection(
        seen or account.egress_address,
        owner_id=str(account.owner_id),
        neighbours=neighbours,
        family=_family_of(account),
    )
    return [bad("account.egress_shared", objection)] if objection else []


def _without(account: TradingAccount) -> Finding:
    if account.is_simulated:
        return Finding(code="egress.not_needed", sentence="A simulated account needs no address.")
    return missing(account) or Finding(code="egress.any", sentence=ANY_WAY)


def _shared_budget(others: int) -> Finding:
    who = "One more account leaves" if others == 1 else f"{others} more accounts leave"
    sentence = f"{who} from this address: Aster's allowance of requests a minute is one for all of them."
    return Finding(code="egress.shared_budget", sentence=sentence)


def _echo(account: TradingAccount, now: Callable[[], datetime]) -> tuple[str, Finding]:
    egress, url = account.egress_address, settings.WINDHOVER_ADDRESS_ECHO_URL
    if not url:
        sentence = (
            f"Which address the broker will see cannot be known: no echo is set up (WINDHOVER_ADDRESS_ECHO_URL). Orders "
            f"leave by {egress}."
        )
        return "", Finding(code="egress.unknown", sentence=sentence)
    try:
        seen = _address_in(look(url, now=now, egress_address=egress).body)
    except Retryable as error:
        return "", bad("egress.no_answer", f"Nothing comes back by {egress}: {error.message}.")
    if not seen:
        return "", bad("egress.no_answer", f"The echo answered by {egress}, but with no address.")
    if is_public(egress) and seen != egress:
        return seen, bad("egress.other", f"Orders would leave from {seen}, and {egress} is declared.")
    advice = ": register this address in Kite's developer profile" if account.venue == Venue.KITE else ""
    sentence = f"The broker will see orders come from {seen}{advice}."
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


def _family_of(account: TradingAccount) -> set[str]:
    ties = FamilyTie.objects.filter(desk_id=account.desk_id).values_list("person_id", "relative_id")
    return {str(other) for pair in ties if account.owner_id in pair for other in pair if other != account.owner_id}
