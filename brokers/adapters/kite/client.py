"""`KiteVenue`: the `Venue` port over HTTP. The protocol decides what to say; this says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from brokers.adapters.backoff import Backoff
from brokers.adapters.kite import errors, payloads, protocol
from brokers.adapters.kite.history import chunks, closed_bars, interval_of
from brokers.adapters.kite.listing import listing_of
from brokers.adapters.kite.protocol import KiteRequest
from brokers.domain.errors import Retryable, VenueError
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar
from brokers.domain.orders import ApprovedOrder, UnreadableRow, VenueMargin, VenueOrder, VenuePosition, VenueTrade
from brokers.ports import Budget, Clock, Credentials, Net, Receipt, Reply

READ_ATTEMPTS = 4
LISTING_TIMEOUT_S = 60.0
TIMEOUT_S = 7.0
THROTTLED = "venue.throttled"
_LONGEST_PAUSE_S = 30.0

Answer = TypeVar("Answer")


class KiteVenue:
    """One Kite session. Reads take their own budget; the caller has taken a write's before it journalled."""

    name = "kite"

    def __init__(
        self,
        *,
        net: Net,
        budget: Budget,
        credentials: Credentials,
        clock: Clock,
        jitter: Callable[[], float],
        api_url: str,
    ) -> None:
        self._net = net
        self._budget = budget
        self._clock = clock
        self._jitter = jitter
        self._api_url = api_url.rstrip("/")
        self._credentials = credentials
        self._headers = protocol.headers(credentials.api_key, credentials.access_token)
        self._pauses: dict[str, Backoff] = {}
        self._is_closed = False

    async def place(self, order: ApprovedOrder, instrument: Instrument, before_write: Callable[[], None]) -> Receipt:
        """Send an order; its client id is the tag to look for when the answer is lost."""
        return await self._write(protocol.place(order, instrument), before_write)

    async def modify(
        self,
        order: VenueOrder,
        *,
        price: Decimal | None,
        trigger_price: Decimal | None,
        before_write: Callable[[], None],
    ) -> Receipt:
        """Send new prices for a resting order."""
        request = protocol.modify(order.venue_order_id, order.order_type, price=price, trigger_price=trigger_price)
        return await self._write(request, before_write)

    async def cancel(self, venue_order_id: str, before_write: Callable[[], None]) -> Receipt:
        """Send a cancellation."""
        return await self._write(protocol.cancel(venue_order_id), before_write)

    async def orders(self) -> list[VenueOrder | UnreadableRow]:
        """Return today's order book."""
        return await self._read(protocol.orders(), payloads.orders)

    async def trades(self) -> list[VenueTrade | UnreadableRow]:
        """Return today's trades."""
        return await self._read(protocol.trades(), payloads.trades)

    async def positions(self) -> list[VenuePosition | UnreadableRow]:
        """Return the net positions, closed ones included."""
        return await self._read(protocol.positions(), payloads.positions)

    async def holdings(self) -> list[Mapping[str, object]]:
        """Return the delivery holdings as the venue shows them."""
        return await self._read(protocol.holdings(), payloads.holdings)

    async def margins(self) -> list[VenueMargin]:
        """Return the buying power of each segment."""
        return await self._read(protocol.margins(), payloads.margins)

    async def profile(self) -> Mapping[str, object]:
        """Return who is signed in."""
        return await self._read(protocol.profile(), payloads.profile)

    async def quotes(self, keys: Sequence[str], detail: str = "full") -> dict[str, Mapping[str, Any]]:
        """Return quotes by instrument; one that the venue has no data for is absent."""
        found: dict[str, Mapping[str, Any]] = {}
        for request in protocol.quotes(keys, detail):
            found.update(await self._read(request, payloads.quotes))
        return found

    async def instruments(self) -> list[Instrument]:
        """Return every contract that the venue lists today."""
        request = protocol.instruments()
        text = await self._attempts(request, errors.text_of, timeout_s=LISTING_TIMEOUT_S)
        return listing_of(text).instruments

    async def history(self, instrument: Instrument, interval_s: int, start: datetime, end: datetime) -> list[Bar]:
        """Return the candles that lie wholly inside [start, end), oldest first, in market time."""
        word = interval_of(interval_s).word
        bars: list[Bar] = []
        for first, last in chunks(interval_s, start, end):
            request = protocol.candles(instrument.token, word, first, last)
            data = await self._attempts(request, errors.floats_of)
            bars.extend(closed_bars(data, instrument.key, interval_s, first, end))
        return bars

    async def end_session(self) -> None:
        """Log the session out at the venue."""
        request = protocol.session_end(self._credentials.api_key, self._credentials.access_token)
        await self._budget.acquire(request.kind)
        errors.data_of(await self._send(request), is_write=True)

    async def close(self) -> None:
        """Make no more calls; the connections belong to whoever opened the `Net`."""
        self._is_closed = True

    async def _write(self, request: KiteRequest, before_write: Callable[[], None]) -> Receipt:
        reply = await self._send(request, before_write=before_write)
        try:
            return payloads.receipt_of(errors.data_of(reply, is_write=True))
        except VenueError as refusal:
            self._heed(request.kind, refusal)
            raise

    async def _read(self, request: KiteRequest, parse: Callable[[object], Answer]) -> Answer:
        return await self._attempts(request, lambda reply: parse(errors.data_of(reply, is_write=False)))

    async def _attempts(
        self, request: KiteRequest, parse: Callable[[Reply], Answer], *, timeout_s: float = TIMEOUT_S
    ) -> Answer:
        backoff = Backoff(jitter=self._jitter, first_s=0.5, cap_s=8.0)
        for remaining in reversed(range(READ_ATTEMPTS)):
            await self._budget.acquire(request.kind)
            try:
                answer = parse(await self._send(request, timeout_s=timeout_s))
            except Retryable as failure:
                self._heed(request.kind, failure)
                if not remaining or self._is_closed:
                    raise
                await self._clock.sleep(backoff.next_s())
            else:
                self._pauses.pop(request.kind, None)
                return answer
        raise AssertionError("the last attempt returns or raises")

    async def _send(
        self,
        request: KiteRequest,
        *,
        before_write: Callable[[], None] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Reply:
        if self._is_closed:
            raise Retryable("this session was closed by the desk", code="venue.closed")
        return await self._net.request(
            request.method,
            f"{self._api_url}{request.path}",
            headers=self._headers,
            params=request.params or None,
            form=request.form or None,
            timeout_s=timeout_s,
            before_write=before_write,
        )

    def _heed(self, kind: str, failure: VenueError) -> None:
        """Pause a kind of call that the venue throttles, longer each time in a row."""
        if failure.code != THROTTLED:
            return
        if kind not in self._pauses:
            self._pauses[kind] = Backoff(jitter=self._jitter, first_s=2.0, cap_s=_LONGEST_PAUSE_S)
        self._budget.pause(kind, self._pauses[kind].next_s())
