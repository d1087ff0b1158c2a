"""The binary wire: exact lengths, big-endian fields, one message per frame."""

import struct

import numpy as np
import pytest

from brokers.simulator.kite_packets import MODES, Frames
from tests.brokers.simulator.builders import FUTURE, INDEX, STOCK, a_board, trades


def packets(board, rows, mode):
    """The packets of one message, each as (token, body)."""
    modes = np.full(len(rows), MODES.index(mode), dtype=np.int8)
    return read(Frames(board).message(np.array(rows), modes))


def read(message):
    (count,) = struct.unpack(">H", message[:2])
    found, at = [], 2
    for _ in range(count):
        (length,) = struct.unpack(">H", message[at : at + 2])
        body = message[at + 2 : at + 2 + length]
        found.append((struct.unpack(">I", body[:4])[0], body))
        at += 2 + length
    assert at == len(message)
    return found


@pytest.mark.parametrize(
    ("row", "mode", "length"),
    [
        (STOCK, "ltp", 8),
        (STOCK, "quote", 44),
        (STOCK, "full", 184),
        (INDEX, "ltp", 8),
        (INDEX, "quote", 28),
        (INDEX, "full", 32),
    ],
)
def test_each_mode_has_its_exact_length(row, mode, length):
    board = a_board()

    ((token, body),) = packets(board, [row], mode)

    assert len(body) == length
    assert token == board.listings[row].token


def test_mixed_modes_travel_in_one_message():
    board = a_board()
    rows, modes = np.array([STOCK, FUTURE, INDEX]), np.array([0, 2, 1], dtype=np.int8)

    found = dict(read(Frames(board).message(rows, modes)))

    assert {token: len(body) for token, body in found.items()} == {
        board.listings[STOCK].token: 8,
        board.listings[FUTURE].token: 184,
        board.listings[INDEX].token: 28,
    }


def test_full_packet_says_what_the_board_says():
    board = a_board()
    for price, quantity in ((2_480_002, 65), (2_480_010, 65), (2_479_990, 65)):
        trades(board, FUTURE, price, quantity)
    board.set_open_interest(np.array([FUTURE]), np.array([1_300_000]))

    ((_, body),) = packets(board, [FUTURE], "full")

    words = struct.unpack(">15I", body[4:64])
    average = (2_480_002 + 2_480_010 + 2_479_990) // 3
    assert words[:5] == (2_479_990, 65, average, 195, 5 * 5 * 65)
    assert words[6:10] == (2_480_002, 2_480_010, 2_479_990, 2_480_000)
    assert words[10:14] == (1, 1_300_000, 1_300_000, 1_300_000)
    depth = list(struct.iter_unpack(">IIHH", body[64:]))
    assert len(depth) == 10
    assert (depth[0][:2], depth[5][:2]) == ((325, 2_479_990), (325, 2_480_010))
    assert depth[1][1] < depth[0][1] < depth[5][1] < depth[6][1]
    assert {entry[3] for entry in depth} == {0}


def test_index_packet_orders_high_low_open_close_and_a_signed_change():
    board = a_board()
    for price in (2_470_000, 2_490_000, 2_460_000, 2_465_000):
        trades(board, INDEX, price, 0)

    ((_, body),) = packets(board, [INDEX], "full")

    assert struct.unpack(">5Ii", body[4:28]) == (2_465_000, 2_490_000, 2_460_000, 2_470_000, 2_475_000, -10_000)
    assert struct.unpack(">I", body[28:]) == (1,)


def test_untraded_instrument_has_no_times():
    ((_, body),) = packets(a_board(), [STOCK], "full")

    assert body[44:48] == body[60:64] == bytes(4)
