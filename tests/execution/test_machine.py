"""The machine's threads: what trades wait for, and what none does."""

import asyncio
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from execution.runtime.desk import desk_from_settings, guardian_from_settings
from tests.execution.desk_fakes import World


class Thread:
    """Does work at once and remembers it."""

    def __init__(self):
        self.jobs = []

    def run(self, work):
        future = Future()
        self.jobs.append(work)
        future.set_result(work())
        return future


def a_machine(**changes):
    world = World(journal=None, reader=Thread(), lease=None, folder=Path())
    return replace(world.machine, **changes)


def test_rows_that_no_trade_waits_for_are_read_on_a_thread_of_their_own():
    machine = a_machine(aside=Thread())

    answer = asyncio.run(machine.read_aside(lambda: "rows"))

    assert answer == "rows"
    assert (len(machine.aside.jobs), machine.reader.jobs) == (1, [])


def test_without_a_thread_of_their_own_they_are_read_with_the_rest():
    machine = a_machine()

    assert asyncio.run(machine.read_aside(lambda: "rows")) == "rows"
    assert len(machine.reader.jobs) == 1


@pytest.mark.parametrize("made", [desk_from_settings, lambda: guardian_from_settings(deadline_s=10.0)])
def test_a_process_starts_and_stops_the_thread_aside_with_the_others(made):
    process = made()

    assert process._machine.aside in process._threads
    assert process._machine.aside is not process._machine.reader
