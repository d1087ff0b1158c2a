"""The `Net` port on httpx: one pooled client, verified TLS, no proxies from the environment, no redirects."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from brokers.adapters.stream import open_stream
from brokers.domain.errors import Ambiguous, Retryable, VenueError
from brokers.ports import Reply, Stream

READING_METHODS = frozenset({"GET", "HEAD"})
CONNECTIONS = 8
KEEP_ALIVE_S = 30.0
USER_AGENT = "windhover"
_FIRST_BYTES = "http11.send_request_headers.started"
_TO_THE_PROXY = b"CONNECT"


def _is_worth_keeping(record: logging.LogRecord) -> bool:
    # httpx writes whole addresses at INFO, and a venue's address may hold a token
    return record.levelno >= logging.WARNING


logging.getLogger("httpx").addFilter(_is_worth_keeping)


class _Wire:
    """Watches one request: httpcore calls it, once a connection is had, before the first byte leaves."""

    __slots__ = ("_before_write", "has_written", "refusal")

    def __init__(self, before_write: Callable[[], None] | None) -> None:
        self._before_write = before_write
        self.has_written = False
        self.refusal: Exception | None = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        # what opens a proxy's tunnel is no byte of the request: one that fails there was never sent
        if event != _FIRST_BYTES or info["request"].method == _TO_THE_PROXY:
            return
        if self._before_write is not None:
            try:
                self._before_write()
            except Exception as refusal:
                self.refusal = refusal
                raise
        self.has_written = True


class HttpNet:
    """HTTP and websockets to venues.

    `egress_address` is the way out of orders alone, a local address or a proxy's: a venue registers the address that
    they come from, and takes everything else from anywhere. An order is what has a `before_write`.
    """

    def __init__(self, *, egress_address: str | None = None, verify: bool = True) -> None:
        self._client = _client(verify=verify)
        self._orders = _client(verify=verify, **way_out(egress_address)) if egress_address else self._client

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Sequence[tuple[str, str]] | None = None,
        form: Mapping[str, str | Sequence[str]] | None = None,
        json: object | None = None,
        content: bytes | None = None,
        timeout_s: float = 7.0,
        before_write: Callable[[], None] | None = None,
    ) -> Reply:
        """Send one request and return its whole answer, whatever its status; see `Net` for what it raises."""
        wire = _Wire(before_write)
        client = self._client if before_write is None else self._orders
        try:
            async with asyncio.timeout(timeout_s):
                response = await client.request(
                    method,
                    url,
                    headers=headers,
                    params=list(params) if params else None,
                    data=form,
                    json=json,
                    content=content,
                    timeout=timeout_s,
                    extensions={"trace": wire},
                )
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as failure:
            if wire.refusal is not None:
                raise wire.refusal from None
            raise _meaning(method, url, wire, failure) from None
        return Reply(status=response.status_code, headers=dict(response.headers), body=response.content)

    async def connect(self, url: str, *, headers: Mapping[str, str] | None = None) -> Stream:
        """Open a websocket."""
        return await open_stream(url, headers=headers)

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._client.aclose()
        if self._orders is not self._client:
            await self._orders.aclose()


def way_out(egress_address: str) -> dict[str, str]:
    """Return a transport's words for an egress address: `proxy` for an address with a scheme, else `local_address`."""
    return {"proxy" if "://" in egress_address else "local_address": egress_address}


def _client(*, verify: bool, **way: Any) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(
        verify=verify,
        trust_env=False,
        http2=False,
        retries=0,
        limits=httpx.Limits(
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_S,
        ),
        **way,
    )
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        headers={"User-Agent": USER_AGENT},
    )


def _meaning(method: str, url: str, wire: _Wire, failure: Exception) -> VenueError:
    # the query may hold a token, so only the path is named
    what = f"{method} {urlsplit(url).path}: {type(failure).__name__}"
    if not wire.has_written:
        return Retryable(f"{what} before anything was sent", code="venue.unreachable")
    if method.upper() in READING_METHODS:
        return Retryable(f"{what} while waiting for the answer", code="venue.no_answer")
    return Ambiguous(f"{what} after the request may have left", code="venue.no_answer")
