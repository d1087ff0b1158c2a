"""Watchlists and rules as rows of a desk: kept, changed, taken back, and nobody else's."""

from unittest.mock import patch

import pytest

from accounts.models import Role
from analysis.domain.operands import OPERANDS
from analysis.own_models import SavedRule, Watchlist
from tests.analysis.desks import client_of, stored
from tests.people import a_desk, a_member

pytestmark = pytest.mark.django_db
RULE = {"all": [{"left": {"indicator": "rsi"}, "is": "above", "right": 55}]}


@pytest.fixture(autouse=True)
def _no_broker():
    with patch("accounts.outbox.outbox_send"):
        yield


@pytest.fixture
def desk():
    return a_desk()


@pytest.fixture
def client(desk):
    return client_of(desk.memberships.get().user)


@pytest.fixture
def stranger():
    return client_of(a_desk().memberships.get().user)


def post(client, path, **body):
    return client.post(f"/api/analysis/{path}", body, format="json")


def test_a_watchlist_is_kept_changed_and_taken_back(client):
    stored(symbols=["A"])
    made = post(client, "watchlists", name=" Swing ", instruments=["nse:a", "NSE:A", "NSE:GONE"]).json()
    changed = post(client, "watchlists", id=made["id"], name="Core", instruments=["NSE:A"])
    listed = client.get("/api/analysis/watchlists").json()
    gone = client.delete(f"/api/analysis/watchlists?id={made['id']}")

    assert (made["name"], made["instruments"], made["unknown"]) == ("Swing", ["NSE:A", "NSE:GONE"], ["NSE:GONE"])
    assert changed.status_code == 200
    assert [(row["name"], row["instruments"]) for row in listed["results"]] == [("Core", ["NSE:A"])]
    assert gone.json()["state"] == "removed"
    assert not Watchlist.objects.exists()


def test_a_rule_is_kept_with_its_words_changed_and_taken_back(client):
    made = post(client, "rules", name="Strong", rule=RULE)
    other = {"any": [RULE["all"][0], {"left": {"indicator": "close"}, "is": "below", "right": 100}]}
    post(client, "rules", id=made.json()["id"], name="Strong", universe="all", rule=other)
    listed = client.get("/api/analysis/rules").json()

    assert made.status_code == 201
    assert made.json()["text"] == "RSI(14) above 55"
    assert [(row["text"], row["universe"]) for row in listed["results"]] == [
        ("RSI(14) above 55 or close below 100", "all")
    ]
    assert client.delete(f"/api/analysis/rules?id={made.json()['id']}").status_code == 200
    assert not SavedRule.objects.exists()


def test_what_a_rule_may_be_made_of_is_told(client):
    told = client.get("/api/analysis/rules").json()

    assert {one["name"]: one["parameters"] for one in told["operands"]} == {
        name: dict(one.defaults) for name, one in OPERANDS.items()
    }
    assert {"above", "crosses_below"} <= {one["name"] for one in told["comparisons"]}
    assert told["timeframes"] == ["day", "week", "month"]


@pytest.mark.parametrize(("path", "body"), [("watchlists", {"instruments": []}), ("rules", {"rule": RULE})])
def test_a_name_is_given_once_and_the_repeat_is_refused(client, path, body):
    post(client, path, name="One", **body)

    answer = post(client, path, name="One", **body)

    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "name"


@pytest.mark.parametrize(("path", "body"), [("watchlists", {"instruments": []}), ("rules", {"rule": RULE})])
def test_a_strangers_row_does_not_exist(client, stranger, path, body):
    mine = post(client, path, name="Mine", **body).json()["id"]

    assert stranger.get(f"/api/analysis/{path}").json()["count"] == 0
    assert post(stranger, path, id=mine, name="Theirs", **body).status_code == 404
    assert stranger.delete(f"/api/analysis/{path}?id={mine}").status_code == 404
    assert client.get(f"/api/analysis/{path}").json()["results"][0]["name"] == "Mine"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("watchlists", {"name": "X", "instruments": []}),
        ("rules", {"name": "X", "rule": RULE}),
        ("notes", {"instrument": "NSE:A", "text": "x"}),
    ],
)
def test_who_may_only_look_may_not_write(desk, client, path, body):
    viewer = client_of(a_member(desk, Role.VIEWER))
    mine = post(client, path, **body).json()["id"]

    assert post(viewer, path, **body).status_code == 403
    assert viewer.delete(f"/api/analysis/{path}?id={mine}").status_code == 403


def test_the_same_key_makes_one_row(client):
    body = {"name": "Once", "instruments": []}
    answers = [
        client.post("/api/analysis/watchlists", body, format="json", headers={"Idempotency-Key": "k1"})
        for _ in range(2)
    ]

    assert answers[0].json() == answers[1].json()
    assert Watchlist.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("watchlists", {"name": "X", "instruments": ["RELIANCE"]}, "instruments"),
        ("watchlists", {"name": "X", "instruments": ["NSE:A"], "colour": "red"}, "colour"),
        ("rules", {"name": "X", "rule": {"all": []}}, "rule"),
        ("rules", {"name": "X", "rule": RULE, "universe": "NO SUCH"}, "universe"),
        ("notes", {"instrument": "A", "text": "x"}, "instruments"),
        ("rules/try", {"rule": {"all": [{"left": 1, "is": "above", "right": {"indicator": "rsii"}}]}}, "1"),
        ("rules/backtest", {"rule": RULE, "horizons": [0]}, "horizons"),
        ("rules/try", {"rule": RULE, "limit": 3}, "limit"),
    ],
)
def test_what_cannot_be_is_refused_by_name(client, path, body, field):
    answer = post(client, path, **body)

    assert answer.status_code in {400, 404}
    assert field in answer.json()["error"]["field"]
