"""Looks at an agent before it signs for money: one that may withdraw is refused, one that has expired is told.

Source: the agent list of Aster's agent API. A right that is not told counts as given. An exchange without that list
(a testnet may lack it) cannot be asked; then the agent is used, with a warning, and its rights are the owner's to check.
"""

from __future__ import annotations

import structlog

from brokers.adapters.aster import statements
from brokers.adapters.aster.calls import Asks
from brokers.adapters.aster.statements import AgentRow
from brokers.domain.errors import NeedsLogin, VenueError
from brokers.ports import Clock

log = structlog.get_logger(__name__)

_NO_SUCH_CALL = (404, 405)


class AgentCheck:
    """One session's look at its agent, made once; `agent` is its address, None for a key of V1, which has no list."""

    def __init__(self, *, ask: Asks, agent: str | None, clock: Clock) -> None:
        self._ask = ask
        self._agent = agent
        self._clock = clock
        self._is_fit = agent is None

    async def require_fit(self) -> None:
        """Look at the agent where nobody has yet; raise NeedsLogin for one that must not sign."""
        if not self._is_fit:
            await self.look()

    async def look(self) -> AgentRow | None:
        """Return what the exchange says of the agent, None where it says nothing; raise NeedsLogin as above."""
        if self._agent is None:
            return None
        try:
            rows = await self._ask(statements.agents())
        except VenueError as failure:
            if failure.details.get("status") not in _NO_SUCH_CALL:
                raise
            log.warning("agents_rights_are_not_told")
            self._is_fit = True
            return None
        found = next((row for row in rows if row.address.lower() == self._agent.lower()), None)
        reason = self._objection(found)
        if reason is not None:
            self._is_fit = False
            raise NeedsLogin(reason, code="aster.agent")
        self._is_fit = True
        return found

    def _objection(self, row: AgentRow | None) -> str | None:
        if row is None:
            return "the exchange does not know this agent; make one and enter its key"
        if row.may_withdraw:
            return "this agent may withdraw money; make one that cannot, and enter its key"
        if not row.may_trade:
            return "this agent may not trade perpetual contracts; make one that can, and enter its key"
        if row.expires_at is not None and row.expires_at <= self._clock.now():
            return "this agent has expired; make another and enter its key"
        return None
