"""Alerts of people: made over the API, watched by the desk that hosts their account, logged, told and taken back."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from channels.db import database_sync_to_async
from django.core import mail
from django.db import connection

from accounts.models import Outbox, Role
from analysis.alert_models import AlertFiring, AlertState, PriceAlert
from analysis.alerts import Fired, alert_add, alert_remove, alerts_note, alerts_to_watch, watch_mark
from brokers.domain.errors import Invalid
from brokers.domain.india import INDIA
from brokers.domain.market import ns_of
from execution import append_only
from execution.runtime.alert_watch import AlertWatch
from notifications.services import alert_tell
from tests.analysis.desks import NOW, client_of
from tests.analysis.test_alert_frames import a_frame
from tests.people import a_desk, a_listed, a_member, an_account

pytestmark = pytest.mark.django_db
BODY = {"instrument": "nse:reliance", "direction": "above", "level": "1500.50"}
TOKEN = 7


@pytest.fixture(autouse=True)
def _no_broker():
    with patch("accounts.outbox.outbox_send"), patch("analysis.alerts.snapshots", return_value={}):
        yield


@pytest.fixture
def account():
    a_listed("RELIANCE", token=TOKEN)
    return an_account(a_desk())


@pytest.fixture
def client(account):
    return client_of(account.owner)


@pytest.fixture
def stranger():
    return client_of(a_desk().memberships.get().user)


def post(client, **changes):
    return client.post("/api/analysis/alerts", {**BODY, **changes}, format="json")


def an_alert(account, **changes):
    return alert_add(
        **{
            "account": account,
            "instrument": "NSE:RELIANCE",
            "direction": "above",
            "level": Decimal(100),
            "by": account.owner,
            "at": NOW,
            **changes,
        }
    )


def noted(alert, *values):
    fired = [Fired(alert_id=str(alert.id), value=value, at_ns=ns_of(NOW)) for value in values]
    return alerts_note(fired=fired, turned={}, at=NOW)


def test_an_alert_is_made_listed_logged_and_taken_back(client):
    made = post(client, recurring=True, hysteresis="2.5", note=" breakout ")
    alert = PriceAlert.objects.get()
    noted(alert, 1501.0)
    listed = client.get("/api/analysis/alerts").json()
    log = client.get("/api/analysis/alerts/log").json()
    gone = client.delete(f"/api/analysis/alerts?id={alert.id}")

    assert made.status_code == 201
    row = listed["results"][0]
    assert (row["instrument"], row["level"], row["hysteresis"]) == ("NSE:RELIANCE", "1500.5", "2.5")
    assert (row["state"], row["fired_count"], row["last_value"]) == ("active", 1, "1501")
    assert {"last_price", "open_interest", "change"} <= {one["name"] for one in listed["figures"]}
    assert [one["text"] for one in log["results"]] == ["NSE:RELIANCE: last price 1501, above 1500.5 (breakout)"]
    assert gone.json()["state"] == "removed"
    assert client.get("/api/analysis/alerts").json()["count"] == 0
    assert client.get(f"/api/analysis/alerts/log?alert={alert.id}").json()["count"] == 1


def test_an_alert_that_fires_once_is_over_and_never_fires_again(account):
    alert = an_alert(account)

    assert len(noted(alert, 101.0, 102.0)) == 1
    assert noted(alert, 103.0) == []
    alert.refresh_from_db()
    assert (alert.state, alert.fired_count, AlertFiring.objects.count()) == (AlertState.FIRED, 1, 1)


def test_an_alert_that_was_taken_back_meanwhile_is_not_logged(account):
    alert = an_alert(account)
    alert_remove(alert=alert, at=NOW)

    assert noted(alert, 101.0) == []
    assert not AlertFiring.objects.exists()


def test_a_strangers_alert_does_not_exist(client, stranger):
    made = post(client).json()
    noted(PriceAlert.objects.get(), 1501.0)

    assert stranger.get("/api/analysis/alerts").json()["count"] == 0
    assert stranger.get("/api/analysis/alerts/log").json()["count"] == 0
    assert stranger.get(f"/api/analysis/alerts/log?alert={made['id']}").json()["count"] == 0
    assert stranger.delete(f"/api/analysis/alerts?id={made['id']}").status_code == 404
    assert post(stranger, account=made["account"]).status_code == 404


def test_who_may_only_look_may_not_make_or_take_back(client, account):
    made = post(client).json()
    viewer = client_of(a_member(account.desk, Role.VIEWER))

    assert viewer.get("/api/analysis/alerts").json()["count"] == 1
    assert post(viewer).status_code == 403
    assert viewer.delete(f"/api/analysis/alerts?id={made['id']}").status_code == 403


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"figure": "colour"}, "figure"),
        ({"direction": "sideways"}, "direction"),
        ({"level": "high"}, "level"),
        ({"hysteresis": "-1"}, "hysteresis"),
        ({"recurring": "yes"}, "recurring"),
        ({"instrument": "RELIANCE"}, "instruments"),
        ({"instrument": "NSE:NOBODY"}, "instrument"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_refused_by_name(client, changes, field):
    answer = post(client, **changes)

    assert answer.status_code in {400, 404}
    assert answer.json()["error"]["field"] == field


@pytest.mark.parametrize("path", ["alerts?x=1", "alerts/log?x=1", "alerts/log?limit=0"])
def test_unknown_queries_are_refused(client, path):
    assert client.get(f"/api/analysis/{path}").status_code == 400


def test_many_firings_are_written_in_few_statements(account, django_assert_max_num_queries):
    alerts = [an_alert(account, is_recurring=True) for _ in range(40)]
    fired = [Fired(alert_id=str(one.id), value=101.0, at_ns=ns_of(NOW)) for one in (*alerts, *alerts)]

    with django_assert_max_num_queries(10):
        said = alerts_note(fired=fired, turned={str(alerts[0].id): True}, at=NOW)

    rows = PriceAlert.objects.all()
    assert len(said) == AlertFiring.objects.count() == Outbox.objects.count() == 80
    assert {(row.fired_count, row.last_value, row.state) for row in rows} == {(2, Decimal(101), AlertState.ACTIVE)}
    assert [row.id for row in rows if row.is_armed] == [alerts[0].id]


def test_more_alerts_than_can_be_watched_are_refused(account):
    with patch("analysis.alerts.MOST_ALERTS", 1):
        an_alert(account)
        with pytest.raises(Invalid, match="at most 1"):
            an_alert(account)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (None, "No desk hosts"),
        ({"at": (NOW - timedelta(minutes=1)).isoformat()}, "No desk hosts"),
        ({"at": NOW.isoformat(), "unwatched": {}}, None),
        ({"at": NOW.isoformat(), "read_at": (NOW - timedelta(seconds=2)).isoformat()}, "in a moment"),
    ],
)
def test_an_alert_says_whether_it_is_watched(account, client, said, reason):
    an_alert(account, at=NOW - timedelta(seconds=1))
    frames = {} if said is None else {f"{account.id}/alerts": {"data": said}}

    with (
        patch("analysis.alerts.snapshots", return_value=frames),
        patch("analysis.api.alert_views.timezone.now", return_value=NOW),
    ):
        row = client.get("/api/analysis/alerts").json()["results"][0]

    assert row["watched"] is (reason is None)
    assert (row["unwatched_reason"] or "").find(reason or "") >= 0


def test_who_made_an_alert_is_written_to_once_an_hour(account):
    alert = an_alert(account, is_recurring=True, note="breakout")
    noted(alert, 101.0, 102.0)
    first, second = AlertFiring.objects.order_by("id")

    told = [alert_tell(firing_id=str(one.id), at=NOW) for one in (first, second, first)]

    assert told == [True, False, False]
    assert "last price 101, above 100 (breakout)" in mail.outbox[0].body
    assert mail.outbox[0].to == [account.owner.email]
    assert Outbox.objects.filter(task="notifications.alert_fired").count() == 2


def test_who_has_left_is_not_written_to(account):
    alert = an_alert(account, by=None)
    noted(alert, 101.0)

    assert alert_tell(firing_id=str(AlertFiring.objects.get().id), at=NOW) is False


def test_an_alert_is_watched_from_where_it_stood(account):
    alert = an_alert(account, is_recurring=True, hysteresis=Decimal(2))
    before = watch_mark(str(account.id))
    alerts_note(fired=[], turned={str(alert.id): True}, at=NOW)
    armed = alerts_to_watch(str(account.id), "kite").alerts[str(alert.id)]
    noted(alert, 101.0)
    fired = alerts_to_watch(str(account.id), "kite").alerts[str(alert.id)]

    assert (armed.waits_for_cross, armed.has_fired) == (False, False)
    assert (fired.waits_for_cross, fired.has_fired) == (True, True)
    assert watch_mark(str(account.id)) == before
    an_alert(account)
    assert watch_mark(str(account.id)) != before


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
        self.errors = []
        clock = SimpleNamespace(now=lambda: NOW, sleep=self._sleep)
        publisher = SimpleNamespace(publish_all=self._publish)
        machine = SimpleNamespace(clock=clock, read_aside=self._read, publisher=publisher)
        log = SimpleNamespace(info=lambda *_, **__: None, exception=lambda event, **_: self.errors.append(event))
        self.session = SimpleNamespace(
            facts=SimpleNamespace(account_id=str(account.pk), venue=account.venue),
            machine=machine,
            market_ns=ns_of(NOW),
            calendar=INDIA,
            live=SimpleNamespace(listening=SimpleNamespace(hear_besides=self._hear)),
            log=log,
        )
        self.watch = AlertWatch(self.session)

    async def turns(self, count=8):
        self.left = count
        with pytest.raises(OverError):
            await self.watch.run()

    def ticks(self, *prices):
        self.watch.take(a_frame(*((TOKEN, price) for price in prices), at_ns=ns_of(NOW)))

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
