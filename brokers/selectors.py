"""Reads about trading accounts, their sessions and the instruments a venue lists."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.vault import VaultError, reveal
from brokers.domain.errors import Invalid, NeedsLogin, NotFound
from brokers.hub import snapshots, topic_of
from brokers.models import Proof, SessionState, TradingAccount, Venue, VenueLogin
from brokers.ports import AuthScheme, Credentials, VenueUrls

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

VENUE_TOPIC = "venue"
NOBODY_YET = ("nobody has signed in at the venue today", "no key is stored that the venue takes")


def accounts_visible(user: User | AnonymousUser) -> QuerySet[TradingAccount]:
    """Return the trading accounts of the user's desks, with their sessions."""
    accounts: QuerySet[TradingAccount] = TradingAccount.objects.visible_to(user)
    return accounts.select_related("login", "desk").order_by("created_at", "id").distinct()


def account_for(user: User | AnonymousUser, account_id: UUID | str) -> TradingAccount:
    """Return one visible account; raise NotFound for any other id."""
    try:
        account = accounts_visible(user).filter(id=account_id).first()
    except (ValidationError, ValueError, TypeError):
        account = None
    if account is None:
        raise NotFound("there is no such account", code="account.unknown", field="account")
    return account


def credentials_of(account: TradingAccount) -> Credentials:
    """Open the account's session; raise NeedsLogin when it has none. For processes that talk to the venue alone.

    An account that a key proves has its credentials while it is enabled and the venue has not refused the key.
    """
    login = VenueLogin.objects.filter(account=account).first()
    is_by_key = account.auth_scheme != Proof.LOGIN
    if is_by_key and not account.is_enabled:
        raise NeedsLogin("the account is disabled", code="account.disabled")
    if login is None or login.state != SessionState.LIVE or not (is_by_key or login.access_token):
        raise NeedsLogin(login.reason if login and login.reason else NOBODY_YET[is_by_key])
    sealed, field = (account.api_secret, "api_secret") if is_by_key else (login.access_token, "access_token")
    try:
        token = reveal(sealed, binding=binding_of(account, field))
    except VaultError as error:
        advice = "enter the key again" if is_by_key else "sign in again"
        raise NeedsLogin(
            f"the stored {'key' if is_by_key else 'session'} cannot be opened, {advice}: {error}"
        ) from error
    return Credentials(
        user_id=account.venue_user_id,
        api_key=account.api_key,
        access_token=token,
        scheme=AuthScheme(account.auth_scheme),
    )


def binding_of(account: TradingAccount, field: str) -> str:
    """Return what ties a sealed secret to its row."""
    return f"{account.id}:{field}"


def venue_urls(account: TradingAccount) -> VenueUrls:
    """Return where the account's venue is; a simulated account never reaches beyond this machine."""
    urls = _aster_urls(account) if account.venue == Venue.ASTER else _kite_urls()
    reached = [urls.api, urls.stream, urls.user_stream or urls.stream]
    if account.is_simulated and not all(_is_loopback(url) for url in reached):
        raise Invalid("a simulated account needs the simulator on this machine", code="account.simulated")
    if not account.is_simulated and settings.WINDHOVER_DEMO:
        raise Invalid("the demo trades on the simulator alone", code="account.live_in_demo")
    return urls


def _kite_urls() -> VenueUrls:
    return VenueUrls(
        api=settings.WINDHOVER_KITE_API_URL,
        stream=settings.WINDHOVER_KITE_STREAM_URL,
        login=settings.WINDHOVER_KITE_LOGIN_URL,
    )


def _aster_urls(account: TradingAccount) -> VenueUrls:
    net = "ASTER_TESTNET" if account.is_testnet else "ASTER"
    return VenueUrls(
        api=getattr(settings, f"WINDHOVER_{net}_API_URL"),
        stream=getattr(settings, f"WINDHOVER_{net}_STREAM_URL"),
        login="",
        user_stream=getattr(settings, f"WINDHOVER_{net}_USER_STREAM_URL"),
        chain_id=getattr(settings, f"WINDHOVER_{net}_CHAIN_ID"),
    )


def venue_profile(account: TradingAccount) -> Mapping[str, Any] | None:
    """Return who is signed in, as the desk last published it; None before it has."""
    return _published(account).get("profile")


def venue_margins(account: TradingAccount) -> list[Mapping[str, Any]]:
    """Return the buying power by segment, as the desk last published it."""
    return list(_published(account).get("margins") or [])


def venue_holdings(account: TradingAccount) -> list[Mapping[str, Any]]:
    """Return the delivery holdings, as the desk last published them."""
    return list(_published(account).get("holdings") or [])


def _published(account: TradingAccount) -> Mapping[str, Any]:
    topic = topic_of(str(account.id), VENUE_TOPIC)
    frame = snapshots([topic]).get(topic) or {}
    data: Mapping[str, Any] = frame.get("data") or {}
    return data


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
