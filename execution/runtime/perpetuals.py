"""What a venue of perpetual contracts tells beside its books: its clock, the account's mode, the contracts' terms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from brokers.domain.errors import DataError, NeedsLogin, VenueError
from brokers.ports import TradesPerpetuals
from execution.domain.events import AccountTermsSeen, ContractTermsSeen, VenueClockSeen
from execution.runtime.dead_man import DeadManSwitch
from execution.runtime.ending import ended
from execution.runtime.funding import Funding

if TYPE_CHECKING:
    from execution.runtime.machine import VenueLink
    from execution.runtime.session import Session

CLOCK_EVERY_S = 180.0
MODE_EVERY_S = 3600.0
AFTER_FAILURE_S = 15.0
LOOK_S = 1.0
# what a session begins with goes first: an address has little room at once
MODE_AFTER_S, TERMS_AFTER_S, FUNDING_AFTER_S = 2.0, 6.0, 12.0


class Perpetuals:
    """Keeps the engine's knowledge of a perpetual account whole while one link to its venue is open."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.funding = Funding(session)
        self.dead_man = DeadManSwitch(session)
        self._told: set[str] = set()

    async def begin(self, venue: object) -> None:
        """Measure the venue's clock before anything is signed; a venue of another kind has nothing to measure."""
        if isinstance(venue, TradesPerpetuals):
            await self._asked(partial(self._tell_clock, venue))

    async def keep(self, link: VenueLink) -> None:
        """Tell what is due, for ever; a venue of another kind is left at once."""
        venue = link.venue
        if not isinstance(venue, TradesPerpetuals):
            return
        self._told.clear()
        works = (
            self.dead_man.keep(venue, link.budget),
            self._after(MODE_AFTER_S, self._again(MODE_EVERY_S, partial(self._tell_mode, venue))),
            self._after(TERMS_AFTER_S, self._tell_terms(venue)),
            self._after(FUNDING_AFTER_S, self.funding.keep(venue)),
            self._after(CLOCK_EVERY_S, self._again(CLOCK_EVERY_S, partial(self._tell_clock, venue))),
        )
        tasks = [self._session.spawn(work) for work in works]
        try:
            await asyncio.wait(tasks)
        finally:
            await ended(tasks)

    async def _after(self, seconds: float, work: Coroutine[Any, Any, None]) -> None:
        try:
            await self._session.machine.clock.sleep(seconds)
        except BaseException:
            work.close()
            raise
        await work

    async def _again(self, seconds: float, tell: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._session.machine.clock.sleep(seconds if await self._asked(tell) else AFTER_FAILURE_S)

    async def _tell_terms(self, venue: TradesPerpetuals) -> None:
        """Tell each contract's brackets and fees once, as it comes to be used."""
        while True:
            untold = [name for name in self._session.engine.perpetuals() if name not in self._told]
            told = [await self._asked(partial(self._tell_contract, venue, name)) for name in untold]
            await self._session.machine.clock.sleep(LOOK_S if all(told) else AFTER_FAILURE_S)

    async def _tell_contract(self, venue: TradesPerpetuals, name: str) -> None:
        symbol = self._session.instruments[name].symbol
        brackets = await venue.brackets(symbol)
        maker, taker = await venue.commission(symbol)
        at = self._session.machine.clock.now()
        self._session.take(
            ContractTermsSeen(at=at, instrument=name, brackets=tuple(brackets), maker_fee=maker, taker_fee=taker)
        )
        self._told.add(name)

    async def _tell_mode(self, venue: TradesPerpetuals) -> None:
        mode = await venue.account_mode()
        at = self._session.machine.clock.now()
        self._session.take(AccountTermsSeen(at=at, is_hedge=mode.is_hedge, is_multi_assets=mode.is_multi_assets))

    async def _tell_clock(self, venue: TradesPerpetuals) -> None:
        offset = await venue.measure_clock()
        self._session.log.debug("venue_clock", offset_ms=round(offset.milliseconds))
        self._session.take(VenueClockSeen(at=self._session.machine.clock.now(), offset_ms=offset.milliseconds))

    async def _asked(self, tell: Callable[[], Awaitable[None]]) -> bool:
        """Ask the venue and answer whether it told; what it did not is asked for again."""
        try:
            await tell()
        except NeedsLogin as error:
            self._session.live.lose_login(error.message)
        except (VenueError, DataError) as error:
            self._session.log.warning("venue_told_nothing", error=error.message)
        else:
            return True
        return False
