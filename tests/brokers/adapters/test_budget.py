import asyncio
import itertools

import pytest

from brokers.adapters.backoff import Backoff
from brokers.adapters.budget import PacedBudget
from brokers.domain.errors import Invalid
from tests.brokers.adapters.doubles import SteppingClock


async def test_a_cold_budget_starts_empty():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)

    await budget.acquire("order")

    assert clock.elapsed_s == pytest.approx(0.125)


async def test_calls_are_evenly_spaced_whatever_was_saved_up():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    clock.elapsed_s = 60.0
    moments = []
    for _ in range(9):
        await budget.acquire("order")
        moments.append(clock.elapsed_s)

    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert moments[0] == 60.0
    assert min(gaps) >= 0.125


async def test_exits_go_before_entries_that_wait():
    budget = PacedBudget(clock=SteppingClock())
    went = []

    async def go(name, *, urgent):
        await budget.acquire("order", urgent=urgent)
        went.append(name)

    await asyncio.gather(
        go("entry 1", urgent=False), go("entry 2", urgent=False), go("exit 1", urgent=True), go("exit 2", urgent=True)
    )

    assert went == ["exit 1", "exit 2", "entry 1", "entry 2"]


async def test_kinds_do_not_wait_for_each_other():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    clock.elapsed_s = 5.0
    for kind in ("order", "read", "quote", "history"):
        await budget.acquire(kind)

    assert clock.elapsed_s == 5.0


async def test_a_caller_who_gives_up_leaves_no_gap():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    waiting = asyncio.create_task(budget.acquire("quote"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await budget.acquire("quote")

    assert clock.elapsed_s == pytest.approx(1.0)


async def test_a_pause_holds_even_the_urgent():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    clock.elapsed_s = 5.0
    budget.pause("order", 2.0)

    await budget.acquire("order", urgent=True)

    assert clock.elapsed_s == pytest.approx(7.0)


async def test_an_unknown_kind_is_refused():
    with pytest.raises(Invalid):
        await PacedBudget(clock=SteppingClock()).acquire("lunch")


def test_waits_double_to_a_cap_and_begin_again():
    backoff = Backoff(jitter=lambda: 1.0, first_s=1.0, cap_s=60.0)

    waits = [backoff.next_s() for _ in range(8)]
    backoff.reset()

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff.next_s() == 1


def test_jitter_takes_up_to_half_of_a_wait():
    assert Backoff(jitter=lambda: 0.0, first_s=8.0).next_s() == 4.0
