"""ccxt's own class for Aster works with the simulated one: it reads the market, places, cancels and trades.

Its signatures are made by code that is not ours, which holds the simulator's reading of them to a third party.
"""

import json
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from brokers.simulator.aster.traders import DEMO_AGENT_KEY, DEMO_TRADER
from config.demo import toolchain

pytestmark = pytest.mark.slow

TRADER = Path(__file__).with_name("ccxt_trader.py")
LOCK = Path(__file__).with_name("ccxt.lock")
UP_WITHIN_S = 60
DONE_WITHIN_S = 180
# ccxt signs with the key of the wallet that it names as the user: here the agent has an account of its own
ADDRESS = DEMO_TRADER.agent
ACCOUNT = f"user={ADDRESS},agent={ADDRESS},key=peersasterkey0001,secret=peersastersecret0001"
SYMBOL = "BTC/USDT:USDT"


@pytest.fixture(scope="module")
def peers_python():
    """Give the interpreter with ccxt in it, apart from the desk's own packages."""
    environment = toolchain.Environment(folder=toolchain.ROOT / ".venv-peers" / "ccxt", lock=LOCK)
    if os.environ.get("WINDHOVER_REQUIRE_PEERS") == "1":
        return toolchain.environment_ready(environment)
    if not environment.python.exists():
        pytest.skip("ccxt is not installed: WINDHOVER_REQUIRE_PEERS=1 does it")
    return environment.python


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    """A simulated exchange in a process of its own, five times as fast as the clock."""
    port_file = tmp_path_factory.mktemp("exchange") / "port"
    command = [sys.executable, "-P", "-m", "brokers.simulator.serve", "--port", "0", "--port-file", str(port_file)]
    environment = {**os.environ, "PYTHONPATH": str(toolchain.ROOT)}
    with subprocess.Popen(
        [*command, "--speed", "5", "--aster-account", ACCOUNT], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + UP_WITHIN_S
        while not port_file.exists():
            assert process.poll() is None, "the simulator ended"
            assert time.monotonic() < deadline, "the simulator did not come up"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}"
        process.terminate()


@pytest.fixture(scope="module")
def told(peers_python, exchange):
    """What ccxt was told from its first question to its last."""
    environment = {"PATH": os.environ["PATH"], "TZ": "UTC"}
    command = [str(peers_python), "-P", str(TRADER), exchange, ADDRESS, DEMO_AGENT_KEY]
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=DONE_WITHIN_S, check=False, cwd=TRADER.parent
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_it_reads_every_contract_with_its_steps(told):
    markets = {market["id"]: market for market in told["market"]["markets"].values()}

    assert {name: market["active"] for name, market in markets.items()} == {
        "BTCUSDT": True, "ETHUSDT": True, "SOLUSDT": True, "BNBUSDT": True, "红隼USDT": True, "OLDUSDT": False,
    }  # fmt: skip
    assert (markets["ETHUSDT"]["precision"]["price"], markets["ETHUSDT"]["precision"]["amount"]) == (0.05, 0.001)
    assert markets["BTCUSDT"]["limits"]["cost"]["min"] == 5.0


def test_it_reads_ticker_book_candles_and_funding(told):
    market = told["market"]

    bids, asks = market["book"]["bids"], market["book"]["asks"]
    assert market["ticker"]["low"] <= market["ticker"]["last"] <= market["ticker"]["high"]
    assert bids[0][0] < asks[0][0]
    assert [level[0] for level in bids] == sorted((level[0] for level in bids), reverse=True)
    starts = [candle[0] for candle in market["candles"]]
    assert len(starts) == 50
    assert {later - earlier for earlier, later in pairwise(starts)} == {300_000}
    assert all(low <= min(o, c) <= max(o, c) <= high for _, o, high, low, c, _ in market["candles"])
    assert market["funding"]["markPrice"] == pytest.approx(market["ticker"]["last"], rel=0.01)
    assert len(market["fundings"]) == 3


def test_it_places_finds_and_cancels_an_order(told):
    resting = told["resting"]

    assert resting["placed"]["clientOrderId"] == resting["fetched"]["clientOrderId"] == "peer-1"
    assert resting["placed"]["id"] in resting["open"]
    assert [resting[step]["status"] for step in ("fetched", "cancelled", "after")] == ["open", "canceled", "canceled"]


def test_what_it_bought_stands_in_every_book(told):
    filled = told["filled"]

    (position,) = filled["positions"]
    trades = [trade for trade in filled["trades"] if trade["order"] == filled["order"]["id"]]
    fees = sum(trade["fee"]["cost"] for trade in trades)
    # in one-way mode ccxt leaves the side out; the sign of the venue's amount tells it
    assert (filled["order"]["status"], position["contracts"]) == ("closed", 0.02)
    assert float(position["info"]["positionAmt"]) == 0.02
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.02)
    assert filled["order"]["average"] == pytest.approx(position["entryPrice"])
    assert fees == pytest.approx(0.00035 * filled["order"]["cost"], rel=1e-6)
    assert told["before"]["USDT"]["total"] == 100_000


def test_it_understands_why_it_was_refused(told):
    assert told["refused"] == {"too small": "InvalidOrder", "gone": "OrderNotFound", "stranger": "AuthenticationError"}
