"""What the strikes on real processes are judged by, and what their command line refuses."""

from collections import Counter
from decimal import Decimal
from types import SimpleNamespace

import pytest

from config.demo import kills, witness
from config.demo.chaos import WAYS, way_of
from config.demo.errors import SetupError

TRADE = (Decimal(10), Decimal("100.05"))


def test_each_way_is_found_by_its_option():
    for way in WAYS:
        assert way_of(["--seed", "1", f"{way.option}=3"]) is way
        assert way_of([way.option, "3"]) is way


@pytest.mark.parametrize("arguments", [[], ["--seed", "1"], ["--storms", "3"]])
def test_a_way_that_does_not_exist_is_said(arguments):
    with pytest.raises(SetupError, match="--kills N"):
        way_of(arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--kills", "0"], "--kills must be between 1 and 500, not 0.\n"),
        (["--kills", "501"], "--kills must be between 1 and 500, not 501.\n"),
        (["--kills", "3", "--speed", "0"], "--speed must be above 0 and at most 100, not 0.\n"),
    ],
)
def test_strikes_that_cannot_be_are_refused_before_anything_starts(arguments, sentence, capsys):
    assert kills.main(arguments) == 2
    assert capsys.readouterr().err == sentence


def test_books_that_agree_have_no_problem():
    assert witness._trade_problems({("1", "7"): TRADE}, {("1", "7"): TRADE}) == []


@pytest.mark.parametrize(
    ("ours", "ledger", "word"),
    [
        ({}, {("1", "7"): TRADE}, "lost"),
        ({("1", "7"): TRADE}, {}, "invented"),
        ({("1", "7"): (Decimal(20), TRADE[1])}, {("1", "7"): TRADE}, "changed"),
    ],
)
def test_a_trade_that_is_not_the_ledger_s_is_a_problem(ours, ledger, word):
    [problem] = witness._trade_problems(ours, ledger)

    assert problem.startswith(word)


def test_aster_s_ledger_is_read_by_the_names_that_the_desk_gives_its_orders(monkeypatch):
    fill = {"symbol": "BTCUSDT", "order_id": 7, "trade_id": 9, "quantity": "0.043", "price": "91163.1"}
    order = {"order_id": 7, "client_id": "WA1", "symbol": "BTCUSDT"}
    asked = []
    monkeypatch.setattr(witness, "_get", lambda url: asked.append(url) or {"fills": [fill], "orders": [order]})

    told = witness._told_by_aster(SimpleNamespace(venue_user_id="0xabc"))

    assert told.trades == {("BTCUSDT:7", "9"): (Decimal("0.043"), Decimal("91163.1"))}
    assert told.orders == [("BTCUSDT:7", "WA1")]
    assert asked[0].endswith("/sim/ledger?venue=aster&account=0xabc")


def test_percentiles_are_times_that_were_measured():
    times = [float(number) for number in range(1, 21)]

    assert [kills._percentile(times, percent) for percent in (50, 95, 100)] == [10.0, 19.0, 20.0]
    assert kills._percentile([4.2], 95) == 4.2


def test_a_failed_judgement_fails_the_run(tmp_path, capsys):
    plan = kills.Plan(rounds=2, seed=5, speed=20.0)
    findings = kills.Findings(takeovers=[4.0, 4.5], last=Counter(trades=3))

    assert kills._report(plan, findings, tmp_path / "gone") == 0
    findings.problems.append("round 1 (kill): lost: a trade")
    assert kills._report(plan, findings, tmp_path) == 1
    assert "--kills 2 --seed 5" in capsys.readouterr().out
    assert tmp_path.exists()


def test_a_slow_takeover_fails_the_run(tmp_path):
    plan = kills.Plan(rounds=1, seed=5, speed=20.0)

    assert kills._report(plan, kills.Findings(takeovers=[6.0]), tmp_path) == 1
