"""The symbols' rules as the exchange lists them: read with the first book, every hour, and after a broken rule."""

from __future__ import annotations

import asyncio

from brokers.adapters.aster import quotes
from brokers.adapters.aster.calls import Asks
from brokers.adapters.aster.errors import ErrorClass
from brokers.adapters.aster.filters import SymbolRules
from brokers.adapters.aster.market import ExchangeList
from brokers.adapters.aster.orders import refused
from brokers.adapters.aster.weights import HeedsUsage
from brokers.domain.errors import WindhoverError
from brokers.ports import Budget, Clock

READ_EVERY_NS = 3600 * 1_000_000_000


class Rulebook:
    """One session's copy of the list; what it says of the ceilings goes to the budget."""

    def __init__(self, *, ask: Asks, clock: Clock, budget: Budget) -> None:
        self._ask = ask
        self._clock = clock
        self._budget = budget
        self._lock = asyncio.Lock()
        self._listed: ExchangeList | None = None
        self._read_ns = 0
        self._is_doubted = False

    async def of(self, symbol: str, *, is_urgent: bool = False) -> SymbolRules:
        """Return a symbol's rules; raise Rejected for one that is not listed.

        An order waits for no newer list, but an entry for one in place of a doubted one; what is urgent not even then.
        """
        listed = self._listed
        if listed is None or (self._is_doubted and not is_urgent):
            listed = await self._renewed()
        rules = listed.symbols.get(symbol)
        if rules is None:
            raise refused(ErrorClass.SYMBOL_STATE, f"{symbol} is not listed at the exchange")
        return rules

    async def refreshed(self) -> ExchangeList:
        """Read the list anew and return it."""
        async with self._lock:
            listed = await self._ask(quotes.exchange_list())
            self._listed, self._read_ns, self._is_doubted = listed, self._clock.boot_ns(), False
        if isinstance(self._budget, HeedsUsage):
            self._budget.learn(listed.rate_limits)
        return listed

    def doubt(self) -> None:
        """Read the list anew before the next entry: the exchange has refused an order by a rule we did not know."""
        self._is_doubted = True

    async def keep_up(self) -> None:
        """Read the list where there is none, or it is doubted, or an hour old: whoever polls does it for the orders."""
        if self._listed is None or self._is_doubted or self._clock.boot_ns() - self._read_ns >= READ_EVERY_NS:
            await self._renewed()

    async def _renewed(self) -> ExchangeList:
        try:
            return await self.refreshed()
        except WindhoverError:
            if self._listed is None:
                raise
            return self._listed  # an old list serves while none is had
