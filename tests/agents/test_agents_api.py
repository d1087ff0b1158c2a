from unittest.mock import patch
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import Role
from strategies.agent_models import AgentDecision, AgentOutcome, AgentWatch
from strategies.agents.roster import KEYS
from strategies.tasks import agents_due_task, agents_round_task
from tests.agents.rounds import NAMES, FakeVenue, a_round, a_watch
from tests.api.conftest import client_of
from tests.people import a_member, an_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided(ours):
    watch = a_watch(ours)
    a_round(watch, FakeVenue())
    return watch


def test_the_board_shows_the_seven_their_votes_and_how_few_are_settled(ours, decided):
    [row] = ours.get("/api/agents").json()["results"]

    assert [agent["key"] for agent in row["agents"]] == list(KEYS)
    assert all(agent["record"]["blocks"] == 0 and agent["record"]["needed"] == 60 for agent in row["agents"])
    assert [one["instrument"] for one in row["decisions"]] == list(NAMES)
    first = row["decisions"][0]
    assert len(first["votes"]) == 7
    assert first["consensus"]["asked"] == 7
    assert row["regime"]["leader"] == "NSE:NIFTY 50"
    assert row["may_act"] is True


def test_settled_votes_show_in_calibration_and_guards(ours, decided):
    AgentOutcome.objects.update(gross_return=0.01)
    AgentOutcome.objects.filter(agent="panel").update(guard="threshold", score=0.1)

    [row] = ours.get("/api/agents").json()["results"]

    assert sum(one["n"] for one in row["reliability"]) > 0
    [guard] = row["guards"]
    assert (guard["name"], guard["ideas"], guard["won"]) == ("Threshold", 2, 1.0)
    assert guard["net"] == pytest.approx(0.009)


def test_a_decision_is_shown_whole_and_replayed(ours, decided):
    [newest, _] = ours.get("/api/agents/decisions").json()["results"]
    only = ours.get(f"/api/agents/decisions?instrument={NAMES[0]}&limit=5").json()

    whole = ours.get(f"/api/agents/decisions/{newest['id']}").json()

    assert only["count"] == 1
    assert whole["replay"] == {"identical": True, "reason": None}
    assert whole["record"]["digest"] == whole["digest"]
    assert {one["agent"] for one in whole["outcomes"]} >= {"trend", "panel"}


def test_a_record_of_other_minds_says_why_it_is_not_replayed(ours, decided):
    AgentDecision.objects.update(record=b'{"version":99}')
    row = AgentDecision.objects.first()

    whole = ours.get(f"/api/agents/decisions/{row.pk}").json()

    assert whole["replay"]["identical"] is False
    assert "version 99" in whole["replay"]["reason"]


def test_a_stranger_and_a_colleague_without_the_licence_see_nothing(ours, theirs, decided):
    decision = AgentDecision.objects.first()
    colleague = client_of(a_member(ours.desk, Role.TRADER))

    for client in (theirs.client, colleague):
        assert client.get("/api/agents").json()["count"] == 0
        assert client.get("/api/agents/decisions").json()["count"] == 0
        assert client.get(f"/api/agents/decisions/{decision.pk}").status_code == 404
        body = {"id": str(decided.pk), "running": False}
        assert client.post("/api/agents/toggle", body, format="json").status_code == 404
    assert AgentWatch.objects.get().is_running


def test_the_agents_are_set_and_stopped_over_the_api(ours):
    a_watch(ours)
    with patch("strategies.api.agent_views.round_ask"):
        answer = ours.post("/api/agents/set", {"instruments": [NAMES[1]], "account": str(ours.account.id)})
    watch = AgentWatch.objects.get()

    assert answer.status_code == 202
    assert (watch.instruments, watch.bar_minutes) == ([NAMES[1]], 5)
    assert answer.json()["state"] == "running"
    assert ours.post("/api/agents/toggle", {"id": str(watch.pk), "running": False}).json()["state"] == "stopped"
    one = ours.post("/api/agents/toggle", {"id": str(watch.pk), "running": False, "agent": "flow"})
    assert one.json()["stopped"] == ["flow"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/agents/set", {"instruments": []}, 400),
        ("/api/agents/set", {"instruments": ["NSE:NOBODY"]}, 404),
        ("/api/agents/set", {"instruments": ["NSE:A"], "size": "5"}, 400),
        ("/api/agents/set", {"instruments": ["NSE:A"], "account": str(uuid4())}, 404),
        ("/api/agents/toggle", {"id": str(uuid4()), "running": True}, 404),
        ("/api/agents/toggle", {"id": str(uuid4()), "running": "yes"}, 400),
    ],
)
def test_a_wrong_ask_is_refused(ours, path, body, status):
    assert ours.post(path, body).status_code == status


def test_a_colleague_does_not_set_the_agents_on_the_owners_account(ours):
    a_watch(ours)
    colleague = client_of(a_member(ours.desk, Role.TRADER))
    body = {"instruments": [NAMES[1]]}

    named = colleague.post("/api/agents/set", {**body, "account": str(ours.account.id)}, format="json")
    unnamed = colleague.post("/api/agents/set", body, format="json")

    assert (named.status_code, named.json()["error"]["code"]) == (404, "account.unknown")
    assert unnamed.status_code == 403
    assert AgentWatch.objects.get().instruments == list(NAMES)


def test_without_an_account_the_agents_watch_through_the_callers_own(ours):
    a_watch(ours)
    colleague = a_member(ours.desk, Role.TRADER)
    own = an_account(ours.desk, owner=colleague)
    with patch("strategies.api.agent_views.round_ask"):
        answer = client_of(colleague).post("/api/agents/set", {"instruments": [NAMES[1]]}, format="json")

    assert answer.status_code == 202
    assert AgentWatch.objects.get(pk=answer.json()["id"]).account == own


def test_a_viewer_may_look_but_not_act(ours):
    viewer = client_of(a_member(ours.desk, Role.VIEWER))

    answer = viewer.post("/api/agents/set", {"instruments": ["NSE:A"]}, format="json")

    assert answer.status_code == 403


def test_nobody_sees_anything_without_signing_in(anybody):
    assert Client().get("/agents").status_code == 302
    assert anybody.get("/api/agents").status_code == 401


def test_the_schedule_sends_a_round_to_every_watch_that_is_due(ours):
    watch = a_watch(ours)
    with patch.object(agents_round_task, "apply_async") as sent:
        agents_due_task()
    with patch("strategies.tasks.round_run") as ran:
        agents_round_task(watch_id=str(watch.pk), outbox_id="x")

    assert sent.call_args.kwargs["kwargs"] == {"watch_id": str(watch.pk)}
    assert ran.call_args.kwargs["watch_id"] == watch.pk
