"""The `Net` port over the exchange in this process: replies get lost, requests arrive after death."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from brokers.domain.errors import Ambiguous, Retryable
from brokers.ports import Reply
from brokers.simulator.kite_requests import Request, order_request
from brokers.simulator.kite_rest import Response, respond
from brokers.simulator.kite_sessions import DEMO_APP
from brokers.simulator.kite_stream import Socket
from tests.simulation.clockwork import CURRENT, WORLD, Process
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

LATE_S = 90.0
REFUSED, BAD_GATEWAY, GATEWAY_TIMEOUT, THROTTLED, SEEN_LATE = range(5)


class SimulatedNet:
    """One process's way to the exchange."""

    def __init__(self, world: World, process: Process, rng: random.Random) -> None:
        self._world = world
        self._process = process
        self._rng = rng

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Sequence[tuple[str, str]] | None = None,
        form: Mapping[str, str] | None = None,
        json: object | None = None,
        timeout_s: float = 7.0,
        before_write: Callable[[], None] | None = None,
    ) -> Reply:
        path = urlsplit(url).path
        name = f"{method} {'order' if path.startswith('/orders/') else path}"
        fault = self._world.ports.enter("net", name)
        kind = self._world.variant(5) if fault is Fault.ERROR else None
        await asyncio.sleep(self._rng.uniform(0.005, 0.03))
        if kind == REFUSED:
            raise Retryable(f"{name}: refused before anything was sent", code="venue.unreachable")
        if before_write is not None:
            self._world.ports.enter("net.write", name)
            before_write()
        request = _request(method, path, headers or {}, params or (), form or {})
        if before_write is not None:
            self._world.judge.bytes_leave(self._process, request)
        reply: asyncio.Future[Reply] = self._world.loop.create_future()
        self._world.loop.spawn(WORLD, self._carry(request, reply, fault, kind))
        try:
            async with asyncio.timeout(timeout_s):
                answer = await reply
        except TimeoutError:
            meaning = Retryable if method == "GET" else Ambiguous
            raise meaning(f"{name}: no answer came", code="venue.no_answer") from None
        self._world.ports.enter("net.reply", name)
        return answer

    async def connect(self, url: str, *, headers: Mapping[str, str] | None = None) -> SimulatedStream:
        if self._world.ports.enter("net", "connect") in (Fault.ERROR, Fault.LOST):
            raise Retryable("the stream could not be opened", code="venue.unreachable")
        await asyncio.sleep(self._rng.uniform(0.01, 0.05))
        return SimulatedStream(self._world, self._process)

    async def close(self) -> None:
        return

    async def _carry(
        self, request: Request, reply: asyncio.Future[Reply], fault: Fault | None, kind: int | None
    ) -> None:
        """Bring a request to the exchange and its answer back; the sender may be dead by then."""
        await asyncio.sleep(self._rng.uniform(0.005, 0.05))
        is_order = request.method == "POST"
        if is_order and (fault is Fault.LATE or kind == SEEN_LATE):
            self._world.site.place_later(DEMO_APP.user_id, order_request(request, "regular"), LATE_S)
            return
        answer = _broken(kind) or self._respond(request)
        if kind in (GATEWAY_TIMEOUT, SEEN_LATE):
            answer = Response(status=504, body=b"<html>gateway time-out</html>", content_type="text/html")
        if fault is Fault.LOST or answer.lost:
            return
        await asyncio.sleep(self._rng.uniform(0.005, 0.05))
        if not reply.done():
            reply.set_result(Reply(status=answer.status, headers={}, body=answer.body))

    def _respond(self, request: Request) -> Response:
        answer = respond(self._world.site, request)
        self._world.site.announce()
        return answer


def _broken(kind: int | None) -> Response | None:
    if kind == BAD_GATEWAY:
        return Response(status=502, body=b"<html>bad gateway</html>", content_type="text/html")
    if kind == THROTTLED:
        body = {"status": "error", "message": "Too many requests", "error_type": "NetworkException"}
        return Response(status=429, body=orjson.dumps(body))
    return None


def _request(
    method: str, path: str, headers: Mapping[str, str], params: Sequence[tuple[str, str]], form: Mapping[str, str]
) -> Request:
    query: dict[str, list[str]] = {}
    for name, value in params:
        query.setdefault(name, []).append(value)
    return Request(
        method=method,
        path=path,
        query=query,
        form={name: [value] for name, value in form.items()},
        headers={name.lower(): value for name, value in headers.items()},
    )


class SimulatedStream:
    """One websocket: the simulator's own socket, read without a wire."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._hub = world.site.hub
        self._socket = Socket(DEMO_APP.user_id, world.site.venue.board, world.loop.wall_ns)
        self._hub.sockets.add(self._socket)
        process.on_death.append(self._drop)

    async def send(self, text: str) -> None:
        self._socket.command(orjson.loads(text))

    async def recv(self) -> bytes | str:
        while True:
            frame = await self._socket.frames.get()
            if frame is None:
                raise Retryable("the stream ended", code="venue.stream_ended")
            fault = self._world.ports.enter("net.frame", "order") if isinstance(frame, str) else None
            if fault is Fault.ERROR:
                self._drop()
                raise Retryable("the stream broke", code="venue.stream_ended")
            if fault is not Fault.LOST:
                return frame

    async def close(self) -> None:
        self._drop()
        if not CURRENT.get().is_dead:
            self._socket.close()

    def _drop(self) -> None:
        self._hub.sockets.discard(self._socket)
