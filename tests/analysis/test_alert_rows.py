"""Alerts of people: made over the API, watched by the desk that hosts their account, logged, told and taken back."""

from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.core import mail
from django_celery_beat.models import PeriodicTask

from accounts.models import Outbox, Role
from analysis.alert_models import AlertFiring, AlertState, PriceAlert
from analysis.alerts import Fired, alert_remove, alerts_note, alerts_tidy, alerts_to_watch, watch_mark
from analysis.tasks import tidy_task
from brokers.domain.errors import Invalid
from brokers.domain.market import ns_of
from notifications.services import alert_tell
from tests.analysis.desks import NOW, an_alert, client_of
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
        ({"figure": "rsi(0)@5m"}, "figure"),
        ({"figure": "obv@5m"}, "figure"),
        ({"figure": "rsi(14)@7m"}, "figure"),
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


@pytest.mark.parametrize(
    "path", ["alerts?x=1", "alerts?offset=-1", "alerts/log?x=1", "alerts/log?limit=0", "alerts/log?before=x"]
)
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


def test_an_alert_on_an_indicator_says_what_it_waits_for(client):
    made = post(client, figure="rsi(14)@5m", direction="below", level="30").json()
    noted(PriceAlert.objects.get(), 29.5)

    offered = client.get("/api/analysis/alerts").json()["indicators"]
    log = client.get("/api/analysis/alerts/log").json()
    assert (made["figure"], made["figure_text"]) == ("rsi(14)@5m", "RSI(14), 5 min")
    assert {"name": "rsi", "text": "RSI", "parameters": {"period": 14}} in offered["operands"]
    assert offered["timeframes"] == ["1m", "3m", "5m", "15m", "30m", "60m"]
    assert log["results"][0]["text"] == "NSE:RELIANCE: RSI(14), 5 min 29.5, below 30"


def test_alerts_are_listed_in_pages(client, account):
    for number in range(3):
        an_alert(account, level=Decimal(100 + number), at=NOW + timedelta(seconds=number))

    pages = [client.get(f"/api/analysis/alerts?limit=2&offset={offset}").json() for offset in (0, 2)]

    assert [[row["level"] for row in page["results"]] for page in pages] == [["102", "101"], ["100"]]
    assert {(page["count"], page["active"]) for page in pages} == {(3, 3)}


def test_the_log_goes_on_behind_its_last_firing(client, account):
    noted(an_alert(account, is_recurring=True), 101.0, 102.0, 103.0)

    first = client.get("/api/analysis/alerts/log?limit=2").json()
    second = client.get(f"/api/analysis/alerts/log?limit=2&before={first['results'][-1]['id']}").json()

    assert [row["value"] for row in first["results"]] == ["103", "102"]
    assert [row["value"] for row in second["results"]] == ["101"]
    assert (first["more"], second["more"]) == (True, False)


def test_old_firings_and_what_was_taken_back_long_ago_are_deleted(account):
    kept, gone = an_alert(account, is_recurring=True), an_alert(account)
    alert_remove(alert=gone, at=NOW - timedelta(days=91))
    noted(kept, 101.0)
    AlertFiring.objects.update(noted_at=NOW - timedelta(days=91))
    noted(kept, 102.0)

    with patch("analysis.alerts.MOST_DELETED", 1):
        count = alerts_tidy(now=NOW)

    assert count == 2
    assert [one.value for one in AlertFiring.objects.all()] == [Decimal(102)]
    assert list(PriceAlert.objects.all()) == [kept]
    assert alerts_tidy(now=NOW) == 0


def test_the_log_is_tidied_every_night():
    task = PeriodicTask.objects.get(name="Old alerts and their log")

    tidy_task(sent_twice=True)
    assert (task.task, task.crontab.minute, task.crontab.hour) == (tidy_task.name, "40", "3")
