"""Alerts at work: watched by the desk that hosts their account, through takeovers, other days and a database away."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from channels.db import database_sync_to_async
from django.db import connection

from analysis.alert_models import AlertFiring, AlertState, PriceAlert
from analysis.alerts import alert_remove
from brokers.domain.errors import Rejected
from brokers.domain.india import INDIA
from brokers.domain.market import NANOSECONDS, Bar, ns_of
from execution import append_only
from execution.runtime.alert_watch import AlertWatch
from tests.analysis.desks import NOW, an_alert
from tests.analysis.test_alert_frames import a_frame
from tests.people import a_desk, a_listed, an_account

TOKEN = 7


@pytest.fixture(autouse=True)
def _no_broker():
    with patch("accounts.outbox.outbox_send"):
        yield


@pytest.fixture
def emptied_afterwards(transactional_db):
    """Let the database be emptied after the test: the journal's table would refuse."""
    append_only.protect(connection)
    yield
    append_only.release(connection)


class OverError(Exception):
    """The turns that a test wanted are done."""


class Hosted:
    """An alert watch in surroundings of its own."""

    def __init__(self, account):
        self.left, self.heard, self.told, self.broken = 0, {}, [], False
        self.errors, self.past, self.asked = [], [], []
        clock = SimpleNamespace(now=lambda: NOW, sleep=self._sleep)
        publisher = SimpleNamespace(publish_all=self._publish)
        machine = SimpleNamespace(clock=clock, read_aside=self._read, publisher=publisher)
        log = SimpleNamespace(info=lambda *_, **__: None, exception=lambda event, **_: self.errors.append(event))
        self.session = SimpleNamespace(
            facts=SimpleNamespace(account_id=str(account.pk), venue=account.venue),
            machine=machine,
            market_ns=ns_of(NOW),
            calendar=INDIA,
            live=SimpleNamespace(
                listening=SimpleNamespace(hear_besides=self._hear), history=SimpleNamespace(closed_bars=self._candles)
            ),
            log=log,
        )
        self.watch = AlertWatch(self.session)

    async def turns(self, count=8):
        self.left = count
        with pytest.raises(OverError):
            await self.watch.run()

    def ticks(self, *prices, at=NOW):
        self.watch.take(a_frame(*((TOKEN, price) for price in prices), at_ns=ns_of(at)))

    async def candles(self, count=1):
        self.left = count
        with pytest.raises(OverError):
            await self.watch.follow_candles()

    async def _sleep(self, _seconds):
        await asyncio.sleep(0)
        self.left -= 1
        if self.left <= 0:
            raise OverError

    async def _read(self, work):
        if self.broken:
            raise RuntimeError("the database is away")
        return await database_sync_to_async(work)()

    async def _publish(self, states):
        self.told.append(next(iter(states.values())))

    async def _candles(self, instrument, interval_s, bars):
        self.asked.append((instrument.key, interval_s, bars))
        if self.past is None:
            raise Rejected("the venue gives no candles")
        return self.past

    def _hear(self, instruments, *, owner):
        self.heard[owner] = [one.key for one in instruments]


@database_sync_to_async
def _made(**changes):
    a_listed("RELIANCE", token=TOKEN)
    account = an_account(a_desk())
    return account, an_alert(account, **changes)


@database_sync_to_async
def _done(work):
    return work()


def live(test):
    return pytest.mark.usefixtures("emptied_afterwards")(pytest.mark.django_db(transaction=True)(test))


@live
async def test_a_tick_that_crosses_the_level_is_in_the_log_and_the_inbox():
    account, _ = await _made()
    hosted = Hosted(account)
    await hosted.turns()
    heard = dict(hosted.heard)
    hosted.ticks(99.0, 100.0, 101.0)
    await hosted.turns(2)

    firing = await _done(AlertFiring.objects.get)
    assert (firing.value, firing.exchange_at) == (Decimal(100), NOW)
    assert heard == {"alerts": ["NSE:RELIANCE"]}
    assert [row["sentence"] for row in hosted.watch.inbox().values()] == ["NSE:RELIANCE: last price 100, above 100"]
    assert await _done(lambda: PriceAlert.objects.get().state) == AlertState.FIRED


@live
async def test_a_takeover_forgets_neither_that_an_alert_waits_nor_that_it_fired():
    account, _ = await _made(is_recurring=True, hysteresis=Decimal(5))
    first = Hosted(account)
    await first.turns()
    first.ticks(99.0)
    await first.turns(2)

    second = Hosted(account)
    await second.turns()
    second.ticks(101.0)  # crossed while nobody watched
    await second.turns(2)
    third = Hosted(account)
    await third.turns()
    third.ticks(97.0, 101.0, 94.0, 102.0)  # the first way back is too short
    await third.turns(2)

    values = await _done(lambda: list(AlertFiring.objects.order_by("id").values_list("value", flat=True)))
    assert values == [Decimal(101), Decimal(102)]


@live
async def test_an_alert_made_or_taken_back_is_followed_within_a_second():
    account, alert = await _made()
    hosted = Hosted(account)
    await hosted.turns()
    await _done(lambda: alert_remove(alert=alert, at=NOW))
    await _done(lambda: an_alert(account, level=Decimal(200), at=NOW + timedelta(seconds=1)))
    await hosted.turns()
    hosted.ticks(99.0, 201.0)
    await hosted.turns(2)

    assert [one.alert.level for one in await _done(lambda: list(AlertFiring.objects.select_related("alert")))] == [200]
    assert hosted.told[-1]["watched"] <= 1


@live
async def test_a_database_that_is_away_loses_no_firing():
    account, _ = await _made()
    hosted = Hosted(account)
    await hosted.turns()
    hosted.ticks(99.0, 101.0)
    hosted.broken = True
    with pytest.raises(RuntimeError):
        await hosted.watch.run()
    hosted.broken = False
    await hosted.turns(2)

    assert await _done(AlertFiring.objects.count) == 1


@live
async def test_an_instrument_that_is_not_listed_today_is_named():
    account, alert = await _made()
    from brokers.models import ListedInstrument

    await _done(lambda: ListedInstrument.objects.all().delete())
    hosted = Hosted(account)
    await hosted.turns()

    assert hosted.told[-1]["unwatched"] == {str(alert.id): "NSE:RELIANCE is not in today's list."}


@live
async def test_another_days_list_is_watched_by_its_own_tokens():
    from brokers.models import ListedInstrument

    account, _ = await _made(is_recurring=True)
    hosted = Hosted(account)
    await hosted.turns()
    hosted.ticks(99.0)
    await _done(lambda: ListedInstrument.objects.update(token=12))
    hosted.session.market_ns = ns_of(NOW + timedelta(days=3))
    await hosted.turns()
    hosted.ticks(101.0)
    hosted.watch.take(a_frame((12, 103.0), at_ns=ns_of(NOW)))
    await hosted.turns(2)

    assert await _done(lambda: list(AlertFiring.objects.values_list("value", flat=True))) == [Decimal(103)]


@live
async def test_what_breaks_on_a_frame_is_watched_anew():
    account, _ = await _made(at_once=True)
    hosted = Hosted(account)
    await hosted.turns()
    with patch("analysis.domain.alert_frames.FrameWatch.take", side_effect=RuntimeError("broken")):
        hosted.ticks(99.0)
    await hosted.turns()
    hosted.ticks(101.0)
    await hosted.turns(2)

    assert hosted.errors == ["alerts_dropped"]
    assert await _done(AlertFiring.objects.count) == 1


@live
async def test_firings_beyond_what_one_call_takes_are_written_with_the_next_and_turns_after_them():
    account, _ = await _made(is_recurring=True, hysteresis=Decimal(5))
    hosted = Hosted(account)
    await hosted.turns()
    for price in (99.0, 101.0, 94.0, 102.0, 93.0, 103.0, 92.0):
        hosted.ticks(price)
    counts, armed = [], []
    with patch("execution.runtime.alert_watch.MOST_NOTED", 2):
        for _ in range(3):
            await hosted.turns(1)
            counts.append(await _done(AlertFiring.objects.count))
            armed.append(await _done(lambda: PriceAlert.objects.get().is_armed))

    assert counts == [2, 3, 3]
    assert armed == [False, True, True]


OPEN = datetime(2026, 11, 23, 5, tzinfo=UTC)


def candles_until(at, *closes):
    """Closed bars of five minutes, the last of which ends at a time."""
    first = ns_of(at) - len(closes) * 300 * NANOSECONDS
    return [
        Bar(
            instrument="NSE:RELIANCE",
            interval_s=300,
            start_ns=first + place * 300 * NANOSECONDS,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=10.0,
        )
        for place, close in enumerate(closes)
    ]


async def _hosted_on_bars(**changes):
    account, alert = await _made(**{"figure": "close@5m", "level": Decimal(100), **changes})
    hosted = Hosted(account)
    hosted.session.market_ns = ns_of(OPEN)
    await hosted.turns()
    return hosted, alert


async def _fired():
    return [float(one.value) for one in await _done(lambda: list(AlertFiring.objects.order_by("id")))]


@live
async def test_an_indicator_that_crosses_its_level_fires_when_the_bar_closes():
    hosted, _ = await _hosted_on_bars()
    hosted.past = candles_until(OPEN, 98.0, 99.0)
    hosted.ticks(99.0, at=OPEN)
    await hosted.candles()
    hosted.ticks(103.0, at=OPEN + timedelta(minutes=2))
    before = len(hosted.watch.inbox())
    hosted.ticks(101.0, at=OPEN + timedelta(minutes=4))
    hosted.ticks(99.0, at=OPEN + timedelta(minutes=5))
    await hosted.turns(2)

    assert (before, await _fired()) == (0, [101.0])
    assert (await _done(AlertFiring.objects.get)).exchange_at == OPEN + timedelta(minutes=5)
    assert hosted.asked == [("NSE:RELIANCE", 300, 1)]
    assert [row["sentence"] for row in hosted.watch.inbox().values()] == ["NSE:RELIANCE: close, 5 min 101, above 100"]


@live
async def test_bars_missed_while_the_feed_was_away_come_from_the_venue():
    hosted, _ = await _hosted_on_bars(is_recurring=True)
    hosted.past = candles_until(OPEN, 99.0)
    hosted.ticks(99.0, at=OPEN)
    await hosted.candles()
    hosted.watch.lose_ticks()
    await hosted.candles()
    asked_while_away = len(hosted.asked)
    back = OPEN + timedelta(minutes=15)
    hosted.past = candles_until(back, 99.0, 101.0, 99.0)
    hosted.ticks(99.0, at=back)
    await hosted.candles()
    await hosted.turns(2)

    assert (asked_while_away, await _fired()) == (1, [101.0])


@live
async def test_an_alert_whose_candles_cannot_be_had_says_so_and_they_are_asked_for_later():
    hosted, alert = await _hosted_on_bars()
    quiet = hosted.told[-1]["unwatched"][str(alert.id)]
    hosted.past = None
    hosted.ticks(99.0, at=OPEN)
    await hosted.candles(3)
    await hosted.turns()

    reason = hosted.told[-1]["unwatched"][str(alert.id)]
    assert quiet == "Its bars begin with the next tick: the stream is quiet."
    assert reason == "The candles of NSE:RELIANCE cannot be had: the venue gives no candles"
    assert len(hosted.asked) == 1


@live
async def test_another_day_goes_on_where_the_bars_of_the_last_one_ended():
    from brokers.models import ListedInstrument

    hosted, _ = await _hosted_on_bars(is_recurring=True)
    hosted.past = candles_until(OPEN, 99.0)
    hosted.ticks(99.0, at=OPEN)
    await hosted.candles()
    await _done(lambda: ListedInstrument.objects.update(token=12))
    next_day = OPEN + timedelta(days=2)
    hosted.session.market_ns = ns_of(next_day)
    await hosted.turns()
    hosted.past = candles_until(next_day, 101.0, 99.0)
    hosted.watch.take(a_frame((12, 99.0), at_ns=ns_of(next_day)))
    await hosted.candles()
    hosted.watch.take(a_frame((12, 102.0), at_ns=ns_of(next_day + timedelta(minutes=1))))
    hosted.watch.take(a_frame((12, 99.0), at_ns=ns_of(next_day + timedelta(minutes=5))))
    await hosted.turns(2)

    assert await _fired() == [101.0, 102.0]


@live
async def test_an_indicator_of_an_instrument_that_is_listed_no_more_is_named():
    from brokers.models import ListedInstrument

    hosted, alert = await _hosted_on_bars()
    await _done(lambda: ListedInstrument.objects.all().delete())
    hosted.session.market_ns = ns_of(OPEN + timedelta(days=2))
    await hosted.turns()
    first = hosted.told[-1]["unwatched"]
    await _done(lambda: alert_remove(alert=alert, at=NOW))
    await hosted.turns()

    assert first == {str(alert.id): "NSE:RELIANCE is not in today's list."}
    assert hosted.told[-1]["unwatched"] == {}
