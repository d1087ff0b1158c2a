"""Time that moves when a test says so, sockets that say what a test says, and an exchange that ticks."""

import asyncio
import heapq
import json
from collections import deque
from datetime import timedelta
from decimal import Decimal
from itertools import count
from urllib.parse import unquote

from brokers.adapters.aster.feed import AsterFeed
from brokers.adapters.aster.market import DepthSnapshot
from brokers.adapters.aster.tokens import order_key, token_of
from brokers.adapters.aster.words import key_of
from brokers.domain.errors import Retryable
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.orders import OrderStatus, OrderType, Product, Side, VenueOrder, VenuePosition
from brokers.domain.perpetual_terms import VenueFunding
from brokers.ports import FeedQuotes, FeedState
from tests.brokers.adapters.doubles import START

NANOSECONDS = 1_000_000_000


class VirtualClock:
    """Sleepers wake in order while a test advances; between two of them everything runs that can."""

    def __init__(self):
        self.elapsed_ns = 0
        self._sleepers = []
        self._numbers = count()

    def now(self):
        return START + timedelta(microseconds=self.elapsed_ns // 1000)

    def boot_ns(self):
        return self.elapsed_ns

    async def sleep(self, seconds):
        waiting = asyncio.get_running_loop().create_future()
        wake_ns = self.elapsed_ns + round(seconds * NANOSECONDS)
        heapq.heappush(self._sleepers, (wake_ns, next(self._numbers), waiting))
        await waiting

    def skip(self, seconds):
        """Let time pass in which nothing runs, as when a machine sleeps."""
        self.elapsed_ns += round(seconds * NANOSECONDS)

    async def advance(self, seconds):
        until_ns = self.elapsed_ns + round(seconds * NANOSECONDS)
        await settled()
        while self._sleepers and self._sleepers[0][0] <= until_ns:
            wake_ns, _, waiting = heapq.heappop(self._sleepers)
            if not waiting.done():
                self.elapsed_ns = max(self.elapsed_ns, wake_ns)
                waiting.set_result(None)
                await settled()
        self.elapsed_ns = max(self.elapsed_ns, until_ns)


async def settled():
    for _ in range(25):
        await asyncio.sleep(0)


class Socket:
    """One websocket; `frames` may hold exceptions."""

    def __init__(self, url):
        self.url = url
        self.frames = deque()
        self.said = []
        self.is_closed = False
        self.is_muted = False
        self._something = asyncio.Event()

    @property
    def streams(self):
        _, _, names = unquote(self.url).partition("?streams=")
        found = dict.fromkeys(name for name in names.split("/") if name)
        for message in self.said:
            for name in message["params"]:
                found[name] = None
                if message["method"] == "UNSUBSCRIBE":
                    del found[name]
        return list(found)

    def push(self, *frames):
        self.frames.extend(
            frame if isinstance(frame, str | bytes | Exception) else json.dumps(frame) for frame in frames
        )
        self._something.set()

    def hang_up(self):
        self.push(Retryable("the stream ended: ConnectionClosed"))

    async def recv(self):
        while not self.frames:
            self._something.clear()
            await self._something.wait()
        frame = self.frames.popleft()
        if isinstance(frame, Exception):
            raise frame
        return frame

    async def send(self, text):
        if self.is_closed:
            raise Retryable("the stream ended: ConnectionClosed")
        self.said.append(json.loads(text))

    async def close(self):
        self.is_closed = True


class Exchange:
    """A net whose market sockets get every symbol's mark price each second, and a trade where `trades` is on."""

    def __init__(self, clock, *, refuse=()):
        self.clock = clock
        self.sockets = []
        self.refuse = list(refuse)
        self.silent = set()
        self.trades = False
        self._trade_ids = count(1)

    async def connect(self, url, *, headers=None):
        failure = self.refuse.pop(0) if self.refuse else None
        if failure is not None:
            raise failure
        self.sockets.append(Socket(url))
        return self.sockets[-1]

    @property
    def markets(self):
        return [socket for socket in self.sockets if "/stream?" in socket.url]

    @property
    def accounts(self):
        return [socket for socket in self.sockets if "/ws/" in socket.url]

    async def tick(self):
        while True:
            await self.clock.sleep(1)
            self.tell()

    def tell(self):
        at = now_ms(self.clock)
        number = next(self._trade_ids)
        for socket in self.markets:
            if socket.is_closed or socket.is_muted:
                continue
            for name in socket.streams:
                symbol, _, kind = name.partition("@")
                if kind == "markPrice@1s" and symbol.upper() not in self.silent:
                    socket.push(a_mark(symbol.upper(), at))
                elif kind == "aggTrade" and self.trades:
                    socket.push(a_trade(number, at, symbol=symbol.upper()))


class Calls:
    """An account's calls, answered from lists that a test changes; an exception in `answers` is raised once."""

    def __init__(self, clock):
        self.clock = clock
        self.keys = [f"key-{number}" for number in range(1, 9)]
        self.open_orders = []
        self.held = []
        self.payments = []
        self.snapshots = deque()
        self.fail = {}
        self.asked = []
        self.books_come = asyncio.Event()
        self.books_come.set()

    def _ask(self, name):
        self.asked.append((name, self.clock.elapsed_ns // NANOSECONDS))
        failures = self.fail.get(name, [])
        failure = failures.pop(0) if failures else None
        if failure is not None:
            raise failure

    def times(self, name):
        return [at for said, at in self.asked if said == name]

    async def stream_key(self):
        self._ask("stream_key")
        return self.keys.pop(0)

    async def extend_stream_key(self, key):
        self._ask("extend")

    async def depth(self, symbol):
        self._ask("depth")
        return self.snapshots.popleft()

    async def orders(self):
        self._ask("orders")
        await self.books_come.wait()
        return list(self.open_orders)

    async def positions(self):
        self._ask("positions")
        return list(self.held)

    async def funding(self, since):
        self._ask("funding")
        return [payment for payment in self.payments if payment.paid_at >= since]

    def doubt(self):
        self.asked.append(("doubt", self.clock.elapsed_ns // NANOSECONDS))


class Desk:
    """A feed under way: what it has said so far, and the world around it."""

    def __init__(self, *symbols, jitter=0.5, refuse=(), **options):
        self.clock = VirtualClock()
        self.exchange = Exchange(self.clock, refuse=refuse)
        self.calls = Calls(self.clock)
        self.feed = AsterFeed(
            net=self.exchange,
            clock=self.clock,
            jitter=lambda: jitter,
            calls=self.calls,
            stream_url="wss://stream.test/",
            user_stream_url="wss://user.test",
            **options,
        )
        self.symbols = symbols
        self.seen = []
        self._tasks = []

    async def __aenter__(self):
        self.feed.learn(a_contract(symbol) for symbol in self.symbols)
        await self.feed.subscribe([token_of(symbol) for symbol in self.symbols])
        self._tasks = [asyncio.ensure_future(self.exchange.tick()), asyncio.ensure_future(self._listen())]
        await settled()
        return self

    async def __aexit__(self, *_):
        await self.feed.close()
        for task in self._tasks:
            task.cancel()
        gathered = await asyncio.gather(*self._tasks, return_exceptions=True)
        for failure in gathered:
            if isinstance(failure, Exception):
                raise failure

    async def _listen(self):
        async for event in self.feed.events():
            self.seen.append(event)

    @property
    def is_over(self):
        return self._tasks[1].done()

    async def advance(self, seconds):
        await self.clock.advance(seconds)

    async def hear(self, *frames):
        """Let the newest account socket say something."""
        self.exchange.accounts[-1].push(*frames)
        await settled()

    def states(self):
        return [event.state for event in self.seen if isinstance(event, FeedState)]

    def of(self, kind):
        return [event for event in self.seen if isinstance(event, kind)]

    def prices(self, symbol):
        rows = [event.columns for event in self.of(FeedQuotes)]
        return [
            (price, volume)
            for columns in rows
            for token, price, volume in zip(
                columns.token.tolist(), columns.last_price.tolist(), columns.volume.tolist(), strict=True
            )
            if token == token_of(symbol)
        ]


def now_ms(clock):
    return round(clock.now().timestamp() * 1000)


def a_frame(stream, **data):
    return {"stream": stream, "data": data}


def a_mark(symbol, at, price="100", due=None):
    due = at + 3_600_000 if due is None else due
    return a_frame(
        f"{symbol.lower()}@markPrice@1s",
        e="markPriceUpdate", E=at, s=symbol, p=price, i="99", P="0", r="0.0001", T=due,
    )  # fmt: skip


def a_trade(number, at, price="100", quantity="1", *, symbol="BTCUSDT"):
    return a_frame(
        f"{symbol.lower()}@aggTrade", e="aggTrade", E=at, s=symbol, a=number, p=price, q=quantity, T=at, m=True
    )


def a_contract(symbol):
    return Instrument(
        exchange="ASTER",
        symbol=symbol,
        token=token_of(symbol),
        kind=InstrumentKind.PERPETUAL,
        name=symbol,
        tick_size=Decimal("0.1"),
        lot_size=1,
        segment="PERP",
        currency="USDT",
    )


def an_update(step="NEW", status="NEW", *, at=1_000, order=7, filled="0", fill="0", trade=0, client="bot-1", **more):
    """An ORDER_TRADE_UPDATE of a limit order for 10 at 100."""
    body = {
        "s": "BTCUSDT", "c": client, "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "10", "p": "100", "ap": "100", "sp": "0",
        "x": step, "X": status, "i": order, "l": fill, "z": filled, "L": "100" if trade else "0", "T": at, "t": trade,
        "m": False, "R": False, "ps": "BOTH", "cp": False, "rp": "0", "ot": "LIMIT", "N": "USDT", "n": "0.05",
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": at, "T": at, "o": body | more}


def a_fill(trade, filled, *, fill="1", at=2_000, **more):
    status = "FILLED" if filled == "10" else "PARTIALLY_FILLED"
    return an_update("TRADE", status, at=at, filled=filled, fill=fill, trade=trade, **more)


def balances(reason="ORDER", *, at=1_000, position=None):
    rows = [] if position is None else [
        {"s": "BTCUSDT", "pa": position, "ep": "100", "cr": "0", "up": "0", "mt": "cross", "iw": "0", "ps": "BOTH"}
    ]  # fmt: skip
    changed = [{"a": "USDT", "wb": "1000", "cw": "1000", "bc": "-1"}]
    return {"e": "ACCOUNT_UPDATE", "E": at, "T": at, "a": {"m": reason, "B": changed, "P": rows}}


def an_order(order=7, filled="0", status=OrderStatus.OPEN, symbol="BTCUSDT"):
    return VenueOrder(
        venue_order_id=order_key(symbol, str(order)),
        instrument=key_of(symbol),
        side=Side.BUY,
        quantity=Decimal(10),
        filled_quantity=Decimal(filled),
        pending_quantity=Decimal(10) - Decimal(filled),
        cancelled_quantity=Decimal(0),
        order_type=OrderType.LIMIT,
        product=Product.PERPETUAL,
        price=Decimal(100),
        trigger_price=None,
        average_price=None,
        status=status,
        venue_status="NEW",
        message="",
        tags=(),
        placed_at=None,
        updated_at=None,
    )


def a_position(quantity, symbol="BTCUSDT"):
    return VenuePosition(
        instrument=key_of(symbol),
        product=Product.PERPETUAL,
        quantity=Decimal(quantity),
        average_price=Decimal(100),
        last_price=Decimal(100),
        realised_quote=Decimal(0),
        unrealised_quote=Decimal(0),
    )


def a_payment(number, paid_at, symbol="BTCUSDT"):
    return VenueFunding(
        payment_id=str(number), instrument=key_of(symbol), amount_quote=Decimal("-0.5"), asset="USDT", paid_at=paid_at
    )


def a_snapshot(update, bids, asks):
    rows = [tuple((Decimal(price), Decimal(quantity)) for price, quantity in side) for side in (bids, asks)]
    return DepthSnapshot(last_update_id=update, bids=rows[0], asks=rows[1])
