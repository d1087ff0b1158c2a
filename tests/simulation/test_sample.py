"""A sample of `./run chaos --seeds` and of its removed guards, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.faults import APPLICABLE, Fault
from tests.simulation.names import FAULTS, MUTATIONS, SCENARIOS

ROOT = Path(__file__).resolve().parents[2]


def chaos(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_crashes_and_lost_replies_neither_lose_nor_double_an_order():
    ran = chaos("--seed", "7", "--sample", "50")

    assert ran.returncode == 0, ran.stdout[-4_000:] + ran.stderr[-2_000:]
    assert "0 lost, 0 doubled" in ran.stdout
    assert "64 runs" in ran.stdout


@pytest.mark.parametrize("guard", ["fill-key", "gate-recheck", "stop-deadline"])
def test_a_removed_guard_is_missed(guard):
    ran = chaos("--mutations", guard)

    assert ran.returncode == 0, ran.stdout[-4_000:] + ran.stderr[-2_000:]
    assert "1 of 1 removed guards were missed" in ran.stdout


def test_a_removed_guard_that_changes_nothing_is_said_and_fails(monkeypatch, capsys):
    from tests.simulation import mutations

    needless = mutations.Mutation(guard="nothing at all", patches=(), scenarios=())
    monkeypatch.setitem(mutations.MUTATIONS, "nothing", needless)

    assert mutations.mutate(b"", "nothing") == 1
    assert "removing nothing at all (nothing) changed nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--scenario", "no-such-thing"),
        ("--seed", "-1"),
        ("--seeds", "0"),
        ("--seed", "one"),
        ("--mutations", "no-such-guard"),
        ("--scenario", "exit", "--at", "3:flood"),
    ],
)
def test_what_does_not_exist_is_one_sentence_and_exit_two(arguments):
    ran = chaos(*arguments)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1, ran.stderr


def test_the_command_line_names_what_there_is():
    from tests.simulation import mutations, scenarios

    assert tuple(scenarios.SCENARIOS) == SCENARIOS
    assert tuple(mutations.MUTATIONS) == MUTATIONS
    assert tuple(Fault) == FAULTS
    assert all(APPLICABLE.values())
