"""The base of every websocket: who may listen, what they get first, and when they are let go.

Close codes: 4401 not signed in or no longer, 4403 the host or origin is not ours, 4408 nothing was acknowledged for too
long. `docs/websocket.md` has the whole protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.sockets import caller_of
from brokers.fanout import Hub, Topic, frame, hub_of_this_process, hub_state
from brokers.models import TradingAccount

NOT_SIGNED_IN = 4401
NOT_OURS = 4403
TOO_SLOW = 4408
PING_S = 10.0
CHECK_S = 60.0
# Deltas that may be under way unacknowledged before the topic waits for the reader.
AHEAD = 50
# A reader that owes acknowledgements this long is gone or hopeless.
PATIENCE_S = 30.0


@dataclass(slots=True)
class Slot:
    """How far one reader is with one topic."""

    topic: Topic
    sent: int = 0
    acknowledged: int = 0
    owes_since: float | None = None
    is_behind: bool = False
    # a snapshot was asked for and sent; what is asked for before the next acknowledgement is one wish
    is_answered: bool = False


class HubConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Sends the named topics of every account that the caller may see."""

    topics: Sequence[str] = ()
    hub: Hub | None = None
    task: asyncio.Task[None] | None = None

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Take what a reader says without the look at database connections that other messages pay for."""
        if message["type"] == "websocket.receive":
            await self.websocket_receive(message)
        else:
            await super().dispatch(message)

    async def connect(self) -> None:
        """Let in whom the database knows, send a snapshot of each topic, then what changes."""
        await self.accept()
        if not self.scope["is_ours"]:
            await self.close(code=NOT_OURS)
            return
        names = await self._visible_topics()
        if names is None:
            await self.close(code=NOT_SIGNED_IN)
            return
        self._names = names
        self._slots: dict[str, Slot] = {}
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self.hub = hub_of_this_process(settings.REDIS_URL)
        await self._join(names)
        self.task = asyncio.create_task(self._work(), name="socket")

    async def disconnect(self, code: int) -> None:
        """Stop working for this reader."""
        if self.hub is not None:
            await self.hub.leave(self)
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take an acknowledgement, a pong, or the wish for a snapshot; anything else is ignored."""
        try:
            message = orjson.loads(text_data or "")
        except orjson.JSONDecodeError:
            return
        if not isinstance(message, dict) or self.hub is None:
            return
        for slot in self._slots_named(message):
            if message.get("type") == "ack" and isinstance(message.get("seq"), int):
                self._acknowledge(slot, message["seq"])
            elif message.get("type") == "snapshot":
                self._answer(slot)

    def offer(self, topic: str, seq: int, text: str) -> None:
        """Queue a delta, unless this reader is too far behind: then its slot waits for a snapshot."""
        slot = self._slots.get(topic)
        if slot is None or slot.is_behind:
            return
        if seq - slot.acknowledged > AHEAD and slot.sent > slot.acknowledged:
            slot.is_behind = True
            return
        self._put(slot, seq, text)

    def offer_hub_state(self, text: str) -> None:
        """Queue the news that the desks can, or cannot, be heard."""
        self._outgoing.put_nowait(text)

    async def _join(self, names: list[str]) -> None:
        assert self.hub is not None
        for topic in await self.hub.join(self, names):
            slot = self._slots[topic.name] = Slot(topic=topic, acknowledged=topic.seq)
            self._send_snapshot(slot)
        if self.hub.is_connected is False:
            self.offer_hub_state(hub_state(connected=False))

    def _put(self, slot: Slot, seq: int, text: str) -> None:
        slot.sent = seq
        if slot.owes_since is None and seq > slot.acknowledged:
            slot.owes_since = time.monotonic()
        self._outgoing.put_nowait(text)

    def _send_snapshot(self, slot: Slot) -> None:
        slot.is_behind = False
        self._put(slot, slot.topic.seq, slot.topic.snapshot())

    def _answer(self, slot: Slot) -> None:
        """Send the snapshot that was asked for; further wishes wait together for an acknowledgement."""
        if slot.is_answered:
            slot.is_behind = True
            slot.owes_since = slot.owes_since or time.monotonic()
            return
        slot.is_answered = True
        self._send_snapshot(slot)

    def _acknowledge(self, slot: Slot, seq: int) -> None:
        slot.is_answered = False
        slot.acknowledged = max(slot.acknowledged, min(seq, slot.sent))
        slot.owes_since = None if slot.acknowledged >= slot.sent else time.monotonic()
        if slot.is_behind:
            self._send_snapshot(slot)

    def _slots_named(self, message: dict[str, Any]) -> list[Slot]:
        """Find the slots a message speaks of: one account's, or every account's when it names none."""
        topic, account = message.get("topic"), message.get("account")
        if account:
            return [slot] if (slot := self._slots.get(f"{account}/{topic}")) else []
        return [slot for name, slot in self._slots.items() if name.partition("/")[2] == topic]

    async def _work(self) -> None:
        """Send what is queued; ping, check the patience and the right to listen when their time comes."""
        next_ping = time.monotonic() + PING_S
        next_check = time.monotonic() + CHECK_S
        while True:
            if (text := await self._next_text(until=next_ping)) is not None:
                await self.send(text_data=text)
            now = time.monotonic()
            if now < next_ping:
                continue
            next_ping = now + PING_S
            await self.send(text_data=frame("ping", topic="hub", data={}))
            if self._is_too_slow():
                await self.close(code=TOO_SLOW)
                return
            if now >= next_check:
                next_check = now + CHECK_S
                if not await self._is_still_welcome():
                    await self.close(code=NOT_SIGNED_IN)
                    return

    async def _next_text(self, *, until: float) -> str | None:
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                return await self._outgoing.get()
        except TimeoutError:
            return None

    def _is_too_slow(self) -> bool:
        now = time.monotonic()
        return any(
            slot.is_behind and slot.owes_since and now - slot.owes_since > PATIENCE_S for slot in self._slots.values()
        )

    async def _is_still_welcome(self) -> bool:
        """Ask the database again; accounts that came join, a change of what may be seen ends the connection."""
        names = await self._visible_topics()
        if names is None:
            return False
        new = [name for name in names if name not in self._names]
        if any(name not in names for name in self._names):
            return False
        if new:
            self._names = names
            await self._join(new)
        return True

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _visible_topics(self) -> list[str] | None:
        user = caller_of(self.scope)
        if user is None:
            return None
        wanted = parse_qs(self.scope.get("query_string", b"").decode()).get("account", [])
        accounts = TradingAccount.objects.visible_to(user).order_by("created_at").values_list("id", flat=True)
        ids = [str(account) for account in accounts if not wanted or str(account) in wanted]
        return [f"{account}/{name}" for account in ids for name in self.topics]
