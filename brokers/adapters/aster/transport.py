"""Sends Aster's calls through the `Net` port: signed with the exchange's time, within the weight, writes once.

A GET carries its text as query, everything else as the raw body of a form: what was signed leaves byte for byte. A read
is asked again where its answer was lost, and once where its signature came out of time. A write never is. Reads leave
by the account's own way out too: the exchange counts by address, and an agent may be bound to one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

from brokers.adapters.aster import requests
from brokers.adapters.aster.calls import Act, Ask
from brokers.adapters.aster.clock import ClockOffset, TimeSample
from brokers.adapters.aster.door import THROTTLED, Door
from brokers.adapters.aster.errors import ErrorClass, data_of
from brokers.adapters.aster.nonces import Nonces, OwnNonces
from brokers.adapters.aster.requests import AsterRequest, Security
from brokers.adapters.aster.signing import Signer
from brokers.adapters.aster.timekeeping import Timekeeper
from brokers.adapters.aster.weights import HeedsUsage
from brokers.adapters.backoff import Backoff
from brokers.domain.errors import Ambiguous, DataError, NeedsLogin, Rejected, Retryable, VenueError
from brokers.ports import Budget, Clock, Net, Reply

READ_ATTEMPTS = 4
TIMEOUT_S = 7.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOO_MANY_ORDERS = -1015
_ORDERS_REST_S = 10.0

Answer = TypeVar("Answer")


class AsterTransport:
    """One session's way to the exchange; without a signer it reads what is public."""

    def __init__(
        self,
        *,
        net: Net,
        budget: Budget,
        clock: Clock,
        jitter: Callable[[], float],
        api_url: str,
        signer: Signer | None = None,
        user: str = "",
        nonces: Nonces | None = None,
        door: Door | None = None,
    ) -> None:
        self._net = net
        self._budget = budget
        self._clock = clock
        self._jitter = jitter
        self._api_url = api_url.rstrip("/")
        self._signer = signer
        self._user = user
        self._nonces = nonces or OwnNonces()
        self._door = door or Door(clock=clock)
        self._time = Timekeeper(clock=clock, ask=self._time_sample)
        self._is_closed = False

    @property
    def generation(self) -> str:
        return self._signer.generation if self._signer is not None else "v3"

    @property
    def offset(self) -> ClockOffset | None:
        """Return how far the exchange's clock is ahead of ours, None before it was measured."""
        return self._time.offset

    async def require_steady_clock(self) -> None:
        """Raise Retryable while our clock is so far off that an order may be refused at any moment."""
        offset = await self._time.offset_known()
        if offset.stops_entries:
            raise Retryable(
                f"this machine's clock is {abs(offset.milliseconds) / 1000:.1f} s off the exchange's; nothing was sent",
                code="aster.clock",
                details={"class": ErrorClass.CLOCK.value, "offset_ms": round(offset.milliseconds)},
            )

    async def read(self, ask: Ask[Answer]) -> Answer:
        """Ask, and ask again where the answer was lost; once more where the signature came out of time."""
        backoff = Backoff(jitter=self._jitter, first_s=0.5, cap_s=8.0)
        has_resigned = False
        for remaining in reversed(range(READ_ATTEMPTS)):
            try:
                return await self._asked(ask)
            except Rejected as refusal:
                if has_resigned or not is_out_of_time(refusal):
                    raise
                has_resigned = True
                await self._time.measure()
            except Retryable as failure:
                if not remaining or self._is_closed or failure.code == THROTTLED:
                    raise
                await self._clock.sleep(backoff.next_s())
        raise Retryable("the exchange refused the time of every signature", code="aster.clock")

    async def write(
        self, act: Act[Answer], before_write: Callable[[], None] | None, *, kind: str | None = None
    ) -> Answer:
        """Send a write once; `before_write` runs immediately before its bytes leave and may stop it.

        `kind` is the budget that is taken here; None where the caller has taken an order's before it journalled.
        """
        if kind is None:
            return await self._written(act, before_write)
        number = await self._budget.acquire(kind, urgent=act.request.is_urgent, weight=act.request.weight)
        try:
            return await self._written(act, before_write)
        finally:
            self._budget.settle(kind, number)

    async def measure_clock(self) -> ClockOffset:
        """Ask the exchange's time and use the median answer from now on."""
        return await self._time.measure()

    def close(self) -> None:
        """Make no more calls."""
        self._is_closed = True

    async def _asked(self, ask: Ask[Answer]) -> Answer:
        if ask.request.security is Security.SIGNED and self._time.is_due:
            await self._time.measure()
        return ask.read(await self._read_body(ask.request))

    async def _read_body(self, request: AsterRequest) -> object:
        await self._door.require_open(is_urgent=request.is_urgent)
        number = await self._budget.acquire("read", urgent=request.is_urgent, weight=request.weight)
        try:
            await self._door.require_open(is_urgent=request.is_urgent)  # it may have been shut during the wait
            reply = await self._send(request)
        finally:
            self._budget.settle("read", number)
        return await self._understood(reply, is_write=False)

    async def _written(self, act: Act[Answer], before_write: Callable[[], None] | None) -> Answer:
        await self._door.require_open(is_urgent=act.request.is_urgent)
        reply = await self._send(act.request, before_write=before_write)
        try:
            return act.read(await self._understood(reply, is_write=True))
        except DataError as error:
            raise Ambiguous(error.message, code=error.code) from None
        except Rejected as refusal:
            if is_out_of_time(refusal):
                # for whatever is sent next: this write is over
                await self._try_to_measure()
            raise

    async def _understood(self, reply: Reply, *, is_write: bool) -> object:
        try:
            return data_of(reply, is_write=is_write)
        except VenueError as failure:
            if failure.code == THROTTLED:
                await self._heed_refusal(reply, failure)
            raise

    async def _heed_refusal(self, reply: Reply, failure: VenueError) -> None:
        if failure.details.get("venue_code") == TOO_MANY_ORDERS and reply.status == 400:
            self._budget.pause("order", _ORDERS_REST_S)  # of this account alone, not of the address
            return
        told = failure.details.get("banned_until_ms")
        failure.details["until_ms"] = await self._door.shut(
            status=reply.status, headers=reply.headers, banned_until_ms=told if isinstance(told, int) else None
        )

    async def _try_to_measure(self) -> None:
        try:
            await self._time.measure()
        except (VenueError, DataError):
            return  # the next signed read measures first, or fails with a reason of its own

    async def _send(self, request: AsterRequest, *, before_write: Callable[[], None] | None = None) -> Reply:
        if self._is_closed:
            raise Retryable("this session was closed by the desk", code="venue.closed")
        text, headers = await self._worded(request)
        url = f"{self._api_url}{request.path(self.generation)}"
        is_query = not request.is_write
        reply = await self._net.request(
            request.method,
            f"{url}?{text}" if is_query and text else url,
            headers=headers if is_query else FORM | headers,
            content=None if is_query else text.encode(),
            timeout_s=TIMEOUT_S,
            before_write=before_write or _let_go,
        )
        if isinstance(self._budget, HeedsUsage):
            self._budget.heed(reply.headers)
        return reply

    async def _worded(self, request: AsterRequest) -> tuple[str, dict[str, str]]:
        """Return what to send, signed where that is asked for, and the headers that go with it."""
        if request.security is Security.OPEN or (request.security is Security.MARKET and self._signer is None):
            return urlencode(request.params), {}
        if self._signer is None:
            raise NeedsLogin("this account has no key", code="aster.no_key")
        if request.security is not Security.SIGNED and self.generation == "v1":
            return urlencode(request.params), self._signer.key_headers()
        if request.security is Security.MARKET:
            return urlencode(request.params), {}
        signed = self._signer.sign(request.params, moment=await self._moment())
        return signed.text, signed.headers

    async def _moment(self) -> int:
        offset = await self._time.offset_known()
        now_ms = self._time.now_ms()
        if self.generation == "v1":
            return offset.milliseconds_at(now_ms)
        return await self._nonces.next(self._user, offset.microseconds_at(now_ms))

    async def _time_sample(self) -> TimeSample:
        await self._door.require_open(is_urgent=True)
        number = await self._budget.acquire("read", urgent=True)
        try:
            await self._door.require_open(is_urgent=True)
            asked_ms = self._time.now_ms()  # once its turn has come: a wait is no time on the way
            reply = await self._send(requests.server_time())
            answered_ms = self._time.now_ms()
        finally:
            self._budget.settle("read", number)
        body = await self._understood(reply, is_write=False)
        server_ms = body.get("serverTime") if isinstance(body, dict) else None
        if not isinstance(server_ms, int):
            raise Retryable("the exchange did not tell its time", code="venue.unreadable")
        return TimeSample(asked_ms=asked_ms, answered_ms=answered_ms, server_ms=server_ms)


def _let_go() -> None:
    """Say nothing against a read."""


def is_out_of_time(refusal: VenueError) -> bool:
    """Tell whether the exchange refused a signature for its time or nonce."""
    return refusal.details.get("class") == ErrorClass.CLOCK.value
