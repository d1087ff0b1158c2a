"""A session's beginning, renewal and end. Tokens and secrets stay out of every representation."""

from __future__ import annotations

from dataclasses import dataclass, field

from brokers.adapters.kite import payloads, protocol
from brokers.adapters.kite.accounts import profile_of
from brokers.adapters.kite.calls import Act, act
from brokers.adapters.kite.portfolio import is_done
from brokers.adapters.kite.protocol import KiteRequest
from brokers.adapters.kite.reading import Fields
from brokers.domain.profiles import VenueProfile
from brokers.ports import VenueSession

_SECRETS = ("access_token", "public_token", "enctoken", "refresh_token", "api_key", "silo", "login_time")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSession:
    """What a login brings back; only approved platforms get a refresh token."""

    session: VenueSession
    profile: VenueProfile
    public_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshedTokens:
    """What a renewal brings back."""

    user_id: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


def create(api_key: str, request_token: str, api_secret: str) -> Act[OpenedSession]:
    """Exchange a login's one-time token for a session; the caller checks whose it is."""
    return act(protocol.session_exchange(api_key, request_token, api_secret), opened_session_of)


def end(api_key: str, access_token: str) -> Act[bool]:
    """End a session at the venue."""
    return act(protocol.session_end(api_key, access_token), is_done)


def refresh(api_key: str, refresh_token: str, api_secret: str) -> Act[RefreshedTokens]:
    """Renew a session (approved platforms alone)."""
    form = {
        "api_key": api_key,
        "refresh_token": refresh_token,
        "checksum": protocol.checksum(api_key, refresh_token, api_secret),
    }
    request = KiteRequest(method="POST", path="/session/refresh_token", kind=protocol.READ, form=form, is_signed=False)
    return act(request, refreshed_tokens_of)


def revoke(api_key: str, refresh_token: str) -> Act[bool]:
    """Make a refresh token worthless."""
    params = (("api_key", api_key), ("refresh_token", refresh_token))
    return act(KiteRequest(method="DELETE", path="/session/token", kind=protocol.READ, params=params), is_done)


def opened_session_of(data: object) -> OpenedSession:
    """Read a login exchange."""
    session = payloads.session(data)
    row = Fields(data)
    public_token, refresh_token = row.text("public_token"), row.text("refresh_token")
    row.drop(*_SECRETS)
    return OpenedSession(
        session=session, profile=profile_of(row.rest()), public_token=public_token, refresh_token=refresh_token
    )


def refreshed_tokens_of(data: object) -> RefreshedTokens:
    """Read a renewal."""
    row = Fields(data)
    return RefreshedTokens(
        user_id=row.need("user_id"), access_token=row.need("access_token"), refresh_token=row.text("refresh_token")
    )
