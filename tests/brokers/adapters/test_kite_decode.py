import math
import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.kite.decode import FrameCounters, decode_frame, decode_words
from brokers.adapters.kite.figures import Figure, decode_figures
from tests.brokers.adapters.samples import sample, sample_json

LENGTHS = (8, 28, 32, 44, 184)
GOLDEN = (
    "expected_quote.json",
    "expected_full.json",
    "expected_js_ltpMode_binary.json",
    "expected_js_quoteMode_binary.json",
    "expected_js_fullMode_binary.json",
)


def frame_of(*bodies):
    return struct.pack(">H", len(bodies)) + b"".join(struct.pack(">H", len(body)) + body for body in bodies)


def bodies_of(data):
    found, at = [], 2
    for _ in range(int.from_bytes(data[:2], "big")):
        length = int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return found


def golden_cases():
    return [sample_json(name) for name in GOLDEN] + sample_json("expected_synthetic.json")["cases"]


def same(value, expected):
    return math.isnan(value) if expected is None else value == expected


def assert_packet(columns, at, tick):
    ohlc, depth = tick.get("ohlc", {}), tick.get("depth")
    assert columns.token[at] == tick["instrument_token"]
    assert columns.last_price[at] == tick["last_price"]
    assert same(columns.volume[at], tick.get("volume_traded"))
    assert same(columns.open_interest[at], tick.get("oi"))
    for column, name in (
        (columns.day_open, "open"),
        (columns.day_high, "high"),
        (columns.day_low, "low"),
        (columns.previous_close, "close"),
    ):
        assert same(column[at], ohlc.get(name))
    assert columns.exchange_ns[at] == seconds_of(tick) * 1_000_000_000
    if depth is not None:
        levels = [*depth["buy"], *depth["sell"]]
        expected = [[level["quantity"], level["price"], level["orders"]] for level in levels]
        assert columns.depth[at].tolist() == expected
        assert same(columns.bid[at], levels[0]["price"] or None)
        assert same(columns.ask[at], levels[5]["price"] or None)


def seconds_of(tick):
    at = tick.get("exchange_timestamp")
    if isinstance(at, str):
        return int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp())
    return at or 0


@pytest.mark.reference
def test_agrees_with_the_official_parser_on_every_sample_message():
    for case in golden_cases():
        columns = decode_frame(bytes.fromhex(case["message_hex"]), 7, with_depth=True)

        assert (0 if columns is None else len(columns)) == len(case["ticks"]), case.get("name")
        for at, tick in enumerate(case["ticks"]):
            assert_packet(columns, at, tick)


@pytest.mark.reference
@pytest.mark.parametrize("copies", [8, 60])
def test_large_frames_agree_with_the_official_parser_too(copies):
    for case in golden_cases():
        bodies = bodies_of(bytes.fromhex(case["message_hex"])) if len(case["message_hex"]) > 2 else []
        columns = decode_frame(frame_of(*bodies * copies), 7, with_depth=True) if bodies else None
        for at, tick in enumerate(case["ticks"] * copies if bodies else []):
            assert_packet(columns, at, tick)


@pytest.mark.reference
def test_raw_packet_files_are_whole_messages():
    columns = decode_frame(sample("js_fullMode_binary.packet"), 7, with_depth=True)

    assert columns.token.tolist() == [
        tick["instrument_token"] for tick in sample_json("expected_js_fullMode_binary.json")["ticks"]
    ]


def test_index_packets_say_high_low_open_close():
    body = struct.pack(">IIIIII", 256265, 2_456_000, 4, 1, 2, 3) + struct.pack(">iI", -77, 1_700_000_000)

    for copies in (1, 20):
        columns = decode_frame(frame_of(*[body] * copies), 7, with_depth=True)
        row = (columns.day_high, columns.day_low, columns.day_open, columns.previous_close)
        assert [column[copies - 1] for column in row] == [0.04, 0.01, 0.02, 0.03]
        assert columns.exchange_ns[0] == 1_700_000_000_000_000_000
        assert columns.depth is None


@pytest.mark.parametrize(("segment", "divisor"), [(1, 100), (3, 10_000_000), (6, 10_000), (12, 10_000), (9, 100)])
@pytest.mark.parametrize("copies", [1, 30])
def test_the_segment_names_the_divisor(segment, divisor, copies):
    body = struct.pack(">II", (77 << 8) | segment, 862_525)

    columns = decode_frame(frame_of(*[body] * copies), 7, with_depth=False)

    assert columns.last_price.tolist() == [862_525 / divisor] * copies


def test_padding_after_the_orders_of_a_level_is_ignored():
    body = bytearray(184)
    body[0:8] = struct.pack(">II", 408065, 100)
    body[64:76] = struct.pack(">IIHH", 5, 100, 3, 0xFFFF)

    for copies in (1, 30):
        columns = decode_frame(frame_of(*[bytes(body)] * copies), 7, with_depth=True)
        assert columns.depth[0, 0].tolist() == [5.0, 1.0, 3.0]
        assert math.isnan(columns.ask[0])


def test_words_keep_the_raw_integers():
    body = struct.pack(">46I", 408065, *range(1, 46))

    words = decode_words(frame_of(*[body] * 3))

    assert words.values.dtype == np.uint32
    assert words.values[2].tolist() == [408065, *range(1, 46)]


def test_a_frame_that_claims_more_than_it_has_is_dropped_whole():
    counters = FrameCounters()
    for copies in (3, 30):
        cut = frame_of(*[bytes(44)] * copies)[:-1]
        assert decode_frame(cut, 7, with_depth=True, counters=counters) is None

    assert (counters.malformed_frames, counters.packets) == (2, 0)


def test_packets_of_unknown_length_are_dropped_alone():
    counters = FrameCounters()
    for copies in (1, 20):
        data = frame_of(*[bytes(8), bytes(9), bytes(0), bytes(184)] * copies)
        assert len(decode_frame(data, 7, with_depth=True, counters=counters)) == 2 * copies

    assert counters.dropped_packets == 42


def test_a_single_byte_is_a_heartbeat():
    counters = FrameCounters()

    assert decode_frame(b"\x00", 7, with_depth=True, counters=counters) is None
    assert counters.heartbeats == 1


@given(st.binary(max_size=2000))
def test_no_bytes_make_it_raise(data):
    counters = FrameCounters()

    columns = decode_frame(data, 7, with_depth=True, counters=counters)

    assert counters.frames == 1
    assert (columns is None) == (counters.packets == 0)


@given(st.lists(st.sampled_from([*LENGTHS, 5, 0]).flatmap(lambda n: st.binary(min_size=n, max_size=n)), max_size=30))
def test_the_quick_ways_agree_with_one_packet_at_a_time(bodies):
    known = [body for body in bodies if len(body) in LENGTHS]
    counters = FrameCounters()

    together = decode_frame(frame_of(*bodies), 7, with_depth=True, counters=counters)

    assert counters.packets == len(known)
    assert counters.dropped_packets == len(bodies) - len(known)
    for at, body in enumerate(known):
        alone = decode_frame(frame_of(body), 7, with_depth=True)
        for name in (
            "token",
            "last_price",
            "volume",
            "open_interest",
            "bid",
            "ask",
            "day_open",
            "day_high",
            "day_low",
            "previous_close",
            "exchange_ns",
        ):
            np.testing.assert_array_equal(getattr(together, name)[at], getattr(alone, name)[0], err_msg=name)
        if alone.depth is not None:
            np.testing.assert_array_equal(together.depth[at], alone.depth[0])


@given(st.lists(st.sampled_from(LENGTHS).flatmap(lambda n: st.binary(min_size=n, max_size=n)), min_size=1, max_size=12))
def test_seven_figures_are_those_of_the_columns(bodies):
    data, counters = frame_of(*bodies), FrameCounters()
    columns = decode_frame(data, 7, with_depth=False)

    figures = decode_figures(data, counters=counters)

    assert figures.shape == (len(bodies), len(Figure))
    assert counters.packets == len(bodies)
    for figure, column in (
        (Figure.TOKEN, columns.token),
        (Figure.LAST_PRICE, columns.last_price),
        (Figure.BID, columns.bid),
        (Figure.ASK, columns.ask),
        (Figure.VOLUME, columns.volume),
        (Figure.OPEN_INTEREST, columns.open_interest),
        (Figure.EXCHANGE_SECOND, columns.exchange_ns // 1_000_000_000),
    ):
        assert figures[:, figure].tolist() == np.nan_to_num(column).tolist()


@pytest.mark.parametrize("copies", [1, 2, 40])
@pytest.mark.parametrize("segment", [1, 3, 6])
def test_seven_figures_of_full_packets_are_those_of_the_columns(copies, segment):
    body = struct.pack(">46I", (77 << 8) | segment, *range(1_000, 1_045))
    data = frame_of(*[body] * copies)
    columns = decode_frame(data, 7, with_depth=False)

    figures = decode_figures(data)

    assert (
        figures.tolist()
        == [[(77 << 8) | segment, columns.last_price[0], columns.bid[0], columns.ask[0], 1_003, 1_011, 1_014]] * copies
    )


@given(st.binary(max_size=600))
def test_no_bytes_make_the_figures_raise(data):
    counters, others = FrameCounters(), FrameCounters()
    decode_frame(data, 7, with_depth=False, counters=others)

    figures = decode_figures(data, counters=counters)

    assert counters == others
    assert (figures is None) == (counters.packets == 0)
