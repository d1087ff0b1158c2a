"""Trading accounts as the pages show them: plain figures and words, never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from brokers.domain.clock import IST
from brokers.logins import TIME_IS_UP
from brokers.models import FamilyTie, Preflight, Proof, SessionState, TradingAccount, short_id
from brokers.preflight import live_objections
from brokers.selectors import venue_profile

LAST_OF_KEY = 4


def account_rows(accounts: list[TradingAccount], *, at: datetime) -> list[dict[str, Any]]:
    """Return what the list of accounts shows of each."""
    return [account_row(account, at=at) for account in accounts]


def account_row(account: TradingAccount, *, at: datetime) -> dict[str, Any]:
    """Return what a page shows of one account."""
    return {
        "id": str(account.pk),
        "label": account.label,
        "venue": account.get_venue_display(),
        "at": account.venue,
        "venue_user_id": account.venue_user_id,
        "short_id": short_id(account.venue_user_id),
        "is_by_key": account.auth_scheme != Proof.LOGIN,
        "proof": account.get_auth_scheme_display(),
        "agent": account.api_key if account.auth_scheme == Proof.AGENT else "",
        "is_testnet": account.is_testnet,
        "countdown_s": account.countdown_s,
        "owner": account.owner.get_full_name(),
        "relation": account.relation,
        "whose": _whose(account),
        "kind": _kind(account),
        "is_enabled": account.is_enabled,
        "is_live": account.is_live and not account.is_simulated,
        "is_simulated": account.is_simulated,
        # of an agent the address, which is public; of a key its end
        "key_end": short_id(account.api_key) if account.auth_scheme == Proof.AGENT else account.api_key[-LAST_OF_KEY:],
        "egress": account.egress_address,
        "session": _session(account, at),
        "preflight": _preflight(account),
        "objections": [objection.sentence for objection in live_objections(account, at=at)],
    }


def agent_end(account: TradingAccount) -> str:
    """Return until when an agent may sign, as the desk last read it at the venue; empty where that is not known."""
    said = (venue_profile(account) or {}).get("expires_at") if account.auth_scheme == Proof.AGENT else None
    try:
        return _day(datetime.fromisoformat(str(said))) if said else ""
    except ValueError:
        return ""


def addresses_of(account: TradingAccount) -> dict[str, str]:
    """Return what is to be entered in the venue's developer console."""
    site = settings.WINDHOVER_SITE_URL
    return {
        "redirect": redirect_address(),
        "postback": site + reverse("postback", args=[account.postback_door]),
    }


def redirect_address() -> str:
    """Return where the venue sends people back to, one address for every account."""
    return str(settings.WINDHOVER_SITE_URL + reverse("venue_login_return"))


def family_rows(account: TradingAccount) -> list[dict[str, Any]]:
    """Return the declared relations of an account's owner."""
    ties = FamilyTie.objects.filter(desk=account.desk).select_related("person", "relative")
    mine = [tie for tie in ties if account.owner_id in (tie.person_id, tie.relative_id)]
    return [
        {
            "id": tie.pk,
            "person": tie.person.get_full_name(),
            "relative": tie.relative.get_full_name(),
            "relation": tie.get_relation_display().removeprefix("My "),
            "declared": _when(tie.declared_at),
        }
        for tie in mine
    ]


def _kind(account: TradingAccount) -> str:
    if not account.is_enabled:
        return "Disabled"
    if account.is_simulated:
        return "Simulated"
    if account.is_testnet:
        return "Testnet, live" if account.is_live else "Testnet, paper"
    return "Live" if account.is_live else "Paper"


def _whose(account: TradingAccount) -> str:
    name = account.owner.get_full_name()
    if account.relation == "self":
        return name
    return f"{account.get_relation_display().removeprefix('My ')} of {name}"


def _session(account: TradingAccount, at: datetime) -> Mapping[str, Any]:
    login = getattr(account, "login", None)
    if login is None or login.state != SessionState.LIVE:
        reason = login.reason if login is not None else ""
    elif not account.is_simulated and login.expires_at and login.expires_at <= at:
        reason = TIME_IS_UP
    else:
        return {"is_live": True, "since": _when(login.login_at), "until": _when(login.expires_at)}
    nothing = (
        "No key is stored that Aster takes." if account.auth_scheme != Proof.LOGIN else "Nobody has logged in yet."
    )
    return {"is_live": False, "reason": reason or nothing}


def _preflight(account: TradingAccount) -> Mapping[str, Any] | None:
    looked = Preflight.objects.filter(account=account).first()
    if looked is None:
        return None
    is_current = looked.egress_address == account.egress_address
    return {
        "at": _when(looked.at),
        "seen": looked.seen_address,
        "source": looked.source_address,
        "findings": looked.findings,
        "is_good": is_current and not any(row["is_bad"] for row in looked.findings),
        "is_current": is_current,
        "skew_s": None if looked.clock_skew_s is None else abs(looked.clock_skew_s),
    }


def _day(at: datetime) -> str:
    return f"{at.astimezone(IST):%-d %B %Y}"


def _when(at: datetime | None) -> str:
    return f"{at.astimezone(IST):%H:%M} IST, {at.astimezone(IST):%a %-d %b}" if at else ""
