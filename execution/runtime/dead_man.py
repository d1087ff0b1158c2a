"""The dead-man switch: the venue cancels every open order of a contract unless somebody keeps saying that he lives.

It is the owner's choice for an account, and takes protective stops with it. While it is set and the account is
released, each contract with open orders has its countdown begun anew at a quarter of its time. The journal names every
contract whose countdown may be running: a row is committed before the first one is set, and taken back only after the
venue has confirmed that it is off. It is switched off once the owner clears it, takes the account back to paper, or no
order is left; a process that stops leaves it running, for its successor to go on with, or for the venue to act upon.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from brokers.domain.errors import DataError, NeedsLogin, VenueError
from brokers.domain.instruments import split_key
from brokers.domain.market import NANOSECONDS
from brokers.domain.orders import Book
from brokers.ports import Budget, TradesPerpetuals
from execution.domain.commands import Alert, Level
from execution.domain.events import CountdownChanged
from execution.runtime.permit import PermitRefused

if TYPE_CHECKING:
    from execution.runtime.session import Session

LOOK_S = 0.5
SEND_WITHIN_S = 2.0
TRY_AGAIN_S = 5.0
# of an address' allowance; the venue's documents, 2026-06
WEIGHT = 10
OFF = 0


class DeadManSwitch:
    """Keeps the countdowns of one account; nothing of it runs on an account without the setting."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._set_ns: dict[str, int] = {}  # when this process last had each confirmed
        self._not_before_ns: dict[str, int] = {}
        self._told: set[str] = set()

    @property
    def armed(self) -> dict[str, int]:
        """Return the seconds of every countdown that may be running, by instrument."""
        return dict(self._session.engine.state.countdowns)

    async def keep(self, venue: TradesPerpetuals, budget: Budget) -> None:
        """Refresh and switch off what is due, until cancelled."""
        self._set_ns.clear()
        while True:
            for instrument, seconds in self._due().items():
                await self._set(venue, budget, instrument, seconds)
            await self._session.machine.clock.sleep(LOOK_S)

    def _due(self) -> dict[str, int]:
        """Return what is to be set now, the oldest first."""
        now_ns, wanted_s, armed = self._now_ns(), self._wanted_s(), self.armed
        working = self._working() if wanted_s else set()
        due = {name: wanted_s for name in working if armed.get(name) != wanted_s or self._is_old(name, wanted_s)}
        # one that only ran out of orders is let be until its next turn: more orders may come
        due |= {name: OFF for name in armed.keys() - working if not wanted_s or self._is_old(name, armed[name])}
        ready = [name for name in due if now_ns >= self._not_before_ns.get(name, 0)]
        return {name: due[name] for name in sorted(ready, key=lambda name: self._set_ns.get(name, 0))}

    async def _set(self, venue: TradesPerpetuals, budget: Budget, instrument: str, seconds: int) -> None:
        session, begun_ns = self._session, self._now_ns()
        self._not_before_ns[instrument] = begun_ns + round(TRY_AGAIN_S * NANOSECONDS)
        if seconds and self.armed.get(instrument) != seconds and not await self._journal(instrument, seconds):
            return
        send_by = session.machine.clock.now() + timedelta(seconds=SEND_WITHIN_S)
        _, symbol = split_key(instrument)
        try:
            async with session.sender.turn(budget, "order", urgent=True, send_by=send_by, weight=WEIGHT):
                await venue.countdown(symbol, seconds, lambda: session.permit.require_by(send_by))
        except NeedsLogin as error:
            session.live.lose_login(error.message)
        except (VenueError, DataError, PermitRefused) as error:
            self._note_failure(instrument, seconds, error.message)
        else:
            await self._note_set(instrument, seconds, begun_ns)

    async def _note_set(self, instrument: str, seconds: int, begun_ns: int) -> None:
        self._not_before_ns.pop(instrument, None)
        self._told.discard(instrument)
        if seconds:
            self._set_ns[instrument] = begun_ns
        else:
            self._set_ns.pop(instrument, None)
            await self._journal(instrument, OFF)

    def _note_failure(self, instrument: str, seconds: int, reason: str) -> None:
        session = self._session
        session.log.warning("countdown_not_set", instrument=instrument, seconds=seconds, error=reason)
        if instrument in self._told or not self._is_old(instrument, 2 * self.armed.get(instrument, 0)):
            return
        self._told.add(instrument)
        sentence = (
            f"the dead-man switch of {instrument} could not be renewed ({reason}): the venue will cancel all its open "
            "orders, stops too"
        )
        session.alerts.append(Alert(level=Level.URGENT, subject="countdown", sentence=sentence))
        session.log.warning("alert", level=Level.URGENT, subject="countdown", sentence=sentence)

    async def _journal(self, instrument: str, seconds: int) -> bool:
        at = self._session.machine.clock.now()
        return await self._session.take_durably(CountdownChanged(at=at, instrument=instrument, seconds=seconds))

    def _wanted_s(self) -> int:
        return (self._session.countdown_s or OFF) if self._session.is_released else OFF

    def _working(self) -> set[str]:
        orders = self._session.engine.state.open_orders()
        return {order.intent.instrument for order in orders if order.intent.book is Book.LIVE}

    def _is_old(self, instrument: str, seconds: int) -> bool:
        """Tell whether a quarter of a countdown's time has passed, or this process never set it."""
        set_ns = self._set_ns.get(instrument)
        return set_ns is None or self._now_ns() - set_ns >= seconds * NANOSECONDS // 4

    def _now_ns(self) -> int:
        return self._session.machine.clock.boot_ns()
