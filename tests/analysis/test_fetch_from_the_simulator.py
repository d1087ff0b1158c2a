"""Daily candles over the simulated exchange's own wire, through the client that the real one is asked by."""

import subprocess
import sys
import time
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from django.utils import timezone

from analysis.candles import candles_of
from analysis.domain.daily import date_of
from analysis.fetch_models import CandleFetch
from analysis.fetches import fetch_ask, fetch_run, sessions_until
from analysis.models import ListMember
from brokers.listings_sync import instruments_sync
from execution.management import demo

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
NAMES = ("RELIANCE", "TCS", "INFY", "NIFTY 50")


@pytest.fixture
def simulator(tmp_path):
    """A simulated exchange in a process of its own."""
    port_file = tmp_path / "port"
    command = [sys.executable, "-m", "brokers.simulator.serve", "--port", "0", "--port-file", str(port_file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not port_file.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline, "the simulator did not come up"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}"
        process.terminate()


@pytest.fixture
def account(simulator, settings, tmp_path):
    settings.WINDHOVER_DEMO = True
    settings.WINDHOVER_STATE = tmp_path
    settings.WINDHOVER_KITE_API_URL = simulator
    settings.WINDHOVER_KITE_STREAM_URL = simulator.replace("http", "ws", 1)
    at = timezone.now()
    user, _ = demo.user_ensure(at=at)
    account = demo.account_ensure(user=user, at=at)
    with patch("accounts.outbox.outbox_send"):
        demo.login(account, simulator_url=simulator, at=at)
        instruments_sync(account=account, at=at)
        yield account


def test_candles_are_fetched_in_the_venues_pace_until_none_is_missing(account):
    ListMember.objects.bulk_create(ListMember(universe="FOUR", instrument=f"NSE:{name}") for name in NAMES)
    now, began = datetime.now(tz=UTC), time.monotonic()
    with patch("analysis.fetches.DAYS_BACK", 30):
        for _ in range(2):
            fetch_run(fetch_id=fetch_ask(account=account, universe="FOUR", by=None, at=timezone.now()).id)
        sessions = sessions_until(account, now)
    took = time.monotonic() - began

    first, second = CandleFetch.objects.order_by("requested_at")
    assert (first.state, first.problem, first.left_out) == ("done", "", [])
    assert (first.done, first.total, second.total) == (4, 4, 0)
    assert {name: [date_of(int(day)) for day in one.day] for name, one in candles_of().items()} == {
        f"NSE:{name}": sessions for name in NAMES
    }
    # three a second: the fourth call leaves no sooner than a second after the first
    assert took > 0.9
