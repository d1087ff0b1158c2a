"""One plain look at an address, for services: what answered, when by its own clock, and from where it was asked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from brokers.adapters.rest import USER_AGENT, way_out
from brokers.domain.errors import Retryable

TIMEOUT_S = 5.0
MOST_BYTES = 64_000
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An answer, the venue's time in it, and ours before and after."""

    status: int
    body: bytes
    said_at: datetime | None
    asked_at: datetime
    answered_at: datetime


def look(url: str, *, now: Callable[[], datetime], egress_address: str = "") -> Seen:
    """Ask an address once, from an account's way out where one is given; raise Retryable when nothing answers."""
    way = way_out(egress_address) if egress_address else {}
    asked_at = now()
    try:
        with (
            httpx.HTTPTransport(trust_env=False, **way) as transport,  # type: ignore[arg-type]
            httpx.Client(transport=transport, trust_env=False, follow_redirects=False, timeout=TIMEOUT_S) as client,
        ):
            answer = client.get(url, headers={"User-Agent": USER_AGENT})
    except (httpx.HTTPError, OSError, ValueError) as failure:
        host = urlsplit(url).hostname
        raise Retryable(f"{host} does not answer: {type(failure).__name__}", code="venue.unreachable") from None
    return Seen(
        status=answer.status_code,
        body=answer.content[:MOST_BYTES],
        said_at=_date(answer.headers.get("date", "")),
        asked_at=asked_at,
        answered_at=now(),
    )


def local_address_towards(url: str) -> str:
    """Return the address of this machine that a connection there would leave from; empty when there is no way."""
    parts = urlsplit(url)
    try:
        # connecting a datagram socket chooses the way and sends nothing
        family, _, _, _, place = socket.getaddrinfo(
            parts.hostname, parts.port or PORTS.get(parts.scheme, 443), type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, socket.SOCK_DGRAM) as there:
            there.connect(place)
            return str(there.getsockname()[0])
    except OSError:
        return ""


def is_local(address: str) -> bool:
    """Tell whether this machine has an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind((address, 0))
    except OSError:
        return False
    return True


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
