import asyncio
import random

import pytest

from tests.simulation.clockwork import CURRENT, WORLD, Process, Stuck, VirtualLoop


@pytest.fixture
def loop():
    loop = VirtualLoop(random.Random(1))
    yield loop
    loop.close()


def test_hours_pass_in_no_time(loop):
    loop.run_until_complete(asyncio.sleep(7_200))

    assert loop.time() == 7_200


def test_waiting_for_nothing_is_told(loop):
    async def wait():
        await loop.create_future()

    task = loop.create_task(wait())
    with pytest.raises(Stuck):
        loop.run_until_complete(task)


def test_a_killed_process_runs_no_further(loop):
    process, steps = Process("desk"), []

    async def work():
        while True:
            await asyncio.sleep(1)
            steps.append(loop.time())

    loop.spawn(process, work())
    loop.call_later(3.5, process.kill)
    loop.run_until_complete(asyncio.sleep(10))

    assert steps == [1, 2, 3]


def test_a_frozen_process_stands_in_the_middle_of_its_call_while_others_go_on(loop):
    process, seen = Process("desk"), []

    async def work():
        await asyncio.sleep(1)
        loop.freeze(CURRENT.get(), 8)
        seen.append(("thawed", loop.time()))

    async def other():
        await asyncio.sleep(5)
        seen.append(("other", loop.time()))

    loop.spawn(process, work())
    loop.spawn(WORLD, other())
    loop.run_until_complete(asyncio.sleep(20))

    assert seen == [("other", 5), ("thawed", 9)]


def test_the_same_seed_gives_the_same_order():
    assert interleaving(3) == interleaving(3)
    assert len({interleaving(seed) for seed in range(20)}) > 1


def interleaving(seed):
    loop, order = VirtualLoop(random.Random(seed)), []

    async def work(name):
        for _ in range(5):
            await asyncio.sleep(0)
            order.append(name)

    tasks = [loop.spawn(Process(name), work(name)) for name in "ab"]
    loop.run_until_complete(asyncio.wait_for(both(tasks), 1))
    loop.close()
    return "".join(order)


async def both(tasks):
    for task in tasks:
        await task
