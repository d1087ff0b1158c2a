"""Stand-ins of our own for the ports, and the orders that tests send."""

import asyncio
from collections import deque
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from brokers.domain import orders
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.orders import ApprovedOrder, Book, OrderIntent, OrderType, Product, Purpose, Side
from brokers.ports import Credentials, Reply

START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
CREDENTIALS = Credentials(user_id="AB1234", api_key="the-key", access_token="the-token")


class SteppingClock:
    """Time that moves only when somebody sleeps."""

    def __init__(self):
        self.elapsed_s = 0.0
        self.sleeps = []

    def now(self):
        return START + timedelta(seconds=self.elapsed_s)

    def boot_ns(self):
        return round(self.elapsed_s * 1_000_000_000)

    async def sleep(self, seconds):
        self.sleeps.append(seconds)
        wake_at = self.elapsed_s + seconds
        await asyncio.sleep(0)
        self.elapsed_s = max(self.elapsed_s, wake_at)


class OpenBudget:
    """A budget that lets everything go and remembers what was asked of it."""

    def __init__(self):
        self.acquired = []
        self.pauses = []

    async def acquire(self, kind, *, urgent=False, weight=1):
        self.acquired.append(kind)

    def pause(self, kind, seconds):
        self.pauses.append((kind, seconds))

    def settle(self, kind, number=None):
        return


class ScriptedNet:
    """Answers requests from a list; an exception in it is raised."""

    def __init__(self, *answers):
        self.answers = deque(answers)
        self.requests = []

    async def request(self, method, url, *, before_write=None, **details):
        if before_write is not None:
            before_write()
        self.requests.append((method, url, details))
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self):
        self.answers.clear()


def a_reply(body, status=200):
    return Reply(status=status, headers={}, body=body if isinstance(body, bytes) else body.encode())


def a_refusal(status, error_type, message="no"):
    return a_reply(f'{{"status":"error","message":"{message}","error_type":"{error_type}","data":null}}', status)


def an_instrument(symbol="RELIANCE", *, token=738561, tick="0.05", lot=1, kind=InstrumentKind.EQUITY, exchange="NSE"):
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        token=token,
        kind=kind,
        name=symbol,
        tick_size=Decimal(tick),
        lot_size=lot,
        segment=exchange,
    )


def an_order(
    *,
    side=Side.BUY,
    quantity=10,
    order_type=OrderType.MARKET,
    price=None,
    trigger=None,
    client_id="W1TEST00001",
    instrument="NSE:RELIANCE",
    product=Product.INTRADAY,
    purpose=Purpose.ENTRY,
    **words,
):
    """An order as the gate would approve it; adapters get no other kind."""
    intent = OrderIntent(
        account_id="account",
        book=Book.LIVE,
        instrument=instrument,
        side=side,
        quantity=Decimal(quantity),
        order_type=order_type,
        product=product,
        purpose=purpose,
        reason="a test wants it",
        decided_at=START,
        price=None if price is None else Decimal(price),
        trigger_price=None if trigger is None else Decimal(trigger),
        **words,
    )
    return ApprovedOrder(
        intent=intent,
        client_id=client_id,
        approved_at=START,
        reserved_quote=Decimal(0),
        kill_epoch=0,
        capability=orders._CAPABILITY,
    )


def permit():
    """Let the bytes go."""
