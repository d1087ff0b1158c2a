"""What the accounts of this process share with each other and with every other process.

At Kite that is the pace of an app's reads. At Aster it is the weight that an address may use, the door that is shut to
an address, and the sequence of each user's nonces.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brokers.adapters.aster.door import Door, RedisBoard
from brokers.adapters.aster.nonces import HostNonces, Nonces, RedisNonces, SharedNonces
from brokers.adapters.aster.weights import POLLING_AHEAD_S, most_weight, weight_rates
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressShare:
    """One address at Aster as this process sees it: its weight, its door, and the nonces of whoever signs from it."""

    pace: SharedPace
    door: Door
    nonces: Nonces


class SharedWeights:
    """Gives the share of an address; `address` is the API's with the way out, where an account has one of its own."""

    def __init__(self, redis: Redis, *, folder: Path, clock: Clock) -> None:
        self._redis = redis
        self._folder = folder
        self._clock = clock
        self._nonces = SharedNonces(shared=RedisNonces(redis), alone=HostNonces(folder))
        self._shares: dict[str, AddressShare] = {}

    def __call__(self, address: str) -> AddressShare:
        """Return the share of an address, the same one each time."""
        share = self._shares.get(address)
        if share is None:
            share = self._shares[address] = AddressShare(
                pace=self._pace(address),
                door=Door(clock=self._clock, board=RedisBoard(self._redis, address=address)),
                nonces=self._nonces,
            )
        return share

    def _pace(self, address: str) -> SharedPace:
        return SharedPace(
            shared=RedisLeave(self._redis, app=address),
            alone=HostLeave(self._folder, app=address, clock=self._clock),
            rates=weight_rates(),
            most=most_weight(),
            clock=self._clock,
            jitter=random.Random().random,  # noqa: S311 - spreads waits, keeps no secret
            empty_s=POLLING_AHEAD_S,
        )
