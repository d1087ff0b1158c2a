"""The `Stream` port on the websockets client: no proxies, no redirects, and no token in any log or message."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from brokers.domain.errors import NeedsLogin, Retryable

OPEN_TIMEOUT_S = 7.0
CLOSE_TIMEOUT_S = 2.0
LARGEST_FRAME_BYTES = 4 * 1024 * 1024
FRAMES_AHEAD = 64
FORBIDDEN = frozenset({401, 403})

# At DEBUG the library writes the handshake's address, which holds the access token.
_silent = logging.getLogger("brokers.adapters.stream.wire")
_silent.setLevel(logging.CRITICAL)
_silent.propagate = False


class _DirectConnect(connect):
    """A connect that goes where it was told: a redirect is an error."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebSocketStream:
    """One open websocket; reading stops the socket from being read further, so a slow reader slows the sender."""

    __slots__ = ("_connection",)

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        """Send one text frame; raise Retryable when the stream has ended."""
        try:
            await self._connection.send(text)
        except (ConnectionClosed, OSError) as failure:
            raise _ended(failure) from None

    async def recv(self) -> bytes | str:
        """Return the next whole message; raise Retryable when the stream has ended."""
        try:
            return await self._connection.recv()
        except (ConnectionClosed, OSError) as failure:
            raise _ended(failure) from None

    async def close(self) -> None:
        """Close politely within two seconds."""
        await self._connection.close()


async def open_stream(url: str, *, headers: Mapping[str, str] | None = None) -> WebSocketStream:
    """Open a websocket; raise NeedsLogin when the handshake is forbidden, Retryable on every other failure."""
    try:
        connection = await _DirectConnect(
            url,
            additional_headers=dict(headers or {}),
            compression=None,
            proxy=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            # venues send their own heartbeats, and the feed's watchdog listens for them
            ping_interval=None,
            max_size=LARGEST_FRAME_BYTES,
            max_queue=FRAMES_AHEAD,
            logger=_silent,
        )
    except InvalidStatus as refusal:
        raise _refused(refusal.response.status_code) from None
    except (InvalidHandshake, InvalidURI, ConnectionClosed, TimeoutError, OSError) as failure:
        message = f"the stream could not be opened: {type(failure).__name__}"
        raise Retryable(message, code="venue.unreachable") from None
    return WebSocketStream(connection)


def _refused(status: int) -> NeedsLogin | Retryable:
    details = {"status": status}
    if status in FORBIDDEN:
        return NeedsLogin(f"the venue refused the stream with HTTP {status}", details=details)
    return Retryable(f"the venue answered the stream with HTTP {status}", details=details)


def _ended(failure: Exception) -> Retryable:
    return Retryable(f"the stream ended: {type(failure).__name__}", code="venue.stream_ended")
