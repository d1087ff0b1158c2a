"""The simulated Aster as a world's venue: its requests and streams without a wire, its ledger as the oracle."""

from __future__ import annotations

import argparse
import random
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import orjson

from accounts.vault import seal
from brokers.adapters.aster.tokens import order_key, token_of
from brokers.domain.errors import Retryable
from brokers.models import ListedInstrument, SessionState, TradingAccount, VenueLogin
from brokers.selectors import binding_of
from brokers.simulator import runner
from brokers.simulator.aster.hub import AsterSocket
from brokers.simulator.aster.options import add_arguments, build_aster
from brokers.simulator.aster.rest import respond
from brokers.simulator.aster.streams import stream_names
from brokers.simulator.aster.traders import DEMO_AGENT_KEY, DEMO_TRADER
from brokers.simulator.faults import fault_from
from brokers.simulator.kite_requests import Request
from brokers.simulator.sessions import SECOND_NS
from execution.models import Lease
from tests.simulation.clockwork import CURRENT, Process
from tests.simulation.faults import Fault
from tests.simulation.net import SILENT_S, SimulatedNet, SimulatedStream
from tests.simulation.rows import account_of, limits_of
from tests.simulation.sides import BookOrder, LedgerFill

if TYPE_CHECKING:
    from tests.simulation.world import World

SYMBOL = "BTCUSDT"
SPEED = 20.0
# a Saturday: no other exchange is open, and this one does not know it
BEGINS = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class AsterSide:
    """The simulated Aster with its made market."""

    market = "ASTER"

    def __init__(self, world: World) -> None:
        self._world = world
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        options = parser.parse_args([])
        given = {"seed": world.seed, "speed": SPEED, "frames": None, "budgets": False, "hold": False, "replay": None}
        site = build_aster(
            argparse.Namespace(**vars(options), **given),
            start_ns=int(BEGINS.timestamp()) * SECOND_NS,
            wall_ns=world.loop.wall_ns,
            monotonic_ns=world.loop.wall_ns,
            sink=None,
        )
        assert site is not None
        self.site = site

    def account(self) -> TradingAccount:
        """Write the rows of an account of this venue, proven by its agent's key."""
        account = account_of(
            self._world.now(),
            venue="aster",
            venue_user_id=DEMO_TRADER.user,
            currency="USDT",
            auth_scheme="agent",
            api_key=DEMO_TRADER.agent,
        )
        account.api_secret = seal(DEMO_AGENT_KEY, binding=binding_of(account, "api_secret"))
        account.save(update_fields=["api_secret"])
        limits_of(account, price_band_fraction=Decimal("0.02"), max_quote_age_s=Decimal(120))
        Lease.objects.create(account=account)
        VenueLogin.objects.create(account=account, state=SessionState.LIVE, epoch=1)
        ListedInstrument.objects.create(
            venue="aster",
            exchange=self.market,
            symbol=SYMBOL,
            token=token_of(SYMBOL),
            kind="PERP",
            name="BTC",
            segment="PERP",
            tick_size=Decimal("0.1"),
            lot_size=1,
            quantity_step=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            min_notional=Decimal(5),
            status="TRADING",
            listed_on=BEGINS.date(),
        )
        return account

    def drive(self) -> Awaitable[None]:
        """Run the exchange for ever."""
        return runner.run_perpetuals(self.site)

    def net(self, process: Process, rng: random.Random) -> AsterNet:
        return AsterNet(self._world, process, rng)

    def feed_parts(self, venue: Any) -> Mapping[str, Any]:
        return {"calls": venue}

    def fills(self) -> list[LedgerFill]:
        return [
            LedgerFill(
                order_id=order_key(fill.symbol, str(fill.order_id)),
                trade_id=str(fill.trade_id),
                symbol=fill.symbol,
                side=fill.side,
                quantity=Decimal(fill.quantity),
                price=Decimal(fill.price),
            )
            for fill in self.site.venue.engine.ledger.fills
        ]

    def orders(self) -> list[BookOrder]:
        orders = self.site.venue.engine.accounts[DEMO_TRADER.user].orders.values()
        return [
            BookOrder(order_id=order_key(o.contract.symbol, str(o.order_id)), tag=o.client_id, remaining=o.remaining)
            for o in orders
        ]

    def awaits_orders(self) -> bool:
        """Tell whether an order is still on its way to the book."""
        return bool(self.site.later)

    def tag_of(self, request: Request) -> str | None:
        is_placed = request.method == "POST" and request.path.endswith("/order")
        return request.get("newClientOrderId") if is_placed else None

    def end_login(self) -> bool:
        """Let the user stream's key die: an account that a key proves has no login that could end."""
        self.site.expire_key(DEMO_TRADER.user)
        return False


class AsterNet(SimulatedNet):
    """One process's way to the exchange: the very text that was signed goes in."""

    def _name(self, method: str, path: str) -> str:
        return f"{method} {'order' if path.endswith('/order') else path.rpartition('/')[2]}"

    def _changes(self, method: str, path: str) -> bool:
        # a stream's key is asked for by whoever wants to listen
        return method != "GET" and not path.endswith("/listenKey")

    def _worded(self, method: str, url: str, content: bytes | None, given: Mapping[str, Any]) -> Request:
        parts, body = urlsplit(url), content or b""
        return Request(
            method=method,
            path=parts.path,
            query=parse_qs(parts.query, keep_blank_values=True),
            form=parse_qs(body.decode(), keep_blank_values=True),
            headers={name.lower(): value for name, value in (given.get("headers") or {}).items()},
            body=body,
            query_text=parts.query,
        )

    def _respond(self, request: Request) -> Any:
        answer = respond(self._world.site, request)
        self._world.site.announce()
        return answer

    def _delay(self, request: Request, seconds: float) -> None:
        self._script({"kind": "delay_visibility", "method": "POST", "path": "/orders", "seconds": seconds})
        self._respond(request)

    def _script(self, fault: Mapping[str, Any]) -> None:
        self._world.site.faults.add(fault_from({**fault, "venue": "aster"}))

    def _open(self, url: str) -> AsterStream:
        return AsterStream(self._world, self._process, url)


class AsterStream(SimulatedStream):
    """One websocket of the simulated Aster, read without a wire; what it says of the account may go astray."""

    def __init__(self, world: World, process: Process, url: str) -> None:
        before = getattr(process, "stream", None)
        self._begin(world, process)
        parts = urlsplit(url)
        names = stream_names({"path": parts.path, "query_string": parts.query.encode()}) or []
        self._hub = world.site.hub
        self._socket = AsterSocket(names, combined=parts.path == "/stream", opened_ns=world.loop.wall_ns())
        self._socket.cut = self._cut
        self._is_account = any(name in self._hub.keys for name in names)
        if not self._is_account and process.stream is self:
            process.stream = before  # what comes late is about orders
        self._hub.sockets.add(self._socket)
        process.on_death.append(self._drop)

    async def send(self, text: str) -> None:
        answer = self._socket.carry_out(orjson.loads(text))
        self._socket.put(orjson.dumps(answer).decode())

    async def recv(self) -> bytes | str:
        while True:
            frame = await self._socket.frames.get()
            if not isinstance(frame, str):
                raise Retryable("the stream ended", code="venue.stream_ended")
            if not self._is_account or self._has_strayed(frame):
                return frame
            fault = self._world.ports.enter("net.frame", "order")
            if fault is Fault.DROP:
                self._drop()
                raise Retryable("the stream broke", code="venue.stream_ended")
            if fault in (None, Fault.DUPLICATE):
                self._follow(frame, twice=fault is Fault.DUPLICATE)
                return frame
            self._lead_astray(frame, fault)

    def _silence(self) -> None:
        self._socket.silent_until_ns = self._socket.users_silent_until_ns = self._world.loop.wall_ns() + int(
            SILENT_S * SECOND_NS
        )

    def _cut(self) -> None:
        self._drop()
        self._socket.close()

    async def close(self) -> None:
        self._drop()
        if not CURRENT.get().is_dead:
            self._socket.close()
