"""A venue's stream for load tests: every subscribed instrument ticks once a second, in frames of a few hundred.

It is a process of its own on loopback, started as `python -m bench.load_venue PORT_FILE`. Each packet tells when it was
sent (its open interest: microseconds of the system's monotonic clock) and its number (its volume), so that whoever
decodes it knows how late it is and whether one is missing. SIGUSR1 ends the ticks and writes what was sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.market import START
from brokers.simulator.kite_packets import FULL, HEARTBEAT

FRAMES_A_SECOND = 10
WRAP_US = 1 << 32
SPREAD = 5


class Ticks:
    """The packets of one connection's instruments, changed in place and sent slice by slice."""

    def __init__(self) -> None:
        self.packets: npt.NDArray[np.void] = np.zeros(0, dtype=FULL)
        self._known: set[int] = set()
        self.sent = 0

    def subscribe(self, tokens: list[int]) -> None:
        """Take more instruments up."""
        fresh = [token for token in tokens if token not in self._known]
        self._known.update(fresh)
        more = np.zeros(len(fresh), dtype=FULL)
        more["length"] = FULL.itemsize - 2
        more["token"] = fresh
        more["last"] = 10_000 + np.array(fresh, dtype=np.int64) % 90_000 // SPREAD * SPREAD
        for name in ("open", "high", "low", "close", "average"):
            more[name] = more["last"]
        more["depth"]["quantity"] = 100
        more["depth"]["orders"] = 3
        known, self.packets = self.packets, np.zeros(len(self.packets) + len(more), dtype=FULL)
        # joining arrays would turn the wire's order of bytes into the machine's
        self.packets[: len(known)] = known
        self.packets[len(known) :] = more

    def frame(self, part: int, second: int) -> bytes:
        """Return the next tick of one part of the instruments."""
        places = slice(part, None, FRAMES_A_SECOND)
        packets = self.packets[places]
        if not len(packets):
            return HEARTBEAT
        packets["volume"] += 1
        packets["last"] += np.where(packets["volume"] % 2, SPREAD, -SPREAD).astype(packets["last"].dtype)
        packets["exchange_s"] = packets["last_trade_s"] = second
        offsets = SPREAD * np.array([-1, -2, -3, -4, -5, 1, 2, 3, 4, 5])
        packets["depth"]["price"] = packets["last"][:, None] + offsets
        packets["oi"] = time.monotonic_ns() // 1_000 % WRAP_US
        self.packets[places] = packets
        self.sent += len(packets)
        return len(packets).to_bytes(2, "big") + packets.tobytes()


class Venue:
    """All connections."""

    def __init__(self, port_file: Path) -> None:
        self._port_file = port_file
        self._ticks: list[Ticks] = []
        self._over = asyncio.Event()
        self._began = time.monotonic()

    async def run(self) -> None:
        """Serve until told to end, then write what was sent and wait to be ended."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._over.set)
        stopped = asyncio.Event()
        loop.add_reader(sys.stdin, stopped.set)  # whoever started this holds the other end, and may be killed
        loop.add_signal_handler(signal.SIGTERM, stopped.set)
        async with serve(self._talk, "127.0.0.1", 0, ping_interval=None, compression=None) as server:
            _write(self._port_file, {"port": server.sockets[0].getsockname()[1], "pid": os.getpid()})
            telling = asyncio.create_task(self._tell_sent())
            await stopped.wait()
            telling.cancel()

    async def _tell_sent(self) -> None:
        await self._over.wait()
        await asyncio.sleep(1.5 / FRAMES_A_SECOND)
        _write(self._port_file.with_suffix(".sent"), {"packets": sum(ticks.sent for ticks in self._ticks)})

    async def _talk(self, socket: ServerConnection) -> None:
        ticks = Ticks()
        self._ticks.append(ticks)
        sending = asyncio.create_task(self._send(socket, ticks))
        try:
            async for text in socket:
                said: dict[str, Any] = json.loads(text)
                if said["a"] == "subscribe":
                    ticks.subscribe(said["v"])
        finally:
            sending.cancel()

    async def _send(self, socket: ServerConnection, ticks: Ticks) -> None:
        number = 0
        due = time.monotonic()
        try:
            while True:
                due = max(due + 1 / FRAMES_A_SECOND, time.monotonic() - 1.0)
                await asyncio.sleep(max(due - time.monotonic(), 0.0))
                is_over = self._over.is_set()
                second = int(START.timestamp() + time.monotonic() - self._began)
                await socket.send(HEARTBEAT if is_over else ticks.frame(number % FRAMES_A_SECOND, second))
                number += 1
        except ConnectionClosed:
            return


def _write(file: Path, figures: dict[str, object]) -> None:
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(figures | {"at": datetime.now(tz=UTC).isoformat()}), encoding="utf-8")
    unfinished.replace(file)


if __name__ == "__main__":
    asyncio.run(Venue(Path(sys.argv[1])).run())
