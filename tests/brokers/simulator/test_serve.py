"""The real process: it starts fast, says where it listens, and stops when told to."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from tests.brokers.simulator.site import KEY, SECRET, an_order, checksum
from tests.brokers.simulator.test_packets import read

ROOT = Path(__file__).resolve().parents[3]


def start(*arguments):
    command = [sys.executable, "-m", "brokers.simulator.serve", "--port", "0", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def refuse(*arguments):
    command = [sys.executable, "-m", "brokers.simulator.serve", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)


@pytest.fixture
def simulator(tmp_path):
    process = start("--faults", "--speed", "60", "--state-file", str(tmp_path / "state.json"),
                    "--port-file", str(tmp_path / "port"), "--ledger", str(tmp_path / "ledger.jsonl"))  # fmt: skip
    line = process.stdout.readline()
    try:
        yield line.split()[-1], tmp_path, process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


def sign_in(base):
    client = httpx.Client(base_url=base, trust_env=False, timeout=5)
    answer = client.get("/connect/login", params={"v": "3", "api_key": KEY, "auto": "1"})
    token = httpx.URL(answer.headers["location"]).params["request_token"]
    form = {"api_key": KEY, "request_token": token, "checksum": checksum(KEY, token, SECRET)}
    access = client.post("/session/token", data=form).json()["data"]["access_token"]
    client.headers["Authorization"] = f"token {KEY}:{access}"
    return client, access


def test_signs_in_streams_trades_and_stops(simulator):
    base, folder, process = simulator
    client, access = sign_in(base)

    with connect(f"{base.replace('http', 'ws')}/?api_key={KEY}&access_token={access}", proxy=None) as stream:
        stream.send(json.dumps({"a": "mode", "v": ["full", [256265]]}))
        first = stream.recv(timeout=5)
        client.post("/orders/regular", data=an_order(tag="wire1"))
        frames = [stream.recv(timeout=5) for _ in range(4)]

    described = json.loads((folder / "state.json").read_text())
    ledger = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    assert len(read(first)[0][1]) == 32
    assert "COMPLETE" in {json.loads(frame)["data"]["status"] for frame in frames if isinstance(frame, str)}
    assert described["url"] == base
    assert (folder / "port").read_text().strip() == base.rpartition(":")[2]
    assert sum(row["quantity"] for row in ledger) == 10
    assert ledger == client.get("/sim/ledger").json()["fills"]
    client.close()
    process.terminate()
    assert process.wait(10) == 0


def test_lost_reply_leaves_the_order_in_the_book(simulator):
    base, _, _ = simulator
    client, _ = sign_in(base)
    client.post("/sim/faults", json={"kind": "lose_reply", "method": "POST", "path": "/orders"})

    with pytest.raises(httpx.TransportError):
        client.post("/orders/regular", data=an_order(tag="lost2"))

    assert [order["tag"] for order in client.get("/orders").json()["data"]] == ["lost2"]
    client.close()


def listen_on(stream):
    for _ in range(100):
        stream.recv(timeout=5)


def test_a_broken_stream_ends_without_a_farewell_and_another_can_be_opened(simulator):
    base, _, _ = simulator
    client, access = sign_in(base)
    address = f"{base.replace('http', 'ws')}/?api_key={KEY}&access_token={access}"

    with connect(address, proxy=None) as stream:
        stream.recv(timeout=5)
        struck = client.post("/sim/faults", json={"kind": "drop_socket"}).json()["struck"]
        with pytest.raises(ConnectionClosedError):
            listen_on(stream)
    with connect(address, proxy=None) as stream:
        heard = stream.recv(timeout=5)

    assert (struck, len(heard)) == (1, 1)
    client.close()


def test_bad_token_is_refused_at_the_handshake(simulator):
    base, _, _ = simulator

    with pytest.raises(Exception, match="403"), connect(f"{base.replace('http', 'ws')}/?api_key=a&access_token=b"):
        pass


def test_listens_within_seconds():
    started = time.monotonic()
    process = start()

    line = process.stdout.readline()
    elapsed = time.monotonic() - started

    process.terminate()
    process.communicate(timeout=10)
    assert line.startswith("simulator ready http://127.0.0.1:")
    assert elapsed < 5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--speed", "0"], "speed"),
        (["--port", "70000"], "port"),
        (["--instruments", "20001"], "between 0 and 20000"),
        (["--frames", "0"], "between 0.01 and 100"),
        (["--lively", "1.5"], "lively share"),
        (["--account", "AB1234"], "user_id:api_key"),
        (["--accounts", "/nonexistent.json"], "accounts file"),
        (["--start", "2026-11-24"], "not a trading day"),
        (["--start", "tomorrow"], "not an ISO date"),
        (["--replay", "/nonexistent.parquet"], "does not exist"),
        (["--replay-from", "2026-11-20"], "needs --replay"),
        (["--ledger", "/nonexistent/ledger"], "cannot be written"),
    ],
)
def test_impossible_options_are_one_sentence_and_code_two(arguments, words):
    refused = refuse("--port", "0", *arguments)

    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert words in refused.stderr


def test_taken_port_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        refused = refuse("--port", str(taken.getsockname()[1]))

    assert refused.returncode == 2
    assert "cannot be opened" in refused.stderr


def test_made_market_needs_no_heavy_library():
    code = (
        "import sys, brokers.simulator.serve; "
        "print([m for m in ('pandas', 'numba', 'scipy', 'duckdb', 'django') if m in sys.modules])"
    )

    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"
