"""The candles that strategies begin with: fetched up to market time, once for all who ask at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from brokers.domain.errors import DataError, VenueError
from brokers.domain.instruments import Instrument
from brokers.domain.market import NANOSECONDS, Bar, at_of
from brokers.ports import Venue
from execution.domain.commands import LoadHistory
from execution.domain.events import HistoryFailed, HistoryLoaded

if TYPE_CHECKING:
    from execution.runtime.session import Session

MARKET_TIME_S = 6.0
TRADING_SECONDS_A_DAY = 375 * 60


class History:
    """Answers the engine's asks for closed bars; what cannot be had is told as a reason."""

    def __init__(self, session: Session, open_venue: Callable[[], Venue]) -> None:
        self._session = session
        self._open_venue = open_venue
        self._fetching: dict[tuple[str, int, int], tuple[int, asyncio.Task[list[Bar]]]] = {}
        self._has_market_time = asyncio.Event()

    def note_market_time(self) -> None:
        """Take note that a quote has told the market's time."""
        self._has_market_time.set()

    async def load(self, ask: LoadHistory) -> None:
        """Fetch closed bars up to market time and let the engine have them."""
        await self._session.learn_instruments([ask.instrument])
        event: HistoryLoaded | HistoryFailed
        try:
            bars = await self._shared(ask)
        except (VenueError, DataError) as error:
            event = HistoryFailed(
                at=self._now(), deployment_id=ask.deployment_id, instrument=ask.instrument, reason=error.message
            )
        else:
            event = HistoryLoaded(
                at=self._now(), deployment_id=ask.deployment_id, instrument=ask.instrument, bars=tuple(bars)
            )
        self._session.take(event)

    async def closed_bars(self, instrument: Instrument, interval_s: int, bars: int) -> list[Bar]:
        """Fetch closed bars up to market time for what is no deployment; raises what the venue says."""
        end = await self._market_now()
        ask = LoadHistory(deployment_id="", instrument=instrument.key, interval_s=interval_s, bars=bars)
        start = end - _span(ask, is_always_open=self._session.calendar.is_always_open)
        return await self._open_venue().history(instrument, interval_s, start, end)

    async def _shared(self, ask: LoadHistory) -> list[Bar]:
        """Fetch, or wait for a fetch under way that covers the ask: a venue allows few of them."""
        # a fetch begun before a bar closed does not have it
        key = (ask.instrument, ask.interval_s, self._session.market_ns // (ask.interval_s * NANOSECONDS))
        known = self._fetching.get(key)
        if known is None or known[0] < ask.bars:
            task = asyncio.get_running_loop().create_task(self._fetch(ask))
            known = self._fetching[key] = (ask.bars, task)
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(known[1])

    def _forget(self, key: tuple[str, int, int], done: asyncio.Task[list[Bar]]) -> None:
        if self._fetching.get(key, (0, None))[1] is done:
            del self._fetching[key]
        if not done.cancelled():
            done.exception()  # whoever waits for it raises it; with nobody left it is of no interest

    async def _fetch(self, ask: LoadHistory) -> list[Bar]:
        instrument = self._session.instruments.get(ask.instrument)
        if instrument is None:
            raise DataError(f"{ask.instrument} is not listed", code="instrument.unknown")
        end = await self._market_now()
        start = end - _span(ask, is_always_open=self._session.calendar.is_always_open)
        bars: list[Bar] = await self._open_venue().history(instrument, ask.interval_s, start, end)
        return bars

    async def _market_now(self) -> datetime:
        """Return market time; in a replay it is not the wall's, so the first quote that bears one is awaited."""
        try:
            async with asyncio.timeout(MARKET_TIME_S):
                await self._has_market_time.wait()
        except TimeoutError:
            return self._now()
        return at_of(self._session.market_ns) or self._now()

    def _now(self) -> datetime:
        return self._session.machine.clock.now()


def _span(ask: LoadHistory, *, is_always_open: bool) -> timedelta:
    """Return how far back the bars of an ask begin at the latest."""
    if is_always_open:
        # the first and the last of them are cut by the span's own ends
        return timedelta(seconds=(ask.bars + 2) * ask.interval_s)
    days = -(-ask.bars * ask.interval_s // TRADING_SECONDS_A_DAY)
    # two of seven days are weekends, and a few are holidays
    return timedelta(days=days * 7 // 5 + 5)
