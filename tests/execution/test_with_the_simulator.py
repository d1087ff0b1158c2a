"""From the demo's seed to a filled order, over the simulated exchange's own wire."""

import asyncio
import subprocess
import sys
import time

import pytest
from django.utils import timezone

from brokers.domain.errors import Retryable
from brokers.listings_sync import instruments_sync
from execution.journal import verify_chain
from execution.management import demo
from execution.models import Fill, Order
from execution.runtime.clock import SystemClock
from execution.runtime.hosting import host
from execution.runtime.lease import DatabaseLease, LeaseTerms
from execution.runtime.machine import Machine, connector
from execution.threads import DatabaseThread
from tests.execution.desk_fakes import Notebook, QuickBell

pytestmark = pytest.mark.slow


@pytest.fixture
def simulator(tmp_path):
    """A simulated exchange in a process of its own."""
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "brokers.simulator.serve", "--port", "0", "--port-file", str(port_file)]
    with subprocess.Popen([*command, "--speed", "20"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not port_file.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline, "the simulator did not come up"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}"
        process.terminate()


@pytest.fixture
def seeded(journal_db, simulator, settings, tmp_path):
    settings.WINDHOVER_DEMO = True
    settings.WINDHOVER_STATE = tmp_path
    settings.WINDHOVER_KITE_API_URL = simulator
    settings.WINDHOVER_KITE_STREAM_URL = simulator.replace("http", "ws", 1)
    at = timezone.now()
    user, _ = demo.user_ensure(at=at)
    account = demo.account_ensure(user=user, at=at)
    demo.login(account, simulator_url=simulator, at=at)
    instruments_sync(account=account, at=at)
    demo.deployments_ensure(account=account, is_replay=False, by=user, at=at)
    return account


def test_the_seeded_desk_trades_on_the_simulated_exchange(seeded, journal, tmp_path):
    reader, renewer = DatabaseThread("reader"), DatabaseThread("lease")
    reader.start()
    renewer.start()
    clock = SystemClock()
    machine = Machine(
        clock=clock,
        journal=journal,
        reader=reader,
        lease=DatabaseLease(owner="desk", terms=LeaseTerms(ttl_s=30), clock=clock, thread=renewer),
        publisher=Notebook(),
        doorbell=QuickBell(),
        connect=connector(clock=clock, silence_s=10),
        send_log_folder=tmp_path / "sendlog",
        boot_id="boot",
    )

    async def trade():
        drain = asyncio.Event()
        grant = await machine.lease.claim(str(seeded.pk))
        hosted = asyncio.create_task(host(machine, grant, drain))
        deadline = clock.boot_ns() + 90 * 10**9
        while not await machine.read(Fill.objects.filter(book="live").exists):
            assert not hosted.done(), hosted.exception()
            assert clock.boot_ns() < deadline, "nothing was traded"
            await asyncio.sleep(0.2)
        drain.set()
        await hosted

    asyncio.run(trade())
    reader.stop()
    renewer.stop()

    assert Order.objects.filter(book="live", status="FILLED", origin="DESK").exists()
    assert not Order.objects.filter(origin="EXTERNAL").exists()
    verify_chain(str(seeded.pk), journal.tips_file)


def test_a_dead_exchange_is_told_in_one_sentence():
    with pytest.raises(Retryable, match="does not answer"):
        demo.request_token("http://127.0.0.1:9", "key")
