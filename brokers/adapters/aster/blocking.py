"""Single Aster calls for services, which run in threads that have no event loop. All of them are public."""

from __future__ import annotations

import httpx

from brokers.adapters.aster import quotes
from brokers.adapters.aster.errors import data_of
from brokers.adapters.aster.listing import AsterListing, listing_of
from brokers.adapters.rest import USER_AGENT
from brokers.domain.errors import Retryable
from brokers.ports import Reply

LISTING_TIMEOUT_S = 30.0


def list_instruments(*, api_url: str) -> AsterListing:
    """Fetch what the exchange lists, with its word on each symbol; no key is shown."""
    question = quotes.exchange_list()
    return listing_of(question.read(data_of(_get(api_url, question.request.path("v3")), is_write=False)))


def _get(api_url: str, path: str) -> Reply:
    with httpx.Client(trust_env=False, follow_redirects=False, timeout=LISTING_TIMEOUT_S) as client:
        try:
            response = client.get(f"{api_url.rstrip('/')}{path}", headers={"User-Agent": USER_AGENT})
        except httpx.HTTPError as failure:
            message = f"the venue did not answer: {type(failure).__name__}"
            raise Retryable(message, code="venue.no_answer") from None
    return Reply(status=response.status_code, headers=dict(response.headers), body=response.content)
