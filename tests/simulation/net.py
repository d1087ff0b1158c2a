"""The `Net` port over the exchange in this process: replies get lost, requests arrive after death."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import orjson

from brokers.domain.errors import Ambiguous, NeedsLogin, Retryable
from brokers.ports import Reply
from brokers.simulator.faults import fault_from
from brokers.simulator.kite_requests import Request, order_request
from brokers.simulator.kite_rest import Response, respond
from brokers.simulator.kite_sessions import DEMO_APP
from brokers.simulator.kite_stream import Socket
from brokers.simulator.orders import Refusal
from tests.simulation.clockwork import CURRENT, NANOSECONDS, WORLD, Process
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

DELAY_S = 90.0
LATE_FRAME_S = 30.0
REORDERED_S = 3.0
SILENT_S = 25.0
REFUSED, SCRIPTED = "refused", frozenset({Fault.THROTTLED, Fault.BEFORE, Fault.AFTER, Fault.HTML, Fault.TIMED_OUT})
# how a call fails whose fault is just an error: before anything left, or as the simulator's script says
ERRORS: tuple[Fault | str, ...] = (REFUSED, Fault.BEFORE, Fault.AFTER, Fault.THROTTLED, Fault.HTML)


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
        content: bytes | None = None,
        timeout_s: float = 7.0,
        before_write: Callable[[], None] | None = None,
    ) -> Reply:
        name = self._name(method, urlsplit(url).path)
        fault = self._world.ports.enter("net", name)
        kind = ERRORS[self._world.variant(len(ERRORS))] if fault is Fault.ERROR else fault
        if fault is Fault.TOKEN:
            self._world.end_login()
        await asyncio.sleep(self._rng.uniform(0.005, 0.03))
        if kind == REFUSED:
            raise Retryable(f"{name}: refused before anything was sent", code="venue.unreachable")
        is_write = before_write is not None and self._changes(method, urlsplit(url).path)
        if before_write is not None:
            if is_write:
                self._world.ports.enter("net.write", name)
            before_write()
        given = {"headers": headers, "params": params, "form": form}
        request = self._worded(method, url, content, given)
        if is_write:
            self._world.judge.bytes_leave(self._process, request)
        reply: asyncio.Future[Reply] = self._world.loop.create_future()
        self._world.loop.spawn(WORLD, self._carry(request, reply, kind))
        try:
            async with asyncio.timeout(timeout_s):
                answer = await reply
        except TimeoutError:
            meaning = Retryable if method == "GET" else Ambiguous
            raise meaning(f"{name}: no answer came", code="venue.no_answer") from None
        self._world.ports.enter("net.reply", name)
        return answer

    async def connect(self, url: str, *, headers: Mapping[str, str] | None = None) -> SimulatedStream:
        fault = self._world.ports.enter("net", "connect")
        if fault is Fault.TOKEN:
            self._world.end_login()
        if fault in (Fault.ERROR, Fault.LOST):
            raise Retryable("the stream could not be opened", code="venue.unreachable")
        await asyncio.sleep(self._rng.uniform(0.01, 0.05))
        return self._open(url)

    async def close(self) -> None:
        return

    async def _carry(self, request: Request, reply: asyncio.Future[Reply], kind: Fault | str | None) -> None:
        """Bring a request to the exchange and its answer back; the sender may be dead by then."""
        await asyncio.sleep(self._rng.uniform(0.005, 0.05))
        if kind is Fault.DELAYED:
            self._delay(request, DELAY_S)
            return
        if kind in SCRIPTED:
            self._script({"kind": str(kind), "method": request.method, "path": request.path})
        answer = self._respond(request)
        if kind is Fault.LOST or answer.lost:
            return
        await asyncio.sleep(self._rng.uniform(0.005, 0.05))
        if not reply.done():
            reply.set_result(Reply(status=answer.status, headers={}, body=answer.body))

    # --- what one exchange has otherwise than another

    def _name(self, method: str, path: str) -> str:
        return f"{method} {'order' if path.startswith('/orders/') else path}"

    def _changes(self, method: str, _path: str) -> bool:
        """Tell whether a call changes something at the venue that only the owner may."""
        return method != "GET"

    def _worded(self, method: str, url: str, content: bytes | None, given: Mapping[str, Any]) -> Request:
        parts = urlsplit(url)
        return _request(method, parts.path, given["headers"] or {}, given["params"] or (), given["form"] or {})

    def _delay(self, request: Request, seconds: float) -> None:
        self._world.site.place_later(DEMO_APP.user_id, order_request(request, "regular"), seconds)

    def _script(self, fault: Mapping[str, Any]) -> None:
        self._world.site.add_fault(fault_from(fault))

    def _open(self, url: str) -> SimulatedStream:
        given = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        try:
            self._world.site.sessions.user(given.get("api_key", ""), given.get("access_token", ""))
        except Refusal as refusal:
            raise NeedsLogin(f"the venue refused the stream: {refusal}") from None
        return SimulatedStream(self._world, self._process)

    def _respond(self, request: Request) -> Response:
        answer = respond(self._world.site, request)
        self._world.site.announce()
        return answer


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
    """One websocket: the simulator's own socket, read without a wire; its order frames may go astray."""

    def __init__(self, world: World, process: Process) -> None:
        self._begin(world, process)
        self._hub: Any = world.site.hub
        self._socket: Any = Socket(DEMO_APP.user_id, world.site.venue.board, world.loop.wall_ns)
        self._hub.sockets.add(self._socket)
        process.on_death.append(self._drop)

    def _begin(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._strayed: list[str] = []  # frames whose turn was decided already
        self._held: list[str] = []
        process.stream = self

    async def send(self, text: str) -> None:
        self._socket.command(orjson.loads(text))

    async def recv(self) -> bytes | str:
        while True:
            frame = await self._socket.frames.get()
            if frame is None:
                raise Retryable("the stream ended", code="venue.stream_ended")
            if not isinstance(frame, str) or self._has_strayed(frame):
                return frame
            fault = self._world.ports.enter("net.frame", "order")
            if fault is Fault.DROP:
                self._drop()
                raise Retryable("the stream broke", code="venue.stream_ended")
            if fault in (None, Fault.DUPLICATE):
                self._follow(frame, twice=fault is Fault.DUPLICATE)
                return frame
            self._lead_astray(frame, fault)

    async def close(self) -> None:
        self._drop()
        if not CURRENT.get().is_dead:
            self._socket.close()

    def _drop(self) -> None:
        self._hub.sockets.discard(self._socket)

    def _has_strayed(self, frame: str) -> bool:
        found = next((place for place, known in enumerate(self._strayed) if known is frame), None)
        if found is not None:
            del self._strayed[found]
        return found is not None

    def _follow(self, frame: str, *, twice: bool) -> None:
        """Bring, right after a frame, the older ones that waited for it, and itself once more."""
        for waiting in (*self._held, *([frame] if twice else [])):
            self._bring(waiting)
        self._held.clear()

    def _lead_astray(self, frame: str, fault: Fault) -> None:
        if fault is Fault.REORDER:
            self._held.append(frame)
            self._world.loop.call_later(REORDERED_S, self._release)
        elif fault is Fault.LATE:
            # by then it may be another connection of this process that hears of it
            self._world.loop.call_later(LATE_FRAME_S, lambda: self._process.stream._bring(frame))
        elif fault is Fault.SILENT:
            self._silence()

    def _silence(self) -> None:
        self._socket.silent_until_ns = self._world.loop.wall_ns() + int(SILENT_S * NANOSECONDS)

    def _release(self) -> None:
        while self._held:
            self._bring(self._held.pop(0))

    def _bring(self, frame: str) -> None:
        self._strayed.append(frame)
        self._socket.frames.put_nowait(frame)
