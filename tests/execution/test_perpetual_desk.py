"""An account of perpetuals as a desk hosts it: no login, no night, what the venue says beside its books."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from accounts.services import desk_create
from analysis.domain import ema
from brokers.adapters.aster.tokens import token_of
from brokers.domain.errors import NeedsLogin
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.money import Currency
from brokers.domain.orders import Product
from brokers.models import SessionState, VenueLogin
from brokers.ports import FeedDoubt, FeedFunding, FeedOrder, FeedQuotes
from brokers.services import account_countdown, account_rekey
from execution.connections import account_add
from execution.domain.commands import RecordKind
from execution.models import JournalEvent, Lease
from execution.runtime.clock import SystemClock
from execution.runtime.hosting import host
from execution.runtime.lease import DatabaseLease, LeaseTerms
from execution.threads import DatabaseThread
from strategies.models import Deployment
from tests.builders import a_venue_order
from tests.execution.conftest import NOON
from tests.execution.desk_fakes import FakeVenue, World, list_instrument, quotes, until
from tests.execution.perpetual_fakes import BTC, PerpetualCalls, a_payment

KEY, SECRET = "k" * 64, "s" * 64
PERPETUAL = Instrument(
    exchange="ASTER",
    symbol="BTCUSDT",
    token=token_of("BTCUSDT"),
    kind=InstrumentKind.PERPETUAL,
    name="BTC",
    tick_size=Decimal("0.1"),
    lot_size=1,
    segment="PERP",
    currency=Currency.USDT,
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    min_notional_quote=Decimal(5),
)


class FakeAster(PerpetualCalls, FakeVenue):
    """The exchange on paper prices, with what a venue of perpetuals has beside its books."""

    name = "aster"

    def __init__(self):
        FakeVenue.__init__(self)
        PerpetualCalls.__init__(self)
        self.know([PERPETUAL])
        self.refusal = None
        self.books_read = 0

    async def orders(self):
        self.books_read += 1
        return await super().orders()

    async def profile(self):
        if self.refusal is not None:
            raise NeedsLogin(self.refusal)
        return {"user_id": "x"}

    async def account_mode(self):
        if self.refusal is not None:
            raise NeedsLogin(self.refusal)
        return await super().account_mode()


@pytest.fixture(scope="module", autouse=True)
def indicators():
    """Load what strategies compute with, as a desk does before it holds an account."""
    ema(np.ones(4), 2)


@pytest.fixture
def account(owner):
    added = account_add(
        desk=desk_create(name="Night desk", owner=owner, at=NOON),
        owner=owner,
        venue="aster",
        label="",
        venue_user_id="night-desk",
        api_key=KEY,
        api_secret=SECRET,
        auth_scheme="hmac",
        is_simulated=True,
        by=owner,
        at=NOON,
    )
    Lease.objects.filter(account=added).update(token=1)
    return added


@pytest.fixture
def hosted(account, owner, journal, tmp_path, settings):
    settings.WINDHOVER_ASTER_API_URL = "http://127.0.0.1:9"
    settings.WINDHOVER_ASTER_STREAM_URL = settings.WINDHOVER_ASTER_USER_STREAM_URL = "ws://127.0.0.1:9"
    list_instrument(PERPETUAL, venue="aster")
    Deployment.objects.create(
        account=account,
        strategy="ema-crossover",
        instruments=[BTC],
        params={"fast": 3, "slow": 8, "bar_minutes": 1, "order_value_quote": "300"},
        mode="live",
        is_enabled=True,
        created_by=owner,
    )
    threads = [DatabaseThread("reader"), DatabaseThread("lease")]
    for thread in threads:
        thread.start()
    lease = DatabaseLease(owner="desk1", terms=LeaseTerms(), clock=SystemClock(), thread=threads[1])
    world = World(journal=journal, reader=threads[0], lease=lease, folder=tmp_path)
    world.venue = FakeAster()
    yield world
    for thread in threads:
        thread.stop()


@asynccontextmanager
async def hosting(world, account):
    grant = await world.machine.lease.claim(str(account.pk))
    drain = asyncio.Event()
    task = asyncio.create_task(host(world.machine, grant, drain))
    try:
        await until(lambda: bool(world.feeds) or task.done())
        yield task
    finally:
        drain.set()
        await asyncio.wait([task], timeout=10)


def journalled(kind, **payload):
    wanted = {f"payload__{name}": value for name, value in payload.items()}
    return JournalEvent.objects.filter(kind=kind, **wanted)


async def settled(world, condition, seconds=30.0):
    for _ in range(int(seconds / 0.05)):
        if await world.machine.read(condition):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come to stand in the database")


def show(world, price=60_000.0, at=NOON):
    columns = quotes(price, at, token=PERPETUAL.token)
    world.venue.on_quotes(columns)
    world.feed.say(FeedQuotes(columns=columns, raw_bytes=0))


def test_an_account_that_a_key_proves_is_hosted_without_a_login(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: PERPETUAL.token in hosted.feed.tokens)

    asyncio.run(scenario())

    assert hosted.venue.count("measure_clock") == 1


def test_a_funding_payment_of_the_stream_is_journalled_once(hosted, account):
    payment = a_payment(7, NOON + timedelta(hours=1))

    async def scenario():
        async with hosting(hosted, account):
            show(hosted)
            await until(lambda: hosted.venue.books_read > 0)
            await asyncio.sleep(0.3)
            for _ in range(3):
                hosted.feed.say(FeedFunding(payment=payment))
            await settled(hosted, journalled(RecordKind.FUNDING).exists)
            await asyncio.sleep(0.3)

    asyncio.run(scenario())

    assert journalled(RecordKind.FUNDING).count() == 1


def test_a_doubt_about_the_stream_reads_the_books_again(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: hosted.venue.books_read > 0)
            await asyncio.sleep(1.2)
            before = hosted.venue.books_read
            hosted.feed.say(FeedDoubt(reason="the stream was away"))
            await until(lambda: hosted.venue.books_read > before)

    asyncio.run(scenario())


def test_a_refused_key_is_told_once_and_a_new_one_goes_on(hosted, account, owner):
    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: hosted.venue.books_read > 0)
            hosted.venue.refusal = "Aster refuses the key."
            await settled(hosted, lambda: state_of(account) == (SessionState.NEEDS_LOGIN, "Aster refuses the key."))
            streams = len(hosted.feeds)
            await asyncio.sleep(1.5)
            assert len(hosted.feeds) == streams, "a refused key was tried again"

            hosted.venue.refusal = None
            await hosted.machine.read(
                lambda: account_rekey(account=account, api_key="n" * 64, api_secret="t" * 64, by=owner, at=NOON)
            )
            await until(lambda: len(hosted.feeds) == streams + 1)
            await settled(hosted, journalled("session", state="live").exists)

    asyncio.run(scenario())

    assert journalled("session", state="needs_login").count() == 1
    assert state_of(account)[0] == SessionState.LIVE


def state_of(account):
    login = VenueLogin.objects.get(account=account)
    return login.state, login.reason


def test_clearing_and_setting_the_dead_man_switch_reaches_a_hosted_account(hosted, account, owner):
    def set_to(seconds):
        return hosted.machine.read(lambda: account_countdown(account=account, countdown_s=seconds, by=owner, at=NOON))

    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: PERPETUAL.token in hosted.feed.tokens)
            await set_to(300)
            # somebody's own order at the exchange: its protection is wanted as much as that of ours
            resting = a_venue_order(instrument=BTC, product=Product.PERPETUAL, quantity="0.01", price="50000")
            hosted.feed.say(FeedOrder(order=resting))
            await until(lambda: hosted.venue.countdowns == {"BTCUSDT": 300})
            await settled(hosted, journalled(RecordKind.COUNTDOWN, instrument=BTC, seconds=300).exists)

            await set_to(None)
            await until(lambda: hosted.venue.countdowns == {"BTCUSDT": 0})
            await settled(hosted, journalled(RecordKind.COUNTDOWN, instrument=BTC, seconds=0).exists)

    asyncio.run(scenario())


def test_a_new_session_s_books_show_what_the_journal_holds_open(hosted, account, owner):
    followed = []
    hosted.venue.follow = lambda keys, since: followed.append((set(keys), since))
    resting = a_venue_order(instrument=BTC, product=Product.PERPETUAL, quantity="0.01", price="50000")

    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: PERPETUAL.token in hosted.feed.tokens)
            hosted.feed.say(FeedOrder(order=resting))
            await settled(hosted, journalled(RecordKind.ORDER).exists)
            assert followed == []
            await hosted.machine.read(
                lambda: account_rekey(account=account, api_key="n" * 64, api_secret="t" * 64, by=owner, at=NOON)
            )
            await until(lambda: bool(followed))

    asyncio.run(scenario())

    [(names, since)] = followed
    assert names == {BTC}
    assert since < SystemClock().now() - timedelta(minutes=5)
