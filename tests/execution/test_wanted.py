import asyncio

import pytest

from execution.runtime.wanted import Wanted
from tests.brokers.adapters.doubles import SteppingClock


class Work:
    """Counts how often it was done, and when it began."""

    def __init__(self, clock, lasts_s=0.0):
        self.clock, self.lasts_s, self.began, self.tasks = clock, lasts_s, [], set()

    async def __call__(self):
        self.began.append(self.clock.elapsed_s)
        await self.clock.sleep(self.lasts_s)

    def spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)

    async def rest(self):
        await asyncio.gather(*self.tasks)


def books(clock, **options):
    work = Work(clock, **options)
    return work, Wanted(work, every_s=1.0, clock=clock, spawn=work.spawn)


async def test_the_first_ask_is_answered_at_once():
    work, wanted = books(SteppingClock())

    wanted.want()
    await work.rest()

    assert work.began == [0.0]


async def test_a_flood_of_asks_costs_one_read_a_second():
    clock = SteppingClock()
    work, wanted = books(clock)

    for _ in range(500):
        wanted.want()
        clock.elapsed_s += 0.01
        await asyncio.sleep(0)
    await work.rest()

    assert 1 < len(work.began) <= clock.elapsed_s + 1
    assert all(later - earlier >= 1.0 - 1e-6 for earlier, later in zip(work.began, work.began[1:], strict=False))


async def test_an_ask_during_a_read_is_answered_by_one_that_begins_after_it():
    clock = SteppingClock()
    work, wanted = books(clock, lasts_s=0.4)

    wanted.want()
    await asyncio.sleep(0)
    asked_at = clock.elapsed_s
    wanted.want()
    wanted.want()
    await work.rest()

    assert len(work.began) == 2
    assert work.began[1] >= max(asked_at, 1.0)


async def test_a_read_that_fails_does_not_end_the_reading():
    clock = SteppingClock()
    work, wanted = books(clock)

    async def fail():
        raise ZeroDivisionError

    wanted._work = fail
    wanted.want()
    with pytest.raises(ZeroDivisionError):
        await work.rest()
    work.tasks.clear()
    wanted._work = work
    wanted.want()
    await work.rest()

    assert len(work.began) == 1
