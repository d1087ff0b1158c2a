"""Single Kite calls for services, which run in threads that have no event loop."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from brokers.adapters.kite import errors, payloads, protocol
from brokers.adapters.kite.calculators import Wanted, basket_margins
from brokers.adapters.kite.listing import Listing, listing_of
from brokers.adapters.kite.protocol import KiteRequest
from brokers.domain.errors import Ambiguous, Retryable
from brokers.domain.margins import BasketMargin
from brokers.ports import Credentials, Reply, VenueSession

USER_AGENT = "windhover"
TIMEOUT_S = 7.0
LISTING_TIMEOUT_S = 60.0
_NOTHING_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def exchange_session(*, api_url: str, api_key: str, request_token: str, api_secret: str) -> VenueSession:
    """Exchange a login's one-time token for a session; a refused token raises NeedsLogin."""
    request = protocol.session_exchange(api_key, request_token, api_secret)
    reply = _send(request, api_url=api_url, headers={"X-Kite-Version": protocol.API_VERSION})
    return payloads.session(errors.data_of(reply, is_write=True))


def end_session(credentials: Credentials, *, api_url: str) -> None:
    """Log a session out at the venue."""
    request = protocol.session_end(credentials.api_key, credentials.access_token)
    errors.data_of(_send(request, api_url=api_url, headers=_signed(credentials)), is_write=True)


def list_instruments(credentials: Credentials, *, api_url: str) -> Listing:
    """Fetch the day's list of contracts."""
    request = protocol.instruments()
    reply = _send(request, api_url=api_url, headers=_signed(credentials), timeout_s=LISTING_TIMEOUT_S)
    return listing_of(errors.text_of(reply))


def basket_margin(credentials: Credentials, wanted: Sequence[Wanted], *, api_url: str) -> BasketMargin:
    """Ask the venue's calculator what orders would block together; nothing changes there."""
    question = basket_margins(wanted)
    return question.parse(_send(question.request, api_url=api_url, headers=_signed(credentials)))


def _signed(credentials: Credentials) -> dict[str, str]:
    return protocol.headers(credentials.api_key, credentials.access_token)


def _send(request: KiteRequest, *, api_url: str, headers: dict[str, str], timeout_s: float = TIMEOUT_S) -> Reply:
    with httpx.Client(trust_env=False, follow_redirects=False, timeout=timeout_s) as client:
        try:
            response = client.request(
                request.method,
                f"{api_url.rstrip('/')}{request.path}",
                headers={"User-Agent": USER_AGENT, **headers},
                params=request.params or None,
                data=request.form or None,
                json=request.json,
            )
        except _NOTHING_LEFT as failure:
            message = f"the venue cannot be reached: {type(failure).__name__}"
            raise Retryable(message, code="venue.unreachable") from None
        except httpx.HTTPError as failure:
            kind = Retryable if request.method == "GET" else Ambiguous
            raise kind(f"the venue did not answer: {type(failure).__name__}", code="venue.no_answer") from None
    return Reply(status=response.status_code, headers=dict(response.headers), body=response.content)
