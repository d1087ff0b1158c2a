"""The real process: Aster's REST and streams on Kite's port, over the wire."""

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from brokers.adapters.aster.signing import hmac_hex
from brokers.simulator.aster.traders import DEMO_TRADER

ROOT = Path(__file__).resolve().parents[3]


def start(*arguments):
    command = [sys.executable, "-m", "brokers.simulator.serve", "--port", "0", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop(process):
    process.terminate()
    process.communicate(timeout=10)


@pytest.fixture
def simulator(tmp_path):
    process = start("--faults", "--speed", "20", "--state-file", str(tmp_path / "state.json"),
                    "--ledger", str(tmp_path / "ledger.jsonl"))  # fmt: skip
    line = process.stdout.readline()
    with httpx.Client(base_url=line.split()[-1], trust_env=False, timeout=5) as client:
        yield client, tmp_path
    stop(process)


def call(client, method, name, **params):
    """Call with the demo account's older key."""
    now = client.get("/fapi/v1/time").json()["serverTime"]
    text = urlencode({**params, "timestamp": now})
    text += f"&signature={hmac_hex(DEMO_TRADER.api_secret.encode(), text)}"
    headers = {"X-MBX-APIKEY": DEMO_TRADER.api_key, "content-type": "application/x-www-form-urlencoded"}
    if method == "GET":
        return client.get(f"/fapi/v1/{name}?{text}", headers=headers).json()
    return client.request(method, f"/fapi/v1/{name}", content=text, headers=headers).json()


def stream(client, path):
    return connect(f"{str(client.base_url).replace('http', 'ws').rstrip('/')}{path}", proxy=None)


def until(socket, wanted):
    """The first event that is wanted."""
    for _ in range(500):
        event = json.loads(socket.recv(timeout=5))
        if wanted(event):
            return event
    raise AssertionError("the event never came")


def test_an_order_travels_from_rest_to_the_account_stream_and_the_ledger(simulator):
    client, folder = simulator
    key = call(client, "POST", "listenKey")["listenKey"]

    with stream(client, f"/stream?streams={key}/btcusdt@bookTicker") as socket:
        until(socket, lambda event: event["stream"] == "btcusdt@bookTicker")
        placed = call(client, "POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010")
        told = until(socket, lambda event: event["data"].get("o", {}).get("X") == "FILLED")

    ledger = [json.loads(line) for line in (folder / "ledger.aster.jsonl").read_text().splitlines()]
    fills = [row for row in ledger if row["row"] == "fill"]
    assert told["stream"] == key
    assert told["data"]["o"]["i"] == placed["orderId"]
    assert sum(float(fill["quantity"]) for fill in fills) == 0.01
    assert (folder / "ledger.jsonl").read_text() == ""
    told = client.get("/sim/ledger", params={"venue": "aster"}).json()
    assert told["fills"][0]["order_id"] == placed["orderId"]
    assert [order["order_id"] for order in told["orders"]] == [placed["orderId"]]


def test_a_connection_subscribes_by_messages_and_is_told_its_subscriptions(simulator):
    client, _ = simulator

    with stream(client, "/ws") as socket:
        socket.send(json.dumps({"method": "SUBSCRIBE", "params": ["红隼usdt@markPrice@1s"], "id": 1}))
        acknowledged = json.loads(socket.recv(timeout=5))
        marked = until(socket, lambda event: event.get("e") == "markPriceUpdate")
        socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 2}))
        listed = until(socket, lambda event: event.get("id") == 2)

    assert acknowledged == {"result": None, "id": 1}
    assert marked["s"] == "红隼USDT"
    assert listed["result"] == ["红隼usdt@markPrice@1s"]


def test_streams_of_both_exchanges_stand_side_by_side_and_one_breaks_alone(simulator):
    client, _ = simulator

    with stream(client, "/ws/btcusdt@bookTicker") as socket:
        until(socket, lambda event: event["e"] == "bookTicker")
        struck = client.post("/sim/faults", json={"kind": "drop_socket", "venue": "aster"}).json()["struck"]
        with pytest.raises(ConnectionClosedError):
            until(socket, lambda event: False)

    state = client.get("/sim/state").json()
    assert struck == 1
    assert state["aster"]["steps"] > 0


def test_the_state_file_names_accounts_without_their_secrets(simulator):
    _, folder = simulator

    text = (folder / "state.json").read_text()

    described = json.loads(text)["aster"]
    assert described["accounts"] == [
        {"user": DEMO_TRADER.user, "agent": DEMO_TRADER.agent, "api_key": DEMO_TRADER.api_key}
    ]
    assert described["stream_url"].startswith("ws://127.0.0.1:")
    assert DEMO_TRADER.api_secret not in text


def test_kite_stands_alone_where_aster_is_left_out():
    process = start("--no-aster")
    base = process.stdout.readline().split()[-1]

    with httpx.Client(base_url=base, trust_env=False, timeout=5) as client:
        answers = client.get("/fapi/v3/time").status_code, client.get("/sim/state").json()["aster"]

    stop(process)
    assert answers == (404, None)
