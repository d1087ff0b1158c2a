"""A venue of perpetual contracts by hand, and as much of a session as what is kept of it needs."""

import asyncio
import random
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import structlog

from brokers.domain.calendar import TradingCalendar
from brokers.domain.orders import Book
from brokers.domain.perpetual import MarginBracket
from brokers.domain.perpetual_terms import VenueFunding, VenueWallet
from brokers.ports import LeaseGrant
from execution.domain.events import CountdownChanged
from execution.runtime.permit import Permit
from execution.runtime.sender import Sender
from tests.execution.desk_fakes import FreeBudget
from tests.simulation.clockwork import VirtualClock, VirtualLoop

BTC, ETH = "ASTER:BTCUSDT", "ASTER:ETHUSDT"
MIDNIGHT = datetime(2026, 8, 18, tzinfo=UTC)
BRACKET = MarginBracket(
    floor=Decimal(0), cap=Decimal(50_000), maintenance_ratio=Decimal("0.004"), maintenance_amount=Decimal(0)
)


class PerpetualCalls:
    """What a venue has beside its books; `failures` are raised by name of the call, `asked` remembers it."""

    def __init__(self):
        self.asked = []
        self.failures = {}
        self.payments = []
        self.offset_ms = 12.0
        self.is_hedge = False
        self.countdowns = {}

    def _note(self, name, *details):
        self.asked.append((name, *details))
        if name in self.failures:
            raise self.failures[name]

    def count(self, name):
        return sum(asked[0] == name for asked in self.asked)

    async def measure_clock(self):
        self._note("measure_clock")
        return SimpleNamespace(milliseconds=self.offset_ms)

    async def account_mode(self):
        self._note("account_mode")
        return SimpleNamespace(is_hedge=self.is_hedge, is_multi_assets=False)

    async def brackets(self, symbol):
        self._note("brackets", symbol)
        return (BRACKET,)

    async def commission(self, symbol):
        self._note("commission", symbol)
        return Decimal("0.0001"), Decimal("0.00035")

    async def wallets(self):
        self._note("wallets")
        cash = Decimal(10_000)
        return [VenueWallet(asset="USDT", wallet_quote=cash, cross_wallet_quote=cash, available_quote=cash)]

    async def funding(self, since):
        self._note("funding", since)
        return [payment for payment in self.payments if payment.paid_at >= since]

    async def countdown(self, symbol, seconds, before_write):
        before_write()
        self._note("countdown", symbol, seconds)
        self.countdowns[symbol] = seconds


def a_payment(number, paid_at, amount="-1.25"):
    return VenueFunding(
        payment_id=str(number), instrument=BTC, amount_quote=Decimal(amount), asset="USDT", paid_at=paid_at
    )


class Surroundings:
    """A session's parts, with the engine's state by hand and every event that was taken."""

    def __init__(self):
        self.taken, self.lost, self.alerts, self.durable = [], [], [], True
        self.loop = VirtualLoop(random.Random(1))
        self.clock = VirtualClock(self.loop)
        self.began_ns = self.clock.boot_ns()
        self.market_ns = 0
        self.countdown_s, self.is_released = 120, True
        self.calendar = TradingCalendar.always_open()
        self.facts = SimpleNamespace(is_simulated=False)
        self.state = SimpleNamespace(countdowns={}, last_funding_at=None, open_orders=lambda: self.orders)
        self.orders = []
        self.in_use = [BTC]
        self.instruments = {BTC: SimpleNamespace(symbol="BTCUSDT"), ETH: SimpleNamespace(symbol="ETHUSDT")}
        self.engine = SimpleNamespace(state=self.state, perpetuals=lambda: tuple(self.in_use))
        self.machine = SimpleNamespace(clock=self.clock)
        self.live = SimpleNamespace(lose_login=self.lost.append)
        self.log = structlog.get_logger("tests")
        self.permit = Permit(_grant(), self.clock)
        self.budget = FreeBudget()
        self.tasks = set()
        self.sender = Sender(
            clock=self.clock,
            permit=self.permit,
            marks=None,
            objection=lambda order: None,
            report=self.taken.append,
            on_needs_login=self.lost.append,
        )

    def take(self, event):
        self.taken.append(event)

    async def take_durably(self, event):
        self.taken.append(event)
        if self.durable and isinstance(event, CountdownChanged):
            self.state.countdowns[event.instrument] = event.seconds
            if not event.seconds:
                del self.state.countdowns[event.instrument]
        return self.durable

    def spawn(self, work):
        task = self.loop.create_task(work)
        self.tasks.add(task)
        return task

    def works(self, *names, book=Book.LIVE):
        """Let these instruments have one open order each, and no others any."""
        intents = [SimpleNamespace(instrument=name, book=book) for name in names]
        self.orders = [SimpleNamespace(intent=intent) for intent in intents]

    def of(self, kind):
        return [event for event in self.taken if isinstance(event, kind)]

    def run(self, work, seconds):
        """Let endless work go on for so long; what breaks in it is raised."""

        async def bounded():
            try:
                async with asyncio.timeout(seconds):
                    await work
            except TimeoutError:
                return

        self.loop.run_until_complete(bounded())

    def at(self, seconds, change):
        """Let a change happen so long after now."""
        self.loop.call_later(seconds, change)

    def close(self):
        async def ended():
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

        self.loop.run_until_complete(ended())
        self.loop.close()


def _grant():
    return LeaseGrant(account_id="a", token=1, incarnation="a", permitted_until_boot_ns=2**62)
