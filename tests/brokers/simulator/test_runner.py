"""The loop that drives a site, on a clock that moves only by sleeping."""

import asyncio
import contextlib

from brokers.simulator.kite_stream import Socket
from brokers.simulator.runner import run
from tests.brokers.simulator.recordings import BARS, recording
from tests.brokers.simulator.site import SECOND, a_client, a_site, an_order


class Run:
    """A site whose loop runs until a condition holds; every sleep moves the clock."""

    def __init__(self, *arguments):
        self.site, self.clock = a_site(*arguments)
        self.at_start = self.clock.ns

    async def until(self, condition, *, idle_seconds=10.0):
        done = asyncio.Event()

        async def sleep(seconds):
            self.clock.move(seconds)
            if condition(self.site):
                done.set()
                await asyncio.Event().wait()
            await asyncio.sleep(0)

        task = asyncio.create_task(run(self.site, idle_seconds=idle_seconds, sleep=sleep))
        waiter = asyncio.create_task(done.wait())
        await asyncio.wait({task, waiter}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert done.is_set()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    @property
    def elapsed(self):
        return (self.clock.ns - self.at_start) / SECOND


async def test_market_runs_at_its_speed():
    running = Run("--speed", "60")

    await running.until(lambda site: site.venue.market.now_ns >= (site.venue.market.session.open_s + 660) * SECOND)

    assert 9.5 <= running.elapsed <= 10.5


async def test_session_ends_idles_and_the_next_day_opens():
    running = Run("--speed", "6000")
    first = running.site.venue.market.session

    await running.until(lambda site: site.venue.market.session.day > first.day)

    session_seconds = (first.last_s - first.open_s - 60) / 6000
    assert session_seconds + 10 <= running.elapsed <= session_seconds + 12
    assert running.site.venue.phase == "open"


async def test_recording_stands_still_until_somebody_subscribes(tmp_path):
    path = str(recording(tmp_path, BARS))
    running = Run("--replay", path, "--speed", "60")
    before = running.site.venue.steps

    await running.until(lambda _: running.elapsed > 30)
    waited = running.site.venue.steps
    watcher = Socket("AB1234", running.site.venue.board, running.clock)
    watcher.modes[1] = 0
    running.site.hub.sockets.add(watcher)
    await running.until(lambda site: site.venue.market.finished, idle_seconds=1.0)

    assert waited == before
    assert running.site.venue.steps == 12
    assert running.site.state()["phase"] == "finished"


async def test_every_tick_is_emitted_however_late_the_loop_is(tmp_path):
    running = Run("--replay", str(recording(tmp_path, BARS)), "--no-hold", "--replay-from", "2026-07-13")
    running.clock.move(3_600)

    await running.until(lambda site: site.venue.steps == 8)

    assert running.elapsed < 3_600 + 700


async def test_delayed_order_arrives_while_the_market_runs():
    running = Run()
    client = a_client(running.site)
    await client.post("/sim/faults", json={"kind": "delay_visibility", "seconds": 20})
    await client.post("/orders/regular", data=an_order())

    await running.until(lambda _: running.elapsed > 19)
    absent = (await client.get("/orders")).json()["data"]
    await running.until(lambda _: running.elapsed > 21)

    assert absent == []
    assert len((await client.get("/orders")).json()["data"]) == 1
