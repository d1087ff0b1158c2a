"""Kite's websocket: subscriptions, market data frames, order frames, heartbeats."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from brokers.simulator.board import Board, Int64Array1D, Step
from brokers.simulator.kite_packets import HEARTBEAT, MODES, Frames

MAX_TOKENS = 3_000
QUEUE_FRAMES = 512
HEARTBEAT_NS = 1_000_000_000
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Socket:
    """One connection: what it subscribed to and the frames that wait to be sent."""

    def __init__(
        self, user_id: str, board: Board, monotonic_ns: Callable[[], int], cut: Callable[[], None] | None = None
    ) -> None:
        self._monotonic_ns = monotonic_ns
        # Breaks the connection without a closing handshake; without it the socket is merely closed.
        self.cut = cut or self.close
        self.user_id = user_id
        self.modes: dict[int, int] = {}
        self.frames: asyncio.Queue[bytes | str | None] = asyncio.Queue(QUEUE_FRAMES)
        self.sent_ns = 0
        self.silent_until_ns = 0
        self.rebind(board)

    def rebind(self, board: Board) -> None:
        """Look up the subscribed tokens on a new board."""
        self.board = board
        self._mode_of_row = np.full(len(board.listings), -1, dtype=np.int8)
        for token, mode in self.modes.items():
            if token in board.row_of_token:
                self._mode_of_row[board.row_of_token[token]] = mode

    def command(self, message: object) -> None:
        """Carry out one of the client's three messages; raises ValueError for anything else."""
        match message:
            case {"a": "subscribe", "v": [*tokens]} if _are_tokens(tokens):
                self._subscribe(tokens, {token: self.modes.get(token, MODES.index("quote")) for token in tokens})
            case {"a": "mode", "v": [str(mode), [*tokens]]} if mode in MODES and _are_tokens(tokens):
                self._subscribe(tokens, dict.fromkeys(tokens, MODES.index(mode)))
            case {"a": "unsubscribe", "v": [*tokens]} if _are_tokens(tokens):
                for token in tokens:
                    self.modes.pop(token, None)
                self.rebind(self.board)
            case _:
                raise ValueError("Unknown message: a is subscribe, unsubscribe or mode, v holds instrument tokens.")

    def wants(self, step: Step) -> tuple[Int64Array1D, npt.NDArray[np.int8]]:
        """Return the rows of this step that the client hears of, and their modes."""
        modes = self._mode_of_row[step.touched]
        # In ltp mode a changed quote without a trade is no news.
        silent = (modes == 0) & ~np.isin(step.touched, step.prints.rows)
        heard = (modes >= 0) & ~silent
        return step.touched[heard], modes[heard]

    def put(self, frame: bytes | str, now_ns: int) -> None:
        """Queue a frame; a silent socket loses it, a full one is closed."""
        if now_ns < self.silent_until_ns:
            return
        self.sent_ns = now_ns
        try:
            self.frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.close()

    def close(self) -> None:
        """End the connection once its sender looks at the queue; what waits there is dropped."""
        while not self.frames.empty():
            self.frames.get_nowait()
        self.frames.put_nowait(None)

    def _subscribe(self, tokens: list[int], modes: dict[int, int]) -> None:
        if len(self.modes.keys() | modes.keys()) > MAX_TOKENS:
            raise ValueError(f"At most {MAX_TOKENS} instruments can be subscribed on one connection.")
        self.modes |= modes
        self.rebind(self.board)
        self._send_last(tokens)

    def _send_last(self, tokens: list[int]) -> None:
        rows = np.array([self.board.row_of_token[t] for t in tokens if t in self.board.row_of_token], dtype=np.int64)
        if len(rows):
            self.put(Frames(self.board).message(rows, self._mode_of_row[rows]), self._monotonic_ns())


def _are_tokens(values: list[object]) -> bool:
    return all(isinstance(value, int) for value in values)


class Hub:
    """All connections of the simulated venue."""

    def __init__(self, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self.sockets: set[Socket] = set()

    def has_subscriptions(self) -> bool:
        """Return whether any client asked for any instrument."""
        return any(socket.modes for socket in self.sockets)

    def count(self, user_id: str) -> int:
        """Return how many connections a user has."""
        return len(self._of(user_id))

    def broadcast(self, board: Board, step: Step) -> None:
        """Queue one step's market data on every socket that subscribed to any of it."""
        frames, now_ns = Frames(board), self._monotonic_ns()
        for socket in self.sockets:
            rows, modes = socket.wants(step)
            if len(rows):
                socket.put(frames.message(rows, modes), now_ns)

    def order_update(self, user_id: str, payload: dict[str, Any]) -> None:
        """Queue an order frame on that user's sockets."""
        text = orjson.dumps({"type": "order", "data": payload}).decode()
        for socket in self.sockets:
            if socket.user_id == user_id:
                socket.put(text, self._monotonic_ns())

    def heartbeat(self) -> None:
        """Queue a heartbeat where nothing was sent for a second."""
        now_ns = self._monotonic_ns()
        for socket in self.sockets:
            if now_ns - socket.sent_ns >= HEARTBEAT_NS:
                socket.put(HEARTBEAT, now_ns)

    def rebind(self, board: Board) -> None:
        """Move every subscription to a new day's board."""
        for socket in self.sockets:
            socket.rebind(board)

    def silence(self, user_id: str, seconds: float) -> int:
        """Let sockets stay open and say nothing; an empty user means all. Return how many."""
        until_ns = self._monotonic_ns() + int(seconds * 1e9)
        silenced = self._of(user_id)
        for socket in silenced:
            socket.silent_until_ns = until_ns
        return len(silenced)

    def cut(self, user_id: str) -> int:
        """Break sockets off without a farewell; an empty user means all. Return how many."""
        broken = self._of(user_id)
        for socket in broken:
            socket.cut()
        return len(broken)

    def disconnect(self, user_id: str) -> None:
        """Close a user's sockets, as a dead token does."""
        for socket in self.sockets:
            if socket.user_id == user_id:
                socket.close()

    async def settle(self) -> None:
        """Wait up to two seconds for slow clients, then close them: no frame is skipped to keep the pace."""
        for _ in range(200):
            if not self._slow():
                return
            await asyncio.sleep(0.01)
        for socket in self._slow():
            socket.close()

    def _of(self, user_id: str) -> list[Socket]:
        return [socket for socket in self.sockets if user_id in {"", socket.user_id}]

    def _slow(self) -> list[Socket]:
        return [socket for socket in self.sockets if socket.frames.qsize() > QUEUE_FRAMES // 2]

    async def serve(
        self, user_id: str, board: Board, receive: Receive, send: Send, cut: Callable[[], None] | None = None
    ) -> None:
        """Run one accepted connection until either side ends it; ``cut`` breaks it off."""
        socket = Socket(user_id, board, self._monotonic_ns, cut)
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

    def _read(self, socket: Socket, message: dict[str, Any]) -> None:
        try:
            command = orjson.loads(message.get("text") or message.get("bytes") or b"")
            socket.command(command)
        except ValueError as error:
            socket.put(orjson.dumps({"type": "error", "data": str(error)}).decode(), self._monotonic_ns())


async def _send_frames(socket: Socket, send: Send) -> None:
    try:
        while (frame := await socket.frames.get()) is not None:
            kind = "bytes" if isinstance(frame, bytes) else "text"
            await send({"type": "websocket.send", kind: frame})
        await send({"type": "websocket.close", "code": 1000})
    except OSError:
        # The client went away; its receiver ends the connection.
        return
