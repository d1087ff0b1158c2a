"""Daily candles of a venue through one account's session, for services that run in threads without a loop.

Every call goes by the pace that this account's desk keeps as well: what is fetched here slows no order down, and the
venue counts no more calls than it allows.
"""

from __future__ import annotations

import asyncio
import random
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from django.conf import settings

from brokers.adapters.paces import AddressShare, SharedPaces, SharedWeights
from brokers.adapters.shared_pace import SharedPace
from brokers.domain.clock import zone_of
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar
from brokers.hub import async_redis
from brokers.machine_clock import SystemClock
from brokers.models import TradingAccount
from brokers.ports import AuthScheme, Credentials, Net, Venue, VenueUrls
from brokers.registry import budget_for, net_for, venue_for
from brokers.selectors import credentials_of, venue_urls

if TYPE_CHECKING:
    from redis.asyncio import Redis

DAY_S = 86_400


class DailyHistory:
    """An open session for daily candles; a context manager.

    Raises
    ------
    NeedsLogin
        As it is entered, where nobody is signed in.
    """

    def __init__(self, account: TradingAccount) -> None:
        self._account = account
        self._zone = zone_of(account.venue)
        self._runner = asyncio.Runner()
        self._redis: Redis
        self._net: Net
        self._venue: Venue

    def __enter__(self) -> Self:
        """Open the session; nothing is asked yet."""
        credentials, urls = credentials_of(self._account), venue_urls(self._account)
        self._runner.run(self._open(credentials, urls))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._runner.run(self._close())
        self._runner.close()

    def candles(self, instrument: Instrument, since: date, until: date) -> list[tuple[date, Bar]]:
        """Return the candles of both days and those between, each with its day.

        Raises
        ------
        NeedsLogin
            Where the venue knows the session no more.
        VenueError
            Where the venue refuses, or has not answered however often it was asked.
        DataError
            For an answer that cannot be read.
        """
        begins, ends = self._midnight(since), self._midnight(until + timedelta(days=1))
        bars = self._runner.run(self._venue.history(instrument, DAY_S, begins, ends))
        return [(datetime.fromtimestamp(bar.start_ns // 1_000_000_000, tz=self._zone).date(), bar) for bar in bars]

    async def _open(self, credentials: Credentials, urls: VenueUrls) -> None:
        clock, folder = SystemClock(), Path(settings.WINDHOVER_STATE) / "pace"
        self._redis = async_redis(settings.REDIS_URL)
        self._net = net_for(egress_address=self._account.egress_address or None)
        shared: SharedPace | None = None
        weights: AddressShare | None = None
        if credentials.scheme is AuthScheme.LOGIN:
            allowance = settings.WINDHOVER_KITE_ALLOWANCE
            shared = SharedPaces(self._redis, folder=folder, clock=clock, allowance=allowance)(credentials.api_key)
        else:
            address = f"{urls.api} {self._account.egress_address}".strip()
            weights = SharedWeights(self._redis, folder=folder, clock=clock)(address)
        budget = budget_for(self._account.venue, clock=clock, shared=shared, weights=weights)
        self._venue = venue_for(
            self._account.venue,
            net=self._net,
            budget=budget,
            credentials=credentials,
            clock=clock,
            urls=urls,
            jitter=random.Random().random,  # noqa: S311 - spreads retries, keeps no secret
            weights=weights,
        )

    async def _close(self) -> None:
        await self._venue.close()
        await self._net.close()
        await self._redis.aclose()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), tzinfo=self._zone)
