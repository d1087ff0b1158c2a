"""A recorded day of two venues side by side: the strategies trade both, and no log holds an exception.

The recordings share no dates. The perpetuals' first moment is moved onto the other market's, and the exchange says by
how much. Three market hours are a sample; `WINDHOVER_REPLAY_HOURS=24 ./run test tests/journeys/test_both_venues.py -s` is
the whole day, in some six minutes.
"""

import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from datetime import datetime, timedelta

import pytest

from tests.journeys.conftest import running_desk
from tests.reference import reference_file

pytestmark = [pytest.mark.reference, pytest.mark.slow]

STOCKS = "nse_intraday/dhan_5min_nifty50_and_index_2026-07-13_17.parquet"
PERPETUALS = "crypto/bybit_linear_5m.parquet"
# what lies before is history, for the strategies' averages
PERPETUALS_FROM = "2025-04-05T00:00:00"
SPEED = 240
HOURS = float(os.environ.get("WINDHOVER_REPLAY_HOURS", "3"))
EXCEPTION = re.compile(r'Traceback \(most recent call last\)|"exception": ')


def ask(desk, path):
    request = urllib.request.Request(f"{desk.url}{path}", headers={"Authorization": f"Bearer {desk.key}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.loads(reply.read())
    except (TimeoutError, urllib.error.URLError):
        return {}


def market_times(desk):
    """Return the market's time at each venue that has told one."""
    status = ask(desk, "/api/status")
    venues = {account["id"]: account["venue"] for account in status.get("accounts", [])}
    return {
        venues[feed["account"]]: datetime.fromisoformat(feed["market_at"])
        for feed in status.get("feeds", [])
        if feed["market_at"]
    }


def replayed(desk):
    """Wait until the perpetuals have gone through the wanted hours; return the times at the beginning and the end."""
    began, deadline = {}, time.monotonic() + 180 + 3 * HOURS * 3600 / SPEED
    while time.monotonic() < deadline:
        now = market_times(desk)
        began = now | began
        if "aster" in began and now.get("aster", began["aster"]) - began["aster"] >= timedelta(hours=HOURS):
            return began, now
        time.sleep(2)
    raise AssertionError(f"the replay stood still: it began at {began} and is at {market_times(desk)}")


def exceptions_in(folder):
    """Return the lines of every log that tell of an exception, each with its file's name."""
    return [
        f"{path.name}: {line[:300]}"
        for path in sorted(folder.glob("*.log*"))
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if EXCEPTION.search(line)
    ]


def test_a_day_of_both_venues_goes_by_without_an_exception():
    recordings = [
        *("--replay", str(reference_file(STOCKS))),
        *("--aster-replay", str(reference_file(PERPETUALS)), "--aster-replay-from", PERPETUALS_FROM),
    ]
    with running_desk(*recordings, "--speed", str(SPEED)) as desk:
        began, ended = replayed(desk)
        # by account: the newest of all would be of the market that is further ahead
        accounts = [account["id"] for account in ask(desk, "/api/status")["accounts"]]
        trades = [trade for each in accounts for trade in ask(desk, f"/api/trades?limit=500&account={each}")["results"]]
        found = exceptions_in(desk.state / "logs")
        traded = Counter((trade["venue"], trade["book"]) for trade in trades)
        sys.stdout.write(f"from {began} to {ended}: trades {dict(traded)}\n")

    assert not found, "\n".join(found[:20])
    assert began["kite"].date() == began["aster"].date(), "the recordings were not moved onto one another"
    assert {("aster", "live"), ("aster", "paper"), ("kite", "live")} <= traded.keys()
    assert ended["kite"] > began["kite"]
