"""The Operations page: who may see it, what it says, and how it switches the exchange's faults."""

import json

import httpx
import pytest
import respx
from django.http import Http404
from django.test import RequestFactory
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.models import Role
from brokers.domain.orders import OrderStatus
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_rest import respond
from config import operations, operations_state
from config.operations_state import Workers
from tests.brokers.simulator.site import a_site
from tests.people import a_desk, a_member, a_user, an_account, an_order_row

EXCHANGE = "http://127.0.0.1:7070"


@pytest.fixture
def exchange(settings):
    """A simulated exchange behind the address that the demo's settings name."""
    settings.WINDHOVER_SIMULATOR_URL = EXCHANGE
    site, _ = a_site()

    def answer(request):
        query = {name: [value] for name, value in request.url.params.items()}
        asked = Request(method=request.method, path=request.url.path, query=query, body=request.content)
        response = respond(site, asked)
        return httpx.Response(response.status, content=response.body)

    with respx.mock(assert_all_called=False) as mocked:
        mocked.route(host="127.0.0.1").mock(side_effect=answer)
        yield site


@pytest.fixture(autouse=True)
def workers(monkeypatch):
    monkeypatch.setattr(operations_state, "WORKERS", Workers(lambda: ["desk1", "desk2", "worker"]))


def get(view, user):
    request = RequestFactory().get("/operations")
    request.user = user
    return view(request)


def post(user, **body):
    request = RequestFactory().post("/operations/faults", data=json.dumps(body), content_type="application/json")
    request.user = user
    return operations.switch(request)


def told(response):
    return json.loads(response.content)


def test_outside_the_demo_the_page_does_not_exist(client):
    with pytest.raises(NoReverseMatch):
        reverse("operations")
    assert client.get("/operations").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("view", [operations.page, operations.state])
@pytest.mark.parametrize("role", [Role.TRADER, Role.VIEWER, Role.AUDITOR])
def test_who_owns_no_desk_and_is_no_staff_finds_nothing(view, role):
    with pytest.raises(Http404):
        get(view, a_member(a_desk(), role))


@pytest.mark.django_db
def test_nobody_else_switches_a_fault(exchange):
    with pytest.raises(Http404):
        post(a_member(a_desk(), Role.TRADER), kind="http_429", on=True)

    assert len(exchange.faults) == 0


@pytest.mark.django_db
def test_a_stranger_is_sent_to_sign_in(client):
    from django.contrib.auth.models import AnonymousUser

    assert get(operations.page, AnonymousUser()).status_code == 302


@pytest.mark.django_db
def test_the_owner_sees_the_page():
    response = get(operations.page, a_desk_owner())

    assert response.status_code == 200
    assert b"Faults of the simulated exchange" in response.content


def a_desk_owner():
    owner = a_user()
    a_desk(owner=owner)
    return owner


@pytest.mark.django_db
def test_the_state_names_processes_accounts_doubts_and_faults(exchange):
    owner = a_user()
    account = an_account(a_desk(owner=owner))
    doubtful = an_order_row(account, status=OrderStatus.UNKNOWN)
    an_order_row(account, status=OrderStatus.FILLED)

    state = told(get(operations.state, owner))

    assert [row["id"] for row in state["in_doubt"]] == [str(doubtful.pk)]
    assert [row["label"] for row in state["accounts"]] == [account.label]
    assert {row["name"] for row in state["processes"]} == {"desk1", "desk2", "worker", "guardian", "beat"}
    assert state["standby"] == ["desk1", "desk2"]
    assert state["exchange"]["phase"] == "open"
    assert {kind["about"] for kind in state["faults"]["kinds"] if kind["name"]} == {
        "answers", "orders", "news", "connection",
    }  # fmt: skip


@pytest.mark.django_db
def test_somebody_elses_doubts_are_not_shown(exchange):
    an_order_row(an_account(a_desk()), status=OrderStatus.UNKNOWN)

    assert told(get(operations.state, a_desk_owner()))["in_doubt"] == []


@pytest.mark.django_db
def test_a_fault_is_switched_on_anew_and_off(exchange):
    owner = a_desk_owner()

    first = told(post(owner, kind="late_frames", on=True, fields={"seconds": 5, "count": 0}))
    post(owner, kind="late_frames", on=True, fields={"seconds": 9, "count": 0})
    (waiting,) = exchange.faults.waiting
    off = told(post(owner, kind="late_frames", on=False))

    assert (first["waiting"], off["waiting"], waiting.fault.seconds) == (1, 0, 9)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"kind": "late_frames", "on": True, "fields": {"seconds": "soon"}}, "seconds"),
        ({"kind": "nonsense", "on": True}, "kind"),
        ({"kind": "", "on": False}, "kind"),
        ({"kind": "late_frames", "on": "yes"}, "on"),
        ({"kind": "late_frames", "on": True, "fields": [1]}, "fields"),
    ],
)
def test_a_wrong_wish_is_refused_by_field(exchange, wish, field):
    response = post(a_desk_owner(), **wish)

    error = told(response)["error"]
    assert (response.status_code, error["field"]) == (400, field)
    assert error["details"]["allowed"]
    assert len(exchange.faults) == 0


@pytest.mark.django_db
def test_an_exchange_that_is_away_is_said_in_a_sentence(settings):
    settings.WINDHOVER_SIMULATOR_URL = "http://127.0.0.1:9"
    owner = a_desk_owner()

    state, switched = told(get(operations.state, owner)), post(owner, kind="http_429", on=True)

    assert (state["exchange"], state["faults"]) == (None, None)
    assert "does not answer" in state["exchange_says"]
    assert (switched.status_code, told(switched)["error"]["code"]) == (503, "exchange.away")


def test_workers_are_asked_once_for_many_looks():
    asked = []
    looks = Workers(lambda: asked.append(1) or ["desk1"])

    assert [list(looks.ages_s()) for _ in range(3)] == [["desk1"]] * 3
    assert len(asked) == 1


def test_a_worker_that_no_longer_answers_is_silent_and_later_forgotten():
    now, answers = [100.0], [["desk1", "worker"]]
    looks = Workers(lambda: answers[0], clock=lambda: now[0])
    looks.ages_s()
    answers[0] = ["worker"]

    states = []
    for moved in (10, 20, 600):
        now[0] += moved
        states.append({row["name"]: row["state"] for row in operations_state._workers(looks.ages_s())})

    assert states == [
        {"desk1": "answers", "worker": "answers"},
        {"desk1": "silent", "worker": "answers"},
        {"worker": "answers"},
    ]


@pytest.mark.django_db
def test_beat_is_judged_by_the_last_task_it_sent():
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    PeriodicTask.objects.all().delete()
    silent = operations_state._beat(timezone.now())
    every = IntervalSchedule.objects.create(every=5, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="sweep", task="sweep", interval=every, last_run_at=timezone.now())

    assert silent["state"] == "unknown"
    assert operations_state._beat(timezone.now())["says"] == "sent sweep"
