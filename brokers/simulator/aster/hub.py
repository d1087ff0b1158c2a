"""The simulated Aster's streams: connections, what they subscribed to, and what they are sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import orjson

from brokers.simulator.aster.feeds import Feed, feed_of
from brokers.simulator.aster.market import Tick
from brokers.simulator.aster.venue import PerpetualVenue
from brokers.simulator.kite_stream import Receive, Send

MOST_STREAMS = 200
MOST_MESSAGES_A_SECOND = 10
QUEUE_FRAMES = 4_096
LIFE_NS = 24 * 60 * 60 * 1_000_000_000
SECOND_NS = 1_000_000_000
POLICY_VIOLATED, GOING_AWAY = 1008, 1001


class AsterSocket:
    """One connection: its streams, whether frames carry their stream's name, and what waits to be sent."""

    def __init__(
        self, names: list[str], *, combined: bool, opened_ns: int, cut: Callable[[], None] | None = None
    ) -> None:
        self.names: dict[str, None] = dict.fromkeys(names)
        self.combined = combined
        self.opened_ns = opened_ns
        self.frames: asyncio.Queue[str | int] = asyncio.Queue(QUEUE_FRAMES)
        self.silent_until_ns = self.users_silent_until_ns = 0
        self.cut = cut or self.close
        self._second = -1
        self._messages = 0

    def put(self, frame: str) -> None:
        """Queue a frame; a reader too slow for its streams is closed."""
        try:
            self.frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.close(POLICY_VIOLATED)

    def close(self, code: int = GOING_AWAY) -> None:
        """End the connection once its sender looks at the queue; what waits there is dropped."""
        while not self.frames.empty():
            self.frames.get_nowait()
        self.frames.put_nowait(code)

    def is_flooding(self, now_ns: int) -> bool:
        """Count a message of the client; return whether it sends more than ten a second."""
        if now_ns // SECOND_NS != self._second:
            self._second, self._messages = now_ns // SECOND_NS, 0
        self._messages += 1
        return self._messages > MOST_MESSAGES_A_SECOND

    def carry_out(self, message: object) -> dict[str, object]:
        """Carry out one of the client's requests and return the answer."""
        match message:
            case {"method": "SUBSCRIBE", "params": [*names], "id": int(number)} if _are_names(names):
                if len(self.names.keys() | set(names)) > MOST_STREAMS:
                    return _wrong(2, f"Invalid request: at most {MOST_STREAMS} streams on one connection", number)
                self.names |= dict.fromkeys(names)
                return {"result": None, "id": number}
            case {"method": "UNSUBSCRIBE", "params": [*names], "id": int(number)} if _are_names(names):
                for name in names:
                    self.names.pop(name, None)
                return {"result": None, "id": number}
            case {"method": "LIST_SUBSCRIPTIONS", "id": int(number)}:
                return {"result": list(self.names), "id": number}
            case {"method": "SET_PROPERTY" | "GET_PROPERTY"}:
                return self._property(message)
            case {"method": str(method)} if method not in {"SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"}:
                return {"code": 2, "msg": f"Invalid request: unknown variant {method[:40]}"}
            case _:
                return {"code": 2, "msg": "Invalid request: missing or wrong field"}

    def _property(self, message: object) -> dict[str, object]:
        match message:
            case {"method": "SET_PROPERTY", "params": ["combined", bool(combined)], "id": int(number)}:
                self.combined = combined
                return {"result": None, "id": number}
            case {"method": "GET_PROPERTY", "params": ["combined"], "id": int(number)}:
                return {"result": self.combined, "id": number}
            case _:
                return {"code": 0, "msg": "Unknown property"}


def _wrong(code: int, text: str, number: int) -> dict[str, object]:
    return {"code": code, "msg": text, "id": number}


def _are_names(values: list[object]) -> bool:
    return bool(values) and all(isinstance(value, str) for value in values)


class AsterHub:
    """All connections of the simulated venue, and the feeds that any of them asked for."""

    def __init__(self, venue: PerpetualVenue, monotonic_ns: Callable[[], int]) -> None:
        self._venue = venue
        self._monotonic_ns = monotonic_ns
        self.sockets: set[AsterSocket] = set()
        # whose stream a key is; filled by the site
        self.keys: dict[str, str] = {}
        self._feeds: dict[str, Feed] = {}

    def has_subscriptions(self) -> bool:
        """Return whether any client asked for anything."""
        return any(socket.names for socket in self.sockets)

    def broadcast(self, tick: Tick) -> None:
        """Queue one step's market data on every connection that subscribed to any of it."""
        wanted = {name for socket in self.sockets for name in socket.names}
        self._refresh(wanted)
        made = {name: feed.events(self._venue, tick) for name, feed in self._feeds.items()}
        self._venue.custody.forced.clear()
        texts = {name: [orjson.dumps(event).decode() for event in events] for name, events in made.items() if events}
        for socket in self.sockets:
            for name in socket.names:
                for text in texts.get(name, ()):
                    self._send(socket, name, text)

    def user_event(self, user: str, payload: dict[str, Any]) -> None:
        """Queue an event on the account's streams."""
        for key in [key for key, owner in self.keys.items() if owner == user]:
            self.key_event(key, payload)

    def key_event(self, key: str, payload: dict[str, Any]) -> int:
        """Queue an event on every connection that listens by this key; return how many."""
        text, now_ns = orjson.dumps(payload).decode(), self._monotonic_ns()
        listening = [socket for socket in self.sockets if key in socket.names]
        for socket in listening:
            if now_ns >= socket.users_silent_until_ns:
                self._send(socket, key, text)
        return len(listening)

    def silence(self, user: str, seconds: float, *, users_only: bool = False) -> int:
        """Let connections stay open and say nothing, or lose an account's events alone; return how many."""
        until_ns = self._monotonic_ns() + int(seconds * 1e9)
        silenced = [socket for socket in self._of(user) if not users_only or self._users(socket)]
        for socket in silenced:
            socket.users_silent_until_ns = until_ns
            if not users_only:
                socket.silent_until_ns = until_ns
        return len(silenced)

    def cut(self, user: str) -> int:
        """Break connections off without a farewell; an empty user means all. Return how many."""
        broken = self._of(user)
        for socket in broken:
            socket.cut()
        return len(broken)

    def end_old(self) -> None:
        """Close what has been open for a day."""
        now_ns = self._monotonic_ns()
        for socket in self.sockets:
            if now_ns - socket.opened_ns >= LIFE_NS:
                socket.close()

    async def settle(self) -> None:
        """Wait up to two seconds for slow clients, then close them: no frame is skipped to keep the pace."""
        for _ in range(200):
            if not self._slow():
                return
            await asyncio.sleep(0.01)
        for socket in self._slow():
            socket.close(POLICY_VIOLATED)

    async def serve(
        self,
        names: list[str],
        receive: Receive,
        send: Send,
        *,
        combined: bool,
        cut: Callable[[], None] | None = None,
    ) -> None:
        """Run one accepted connection until either side ends it; ``cut`` breaks it off."""
        socket = AsterSocket(names, combined=combined, opened_ns=self._monotonic_ns(), cut=cut)
        self.sockets.add(socket)
        sender = asyncio.create_task(_send_frames(socket, send))
        try:
            while (message := await receive())["type"] == "websocket.receive":
                self._read(socket, message)
        finally:
            self.sockets.discard(socket)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender

    def _read(self, socket: AsterSocket, message: dict[str, Any]) -> None:
        if socket.is_flooding(self._monotonic_ns()):
            socket.close(POLICY_VIOLATED)
            return
        try:
            asked = orjson.loads(message.get("text") or message.get("bytes") or b"")
            answer = socket.carry_out(asked)
        except orjson.JSONDecodeError:
            answer = {"code": 3, "msg": "Invalid JSON"}
        if self._monotonic_ns() >= socket.silent_until_ns:
            socket.put(orjson.dumps(answer).decode())

    def _refresh(self, wanted: set[str]) -> None:
        """Begin the feeds that are new and forget those that nobody wants; a new one begins afresh."""
        for name in self._feeds.keys() - wanted:
            del self._feeds[name]
        for name in wanted - self._feeds.keys():
            if feed := feed_of(name, self._venue):
                self._feeds[name] = feed

    def _send(self, socket: AsterSocket, name: str, text: str) -> None:
        if self._monotonic_ns() < socket.silent_until_ns:
            return
        socket.put(f'{{"stream":{orjson.dumps(name).decode()},"data":{text}}}' if socket.combined else text)

    def _users(self, socket: AsterSocket) -> set[str]:
        return {self.keys[name] for name in socket.names if name in self.keys}

    def _of(self, user: str) -> list[AsterSocket]:
        return [socket for socket in self.sockets if not user or user in self._users(socket)]

    def _slow(self) -> list[AsterSocket]:
        return [socket for socket in self.sockets if socket.frames.qsize() > QUEUE_FRAMES // 2]


async def _send_frames(socket: AsterSocket, send: Send) -> None:
    try:
        while isinstance(frame := await socket.frames.get(), str):
            await send({"type": "websocket.send", "text": frame})
        await send({"type": "websocket.close", "code": frame})
    except OSError:
        # The client went away; its receiver ends the connection.
        return
