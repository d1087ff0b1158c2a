"""What passes between the desk and the pages about chains, on Redis: the latest quotes, and which chains are watched.

Nothing here is a record: with Redis away the pages say that nothing is heard, and the desk goes on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from brokers import hub
from brokers.domain.errors import DataError
from options.chain_wire import unpack
from options.domain.received import Received

if TYPE_CHECKING:
    from redis.asyncio import Redis as AsyncRedis

log = structlog.get_logger(__name__)
KEPT_S = 86_400
# a watcher says so again well within this
WATCHED_S = 30.0
INTEREST = "oi"


def chain_topic(underlying: str, expiry: str) -> str:
    """Return the name of an expiry's topic at the hub."""
    return f"chain:{underlying}:{expiry}"


def quotes_key(account_id: str, underlying: str) -> str:
    """Return where an account's desk leaves the latest quotes of an underlying."""
    return f"windhover:chains:{account_id}:{underlying}"


def watched_key(account_id: str) -> str:
    """Return where the sockets of an account say which of its chains somebody looks at."""
    return f"windhover:watched:{account_id}"


# --- the pages' side


def latest(account_id: str, underlying: str) -> Received | None:
    """Return what the desk last left; None where it left nothing, or Redis is away."""
    try:
        data = hub.sync_redis().get(quotes_key(account_id, underlying))
    except hub.AWAY as error:
        log.warning("chains_not_read", error=repr(error))
        return None
    if not isinstance(data, bytes):
        return None
    try:
        return unpack(data)
    except DataError:
        log.warning("chains_unreadable", account=account_id, underlying=underlying)
        return None


def watch(account_id: str, topic: str) -> bool:
    """Say that somebody looks at a chain for the next seconds; answer whether Redis took it."""
    try:
        pipeline = hub.sync_redis().pipeline(transaction=False)
        pipeline.zadd(watched_key(account_id), {topic: time.time() + WATCHED_S})
        pipeline.expire(watched_key(account_id), int(2 * WATCHED_S))
        pipeline.execute()
    except hub.AWAY as error:
        log.warning("watching_not_told", error=repr(error))
        return False
    return True


# --- the desk's side


class DeskLine:
    """The desk's end: best effort and bounded, as the hub's publisher is."""

    def __init__(self, redis: AsyncRedis) -> None:
        self._redis = redis

    async def watched(self, account_id: str) -> frozenset[str]:
        """Return the topics that somebody looks at; none while Redis is away."""
        try:
            found = await self._redis.zrangebyscore(watched_key(account_id), time.time(), "+inf")
        except hub.AWAY:
            return frozenset()
        return frozenset(topic.decode() if isinstance(topic, bytes) else str(topic) for topic in found)

    async def leave(self, account_id: str, packed: Mapping[str, bytes]) -> bool:
        """Leave the latest quotes of some underlyings; answer whether Redis took them."""
        try:
            pipeline = self._redis.pipeline(transaction=False)
            for underlying, data in packed.items():
                pipeline.set(quotes_key(account_id, underlying), data, ex=KEPT_S)
            await pipeline.execute()
        except hub.AWAY:
            return False
        return True
