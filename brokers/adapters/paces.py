"""One pace for each app of this process: its accounts and its sessions share what the venue allows an app."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

from brokers.adapters.shared_pace import HostLeave, RedisLeave, SharedPace
from brokers.domain.allowance import VenueAllowance
from brokers.ports import Clock

if TYPE_CHECKING:
    from redis.asyncio import Redis


class SharedPaces:
    """Gives the pace of an app's reads; `folder` is this host's own, for while Redis is away."""

    def __init__(self, redis: Redis, *, folder: Path, clock: Clock, allowance: VenueAllowance) -> None:
        self._redis = redis
        self._folder = folder
        self._clock = clock
        self._rates = allowance.reads()
        self._most = allowance.most_reads()
        self._paces: dict[str, SharedPace] = {}

    def __call__(self, app: str) -> SharedPace:
        """Return the pace of an app, the same one each time."""
        pace = self._paces.get(app)
        if pace is None:
            pace = self._paces[app] = SharedPace(
                shared=RedisLeave(self._redis, app=app),
                alone=HostLeave(self._folder, app=app, clock=self._clock),
                rates=self._rates,
                most=self._most,
                clock=self._clock,
                jitter=random.Random().random,  # noqa: S311 - spreads waits, keeps no secret
            )
        return pace
