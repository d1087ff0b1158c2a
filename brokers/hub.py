"""The dashboard's publisher and doorbell, on Redis; best effort, never in the way of trading.

A topic's state is a dict whose top-level values are rows or figures. What changed since the last
publish goes out as a delta, the whole state is kept beside it as the snapshot. Sequence numbers
begin with the wall clock, so that a new publisher's are above its predecessor's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from django.conf import settings
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

log = structlog.get_logger(__name__)

PREFIX = "windhover:hub:"
TOPICS = (
    "quotes",
    "positions",
    "orders",
    "portfolio",
    "strategies",
    "signals",
    "risk",
    "feeds",
    "switches",
    "equity",
    "inbox",
)
BOUND_S = 0.5
SNAPSHOT_LIFE_S = 86_400
DOORBELL_LIFE_S = 60
# what a venue says between two looks of the desk; the newest stay
MOST_HINTS = 32
VERSION = 1
# publishes per second stay below this, so that sequences of a later start are always higher
SEQUENCES_PER_SECOND = 100
AWAY = (OSError, TimeoutError, RedisError)
_OPTIONS = orjson.OPT_NON_STR_KEYS


def topic_of(account_id: str, name: str) -> str:
    """Return the full name of an account's topic."""
    return f"{account_id}/{name}"


def channel_of(topic: str) -> str:
    """Return the Redis channel of a topic, which is its snapshot's key as well."""
    return PREFIX + topic


def doorbell_of(account_id: str) -> str:
    """Return the Redis list on which a desk waits for its account's commands."""
    return f"windhover:doorbell:{account_id}"


def hints_of(account_id: str) -> str:
    """Return the Redis list in which a venue's hints wait for an account's desk."""
    return f"windhover:hints:{account_id}"


@dataclass(slots=True)
class _Topic:
    seq: int
    encoded: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class HubCounters:
    """What became of the publishes of one process."""

    published: int = 0
    failed: int = 0


class HubPublisher:
    """Publishes states of topics; satisfies the publishing half of `brokers.ports.Bus`."""

    def __init__(self, redis: AsyncRedis, *, now: Callable[[], datetime] = lambda: datetime.now(tz=UTC)) -> None:
        self._redis = redis
        self._now = now
        self._topics: dict[str, _Topic] = {}
        self.counters = HubCounters()

    async def publish(self, topic: str, state: Mapping[str, object]) -> None:
        """Publish one topic's state; a failure is counted."""
        await self.publish_all({topic: state})

    async def publish_all(self, states: Mapping[str, Mapping[str, object]]) -> bool:
        """Publish the changes of many topics in one round trip; answer whether Redis took them."""
        at = self._now()
        prepared = [frame for topic, state in states.items() if (frame := self._prepare(topic, state, at))]
        if not prepared:
            return True
        try:
            async with asyncio.timeout(BOUND_S):
                await self._send(prepared)
        except AWAY as error:
            self._fail(prepared, error)
            return False
        for frame in prepared:
            self._topics[frame.topic] = frame.after
        self.counters.published += len(prepared)
        return True

    def _prepare(self, topic: str, state: Mapping[str, object], at: datetime) -> _Frame | None:
        before = self._topics.get(topic)
        encoded = {key: orjson.dumps(value, option=_OPTIONS) for key, value in state.items()}
        if before is None:
            after = _Topic(seq=int(at.timestamp() * SEQUENCES_PER_SECOND), encoded=encoded)
            return _Frame(topic=topic, after=after, changed=encoded, at=at, kind="snapshot")
        changed = {key: value for key, value in encoded.items() if before.encoded.get(key) != value}
        changed |= {key: b"null" for key in before.encoded if key not in encoded}
        if not changed:
            return None
        after = _Topic(seq=before.seq + 1, encoded=encoded)
        return _Frame(topic=topic, after=after, changed=changed, at=at, kind="delta")

    async def _send(self, frames: list[_Frame]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for frame in frames:
            channel = channel_of(frame.topic)
            pipeline.set(channel, frame.text("snapshot", frame.after.encoded), ex=SNAPSHOT_LIFE_S)
            pipeline.publish(channel, frame.text(frame.kind, frame.changed))
        await pipeline.execute()

    def _fail(self, frames: list[_Frame], error: BaseException) -> None:
        if self.counters.failed == 0 or self.counters.failed % 100 == 0:
            log.warning("hub_publish_failed", error=repr(error), failed=self.counters.failed)
        self.counters.failed += 1
        # readers cannot know whether a lost delta arrived: the next frame is a snapshot with a later sequence
        for frame in frames:
            self._topics.pop(frame.topic, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    topic: str
    after: _Topic
    changed: dict[str, bytes]
    at: datetime
    kind: str

    def text(self, kind: str, data: dict[str, bytes]) -> bytes:
        account_id, _, name = self.topic.partition("/")
        head = {
            "v": VERSION,
            "topic": name,
            "account": account_id,
            "seq": self.after.seq,
            "at": self.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "type": kind,
        }
        # values are encoded already, once for comparing and sending alike
        pairs = b",".join(orjson.dumps(key) + b":" + value for key, value in data.items())
        return orjson.dumps(head)[:-1] + b',"data":{' + pairs + b"}}"


def async_redis(url: str, *, may_block: bool = False) -> AsyncRedis:
    """Return an asyncio client whose every call is bounded, unless it is one that waits on purpose."""
    from redis.asyncio import Redis

    timeout_s = None if may_block else BOUND_S
    client: AsyncRedis = Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=BOUND_S)
    return client


@cache
def sync_redis() -> Redis:
    """Return this process's client for services and selectors, every call bounded."""
    from redis import Redis

    client: Redis = Redis.from_url(settings.REDIS_URL, socket_timeout=BOUND_S, socket_connect_timeout=BOUND_S)
    return client


def ring(account_id: str) -> bool:
    """Ring the doorbell of an account's desk; answer whether Redis took it (the desk polls as well)."""
    key = doorbell_of(account_id)
    try:
        pipeline = sync_redis().pipeline(transaction=False)
        pipeline.lpush(key, b"1")
        pipeline.ltrim(key, 0, 0)
        pipeline.expire(key, DOORBELL_LIFE_S)
        pipeline.execute()
    except AWAY as error:
        log.warning("doorbell_failed", account=account_id, error=repr(error))
        return False
    return True


def leave_hint(account_id: str, hint: bytes) -> int:
    """Leave a hint for an account's desk; return how many wait now, 0 while Redis is away."""
    key = hints_of(account_id)
    try:
        pipeline = sync_redis().pipeline(transaction=False)
        pipeline.lpush(key, hint)
        pipeline.ltrim(key, 0, MOST_HINTS - 1)
        pipeline.expire(key, DOORBELL_LIFE_S)
        return int(pipeline.execute()[0])
    except AWAY as error:
        log.warning("hint_lost", account=account_id, error=repr(error))
        return 0


async def take_hints(redis: AsyncRedis, account_id: str) -> list[bytes]:
    """Take every hint that waits for an account, the newest first; none while Redis is away."""
    key = hints_of(account_id)
    try:
        async with asyncio.timeout(BOUND_S):
            pipeline = redis.pipeline(transaction=True)
            pipeline.lrange(key, 0, -1)
            pipeline.delete(key)
            found: list[bytes] = (await pipeline.execute())[0]
            return found
    except AWAY:
        return []


def snapshots(topics: list[str]) -> dict[str, dict[str, Any]]:
    """Return the latest published frame of each topic that has one; none while Redis is away."""
    if not topics:
        return {}
    try:
        texts: list[bytes | str | None] = sync_redis().mget([channel_of(topic) for topic in topics])
    except AWAY as error:
        log.warning("hub_read_failed", error=repr(error))
        return {}
    return {topic: orjson.loads(text) for topic, text in zip(topics, texts, strict=True) if text is not None}


async def wait_doorbell(redis: AsyncRedis, account_id: str, timeout_s: float) -> bool:
    """Wait until the doorbell rings; answer False after `timeout_s`, at once when Redis is away."""
    try:
        async with asyncio.timeout(timeout_s + BOUND_S):
            return await redis.blpop([doorbell_of(account_id)], timeout=timeout_s) is not None
    except AWAY:
        return False
