"""A PostgreSQL of its own for a measurement: a new cluster on this machine, gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Return where PostgreSQL's programs are, None on a machine without them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def running() -> Iterator[str]:
    """Start a cluster that listens on loopback alone, and yield its URL; durable as a real one is."""
    programs = binaries()
    if programs is None:
        raise FileNotFoundError("PostgreSQL is not installed here: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="windhover-pg.") as folder:
        data, port = Path(folder, "data"), _free_port()
        if os.geteuid() == 0:  # its programs refuse to run as root
            shutil.chown(folder, "postgres", "postgres")
        _run(folder, programs / "initdb", "--pgdata", data, "--username", "windhover", "--auth", "trust",
             "--locale", "C.UTF-8", "--encoding", "UTF8")  # fmt: skip
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        control = (programs / "pg_ctl", "--pgdata", data, "--silent", "--wait")
        _run(folder, *control, "--log", Path(folder, "log"), "--options", options, "start")
        try:
            yield f"postgresql://windhover@127.0.0.1:{port}/postgres"
        finally:
            _run(folder, *control, "--mode", "fast", "stop")


def _run(folder: str, *command: str | Path) -> None:
    as_postgres = ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")
    prefix = as_postgres if os.geteuid() == 0 else ()
    subprocess.run([*prefix, *map(str, command)], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
