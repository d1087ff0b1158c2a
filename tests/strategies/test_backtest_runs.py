"""Asking for a backtest over the API, carrying it out, ending it, and who may see it."""

from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import Outbox, Role
from brokers.domain.errors import DataError, Invalid
from brokers.domain.india import CHARGES
from strategies import backtests
from strategies.backtest_models import PLACES, BacktestRun, BacktestState
from strategies.backtests import RATES_KNOWN_SINCE, SILENT_AFTER, backtest_cancel, backtest_run
from strategies.tasks import backtest_run_task
from tests.analysis.desks import client_of, stored
from tests.people import a_desk, a_member

pytestmark = pytest.mark.django_db
ADDRESS = "/api/backtests"
ASKED = {"strategy": "ema-crossover", "instrument": "NSE:A", "params": {"fast": 3, "slow": 8}}


@pytest.fixture(autouse=True)
def _no_broker():
    with patch("accounts.outbox.outbox_send"):
        yield


@pytest.fixture
def desk():
    stored(("A",), bars=150)
    return a_desk()


@pytest.fixture
def client(desk):
    return client_of(desk.memberships.get(role=Role.OWNER).user)


def ask(client, **changes):
    return client.post(ADDRESS, {**ASKED, **changes}, format="json")


def carried_out(client, **changes):
    asked = ask(client, **changes)
    backtest_run(run_id=asked.json()["id"])
    return client.get(f"{ADDRESS}/{asked.json()['id']}").json()


def test_a_backtest_is_asked_for_carried_out_and_read(client):
    asked = ask(client)
    waiting = client.get(ADDRESS).json()["results"][0]
    backtest_run_task(**Outbox.objects.get().arguments)
    told = client.get(f"{ADDRESS}/{asked.json()['id']}").json()

    assert asked.status_code == 202
    assert waiting["state"] == "queued"
    assert told["state"] == "done"
    assert told["done"] == told["total"] > 20
    assert told["params"]["product"] == "CNC"
    assert len(told["data_fingerprint"]) == len(told["code_version"]) == 64
    result = told["result"]
    assert len(result["days"]) == len(result["equity"]) == len(result["held"]) == len(result["close"]) == 150
    assert len(result["trades"]) >= result["statistics"]["trades"] > 0
    assert result["bias"]["leak"] is None
    assert result["verdict"]["sentence"] == told["summary"]["sentence"]
    assert [one["value"] for one in result["by_cost"]] == [0, 1, 2, 3]
    assert any("Charges of 01 Oct 2024" in remark for remark in result["remarks"])


def test_whoever_acts_on_two_desks_names_the_one_that_a_backtest_is_for(client, desk):
    second = a_desk(owner=desk.memberships.get(role=Role.OWNER).user, name="Second")

    unnamed, named = ask(client), ask(client, desk=str(second.pk))
    foreign = ask(client, desk=str(a_desk().pk))

    assert (unnamed.status_code, unnamed.json()["error"]["field"]) == (400, "desk")
    assert BacktestRun.objects.get(pk=named.json()["id"]).desk == second
    assert (foreign.status_code, foreign.json()["error"]["field"]) == (404, "desk")
    assert {one["name"] for one in client.get(f"{ADDRESS}/offered").json()["desks"]} == {desk.name, "Second"}


def test_the_same_backtest_again_gives_the_same_result(client):
    first, second = carried_out(client), carried_out(client)

    assert first["id"] != second["id"]
    assert first["result"] == second["result"]
    assert first["data_fingerprint"] == second["data_fingerprint"]


def test_other_parameters_tried_before_count_as_trials(client):
    first = carried_out(client)

    second = carried_out(client, params={"fast": 4, "slow": 9})

    assert second["result"]["luck"]["trials"] == first["summary"]["tried"] + second["summary"]["tried"]


@pytest.mark.parametrize("term", [{"stop_fraction": 0.05}, {"size_fraction": 0.5}, {"since": "2020-01-01"}])
def test_other_terms_tried_before_count_as_trials_and_an_exact_repeat_does_not(client, term):
    first = carried_out(client)

    other, again = carried_out(client, **term), carried_out(client, **term)

    assert other["result"]["luck"]["trials"] == first["summary"]["tried"] + other["summary"]["tried"]
    assert again["result"]["luck"]["trials"] == other["result"]["luck"]["trials"]


def test_what_is_left_falls_as_trading_costs_more(client):
    growth = [one["cagr"] for one in carried_out(client)["result"]["by_cost"]]

    assert growth == sorted(growth, reverse=True)
    assert growth[0] > growth[-1]


def test_no_more_run_at_once_than_there_are_places_and_a_cancelled_one_frees_its_own(client):
    asked = [ask(client) for _ in range(PLACES)]

    refused = ask(client)
    client.post(f"{ADDRESS}/cancel", {"id": asked[1].json()["id"]}, format="json")
    again = ask(client)

    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "backtest.busy"
    assert again.status_code == 202
    assert BacktestRun.objects.get(pk=again.json()["id"]).place == 1


def test_the_database_lets_nobody_hold_a_place_twice(client):
    run = BacktestRun.objects.get(pk=ask(client).json()["id"])

    run.pk = uuid4()
    with pytest.raises(IntegrityError):
        run.save(force_insert=True)


def test_places_of_another_are_another_s(client, desk):
    for _ in range(PLACES):
        ask(client)

    assert ask(client_of(a_member(desk, Role.TRADER))).status_code == 202


def test_a_run_that_a_worker_lost_gives_its_place_back(client):
    for _ in range(PLACES):
        ask(client)
    BacktestRun.objects.update(touched_at=timezone.now() - SILENT_AFTER - timedelta(seconds=1))

    again = ask(client)

    assert again.status_code == 202
    lost = BacktestRun.objects.exclude(pk=again.json()["id"]).values_list("state", "problem")
    assert set(lost) == {("failed", "No worker took or finished this backtest.")}


def test_a_running_backtest_ends_at_its_next_step_once_it_is_cancelled(client):
    run_id = ask(client).json()["id"]
    whole = backtests.study

    def cancelled_on_the_way(*arguments, **options):
        answer = client.post(f"{ADDRESS}/cancel", {"id": run_id}, format="json")
        assert answer.json()["state"] == "running"
        return whole(*arguments, **options)

    with patch.object(backtests, "study", cancelled_on_the_way):
        backtest_run(run_id=run_id)

    run = BacktestRun.objects.get(pk=run_id)
    assert run.state == BacktestState.CANCELLED
    assert run.result == {}
    assert run.finished_at is not None


def test_one_that_has_ended_is_neither_cancelled_nor_carried_out_again(client):
    told = carried_out(client)
    run = BacktestRun.objects.get(pk=told["id"])

    with pytest.raises(Invalid, match="ended already"):
        backtest_cancel(run=run, at=timezone.now())
    backtest_run(run_id=run.pk)

    assert BacktestRun.objects.get(pk=run.pk).finished_at == run.finished_at


def test_a_failure_is_told_and_frees_the_place(client):
    run_id = ask(client, since="2024-01-01", until="2024-02-01").json()["id"]

    backtest_run(run_id=run_id)
    with patch.object(backtests, "study", side_effect=RuntimeError):
        broken = ask(client).json()["id"]
        with pytest.raises(RuntimeError):
            backtest_run(run_id=broken)

    assert "daily candles between these days, 60 are the least" in BacktestRun.objects.get(pk=run_id).problem
    assert "worker's log" in BacktestRun.objects.get(pk=broken).problem
    assert not BacktestRun.objects.filter(state__in=("queued", "running")).exists()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"strategy": "nothing"}, "strategy", "there is no strategy named"),
        ({"strategy": "vwap-breakout"}, "strategy", "minute of the day"),
        ({"instrument": "NSE:GONE"}, "instrument", "No daily candles of NSE:GONE"),
        ({"instrument": "ASTER:BTCUSDT"}, "instrument", "stocks of NSE and BSE"),
        ({"instrument": "nothing"}, None, "nothing"),
        ({"params": {"fast": 30}}, "params.fast", "must be below slow"),
        ({"params": {"fast": "x"}}, "params.fast", "a whole number"),
        ({"params": {"product": "MIS"}}, "params.product", "product is CNC"),
        ({"strategy": "mean-reversion", "params": {"vwap_bars": 0}}, "params.vwap_bars", "has to roll"),
        ({"size_fraction": 0}, "size_fraction", "above 0"),
        ({"slippage_fraction": 0.5}, "slippage_fraction", "between 0 and 0.05"),
        ({"stop_fraction": 1.5}, "stop_fraction", "below 1"),
        ({"since": "2024-05-01", "until": "2024-04-01"}, "since", "before the last"),
        ({"since": "x"}, "since", "Date"),
        ({"capital_quote": -1}, "capital_quote", "greater than"),
        ({"what": 1}, "what", "There is no"),
    ],
)
def test_what_cannot_be_is_refused_with_the_name_of_the_field(client, changes, field, words):
    answer = ask(client, **changes)

    assert answer.status_code in {400, 404}
    error = answer.json()["error"]
    assert words in error["message"]
    assert field is None or error["field"] == field
    assert not BacktestRun.objects.exists()


def test_a_stranger_gets_404_and_sees_nothing(client):
    run_id = ask(client).json()["id"]
    stranger = client_of(a_desk().memberships.get().user)

    assert stranger.get(f"{ADDRESS}/{run_id}").status_code == 404
    assert stranger.post(f"{ADDRESS}/cancel", {"id": run_id}, format="json").status_code == 404
    assert stranger.get(ADDRESS).json() == {"results": [], "count": 0}
    assert BacktestRun.objects.get().is_unwanted is False


def test_a_role_that_may_only_look_sees_and_changes_nothing(client, desk):
    run_id = ask(client).json()["id"]
    viewer = client_of(a_member(desk, Role.VIEWER))

    assert viewer.get(f"{ADDRESS}/{run_id}").status_code == 200
    assert ask(viewer).status_code == 403
    assert viewer.post(f"{ADDRESS}/cancel", {"id": run_id}, format="json").status_code == 403


def test_a_list_keeps_a_strategy_or_a_stock_and_reads_no_curve(client, django_assert_max_num_queries):
    ask(client)
    ask(client, strategy="rsi", params={})

    with django_assert_max_num_queries(8):
        found = client.get(ADDRESS, {"strategy": "rsi"}).json()

    assert [row["strategy"] for row in found["results"]] == ["rsi"]
    assert found["results"][0]["title"] == "RSI reversal"
    assert client.get(ADDRESS, {"instrument": "NSE:B"}).json()["count"] == 0


def test_the_form_offers_what_days_can_test_and_says_what_they_cannot(client):
    ask(client)

    offered = client.get(f"{ADDRESS}/offered").json()

    by_slug = {one["slug"]: one for one in offered["strategies"]}
    assert [one["key"] for one in offered["instruments"]] == ["NSE:A"]
    assert offered["instruments"][0]["days"] == 150
    assert offered["places"] == {"taken": 1, "total": PLACES}
    assert not by_slug["vwap-breakout"]["is_testable"]
    assert "minute" in by_slug["vwap-breakout"]["reason"]
    rolling = {one["name"]: one["default"] for one in by_slug["mean-reversion"]["params"]}
    assert rolling["vwap_bars"] == 20
    assert "bar_minutes" not in rolling


def test_the_rates_that_stand_for_older_days_are_the_first_that_are_known():
    assert CHARGES.on(RATES_KNOWN_SINCE)
    with pytest.raises(DataError):
        CHARGES.on(RATES_KNOWN_SINCE - timedelta(days=1))
