"""The operator's facts and the venue's list, followed while an account is hosted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brokers.domain.errors import WindhoverError
from brokers.domain.instruments import Instrument
from brokers.domain.market import NANOSECONDS
from brokers.listings import instruments_by_keys
from brokers.market_life import life_version, market_life
from execution.domain.events import MarketRulesChanged

if TYPE_CHECKING:
    from execution.runtime.session import Session

LOOK_EVERY_NS = 5 * NANOSECONDS


class ListChanged(WindhoverError):
    """A contract in use is another today: the session begins anew, from the journal and today's list."""

    code = "instruments.changed"


class MarketWatch:
    """Looks for newer facts every few seconds, and lets the engine have them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._version = ""
        self._looked_ns = -LOOK_EVERY_NS

    async def look(self) -> None:
        """Take newer facts in; end the session when a contract that it works on has changed."""
        machine, facts = self._session.machine, self._session.facts
        if machine.clock.boot_ns() < self._looked_ns + LOOK_EVERY_NS:
            return
        self._looked_ns = machine.clock.boot_ns()
        day = self._session.calendar.day_of(machine.clock.now())
        version = await machine.read(lambda: life_version(facts.venue, day=day))
        if version == self._version:
            return
        life = await machine.read(lambda: market_life(facts.venue, day=day, is_simulated=facts.is_simulated))
        self._version = life.version
        self._session.calendar = life.calendar
        self._session.take(
            MarketRulesChanged(at=machine.clock.now(), rules=life.rules, calendar=life.calendar, concerns=life.concerns)
        )
        # at the first look as well: a list may have come while the journal was read
        await self._compare_list()

    async def _compare_list(self) -> None:
        session = self._session
        used = {name: known for name, known in session.instruments.items() if name not in session.followed}
        listed = await session.machine.read(lambda: instruments_by_keys(session.facts.venue, used))
        changed = sorted(name for name, known in used.items() if _terms(listed.get(name)) != _terms(known))
        if changed:
            session.log.warning("contracts_changed", instruments=changed)
            session.end(ListChanged(f"the list of the day changes {', '.join(changed)}"))


def _terms(instrument: Instrument | None) -> tuple[object, ...] | None:
    if instrument is None:
        return None
    return (instrument.token, instrument.lot_size, instrument.tick_size, instrument.quantity_step)
