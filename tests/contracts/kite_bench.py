"""The Kite adapter on the simulated venue: a process of its own, mid-session, with faults to be asked for."""

import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from brokers.adapters.kite import blocking
from brokers.adapters.kite.client import KiteVenue
from brokers.ports import Credentials, VenueUrls
from brokers.registry import feed_for
from execution.runtime.clock import SystemClock
from tests.brokers.adapters.doubles import OpenBudget
from tests.contracts.venue_contract import Bench

ROOT = Path(__file__).resolve().parents[2]
KEY, SECRET = "simulatedkey0001", "simulatedsecret0001"
USER = "AB1234"


@contextmanager
def simulated(folder):
    """Run the simulated venue until the block ends."""
    state_file = folder / "state.json"
    command = [
        sys.executable,
        "-m",
        "brokers.simulator.serve",
        "--port",
        "0",
        "--state-file",
        str(state_file),
        "--faults",
        "--start",
        "2026-11-20T10:00",
        "--account",
        f"{USER}:{KEY}:{SECRET}:http://127.0.0.1:9/callback:50000000",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not state_file.exists():
            assert process.poll() is None, "the simulator ended at its start"
            assert time.monotonic() < deadline, "the simulator did not start"
            time.sleep(0.05)
        state = json.loads(state_file.read_text())
        yield VenueUrls(api=state["url"], stream=state["stream_url"], login=state["login_url"])
    finally:
        process.terminate()
        process.wait(timeout=10)


def request_token(urls):
    """Sign in as a browser would and return the token that comes back."""
    with httpx.Client(trust_env=False) as browser:
        answer = browser.get(urls.login.replace("/connect/login", "/connect/finish"), params={"api_key": KEY})
    return parse_qs(urlsplit(answer.headers["location"]).query)["request_token"][0]


def signed_in(urls):
    session = blocking.exchange_session(
        api_url=urls.api, api_key=KEY, request_token=request_token(urls), api_secret=SECRET
    )
    return Credentials(user_id=session.user_id, api_key=KEY, access_token=session.access_token)


def script(urls, **fault):
    """Ask the simulator to misbehave."""
    request = urllib.request.Request(
        f"{urls.api}/sim/faults", data=json.dumps(fault).encode(), headers={"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=5).close()


def state_of(urls):
    with urllib.request.urlopen(f"{urls.api}/sim/state", timeout=5) as answer:
        return json.loads(answer.read())


class KiteBench(Bench):
    async def last(self):
        quotes = await self.venue.quotes([self.instrument.key], "ltp")
        return Decimal(quotes[self.instrument.key]["last_price"])


def clear(urls):
    """Let the simulator behave."""
    urllib.request.urlopen(urllib.request.Request(f"{urls.api}/sim/faults", method="DELETE"), timeout=5).close()


def a_venue(urls, net, session, budget=None):
    return KiteVenue(
        net=net,
        budget=budget or OpenBudget(),
        credentials=session,
        clock=SystemClock(),
        jitter=random.Random(1).random,
        api_url=urls.api,
    )


async def a_bench(urls, net, session):
    venue = a_venue(urls, net, session)
    listed = {instrument.key: instrument for instrument in await venue.instruments()}
    return KiteBench(venue, listed["NSE:RELIANCE"], listed["NSE:NIFTY 50"])


def a_feed(urls, net, session, silence_s=5):
    return feed_for(
        "kite",
        net=net,
        credentials=session,
        clock=SystemClock(),
        urls=urls,
        jitter=random.Random(1).random,
        silence_s=silence_s,
    )


async def first(events, kind):
    """Return the next event of a kind."""
    while not isinstance(event := await anext(events), kind):
        pass
    return event
