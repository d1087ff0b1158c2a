"""Kite's binary market data: one message per frame, packets of 8, 28, 32, 44 or 184 bytes, big-endian."""

import numpy as np
import numpy.typing as npt

from brokers.simulator.board import DEPTH, Board, Int64Array1D

HEARTBEAT = b"\x00"
MODES = ("ltp", "quote", "full")
_HEAD = [("length", ">u2"), ("token", ">u4"), ("last", ">i4")]
_QUOTE = [
    *_HEAD,
    ("last_quantity", ">u4"),
    ("average", ">u4"),
    ("volume", ">u4"),
    ("buy_quantity", ">u4"),
    ("sell_quantity", ">u4"),
    ("open", ">u4"),
    ("high", ">u4"),
    ("low", ">u4"),
    ("close", ">u4"),
]
_ENTRY = np.dtype([("quantity", ">u4"), ("price", ">u4"), ("orders", ">u2"), ("padding", ">u2")])
_INDEX = [*_HEAD, ("high", ">u4"), ("low", ">u4"), ("open", ">u4"), ("close", ">u4"), ("change", ">i4")]
LTP = np.dtype(_HEAD)
QUOTE = np.dtype(_QUOTE)
FULL = np.dtype(
    [
        *_QUOTE,
        ("last_trade_s", ">u4"),
        ("oi", ">u4"),
        ("oi_high", ">u4"),
        ("oi_low", ">u4"),
        ("exchange_s", ">u4"),
        ("depth", _ENTRY, (2 * DEPTH,)),
    ]
)
INDEX_QUOTE = np.dtype(_INDEX)
INDEX_FULL = np.dtype([*_INDEX, ("exchange_s", ">u4")])
_DTYPES = {
    ("ltp", False): LTP,
    ("ltp", True): LTP,
    ("quote", False): QUOTE,
    ("quote", True): INDEX_QUOTE,
    ("full", False): FULL,
    ("full", True): INDEX_FULL,
}


class Frames:
    """The board at one step, each packet layout built once however many sockets ask for it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._built: dict[tuple[str, bool], npt.NDArray[np.void]] = {}

    def message(self, rows: Int64Array1D, modes: npt.NDArray[np.int8]) -> bytes:
        """Return one websocket message with each row in its mode (an index into ``MODES``)."""
        parts = [len(rows).to_bytes(2, "big")]
        indices = self._board.is_index[rows]
        for place, mode in enumerate(MODES):
            for is_index in (False, True):
                chosen = rows[(modes == place) & (indices == is_index)]
                if len(chosen):
                    parts.append(self._records(mode, is_index=is_index)[chosen].tobytes())
        return b"".join(parts)

    def _records(self, mode: str, *, is_index: bool) -> npt.NDArray[np.void]:
        key = (mode, is_index)
        if key not in self._built:
            self._built[key] = _build(self._board, _DTYPES[key])
        return self._built[key]


def _build(board: Board, dtype: np.dtype[np.void]) -> npt.NDArray[np.void]:
    records = np.zeros(len(board.listings), dtype=dtype)
    values = {
        "length": dtype.itemsize - 2,
        "token": board.token,
        "change": board.last - board.close,
        "average": board.average_price(),
        "buy_quantity": board.depth_quantity[:, :DEPTH].sum(axis=1),
        "sell_quantity": board.depth_quantity[:, DEPTH:].sum(axis=1),
        "exchange_s": board.quoted_s,
    }
    for name in dtype.names or ():
        if name == "depth":
            records["depth"]["price"] = board.depth_price
            records["depth"]["quantity"] = board.depth_quantity
            records["depth"]["orders"] = board.depth_orders
        else:
            records[name] = values[name] if name in values else getattr(board, name)
    return records
