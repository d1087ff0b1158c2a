"""The venue's own Python client works with the simulated exchange, and reads its stream as our decoder does.

That our decoder also equals the official parser on the venue's published samples is shown in
tests/brokers/adapters/test_kite_decode.py.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from brokers.adapters.kite import payloads
from brokers.adapters.kite.decode import decode_frame
from brokers.domain.orders import OrderStatus
from config.demo import toolchain
from tests.brokers.adapters.test_kite_decode import assert_packet

pytestmark = pytest.mark.slow

TRADER = Path(__file__).with_name("trader.py")
UP_WITHIN_S = 60
DONE_WITHIN_S = 120


@pytest.fixture(scope="module")
def official_python():
    """Give the interpreter of the benchmark's peers; the client clashes with what the desk itself needs."""
    if os.environ.get("WINDHOVER_REQUIRE_PEERS") == "1":
        return toolchain.peers_ready("ticks")
    python = toolchain.ROOT / ".venv-peers" / "ticks" / "bin" / "python"
    if not python.exists():
        pytest.skip("the official client is not installed: `./run bench ticks` or WINDHOVER_REQUIRE_PEERS=1 does it")
    return python


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    """A simulated exchange in a process of its own, five times as fast as the clock."""
    port_file = tmp_path_factory.mktemp("exchange") / "port"
    command = [sys.executable, "-P", "-m", "brokers.simulator.serve", "--port", "0", "--port-file", str(port_file)]
    environment = {**os.environ, "PYTHONPATH": str(toolchain.ROOT)}
    with subprocess.Popen(
        [*command, "--speed", "5", "--refresh-tokens"], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + UP_WITHIN_S
        while not port_file.exists():
            assert process.poll() is None, "the simulator ended"
            assert time.monotonic() < deadline, "the simulator did not come up"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port_file.read_text().strip()}"
        process.terminate()


@pytest.fixture(scope="module")
def told(official_python, exchange):
    """What the official client was told from its login to its logout."""
    # It writes exchange times as naive local ones.
    environment = {"PATH": os.environ["PATH"], "TZ": "UTC"}
    command = [str(official_python), "-P", str(TRADER), exchange]
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=DONE_WITHIN_S, check=False, cwd=TRADER.parent
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_every_public_method_it_has_was_used(told):
    assert told["called"] == told["public"]
    assert len(told["public"]) >= 45


def test_it_signs_in_and_reads_who_it_is(told):
    assert told["session"]["access_token"]
    assert told["profile"]["user_id"] == told["session"]["user_id"]


def test_it_places_modifies_and_cancels(told):
    history = [row["status"] for row in told["history"]]

    assert told["modified"]["price"] == told["wanted"]
    assert "OPEN" in history
    assert history[-1] == "CANCELLED"
    assert next(row for row in told["orders"] if row["order_id"] == told["resting"])["tag"] == "OFFICIAL1"


def test_it_reads_what_a_fill_left_in_every_book(told):
    assert next(row for row in told["orders"] if row["order_id"] == told["filled"])["status"] == "COMPLETE"
    assert [row["order_id"] for row in told["trades"]] == [told["filled"]]
    assert told["order_trades"] == told["trades"]
    # the market moves between the two answers, and with it what is open
    alone, among_all = told["margins_of_equity"], told["margins"]["equity"]
    assert alone["utilised"].keys() == among_all["utilised"].keys()
    assert alone["available"]["cash"] == among_all["available"]["cash"]
    assert [(row["tradingsymbol"], row["quantity"]) for row in told["positions"]["net"]] == [("RELIANCE", 1)]
    assert 0 < told["margins"]["equity"]["net"] < told["margins"]["equity"]["available"]["cash"]
    assert told["holdings"]


def test_it_reads_quotes_instruments_and_candles(told):
    assert told["everything"] > told["listed"] >= len(told["tokens"])
    assert {name: row["instrument_token"] for name, row in told["quote"].items()} == told["tokens"]
    for name, row in told["ohlc"].items():
        assert row["ohlc"]["low"] <= row["last_price"] <= row["ohlc"]["high"], name
    dates = [candle["date"] for candle in told["candles"]]
    assert dates == sorted(set(dates))
    assert all(candle["low"] <= min(candle["open"], candle["close"]) for candle in told["candles"])


def test_it_moves_a_position_into_delivery(told):
    assert told["converted"]["done"] is True
    quantities = {row["product"]: row["quantity"] for row in told["converted"]["positions"]}
    assert quantities == {"MIS": 0, "CNC": 1}


def test_it_leaves_a_cover_order_by_its_stop(told):
    assert told["cover"] == {"waiting": "TRIGGER PENDING", "left": "COMPLETE"}


def test_it_slices_an_order_and_hears_of_each_slice(told):
    sliced = told["sliced"]

    assert sliced["order_id"]
    assert [sorted(child) for child in sliced["children"]] == [["error"], ["order_id"]]
    assert sliced["children"][0]["error"]["error_type"] == "MarginException"


def test_its_triggers_are_placed_changed_and_deleted(told):
    triggers = told["triggers"]

    assert triggers["modified"]["condition"]["trigger_values"] == [round(told["last"] * 0.8, 1)]
    assert [row["id"] for row in triggers["listed"]] == [triggers["modified"]["id"]]
    assert (triggers["modified"]["status"], triggers["deleted"]["status"]) == ("active", "deleted")


def test_its_calculators_agree_with_each_other(told):
    calculated = told["calculated"]

    (row,), (note,) = calculated["orders"], calculated["note"]
    assert row["total"] == pytest.approx(10 * calculated["last"])
    assert calculated["basket"]["final"]["total"] == pytest.approx(2 * row["total"])
    assert note["charges"] == row["charges"]


def test_it_reads_funds_and_is_refused_their_trading(told):
    funds = told["funds"]

    assert funds["order"]["order_id"] == funds["orders"][0]["order_id"]
    assert funds["sip"]["sip_id"] == funds["sips"][0]["sip_id"]
    assert funds["holdings"][0]["tradingsymbol"] in {row["tradingsymbol"] for row in funds["instruments"]}
    assert [refused[:2] for refused in funds["refused"]] == [["GeneralException", 410]] * 5


def test_it_reads_auctions_and_the_range_of_a_stop(told):
    held = {row["tradingsymbol"] for row in told["holdings"]}

    assert {row["tradingsymbol"] for row in told["auctions"]} == held
    assert all(row["lower"] < row["upper"] for row in told["range"].values())


def test_it_renews_its_session_and_hears_of_its_end(told):
    left = told["left"]

    assert left["still"] == told["session"]["user_id"]
    assert left["refused"][:2] == ["TokenException", 403]
    assert left["ended"] == [True]


def test_its_ticks_are_those_of_our_decoder(told):
    stream = told["stream"]

    assert len(stream["frames"]) >= 5
    for frame, ticks in zip(stream["frames"], stream["ticks"], strict=True):
        columns = decode_frame(bytes.fromhex(frame), 7, with_depth=True)
        assert len(columns) == len(ticks)
        for at, tick in enumerate(ticks):
            assert_packet(columns, at, tick)
    assert any("depth" in tick for ticks in stream["ticks"] for tick in ticks), "no full packet was compared"


def test_it_is_told_of_its_own_order_on_the_stream(told):
    updates = [payloads.order(row) for row in told["stream"]["orders"]]

    sent = [update for update in updates if update.venue_order_id == told["stream"]["sent"]]
    assert (sent[-1].status, sent[-1].filled_quantity) == (OrderStatus.FILLED, 1)
