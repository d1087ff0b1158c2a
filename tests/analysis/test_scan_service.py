"""Asking for a scan over the API, carrying it out, and reading what it found."""

from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

import pytest
from rest_framework.test import APIClient

from accounts.models import Outbox, Role
from analysis import services
from analysis.candles import candles_take
from analysis.domain.candle_files import Candle
from analysis.domain.daily import date_of
from analysis.models import ListMember
from analysis.scan_models import ScanRun, ScanState
from analysis.services import SILENT_AFTER, scan_ask, scan_run
from analysis.tasks import scan_run_task
from tests.analysis.candles import walk
from tests.people import a_desk, a_key, a_member, bearer

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_broker():
    with patch("accounts.outbox.outbox_send"):
        yield


@pytest.fixture
def desk():
    return a_desk()


@pytest.fixture
def owner(desk):
    return desk.memberships.get().user


def client_of(user):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=bearer(a_key(user))["Authorization"])
    return client


def stored(symbols=("A", "B", "C"), bars=300, **members):
    rows = []
    for seed, symbol in enumerate(symbols):
        one = walk(symbol, seed, bars=bars)
        rows += [
            Candle(symbol=symbol, day=date_of(day), open=o, high=h, low=low, close=c, volume=v)
            for day, o, h, low, c, v in zip(one.day, one.open, one.high, one.low, one.close, one.volume, strict=True)
        ]
    candles_take(exchange="NSE", candles=rows, source="test", at=NOW)
    for universe, names in members.items():
        ListMember.objects.bulk_create(ListMember(universe=universe, instrument=f"NSE:{name}") for name in names)


def ask(desk, owner, universe=None, at=NOW):
    return scan_ask(desk=desk, universe=universe, by=owner, at=at)


def test_a_scan_is_asked_for_carried_out_and_read(owner):
    stored(MINE=["A", "B", "NONE"])
    client = client_of(owner)

    asked = client.post("/api/analysis/scan", {"universe": "MINE"}, format="json")
    waiting = client.get("/api/analysis/status").json()
    scan_run_task(**Outbox.objects.get().arguments)
    status, results = client.get("/api/analysis/status").json(), client.get("/api/analysis/results").json()

    assert asked.status_code == 202
    assert waiting["scanning"] is True
    assert waiting["progress"]["id"] == asked.json()["id"]
    assert status["scanning"] is False
    assert status["last_scan_at"] is not None
    assert results["id"] == asked.json()["id"]
    assert results["count"] == len(results["results"]) == 2
    row = results["results"][0]
    assert {"symbol", "close", "score", "grade", "rating", "checks", "triggers", "trend"} <= row.keys()
    assert len(row["checks"]) == 13
    assert row["score"] == sum(check["passed"] is True for check in row["checks"])
    assert row["checks"][0]["text"] == "Close above the 150 and the 200-day average"
    assert [remark["symbol"] for remark in results["remarks"]] == ["NSE:NONE"]
    assert "survivors" in results["caveat"]
    assert ScanRun.objects.get().done == ScanRun.objects.get().total == 2


def test_the_nifty_50_is_scanned_by_default_and_everything_where_it_is_not_stored(desk, owner):
    stored()
    assert ask(desk, owner).universe == "all"

    ListMember.objects.create(universe="NIFTY 50", instrument="NSE:A")
    assert ask(desk, owner).universe == "NIFTY 50"


def test_without_candles_a_scan_fails_and_says_why(desk, owner):
    run = ask(desk, owner)

    scan_run(run_id=run.id)

    status = client_of(owner).get("/api/analysis/status").json()
    assert status["scanning"] is False
    assert "No daily candles" in status["problem"]
    assert client_of(owner).get("/api/analysis/results").json()["results"] == []


def test_a_list_that_does_not_exist_is_named(owner):
    answer = client_of(owner).post("/api/analysis/scan", {"universe": "NIFTY 5000"}, format="json")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "universe.unknown"
    assert answer.json()["error"]["field"] == "universe"


def test_asking_twice_gives_the_scan_that_is_under_way(desk, owner):
    stored()

    assert ask(desk, owner).id == ask(desk, owner).id
    assert Outbox.objects.count() == 1


def test_unchanged_data_is_not_scanned_again_and_changed_data_is(desk, owner):
    stored()
    run = ask(desk, owner)
    scan_run(run_id=run.id)

    assert ask(desk, owner).id == run.id
    later = Candle(symbol="A", day=date(2026, 6, 1), open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0)
    candles_take(exchange="NSE", candles=[later], source="test", at=NOW)
    assert ask(desk, owner).id != run.id


def test_changed_membership_is_scanned_again(desk, owner):
    stored(MINE=["A"])
    run = ask(desk, owner, "MINE")
    scan_run(run_id=run.id)

    ListMember.objects.create(universe="MINE", instrument="NSE:B", since=date(2024, 1, 1))

    assert ask(desk, owner, "MINE").id != run.id


def test_a_scan_is_carried_out_once(desk, owner):
    stored()
    run = ask(desk, owner)
    scan_run(run_id=run.id)
    first = ScanRun.objects.get()

    scan_run(run_id=run.id)

    assert ScanRun.objects.get().finished_at == first.finished_at


def test_progress_is_told_while_it_runs(desk, owner):
    stored(symbols=[f"S{number}" for number in range(8)], bars=30)
    run = ask(desk, owner)
    seen = []

    def watched(run, done, total):
        show(run, done, total)
        row = ScanRun.objects.get()
        seen.append((row.state, row.done, row.total))

    show = services._show
    with patch.object(services, "_show", watched):
        scan_run(run_id=run.id)

    assert seen == [(ScanState.RUNNING, place, 8) for place in range(1, 9)]


def test_a_scan_whose_worker_died_gives_way_to_the_next(desk, owner):
    stored()
    lost = ask(desk, owner)
    ScanRun.objects.update(state=ScanState.RUNNING)

    soon, later = ask(desk, owner, at=NOW + SILENT_AFTER / 2), ask(desk, owner, at=NOW + SILENT_AFTER * 2)

    assert soon.id == lost.id
    assert later.id != lost.id
    lost.refresh_from_db()
    assert (lost.state, bool(lost.problem)) == (ScanState.FAILED, True)


def test_a_bug_is_raised_and_the_run_does_not_stay_running(desk, owner):
    stored()
    run = ask(desk, owner)

    with patch.object(services, "Scanner", side_effect=RuntimeError("broken")), pytest.raises(RuntimeError):
        scan_run(run_id=run.id)

    run.refresh_from_db()
    assert run.state == ScanState.FAILED
    assert "broken" not in run.problem


def test_another_desk_sees_nothing_of_it(desk, owner):
    stored()
    scan_run(run_id=ask(desk, owner).id)
    stranger = client_of(a_desk().memberships.get().user)

    assert stranger.get("/api/analysis/results").json()["count"] == 0
    assert stranger.get("/api/analysis/status").json()["last_scan_at"] is None


def test_who_may_only_look_may_not_ask(desk):
    viewer = client_of(a_member(desk, Role.VIEWER))

    assert viewer.post("/api/analysis/scan", {}, format="json").status_code == 403
    assert viewer.get("/api/analysis/results").status_code == 200


@pytest.mark.parametrize(("method", "path"), [("get", "status"), ("post", "scan"), ("get", "results")])
def test_nobody_is_answered_without_a_key(method, path):
    answer = getattr(APIClient(), method)(f"/api/analysis/{path}")

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "auth.required"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "scan", {"list": "x"}),
        ("post", "scan", {"universe": "x" * 41}),
        ("get", "status?x=1", None),
        ("get", "results?limit=1", None),
    ],
)
def test_what_is_not_understood_is_refused(owner, method, path, body):
    answer = getattr(client_of(owner), method)(f"/api/analysis/{path}", body, format="json")

    assert answer.status_code == 400
    assert answer.json()["error"]["field"]


def test_reads_ask_the_database_a_fixed_number_of_times(owner, desk, django_assert_max_num_queries):
    stored(symbols=[f"S{number}" for number in range(12)], bars=30)
    scan_run(run_id=ask(desk, owner).id)
    client = client_of(owner)

    for path in ("status", "results"):
        with django_assert_max_num_queries(16):
            client.get(f"/api/analysis/{path}")


def test_the_newest_scan_of_a_list_can_be_asked_for(desk, owner):
    stored(MINE=["A"], YOURS=["B"])
    for place, name in enumerate(("MINE", "YOURS")):
        scan_run(run_id=ask(desk, owner, name, at=NOW + timedelta(seconds=place)).id)

    found = client_of(owner).get("/api/analysis/results?universe=MINE").json()

    assert [row["symbol"] for row in found["results"]] == ["NSE:A"]
    assert client_of(owner).get("/api/analysis/results?universe=NONE").status_code == 404
