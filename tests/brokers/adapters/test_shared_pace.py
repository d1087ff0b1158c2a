"""Eight processes' worth of askers over one app, on a Valkey of the test's own."""

import asyncio
import itertools
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from redis.asyncio import Redis

from brokers.adapters.shared_pace import EMPTY_START_S, HostLeave, OwnLeave, RedisLeave, SharedPace
from brokers.domain.allowance import VenueAllowance
from brokers.domain.errors import Invalid
from config.demo import valkey
from execution.runtime.clock import SystemClock
from tests.brokers.adapters.doubles import SteppingClock

# a fast app, so that a test is short: a call each 20 ms, and each 50 ms
FAST = VenueAllowance(reads_per_second=62.5, quotes_per_second=25)


class Server:
    """A Valkey that can be stopped and started."""

    def __init__(self, folder):
        self.path = folder / "valkey.sock"
        self.process = None
        self.clients = []

    def start(self):
        valkey.prepare_socket(self.path)
        command = valkey.command(valkey.find_server(), self.path)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        valkey.wait_until_answering(self.path)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def client(self):
        self.clients.append(Redis.from_url(f"unix://{self.path}", socket_timeout=0.5, socket_connect_timeout=0.5))
        return self.clients[-1]


@pytest.fixture
async def server():
    # the path of a socket must be short
    folder = Path(tempfile.mkdtemp(prefix="wh-pace-"))
    running = Server(folder)
    running.start()
    yield running
    for client in running.clients:
        await client.aclose()
    running.stop()
    shutil.rmtree(folder)


class Noted:
    """A leave that remembers when it was given, by the clock that gave it."""

    def __init__(self, leave, given, now_us):
        self.leave, self.given, self.now_us = leave, given, now_us

    async def ask(self, kind, call, **spans):
        wait_us = await self.leave.ask(kind, call, **spans)
        if wait_us == 0:
            self.given.append(self.now_us())
        return wait_us

    async def answered(self, kind, call):
        await self.leave.answered(kind, call)


class Nobody:
    """A Redis that is away."""

    async def ask(self, kind, call, **spans):
        raise ConnectionError("away")

    async def answered(self, kind, call):
        raise ConnectionError("away")


def a_pace(*, shared, alone, clock, seed=1):
    return SharedPace(
        shared=shared,
        alone=alone,
        rates=FAST.reads(),
        most=FAST.most_reads(),
        clock=clock,
        jitter=random.Random(seed).random,
    )


def gaps_ms(given):
    return [(later - earlier) / 1_000 for earlier, later in itertools.pairwise(sorted(given))]


async def test_askers_of_eight_processes_share_one_pace(server, tmp_path):
    clock, given = SystemClock(), []
    paces = [
        a_pace(
            shared=Noted(RedisLeave(server.client(), app="app"), given, lambda: clock.boot_ns() // 1_000),
            alone=Nobody(),
            clock=clock,
            seed=number,
        )
        for number in range(8)
    ]

    async def ask(pace):
        for _ in range(6):
            pace.settle("read", await pace.acquire("read"))

    began_us = clock.boot_ns() // 1_000
    await asyncio.gather(*(ask(pace) for pace in paces))

    assert len(given) >= 48
    # evenly paced by the server's clock: 48 leaves of 20 ms each cannot be had sooner
    assert (max(given) - min(given)) / 1_000 >= 47 * 20 - 20
    assert (min(given) - began_us) / 1_000_000 >= EMPTY_START_S


async def test_the_script_spaces_leaves_by_the_servers_own_clock(server):
    leave = RedisLeave(server.client(), app="app")
    spans = {"interval_us": 60_000_000, "empty_us": 0, "pause_us": 0, "most": 9}

    first = await leave.ask("quote", "call", **spans)
    second = await leave.ask("quote", "call", **spans)
    other_kind = await leave.ask("history", "call", **spans)

    assert (first, other_kind) == (0, 0)
    assert 50_000_000 < second <= 60_000_000


async def test_a_server_that_forgot_begins_with_an_empty_second(server):
    leave = RedisLeave(server.client(), app="app")
    spans = {"interval_us": 1, "empty_us": 60_000_000, "pause_us": 0, "most": 9}
    before = await leave.ask("quote", "call", **spans)
    server.stop()
    server.start()

    after = await RedisLeave(server.client(), app="app").ask("quote", "call", **spans)

    assert before > 50_000_000
    assert after > 50_000_000


async def test_a_call_counts_until_a_second_after_its_answer(server):
    leave = RedisLeave(server.client(), app="app")
    spans = {"interval_us": 0, "empty_us": 0, "pause_us": 0, "most": 2}
    first, second = await leave.ask("quote", "1", **spans), await leave.ask("quote", "2", **spans)

    third = await leave.ask("quote", "3", **spans)
    await leave.answered("quote", "1")
    fourth = await leave.ask("quote", "4", **spans)
    left_ms = [
        score / 1_000 for _, score in await server.client().zrange(await calls_key(server), 0, -1, withscores=True)
    ]

    assert (first, second) == (0, 0)
    assert third > 0
    assert fourth > 0
    # by the server's clock, the answered one ends two seconds before the one that is still on its way
    assert 0 < left_ms[1] - left_ms[0] <= 2_000


async def test_an_answer_that_nobody_waits_for_changes_nothing(server):
    leave = RedisLeave(server.client(), app="app")

    await leave.answered("quote", "never asked")

    assert await server.client().keys("*") == []


async def calls_key(server):
    [key] = [key for key in await server.client().keys("*") if key.endswith(b":calls")]
    return key


async def test_an_apps_key_is_in_no_key_of_redis(server):
    await RedisLeave(server.client(), app="my-api-key").ask(
        "quote", "call", interval_us=1, empty_us=1, pause_us=0, most=9
    )

    keys = await server.client().keys("*")

    assert keys
    assert not any(b"my-api-key" in key for key in keys)


async def test_a_pause_of_one_process_holds_the_others(server):
    clock = SystemClock()
    leave = RedisLeave(server.client(), app="app")
    pace = a_pace(shared=leave, alone=Nobody(), clock=clock)
    await pace.acquire("quote")
    pace.pause("quote", 60.0)
    asking = asyncio.create_task(pace.acquire("quote"))

    for _ in range(200):
        other_wait_us = await leave.ask("quote", "call", interval_us=1, empty_us=0, pause_us=0, most=9)
        if other_wait_us > 1_000_000:
            break
        await asyncio.sleep(0.01)
    asking.cancel()

    assert other_wait_us > 50_000_000


async def test_without_redis_this_host_goes_on_at_a_quarter(tmp_path):
    clock = SteppingClock()
    alone = HostLeave(tmp_path, app="app", clock=clock)
    paces = [a_pace(shared=Nobody(), alone=alone, clock=clock, seed=seed) for seed in range(2)]
    moments = []
    for number in range(6):
        await paces[number % 2].acquire("read")
        moments.append(clock.elapsed_s)

    assert all(pace.is_alone for pace in paces)
    assert moments[0] >= EMPTY_START_S
    assert min(gaps_ms([moment * 1_000_000 for moment in moments])) >= 80 - 0.001


async def test_a_host_that_has_not_asked_for_long_begins_empty_again(tmp_path):
    clock = SteppingClock()
    pace = a_pace(shared=Nobody(), alone=HostLeave(tmp_path, app="app", clock=clock), clock=clock)
    await pace.acquire("read")
    clock.elapsed_s += 600
    before_s = clock.elapsed_s

    await pace.acquire("read")

    assert clock.elapsed_s - before_s >= EMPTY_START_S


async def test_a_file_of_nonsense_is_one_that_was_never_asked(tmp_path):
    clock = SteppingClock()
    leave = HostLeave(tmp_path, app="app", clock=clock)
    await leave.ask("read", "call", interval_us=1, empty_us=1, pause_us=0, most=9)
    [file] = tmp_path.iterdir()
    file.write_bytes(b"\x00nonsense 12")

    assert await leave.ask("read", "call", interval_us=1, empty_us=70, pause_us=0, most=9) == 70


async def test_redis_that_returns_is_asked_again_at_once(tmp_path):
    clock = SteppingClock()

    class Returning(Nobody):
        is_away = True

        async def ask(self, kind, call, **spans):
            return await super().ask(kind, call) if self.is_away else 0

    shared = Returning()
    pace = a_pace(shared=shared, alone=HostLeave(tmp_path, app="app", clock=clock), clock=clock)
    await pace.acquire("read")
    shared.is_away = False
    before_s = clock.elapsed_s

    await pace.acquire("read")

    assert not pace.is_alone
    assert clock.elapsed_s == before_s


async def test_a_leave_that_came_too_late_is_not_used(tmp_path):
    clock = SteppingClock()
    answers, settled = iter([0.2, 0.0]), []

    class Slow:
        async def answered(self, kind, call):
            settled.append(call)

        async def ask(self, kind, call, **spans):
            clock.elapsed_s += next(answers)
            return 0

    await a_pace(shared=Slow(), alone=Nobody(), clock=clock).acquire("read")

    assert next(answers, None) is None
    assert clock.elapsed_s >= 0.22
    assert len(settled) == 1


async def test_a_kind_without_a_pace_is_refused(tmp_path):
    with pytest.raises(Invalid):
        await a_pace(shared=Nobody(), alone=Nobody(), clock=SteppingClock()).acquire("order")


async def test_a_heavy_call_takes_more_of_the_pace_and_the_urgent_go_ahead_of_it(server):
    leave = RedisLeave(server.client(), app="app")
    spans = {"empty_us": 0, "pause_us": 0, "most": 99}

    async def ask(call, *, weight, ahead_us):
        return await leave.ask("weight", call, interval_us=weight * 1_000_000, ahead_us=ahead_us, **spans)

    assert await ask("first", weight=40, ahead_us=24_000_000) == 0
    polled = await ask("polled", weight=1, ahead_us=24_000_000)
    urgent = await ask("urgent", weight=1, ahead_us=54_000_000)
    again = await ask("again", weight=1, ahead_us=24_000_000)

    assert 15_000_000 < polled <= 16_000_000
    assert urgent == 0
    assert 16_000_000 < again <= 17_000_000  # what was borrowed is paid back by whoever waits


@pytest.mark.parametrize(
    "make", [lambda folder, clock: HostLeave(folder, app="app", clock=clock), lambda _, clock: OwnLeave(clock)]
)
async def test_weights_and_tolerances_hold_on_one_host_and_in_one_process(make, tmp_path):
    clock = SteppingClock()
    clock.elapsed_s = 1000.0
    leave = make(tmp_path, clock)
    spans = {"empty_us": 0, "pause_us": 0, "most": 99}

    assert await leave.ask("weight", "a", interval_us=40, ahead_us=24, **spans) == 0
    assert await leave.ask("weight", "b", interval_us=1, ahead_us=24, **spans) == 16
    assert await leave.ask("weight", "c", interval_us=1, ahead_us=54, **spans) == 0
    assert await leave.ask("weight", "d", interval_us=1, ahead_us=24, **spans) == 17


async def test_a_pace_that_was_learned_holds_from_the_next_call_on(tmp_path):
    clock = SteppingClock()
    leave = OwnLeave(clock)
    pace = a_pace(shared=leave, alone=leave, clock=clock)
    pace.learn("read", 1.0)
    moments = []
    for _ in range(3):
        await pace.acquire("read")
        moments.append(clock.elapsed_s)

    assert all(gap >= 999 for gap in gaps_ms([at * 1_000_000 for at in moments]))
