"""A desk's surroundings in one process: a venue on paper prices, a feed by hand, a bus that remembers."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from brokers.adapters.paper.venue import PaperVenue
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.market import Bar, QuoteColumns, ns_of
from brokers.models import ListedInstrument, SessionState, VenueLogin
from brokers.ports import BudgetReport, FeedMode, FeedOrder, FeedQuotes, FeedState
from execution.runtime.clock import SystemClock
from execution.runtime.machine import Machine, VenueLink

RELIANCE = Instrument(
    exchange="NSE",
    symbol="RELIANCE",
    token=738561,
    kind=InstrumentKind.EQUITY,
    name="RELIANCE INDUSTRIES",
    tick_size=Decimal("0.05"),
    lot_size=1,
    segment="NSE",
)
TEN = datetime(2026, 8, 18, 4, 30, tzinfo=UTC)  # ten in the morning in Mumbai


def list_instrument(instrument=RELIANCE, venue="kite"):
    ListedInstrument.objects.create(
        venue=venue,
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        token=instrument.token,
        kind=instrument.kind,
        name=instrument.name,
        segment=instrument.segment,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        quantity_step=instrument.quantity_step,
        min_quantity=instrument.min_quantity,
        min_notional=instrument.min_notional_quote,
        listed_on=TEN.date(),
    )


def log_in(account, *, epoch=1):
    from accounts.vault import seal
    from brokers.selectors import binding_of

    VenueLogin.objects.update_or_create(
        account=account,
        defaults={
            "state": SessionState.LIVE,
            "epoch": epoch,
            "access_token": seal("token", binding=binding_of(account, "access_token")),
        },
    )


def quotes(price, at, *, token=RELIANCE.token):
    def column(value):
        return np.array([value], dtype=np.float64)

    return QuoteColumns(
        token=np.array([token], dtype=np.int64),
        last_price=column(price),
        volume=column(1_000_000.0),
        open_interest=column(0.0),
        bid=column(price - 0.05),
        ask=column(price + 0.05),
        day_open=column(price),
        day_high=column(price),
        day_low=column(price),
        previous_close=column(price),
        exchange_ns=np.array([ns_of(at)], dtype=np.int64),
        received_ns=ns_of(datetime.now(tz=UTC)),
    )


class FakeVenue(PaperVenue):
    """The exchange: fills from the prices it is shown, keeps rising candles, may lose a reply."""

    name = "kite"

    def __init__(self):
        super().__init__(clock=SystemClock(), instruments=[RELIANCE])
        self.placed = []
        self.failure = None
        self.after_placing = None

    async def place(self, order, instrument, before_write):
        self.placed.append(order.client_id)
        receipt = await super().place(order, instrument, before_write)
        if self.after_placing is not None:
            raise self.after_placing
        return receipt

    async def history(self, instrument, interval_s, start, end):
        first = ns_of(end.replace(second=0, microsecond=0)) - 200 * 60 * 10**9
        return [
            Bar(
                instrument=instrument.key,
                interval_s=interval_s,
                start_ns=first + number * interval_s * 10**9,
                open=1400 + number * 0.05,
                high=1400 + number * 0.05,
                low=1400 + number * 0.05,
                close=1400 + number * 0.05,
                volume=100.0,
            )
            for number in range(200)
        ]


class FakeFeed:
    """A stream by hand; it closes with its end."""

    def __init__(self, venue):
        self.venue = venue
        self.tokens = set()
        self.modes = {}
        self._events = asyncio.Queue()

    def say(self, event):
        self._events.put_nowait(event)

    def show(self, price, at):
        columns = quotes(price, at)
        self.venue.on_quotes(columns)
        self.say(FeedQuotes(columns=columns, raw_bytes=0))
        self.tell_orders()

    def tell_orders(self):
        for update in self.venue.drain():
            self.say(FeedOrder(order=update.order))

    async def subscribe(self, tokens, mode=FeedMode.FULL):
        self.tokens |= set(tokens)
        self.modes.update(dict.fromkeys(tokens, mode))

    async def unsubscribe(self, tokens):
        self.tokens -= set(tokens)

    async def events(self):
        yield FeedState(state="connected", reason="The stream is open.")
        while True:
            event = await self._events.get()
            if event is None:
                return
            yield event

    async def pause(self):
        self._events.put_nowait(None)

    async def close(self):
        self._events.put_nowait(None)

    def figures(self):
        return {"frames": 1}


class FreeBudget:
    def __init__(self):
        self.inherited = []

    async def acquire(self, kind, *, urgent=False, weight=1):
        return

    def settle(self, kind, number=None):
        return

    def pause(self, kind, seconds):
        return

    def inherit(self, decided_at):
        self.inherited.extend(decided_at)

    def report(self):
        return BudgetReport(used_in_a_minute=0, per_minute=360, paused_s=0.0)


class Notebook:
    """A publisher that remembers, and may be told to fail."""

    def __init__(self):
        self.states = {}

    async def publish_all(self, states):
        self.states.update(states)
        return True


class QuickBell:
    async def wait(self, account_id, timeout_s):
        await asyncio.sleep(0.02)
        return True


class World:
    """One exchange and the machines that reach it."""

    def __init__(self, *, journal, reader, lease, folder):
        self.venue = FakeVenue()
        self.feeds = []
        self.budgets = []
        self.notebook = Notebook()
        self.machine = Machine(
            clock=SystemClock(),
            journal=journal,
            reader=reader,
            lease=lease,
            publisher=self.notebook,
            doorbell=QuickBell(),
            connect=self._connect,
            send_log_folder=folder / "sendlog",
            boot_id="boot",
            renew_s=0.1,
        )

    @property
    def feed(self):
        return self.feeds[-1]

    def _connect(self, facts, credentials, urls):
        self.feeds.append(FakeFeed(self.venue))
        self.budgets.append(FreeBudget())
        return VenueLink(venue=self.venue, feed=self.feed, budget=self.budgets[-1])


async def until(condition, seconds=30.0):
    """Wait for a condition that reads memory; fail when it does not come true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not come true"
        await asyncio.sleep(0.01)


def minute(number):
    return TEN + timedelta(minutes=number)
