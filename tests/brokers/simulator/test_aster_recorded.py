"""Recorded perpetuals: read strictly, replayed completely and in order, on a declared date shift."""

import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from brokers.simulator.aster.contracts import CONTRACTS
from brokers.simulator.aster.recorded import RecordedBars
from brokers.simulator.aster.recordings import Frames, RecordingUnreadable, read_bars
from brokers.simulator.options import OptionInvalid
from tests.brokers.simulator.aster_site import Caller, an_aster, frames, listen, run
from tests.brokers.simulator.recordings import CHAIN, recording
from tests.reference import reference_file

SECOND = 10**9
BARS = """
SELECT * FROM (VALUES
  ('BTCUSDT', TIMESTAMPTZ '2025-09-13 08:00:00+00', 60000.0, 60100.0, 59950.0, 60050.5, 4.0),
  ('BTCUSDT', TIMESTAMPTZ '2025-09-13 08:01:00+00', 60050.5, 60060.0, 59900.0, 59920.0, 4.4),
  ('BTCUSDT', TIMESTAMPTZ '2025-09-13 08:02:00+00', 59920.0, 59990.0, 59910.0, 59980.0, 8.0),
  ('NEWUSDT', TIMESTAMPTZ '2025-09-13 08:02:00+00', 1.2345, 1.2350, 1.2340, 1.2345, 100.0)
) AS bars(symbol, ts, open, high, low, close, volume)
"""
FRAMES = (
    {"e": "bookTicker", "u": 1, "s": "BTCUSDT", "b": "60000.0", "B": "1.0", "a": "60000.2", "A": "2.0", "E": 1000},
    {"e": "depthUpdate", "E": 1100, "s": "BTCUSDT", "b": [["59999.9", "3.0"], ["60000.4", "9.0"]], "a": [["60000.3", "4.0"]]},
    {"e": "trade", "E": 1150, "s": "BTCUSDT", "p": "60000.2", "q": "0.5", "m": False},
    {"e": "trade", "E": 1160, "s": "BTCUSDT", "p": "60000.0", "q": "0.4", "m": True},
    {"e": "bookTicker", "u": 2, "s": "BTCUSDT", "b": "60000.1", "B": "1.5", "a": "60000.3", "A": "4.0", "E": 1300},
    {"e": "depthUpdate", "E": 1400, "s": "BTCUSDT", "b": [["59999.9", "0.000"]], "a": []},
)  # fmt: skip


def frames_file(tmp_path, frames=FRAMES, name="frames.jsonl.gz"):
    path = tmp_path / name
    lines = [f"{at} {json.dumps({'stream': 'btcusdt@x', 'data': frame})}\n" for at, frame in enumerate(frames)]
    path.write_bytes(gzip.compress("".join(['0 {"result":null,"id":1}\n', *lines]).encode()))
    return path


def at_ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def a_bar_market(path, *, start, step_s=20):
    bars = read_bars(path, CONTRACTS)
    return RecordedBars(bars, start_ns=at_ms(start) * 10**6, step_ns=step_s * SECOND, rng=np.random.default_rng(1))


def test_bars_become_four_ticks_each_in_the_order_of_time(tmp_path):
    market = a_bar_market(recording(tmp_path, BARS), start="2025-09-13T08:01:00")

    told = []
    while not market.finished:
        told += [trade[:3] for trade in market.advance().trades]

    assert [one for one in told if one[0] == 0] == [
        (0, 600_505, 1_100), (0, 600_600, 1_100), (0, 599_000, 1_100), (0, 599_200, 1_100),
        (0, 599_200, 2_000), (0, 599_100, 2_000), (0, 599_900, 2_000), (0, 599_800, 2_000),
    ]  # fmt: skip
    assert len([one for one in told if one[0] == 1]) == 4


def test_after_the_last_tick_the_clock_goes_on_and_nothing_trades(tmp_path):
    site, aster, clock = an_aster(
        "--aster-replay", str(recording(tmp_path, BARS)), "--aster-replay-from", "2025-09-13T08:02:00", "--speed", "60"
    )
    aster.held = False
    run(site, clock, 5)
    told, marked = listen(aster, "btcusdt@aggTrade", "btcusdt@bookTicker"), listen(aster, "btcusdt@markPrice@1s")
    run(site, clock, 1)
    frames(told)

    run(site, clock, 3)

    assert aster.state()["finished"]
    assert (frames(told), len(frames(marked))) == ([], 4)


def test_an_unknown_symbol_is_counted_as_finely_as_it_was_recorded(tmp_path):
    contract = read_bars(recording(tmp_path, BARS), CONTRACTS).contracts[1]

    assert (contract.symbol, contract.base, contract.price_decimals, contract.quantity_decimals) == (
        "NEWUSDT",
        "NEW",
        4,
        0,
    )


def test_the_book_around_a_recorded_price_is_never_crossed(tmp_path):
    market = a_bar_market(recording(tmp_path, BARS), start="2025-09-13T08:01:00", step_s=5)

    while not market.finished:
        market.advance()
        depth = market.board.depth_price
        assert (depth[:, 0] < depth[:, 20]).all()
        assert (depth[:, 0] < market.board.last).all()


async def test_what_lies_before_the_start_is_served_as_recorded_candles(tmp_path):
    site, aster, clock = an_aster(
        "--aster-replay", str(recording(tmp_path, BARS)), "--aster-replay-from", "2025-09-13T08:02:00", "--speed", "60"
    )
    aster.held = False
    run(site, clock, 6)

    rows = (await Caller(site).open("klines", symbol="BTCUSDT", interval="1m")).json()

    assert [row[:6] for row in rows] == [
        [at_ms("2025-09-13T08:00:00"), "60000.0", "60100.0", "59950.0", "60050.5", "4.000"],
        [at_ms("2025-09-13T08:01:00"), "60050.5", "60060.0", "59900.0", "59920.0", "4.400"],
        [at_ms("2025-09-13T08:02:00"), "59920.0", "59990.0", "59910.0", "59980.0", "8.000"],
        [at_ms("2025-09-13T08:03:00"), "59980.0", "59980.0", "59980.0", "59980.0", "0.000"],
    ]


async def test_orders_trade_on_recorded_prices_and_funding_is_interest(tmp_path):
    site, aster, clock = an_aster("--aster-replay", str(recording(tmp_path, BARS)), "--aster-shift", "1")
    aster.held = False
    run(site, clock, 2)
    caller = Caller(site)

    bought = await caller.market(quantity="0.010")
    index = (await caller.open("premiumIndex", symbol="BTCUSDT")).json()

    assert bought["status"] == "FILLED"
    assert 60_000.1 <= float(bought["avgPrice"]) <= 60_001
    assert index["lastFundingRate"] == "0.00010000"


def test_a_shift_of_days_moves_every_time_and_is_declared(tmp_path):
    site, aster, _ = an_aster("--aster-replay", str(recording(tmp_path, BARS)), "--aster-shift", "2.5")

    assert aster.state()["market_time"] == "2025-09-15T20:00:00+00:00"
    assert (site.state()["aster"]["shift_s"], aster.shift_s) == (2.5 * 86_400, 2.5 * 86_400)


def test_a_shift_to_kites_start_keeps_whole_candles(tmp_path):
    site, aster, _ = an_aster("--aster-replay", str(recording(tmp_path, BARS)), "--aster-shift", "kite")

    behind_ns = site.moment().market_ns - aster.moment().market_ns
    assert 0 <= behind_ns < 60 * SECOND
    assert aster.shift_s % 60 == 0


def test_frames_bring_their_own_trades_and_their_own_book(tmp_path):
    _, aster, _ = an_aster("--aster-replay", str(frames_file(tmp_path)), "--frames", "10")
    market, board = aster.venue.market, aster.venue.market.board

    ticks = []
    while not market.finished:
        ticks.append(aster.venue.advance(0))

    trades = [trade for tick in ticks for trade in tick.trades]
    assert [trade[:4] for trade in trades] == [(0, 600_002, 500, True), (0, 600_000, 400, False)]
    assert [trade[4] // 10**6 for trade in trades] == [1_150, 1_160]
    assert [(int(p), int(q)) for p, q in zip(board.depth_price[0, :2], board.depth_quantity[0, :2], strict=True)] == [
        (600_001, 1_500), (600_000, 1_000),
    ]  # fmt: skip
    # what the difference claimed above the best ask is gone with the next best prices
    assert (int(board.depth_price[0, 20]), int(board.depth_quantity[0, 20])) == (600_003, 4_000)


def test_unreadable_recordings_are_named_in_one_sentence(tmp_path):
    text = tmp_path / "notes.jsonl.gz"
    text.write_text("not a recording")
    stranger = frames_file(tmp_path, [{**FRAMES[0], "s": "OTHERUSDT"}], "other.jsonl.gz")
    priceless = frames_file(tmp_path, FRAMES[2:3], "trades.jsonl.gz")
    for path, words in (
        (tmp_path / "absent.jsonl.gz", "does not exist"),
        (text, "no websocket recording"),
        (stranger, "not one of the known"),
        (priceless, "never tells a best price"),
        (frames_file(tmp_path, [], "empty.jsonl.gz"), "no frames"),
    ):
        with pytest.raises(RecordingUnreadable, match=words) as refused:
            Frames(path, CONTRACTS)
        assert "\n" not in str(refused.value)
    with pytest.raises(RecordingUnreadable, match="not those of klines"):
        read_bars(recording(tmp_path, CHAIN, "chain.parquet"), CONTRACTS)
    with pytest.raises(RecordingUnreadable, match="contradict themselves"):
        read_bars(recording(tmp_path, BARS.replace("60100.0", "100.0"), "bad.parquet"), CONTRACTS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--aster-replay", "/nonexistent.parquet"], "does not exist"),
        (["--aster-replay-from", "2030-01-01"], "after the recording's end"),
        (["--aster-replay-from", "soon"], "not an ISO date"),
        (["--aster-shift", "sideways"], "neither a number of days nor kite"),
        (["--aster-account", "user=me"], "forty hexadecimal"),
        (["--aster-start", "soon"], "not an ISO date"),
    ],
)
def test_impossible_options_are_refused_before_anything_runs(tmp_path, arguments, words):
    path = str(recording(tmp_path, BARS))
    beside = [] if "--aster-replay" in arguments else ["--aster-replay", path]

    with pytest.raises(OptionInvalid, match=words):
        an_aster(*beside, *arguments)


@pytest.mark.reference
def test_every_recorded_trade_is_told_once_and_no_book_is_crossed():
    path = reference_file("ticks/binance_usdm_ws_btcusdt_2024-08-08T2354.jsonl.gz")
    _, aster, _ = an_aster("--aster-replay", str(path), "--aster-shift", "kite", "--speed", "20")
    board, told, crossed = aster.venue.market.board, 0, 0

    while not aster.venue.market.finished:
        told += len(aster.venue.advance(0).trades)
        crossed += int(board.depth_price[0, 0] >= board.depth_price[0, 20])

    with gzip.open(path) as file:
        lines = sum(b'"e":"trade"' in line for line in file)
    assert (told, crossed) == (lines, 0)
