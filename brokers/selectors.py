"""Reads about trading accounts, their sessions and the instruments a venue lists."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When

from accounts.vault import VaultError, reveal
from brokers.domain.errors import Invalid, NeedsLogin, NotFound
from brokers.domain.instruments import Instrument, InstrumentKind, split_key
from brokers.hub import snapshots, topic_of
from brokers.models import ListedInstrument, SessionState, TradingAccount, VenueLogin
from brokers.ports import Credentials, VenueUrls

if TYPE_CHECKING:
    from uuid import UUID

    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

VENUE_TOPIC = "venue"
_KEYS_PER_QUERY = 200


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


def instruments_by_keys(venue: str, keys: Iterable[str]) -> dict[str, Instrument]:
    """Return the listed instruments among `keys` by key; raise Invalid for a key without an exchange."""
    pairs = sorted({split_key(key) for key in keys})
    found: dict[str, Instrument] = {}
    for at in range(0, len(pairs), _KEYS_PER_QUERY):
        wanted = Q()
        for exchange, symbol in pairs[at : at + _KEYS_PER_QUERY]:
            wanted |= Q(exchange=exchange, symbol=symbol)
        rows = ListedInstrument.objects.filter(wanted, venue=venue)
        found.update((instrument.key, instrument) for instrument in map(instrument_of, rows))
    return found


def instrument_for(venue: str, key: str) -> Instrument:
    """Return one listed instrument; raise NotFound when the venue does not list it today."""
    found = instruments_by_keys(venue, [key])
    if not found:
        raise NotFound(f"{key} is not listed", code="instrument.unknown", field="instruments")
    return next(iter(found.values()))


def instruments_listed(venue: str, *, exchange: str | None = None) -> list[Instrument]:
    """Return every listed instrument, of one exchange where it is named."""
    rows = ListedInstrument.objects.filter(venue=venue).order_by("exchange", "symbol")
    if exchange is not None:
        rows = rows.filter(exchange=exchange)
    return [instrument_of(row) for row in rows.iterator(chunk_size=2000)]


def instruments_found(venue: str, words: str, *, limit: int) -> list[Instrument]:
    """Return tradable instruments whose symbol or name holds every word, the closest to the words first.

    A word with a colon names the exchange before it. Stocks come before what is derived from them, and near
    expiries before far ones; indices are not for trading and are left out.
    """
    rows = ListedInstrument.objects.filter(venue=venue).exclude(kind=InstrumentKind.INDEX)
    wanted = words.upper().split()
    for at, word in enumerate(wanted):
        exchange, colon, symbol = word.partition(":")
        if colon:
            rows, wanted[at] = rows.filter(exchange=exchange), symbol
        rows = rows.filter(Q(symbol__contains=wanted[at]) | Q(name__icontains=wanted[at]))
    first = wanted[0] if wanted else ""
    closeness = Case(
        When(symbol=first, then=Value(0)),
        When(symbol__startswith=first, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    ordered = rows.order_by(closeness, F("expiry").asc(nulls_first=True), "strike", "exchange", "symbol")
    return [instrument_of(row) for row in ordered[:limit]]


def instrument_of(row: ListedInstrument) -> Instrument:
    """Turn a row into the domain's instrument."""
    return Instrument(
        exchange=row.exchange,
        symbol=row.symbol,
        token=row.token,
        kind=InstrumentKind(row.kind),
        name=row.name,
        tick_size=row.tick_size.normalize(),
        lot_size=row.lot_size,
        segment=row.segment,
        expiry=row.expiry,
        strike=None if row.strike is None else row.strike.normalize(),
    )


def credentials_of(account: TradingAccount) -> Credentials:
    """Open the account's session; raise NeedsLogin when it has none. For processes that talk to the venue alone."""
    login = VenueLogin.objects.filter(account=account).first()
    if login is None or login.state != SessionState.LIVE or not login.access_token:
        raise NeedsLogin(login.reason if login and login.reason else "nobody has signed in at the venue today")
    try:
        token = reveal(login.access_token, binding=binding_of(account, "access_token"))
    except VaultError as error:
        raise NeedsLogin(f"the stored session cannot be opened, sign in again: {error}") from error
    return Credentials(user_id=account.venue_user_id, api_key=account.api_key, access_token=token)


def binding_of(account: TradingAccount, field: str) -> str:
    """Return what ties a sealed secret to its row."""
    return f"{account.id}:{field}"


def venue_urls(account: TradingAccount) -> VenueUrls:
    """Return where the account's venue is; a simulated account never reaches beyond this machine."""
    urls = VenueUrls(
        api=settings.WINDHOVER_KITE_API_URL,
        stream=settings.WINDHOVER_KITE_STREAM_URL,
        login=settings.WINDHOVER_KITE_LOGIN_URL,
    )
    if account.is_simulated and not (_is_loopback(urls.api) and _is_loopback(urls.stream)):
        raise Invalid("a simulated account needs the simulator on this machine", code="account.simulated")
    if not account.is_simulated and settings.WINDHOVER_DEMO:
        raise Invalid("the demo trades on the simulator alone", code="account.live_in_demo")
    return urls


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
