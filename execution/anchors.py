"""The journal's tips, kept outside the database so that a cut tail shows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from execution.chain import Tip

INTERVAL_S = 2.0


class Anchors:
    """An append-only file of tips, one JSON line each, synced on an interval."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._dirty: dict[str, Tip] = {}
        self._written_at = 0.0

    def note(self, account_id: str, tip: Tip) -> None:
        """Remember a committed tip for the next writing."""
        self._dirty[account_id] = tip

    def write_if_due(self) -> None:
        """Write the remembered tips when the interval has passed since the last writing."""
        if self._dirty and time.monotonic() - self._written_at >= INTERVAL_S:
            self.write()

    def write(self) -> None:
        """Append the remembered tips and wait until the disk has them."""
        if not self._dirty:
            return
        self._written_at = time.monotonic()  # a disk that refuses is asked again at the next interval
        lines = b"".join(
            orjson.dumps({"account": account, "seq": tip.seq, "hash": tip.hash}) + b"\n"
            for account, tip in self._dirty.items()
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, lines)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._dirty.clear()


def anchored_tips(path: Path, account_id: str) -> Mapping[int, str]:
    """Return every anchored sequence of an account with its hash; an absent file has none."""
    if not path.exists():
        return {}
    return {int(line["seq"]): str(line["hash"]) for line in _lines(path.read_bytes()) if line["account"] == account_id}


def _lines(content: bytes) -> Iterator[dict[str, Any]]:
    whole, _, _ = content.rpartition(b"\n")  # a last line without its end was cut by a crash
    for line in whole.splitlines():
        yield orjson.loads(line)
