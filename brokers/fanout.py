"""The web side of the hub: one Redis subscription per process, each frame encoded once, many readers.

State arrives from the desks as snapshots and deltas. Five times a second what changed in a topic becomes one delta with
the next sequence number of this process, and every reader of the topic gets the same text. A reader who does not keep
up is sent nothing more of the topic until it acknowledges, and then one snapshot: its slot holds the latest state, not a
queue of old ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from brokers.hub import PREFIX, async_redis

logger = logging.getLogger(__name__)

FLUSH_S = 0.2
# what comes seldom and on time is passed on at once: its readers count on the beat
PROMPT = frozenset({"oi"})
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
READ_BOUND_S = 0.5
BROKEN = (RedisError, OSError, TimeoutError)


class Reader(Protocol):
    """Somebody who listens to topics."""

    def offer(self, topic: str, seq: int, text: str) -> None:
        """Take one delta, or note that it was missed."""
        ...

    def offer_hub_state(self, text: str) -> None:
        """Take the news that the desks can, or cannot, be heard."""
        ...


@dataclass(slots=True)
class Topic:
    """The latest state of one topic, and what of it was not sent yet."""

    name: str
    state: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    seq: int = 0
    desk_seq: int = 0
    at: str = ""
    readers: weakref.WeakSet[Reader] = field(default_factory=weakref.WeakSet)
    _snapshot: str | None = None

    @property
    def is_prompt(self) -> bool:
        return self.name.rpartition("/")[2] in PROMPT

    def merge(self, data: Mapping[str, Any]) -> None:
        """Let keys of `data` replace those of the state; null removes."""
        for key, value in data.items():
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        self.changes.update(data)

    def replace(self, data: Mapping[str, Any]) -> None:
        """Turn the state into `data`, noting only what differs."""
        gone = {key: None for key in self.state if key not in data}
        new = {key: value for key, value in data.items() if self.state.get(key) != value}
        self.merge({**gone, **new})

    def delta(self) -> str | None:
        """Encode what changed since the last delta under the next sequence number."""
        if not self.changes:
            return None
        self.seq += 1
        text = self._encode("delta", self.changes)
        self.changes = {}
        self._snapshot = None
        return text

    def snapshot(self) -> str:
        """Encode the whole state as of the last delta's number."""
        if self.changes:
            # The state holds more than the readers were told; a newcomer may get it early and again.
            return self._encode("snapshot", self.state)
        if self._snapshot is None:
            self._snapshot = self._encode("snapshot", self.state)
        return self._snapshot

    def _encode(self, kind: str, data: Mapping[str, Any]) -> str:
        account, _, name = self.name.partition("/")
        return frame(kind, topic=name, account=account, seq=self.seq, at=self.at, data=data)


def frame(kind: str, *, topic: str, account: str = "", seq: int = 0, at: str = "", data: Mapping[str, Any]) -> str:
    """Encode one frame of the websocket protocol."""
    at = at or datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    content = {"v": 1, "type": kind, "topic": topic, "account": account, "seq": seq, "at": at, "data": data}
    return orjson.dumps(content).decode()


class Hub:
    """The topics of one process and the two loops that keep them current."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._topics: dict[str, Topic] = {}
        self._readers: weakref.WeakSet[Reader] = weakref.WeakSet()
        self._tasks: list[asyncio.Task[None]] = []
        self._redis: Redis | None = None
        # None until the first try has ended
        self.is_connected: bool | None = None
        self.frames_read = 0

    async def join(self, reader: Reader, names: list[str]) -> list[Topic]:
        """Subscribe a reader and return its topics, loaded."""
        self._readers.add(reader)
        if not self._tasks:
            self._start()
        topics = []
        for name in names:
            topic = self._topics.get(name)
            if topic is None:
                topic = self._topics[name] = Topic(name=name)
                await self._load(topic)
            topic.readers.add(reader)
            topics.append(topic)
        return topics

    async def leave(self, reader: Reader) -> None:
        """Forget a reader; the last one takes the subscription along."""
        self._readers.discard(reader)
        for topic in self._topics.values():
            topic.readers.discard(reader)
        if not self._readers:
            await self._stop()

    def flush(self) -> None:
        """Send every topic's changes to its readers."""
        for topic in self._topics.values():
            _flush(topic)

    def take(self, name: str, content: Mapping[str, Any]) -> bool:
        """Merge one frame from a desk; False says that frames before it are missing."""
        topic = self._topics.get(name)
        if topic is None:
            return True
        seq, data = int(content["seq"]), content["data"]
        if seq <= topic.desk_seq:
            # Already in the snapshot: a desk's numbers grow over its restarts too.
            return True
        if content["type"] == "snapshot":
            topic.replace(data)
        elif seq == topic.desk_seq + 1:
            topic.merge(data)
        else:
            return False
        topic.desk_seq, topic.at = seq, str(content["at"])
        if topic.is_prompt:
            _flush(topic)
        return True

    def _start(self) -> None:
        self._redis = async_redis(self._url, may_block=True)
        self._tasks = [
            asyncio.create_task(self._listen(), name="hub-listen"),
            asyncio.create_task(self._beat(), name="hub-flush"),
        ]

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        redis, self._redis = self._redis, None
        self._topics.clear()
        self.is_connected = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if redis is not None:
            await redis.aclose()

    async def _load(self, topic: Topic) -> None:
        if self._redis is None:
            return
        try:
            async with asyncio.timeout(READ_BOUND_S):
                raw = await self._redis.get(PREFIX + topic.name)
        except BROKEN:
            return
        if raw:
            self.take(topic.name, orjson.loads(raw))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self.flush()

    async def _listen(self) -> None:
        tries = 0
        while True:
            try:
                async for name, content in self._frames():
                    tries = 0
                    if not self.take(name, content):
                        await self._load(self._topics[name])
            except BROKEN as error:
                logger.warning("hub_lost", extra={"error": type(error).__name__, "tries": tries})
            self._tell(connected=False)
            await asyncio.sleep(BACKOFF_S[min(tries, len(BACKOFF_S) - 1)])
            tries += 1

    async def _frames(self) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        redis = self._redis
        if redis is None:
            return
        async with redis.pubsub() as subscription:
            await subscription.psubscribe(PREFIX + "*")
            await self._caught_up()
            async for message in subscription.listen():
                if message["type"] != "pmessage":
                    continue
                self.frames_read += 1
                name = message["channel"].decode().removeprefix(PREFIX)
                if name in self._topics:
                    yield name, orjson.loads(message["data"])

    async def _caught_up(self) -> None:
        """Load every topic after the subscription stands, so that nothing falls between the two."""
        for topic in list(self._topics.values()):
            await self._load(topic)
        self._tell(connected=True)

    def _tell(self, *, connected: bool) -> None:
        before, self.is_connected = self.is_connected, connected
        if before is connected or (before is None and connected):
            return
        text = hub_state(connected=connected)
        for reader in list(self._readers):
            reader.offer_hub_state(text)


def _flush(topic: Topic) -> None:
    if (text := topic.delta()) is not None:
        for reader in list(topic.readers):
            reader.offer(topic.name, topic.seq, text)


def hub_state(*, connected: bool) -> str:
    """Encode whether this process hears the desks."""
    return frame("event", topic="hub", data={"connected": connected})


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def hub_of_this_process(redis_url: str) -> Hub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(KeyError):
        return _hubs[loop]
    hub = _hubs[loop] = Hub(redis_url)
    return hub
