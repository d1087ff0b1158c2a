"""The venue's side of a world: which exchange stands there, how a desk reaches it, and what its ledger says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from django.db.models import F

from accounts.vault import seal
from brokers.models import SessionState, TradingAccount, VenueLogin
from brokers.selectors import binding_of
from brokers.simulator import runner
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_sessions import DEMO_APP
from tests.simulation import exchange
from tests.simulation.clockwork import WORLD, Process
from tests.simulation.net import SimulatedNet
from tests.simulation.rows import account_rows

if TYPE_CHECKING:
    from tests.simulation.world import World

LOGIN_S = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFill:
    """One execution as the exchange's own ledger has it, in the desk's numbers."""

    order_id: str
    trade_id: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BookOrder:
    """One order of the account as the exchange has it."""

    order_id: str
    tag: str
    remaining: int


class Side(Protocol):
    """What the world, the judge and the verdict ask of an exchange."""

    site: Any
    market: str  # the exchange's name in an instrument's key

    def account(self) -> TradingAccount: ...

    def drive(self) -> Awaitable[None]: ...

    def net(self, process: Process, rng: random.Random) -> SimulatedNet: ...

    def feed_parts(self, venue: Any) -> Mapping[str, Any]: ...

    def fills(self) -> list[LedgerFill]: ...

    def orders(self) -> list[BookOrder]: ...

    def awaits_orders(self) -> bool: ...

    def tag_of(self, request: Request) -> str | None: ...

    def end_login(self) -> bool: ...


class KiteSide:
    """The simulated Kite with its three shares."""

    market = "NSE"

    def __init__(self, world: World, start: time) -> None:
        self._world = world
        self.site = exchange.open_exchange(world.loop, random.Random(world.seed + 2), start=start)

    def account(self) -> TradingAccount:
        """Write the rows of an account of this venue."""
        return account_rows(self._world.now())

    def drive(self) -> Awaitable[None]:
        """Run the exchange for ever."""
        return runner.run(self.site, idle_seconds=1.0)

    def net(self, process: Process, rng: random.Random) -> SimulatedNet:
        return SimulatedNet(self._world, process, rng)

    def feed_parts(self, _venue: Any) -> Mapping[str, Any]:
        return {"silence_s": 8.0}

    def fills(self) -> list[LedgerFill]:
        return [
            LedgerFill(
                order_id=fill.order_id,
                trade_id=fill.trade_id,
                symbol=fill.symbol,
                side=fill.side,
                quantity=Decimal(fill.quantity),
                price=Decimal(fill.price) / 100,
            )
            for fill in self.site.venue.engine.ledger._fills
        ]

    def orders(self) -> list[BookOrder]:
        orders = self.site.venue.engine.accounts[DEMO_APP.user_id].orders.values()
        return [BookOrder(order_id=o.order_id, tag=o.tag, remaining=o.remaining) for o in orders]

    def awaits_orders(self) -> bool:
        """Tell whether an order is still on its way to the book."""
        return bool(self.site.later)

    def tag_of(self, request: Request) -> str | None:
        return request.get("tag") if request.method == "POST" else None

    def end_login(self) -> bool:
        """Let the venue's session die; a person logs in again a while later."""
        self.site.end_session(DEMO_APP.user_id)
        self._world.loop.spawn(WORLD, self._log_in(f"{exchange.TOKEN}-{len(self._world.ports.calls)}"))
        return True

    async def _log_in(self, token: str) -> None:
        await asyncio.sleep(LOGIN_S)
        self.site.sessions.open(DEMO_APP.user_id, token)
        account = self._world.account
        sealed = seal(token, binding=binding_of(account, "access_token"))
        row = VenueLogin.objects.filter(account=account)
        renewed = {"state": SessionState.LIVE, "reason": "", "epoch": F("epoch") + 1, "access_token": sealed}
        self._world.insist(lambda: row.exclude(access_token=sealed).update(**renewed) and None)
