"""Sends Kite's calls through the `Net` port: signed, within the budget, reads repeated with patience, writes never."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from brokers.adapters.backoff import Backoff
from brokers.adapters.kite import protocol
from brokers.adapters.kite.calls import TIMEOUT_S, Act, Ask
from brokers.adapters.kite.protocol import KiteRequest
from brokers.domain.errors import Ambiguous, Retryable, VenueError
from brokers.ports import Budget, Clock, Credentials, Net, Reply

READ_ATTEMPTS = 4
THROTTLED = "venue.throttled"
_LONGEST_PAUSE_S = 30.0

Answer = TypeVar("Answer")
Found = TypeVar("Found")


class KiteTransport:
    """One session's way to the venue. The caller has taken an order's budget before it journalled."""

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
        self._pauses: dict[str, Backoff] = {}
        self._is_closed = False

    async def read(self, ask: Ask[Answer]) -> Answer:
        """Ask, and ask again where the answer was lost or the venue busy; only a GET is repeated."""
        backoff = Backoff(jitter=self._jitter, first_s=0.5, cap_s=8.0)
        kind = ask.request.kind
        for remaining in reversed(range(READ_ATTEMPTS if ask.request.method == "GET" else 1)):
            await self._budget.acquire(kind)
            try:
                answer = ask.parse(await self._question(ask))
            except Retryable as failure:
                self._heed(kind, failure)
                if not remaining or self._is_closed:
                    raise
                await self._clock.sleep(backoff.next_s())
            else:
                self._pauses.pop(kind, None)
                return answer
        raise AssertionError("the last attempt returns or raises")

    async def read_all(self, asks: Iterable[Ask[dict[str, Found]]]) -> dict[str, Found]:
        """Ask one after the other and put the answers together."""
        found: dict[str, Found] = {}
        for question in asks:
            answer: dict[str, Found] = await self.read(question)
            found |= answer
        return found

    async def write(self, act: Act[Answer], before_write: Callable[[], None] | None) -> Answer:
        """Send a write once; `before_write` runs immediately before its bytes leave and may stop it."""
        if act.request.kind != protocol.ORDER:
            await self._budget.acquire(act.request.kind)
        reply = await self._send(act.request, before_write=before_write)
        try:
            answer = act.parse(reply)
        except VenueError as refusal:
            self._heed(act.request.kind, refusal)
            raise
        self._pauses.pop(act.request.kind, None)
        return answer

    def close(self) -> None:
        """Make no more calls."""
        self._is_closed = True

    async def _question(self, ask: Ask[Answer]) -> Reply:
        try:
            return await self._send(ask.request, timeout_s=ask.timeout_s)
        except Ambiguous as lost:
            # a calculator is asked by POST, but changes nothing
            raise Retryable(lost.message, code=lost.code) from None

    async def _send(
        self,
        request: KiteRequest,
        *,
        before_write: Callable[[], None] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Reply:
        if self._is_closed:
            raise Retryable("this session was closed by the desk", code="venue.closed")
        try:
            return await self._net.request(
                request.method,
                f"{self._api_url}{request.path}",
                headers=self._signed(request),
                params=request.params or None,
                form=request.form or None,
                json=request.json,
                timeout_s=timeout_s,
                before_write=before_write,
            )
        finally:
            if request.kind != protocol.ORDER:  # whoever took an order's turn gives it back
                self._budget.settle(request.kind)

    def _signed(self, request: KiteRequest) -> dict[str, str]:
        return protocol.headers_of(request, self._credentials.api_key, self._credentials.access_token)

    def _heed(self, kind: str, failure: VenueError) -> None:
        """Pause a kind of call that the venue throttles, longer each time in a row."""
        if failure.code != THROTTLED:
            return
        if kind not in self._pauses:
            self._pauses[kind] = Backoff(jitter=self._jitter, first_s=2.0, cap_s=_LONGEST_PAUSE_S)
        self._budget.pause(kind, self._pauses[kind].next_s())
