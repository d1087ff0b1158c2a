import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from brokers.domain.errors import Ambiguous
from brokers.models import SessionState, TradingAccount, VenueLogin
from brokers.ports import FeedState
from execution.domain.commands import RecordKind
from execution.domain.events import TimerFired
from execution.journal import verify_chain
from execution.models import Command, Fill, JournalEvent, Lease, Order, PositionRow
from execution.runtime.hosting import host, open_session
from execution.runtime.lease import DatabaseLease, LeaseTerms
from execution.runtime.session import LeaseLost
from execution.runtime.stream_hours import StreamHours
from execution.services import command_request, kill_switch_set
from execution.threads import DatabaseThread
from strategies.models import Deployment
from tests.execution.conftest import NOON
from tests.execution.desk_fakes import World, list_instrument, log_in, minute, until


@pytest.fixture
def hosted(account, owner, journal, tmp_path, settings):
    """An account that trades one strategy on one share, and two desks that may host it."""
    settings.WINDHOVER_KITE_API_URL = "http://127.0.0.1:9"
    settings.WINDHOVER_KITE_STREAM_URL = "ws://127.0.0.1:9"
    list_instrument()
    log_in(account)
    Deployment.objects.create(
        account=account,
        strategy="ema-crossover",
        instruments=["NSE:RELIANCE"],
        params={"fast": 3, "slow": 8},
        mode="live",
        is_enabled=True,
        created_by=owner,
    )
    readers = [DatabaseThread("reader"), DatabaseThread("lease")]
    for thread in readers:
        thread.start()
    from execution.runtime.clock import SystemClock

    lease = DatabaseLease(owner="desk1", terms=LeaseTerms(), clock=SystemClock(), thread=readers[1])
    yield World(journal=journal, reader=readers[0], lease=lease, folder=tmp_path)
    for thread in readers:
        thread.stop()


@asynccontextmanager
async def hosting(world, account):
    """Host the account until the block ends; yield the running task."""
    grant = await world.machine.lease.claim(str(account.pk))
    drain = asyncio.Event()
    task = asyncio.create_task(host(world.machine, grant, drain))
    try:
        yield task
    finally:
        drain.set()
        await asyncio.wait([task], timeout=10)


async def read(world, work):
    return await world.machine.read(work)


async def enter(world):
    """Show rising prices until the strategy's order is filled and journalled."""
    await until(lambda: bool(world.feeds))
    for number in range(60):
        await until(lambda: world.feed.tokens)
        # a strategy that was halted decides on no bar before the books and its history were read again
        await asyncio.sleep(0.15 if number < 3 else 0.5)
        if world.venue.placed:
            break
        world.feed.show(1410.0 + number, minute(number))
    assert world.venue.placed
    await asyncio.sleep(0.1)
    world.feed.tell_orders()
    await settled(world, Fill.objects.exists)


async def settled(world, condition, seconds=30.0):
    """Wait for something to stand in the database."""
    for _ in range(int(seconds / 0.05)):
        if await read(world, condition):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come to stand in the database")


def test_a_signal_becomes_an_order_a_fill_and_a_position(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await enter(hosted)

    asyncio.run(scenario())

    order, position = Order.objects.get(), PositionRow.objects.get()
    assert (order.status, order.purpose, order.side) == ("FILLED", "ENTRY", "BUY")
    assert order.reason
    assert position.quantity == order.filled_quantity == Fill.objects.get().quantity > 0


def test_the_intent_stands_in_the_journal_before_the_venue_hears_of_it(hosted, account):
    seen = []
    place = hosted.venue.place

    async def watched(order, instrument, before_write):
        seen.append(
            await read(
                hosted,
                lambda: JournalEvent.objects.filter(kind=RecordKind.INTENT, payload__client_id=order.client_id).count(),
            )
        )
        return await place(order, instrument, before_write)

    hosted.venue.place = watched

    async def scenario():
        async with hosting(hosted, account):
            await enter(hosted)

    asyncio.run(scenario())

    assert seen == [1]


def test_the_journal_of_a_session_is_one_whole_chain(hosted, account, journal):
    async def scenario():
        async with hosting(hosted, account):
            await enter(hosted)

    asyncio.run(scenario())

    assert verify_chain(str(account.pk), journal.tips_file).seq == JournalEvent.objects.count()


def test_a_lost_reply_leaves_the_order_unknown_and_is_not_repeated(hosted, account):
    hosted.venue.after_placing = Ambiguous("the answer never came")

    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: bool(hosted.feeds))
            for number in range(3):
                await until(lambda: hosted.feed.tokens)
                await asyncio.sleep(0.15)
                hosted.feed.show(1410.0 + number, minute(number))
            await settled(hosted, lambda: JournalEvent.objects.filter(kind=RecordKind.UNKNOWN).exists())
            await asyncio.sleep(0.5)

    asyncio.run(scenario())

    assert len(hosted.venue.placed) == 1


def test_the_kill_switch_lets_positions_be_closed_and_nothing_be_opened(hosted, account, owner):
    def pull():
        return kill_switch_set(scope="account", target=account, engaged=True, reason="enough", by=owner, at=NOON)

    def close():
        return command_request(account=account, kind="exit_all", payload={}, by=owner, idempotency_key="close", at=NOON)

    async def scenario():
        async with hosting(hosted, account):
            await enter(hosted)
            await read(hosted, pull)
            await read(hosted, close)
            await settled(hosted, lambda: Order.objects.filter(purpose="EXIT").exists())
            hosted.feed.show(1413.0, minute(3))
            await settled(hosted, lambda: PositionRow.objects.get().quantity == 0)

    asyncio.run(scenario())

    assert set(Command.objects.values_list("kind", "state")) == {("kill", "done"), ("exit_all", "done")}
    assert Order.objects.filter(purpose="ENTRY").count() == 1


def test_another_owner_takes_over_without_a_second_order(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await enter(hosted)
        before = len(hosted.venue.placed)
        async with hosting(hosted, account):
            await until(lambda: len(hosted.feeds) == 2)
            await settled(hosted, lambda: JournalEvent.objects.filter(kind=RecordKind.TAKEOVER).count() == 2)
            hosted.feed.show(1414.0, minute(4))
            hosted.feed.show(1415.0, minute(5))
            await asyncio.sleep(0.4)
        return before

    Lease.objects.update(owner="")
    release = hosted.machine.lease.claim

    async def claim_anyway(account_id):
        await read(hosted, lambda: Lease.objects.update(owner=""))
        return await release(account_id)

    hosted.machine.lease.claim = claim_anyway
    before = asyncio.run(scenario())

    assert len(hosted.venue.placed) == before == 1
    assert PositionRow.objects.get().quantity > 0


def test_a_new_owner_counts_the_orders_that_the_last_one_journalled(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await enter(hosted)
        await read(hosted, lambda: Lease.objects.update(owner=""))
        async with hosting(hosted, account):
            await until(lambda: len(hosted.budgets) == 2 and bool(hosted.budgets[1].inherited))
        return [len(budget.inherited) for budget in hosted.budgets]

    assert asyncio.run(scenario()) == [0, 1]


def test_a_lost_lease_ends_the_session_and_nothing_more_is_written(hosted, account):
    async def scenario():
        async with hosting(hosted, account) as task:
            await enter(hosted)
            await read(hosted, lambda: Lease.objects.update(token=99, owner="another"))
            with pytest.raises(LeaseLost):
                await asyncio.wait_for(asyncio.shield(task), 5)
            return await read(hosted, JournalEvent.objects.count)

    rows = asyncio.run(scenario())

    assert JournalEvent.objects.count() == rows
    assert not JournalEvent.objects.filter(lease_token=99).exists()


def test_a_dead_login_is_told_once_and_the_next_login_resumes(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: bool(hosted.feeds))
            hosted.feed.say(FeedState(state="needs_login", reason="the token died"))
            await settled(hosted, lambda: VenueLogin.objects.get().state == SessionState.NEEDS_LOGIN)
            epoch = await read(hosted, lambda: VenueLogin.objects.get().epoch)
            await read(hosted, lambda: log_in(account, epoch=epoch + 1))
            await until(lambda: len(hosted.feeds) == 2)
            await enter(hosted)

    asyncio.run(scenario())

    said = JournalEvent.objects.filter(kind=RecordKind.SESSION).values_list("payload__state", flat=True)
    assert list(said) == ["needs_login", "live"]
    assert Fill.objects.exists()


def test_a_stored_session_that_cannot_be_opened_needs_a_login_and_the_next_login_trades(hosted, account):
    VenueLogin.objects.update(access_token="v1:gone:token")

    async def scenario():
        async with hosting(hosted, account) as task:
            await settled(hosted, lambda: VenueLogin.objects.get().state == SessionState.NEEDS_LOGIN)
            assert not task.done()
            epoch = await read(hosted, lambda: VenueLogin.objects.get().epoch)
            reason = await read(hosted, lambda: VenueLogin.objects.get().reason)
            await read(hosted, lambda: log_in(account, epoch=epoch + 1))
            await enter(hosted)
            return reason

    reason = asyncio.run(scenario())

    assert reason == "the stored session cannot be opened, sign in again: The vault has no key named gone."
    said = JournalEvent.objects.filter(kind=RecordKind.SESSION).values_list("payload__state", flat=True)
    assert list(said) == ["needs_login", "live"]


def test_publishing_shows_the_journalled_position(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await enter(hosted)
            await asyncio.sleep(0.5)

    asyncio.run(scenario())

    shown = hosted.notebook.states[f"{account.pk}/positions"]
    [row] = shown.values()
    assert Decimal(row["quantity"]) == PositionRow.objects.get().quantity


def test_a_publisher_that_fails_does_not_stop_trading(hosted, account):
    async def broken(states):
        raise RuntimeError("the page has no shape for this")

    hosted.notebook.publish_all = broken

    async def scenario():
        async with hosting(hosted, account):
            await enter(hosted)

    asyncio.run(scenario())

    assert PositionRow.objects.get().quantity > 0


def test_an_engine_that_failed_in_a_step_decides_nothing_more(hosted, account):
    handled = []

    def fail(event):
        handled.append(event)
        raise RuntimeError("half of a step")

    async def scenario():
        grant = await hosted.machine.lease.claim(str(account.pk))
        session = await open_session(hosted.machine, grant)
        session.engine.handle = fail
        event = TimerFired(at=NOON, name="reconcile")
        with pytest.raises(RuntimeError):
            session.take(event)
        session.take(event)
        with pytest.raises(RuntimeError, match="half of a step"):
            await session.until_ended()
        held = session.permit.is_held
        await session.finish(gently=False)
        return held

    assert asyncio.run(scenario()) is False
    assert len(handled) == 1


def test_a_journal_that_takes_longer_to_read_than_a_lease_lasts_is_read_under_the_lease(hosted, account, monkeypatch):
    from execution.runtime import store

    terms = LeaseTerms(ttl_s=0.8, renew_s=0.1, margin_s=0.2)
    lease = DatabaseLease(owner="desk1", terms=terms, clock=hosted.machine.clock, thread=hosted.machine.lease._thread)
    machine = replace(hosted.machine, lease=lease)
    part = store.journal_part

    def slow(account_id, after):
        time.sleep(1.2)
        return part(account_id, after)

    monkeypatch.setattr(store, "journal_part", slow)

    async def scenario():
        grant = await lease.claim(str(account.pk))
        session = await open_session(machine, grant)
        held, renewed = session.permit.is_held, await lease.renew(session.grant)
        await session.finish(gently=False)
        return held, renewed

    held, renewed = asyncio.run(scenario())

    assert held
    assert renewed is not None


def test_a_lease_lost_while_the_journal_is_read_ends_the_opening(hosted, account, monkeypatch):
    from execution.runtime import store

    def slow(account_id, after):
        time.sleep(1.0)
        return [], after

    monkeypatch.setattr(store, "journal_part", slow)

    def steal():
        Lease.objects.update(token=99, owner="another")
        connection.close()  # the executor's thread outlives the test, its connection must not

    async def scenario():
        grant = await hosted.machine.lease.claim(str(account.pk))
        opening = asyncio.create_task(open_session(hosted.machine, grant))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(steal)
        with pytest.raises(LeaseLost):
            await opening

    asyncio.run(scenario())


def test_a_switch_pulled_while_no_desk_was_there_is_known_before_the_venue_is_reached(
    hosted, account, owner, monkeypatch
):
    from execution.runtime.live import LiveVenue

    run, known = LiveVenue.run, []

    async def watched(live):
        known.append(live._session.engine.state.switches.account.is_engaged)
        await run(live)

    monkeypatch.setattr(LiveVenue, "run", watched)
    kill_switch_set(scope="account", target=account, engaged=True, reason="enough", by=owner, at=NOON)

    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: bool(hosted.feeds))

    asyncio.run(scenario())

    assert known == [True]


@pytest.mark.parametrize("is_simulated", [False, True])
def test_one_packet_from_the_future_does_not_begin_a_day_of_a_real_market(hosted, account, is_simulated, monkeypatch):
    always = StreamHours(is_open=True, until=None)
    monkeypatch.setattr("execution.runtime.live.stream_hours", lambda calendar, at: always)
    TradingAccount.objects.update(is_simulated=is_simulated)

    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: bool(hosted.feeds) and hosted.feed.tokens)
            hosted.feed.show(1410.0, datetime.now(tz=UTC) + timedelta(days=400))
            await asyncio.sleep(0.5)

    asyncio.run(scenario())

    assert JournalEvent.objects.filter(kind=RecordKind.DAY).exists() is is_simulated
