"""Funding payments, read where the venue keeps them: the stream tells of them late, in part, or not at all."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from brokers.domain.errors import DataError, NeedsLogin, VenueError
from brokers.domain.market import NANOSECONDS, at_of
from brokers.ports import TradesPerpetuals
from execution.domain.events import FundingSeen
from execution.runtime.wanted import Wanted

if TYPE_CHECKING:
    from execution.runtime.session import Session

READ_EVERY_S = 600.0
AT_MOST_EVERY_S = 5.0
LOOK_S = 1.0
HOUR_NS = 3600 * NANOSECONDS
# every contract is paid at a full hour of the market's clock; the venue books it some seconds later
BOOKED_WITHIN_NS = 30 * NANOSECONDS
# payments of one moment are booked in any order
OVERLAP = timedelta(hours=1)


class Funding:
    """Reads what was paid: after every funding time, every ten minutes, and whenever the stream is doubted."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._venue: TradesPerpetuals | None = None
        clock = session.machine.clock
        self._reading = Wanted(self._read, every_s=AT_MOST_EVERY_S, clock=clock, spawn=session.spawn)
        self._hour = 0
        self._read_ns = 0

    def want(self) -> None:
        """Read once more, soon."""
        if self._venue is not None:
            self._reading.want()

    async def keep(self, venue: TradesPerpetuals) -> None:
        """Read whenever it is due, until cancelled."""
        self._venue, self._read_ns = venue, 0
        try:
            while True:
                if self._is_due():
                    self._reading.want()
                await self._session.machine.clock.sleep(LOOK_S)
        finally:
            self._venue = None

    def _is_due(self) -> bool:
        hour = (self._session.market_ns - BOOKED_WITHIN_NS) // HOUR_NS
        is_new_hour, self._hour = hour > self._hour, max(hour, self._hour)
        now_ns = self._session.machine.clock.boot_ns()
        return is_new_hour or not self._read_ns or now_ns - self._read_ns >= READ_EVERY_S * NANOSECONDS

    async def _read(self) -> None:
        venue, since = self._venue, self._since()
        if venue is None or since is None:
            return
        self._read_ns = self._session.machine.clock.boot_ns()
        try:
            payments = await venue.funding(since)
        except NeedsLogin as error:
            self._session.live.lose_login(error.message)
        except (VenueError, DataError) as error:
            self._session.log.warning("funding_not_read", error=error.message)
        else:
            for payment in payments:
                self._session.take(FundingSeen(at=self._session.machine.clock.now(), payment=payment))

    def _since(self) -> datetime | None:
        """Return from when payments may be unknown; None before a simulated market has told its time."""
        session = self._session
        state = session.engine.state
        if state.last_funding_at is not None:
            return state.last_funding_at - OVERLAP
        now = at_of(session.market_ns) if session.facts.is_simulated else session.machine.clock.now()
        if now is None:
            return None
        day: date = session.calendar.day_of(now)
        return session.calendar.bounds_of(day)[0]
