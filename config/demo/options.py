"""The demo's command line, checked before anything is started."""

import argparse
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.demo.errors import SetupError
from config.demo.toolchain import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the person at the terminal asked of `./run demo`."""

    port: int
    state: Path
    replay: Path | None
    speed: float | None
    seconds: float | None
    follow: int = 0
    # a recording of perpetuals, from when in it, and by how many days its dates are moved
    aster_replay: Path | None = None
    aster_replay_from: str | None = None
    aster_shift: str | None = None


def parse(arguments: Sequence[str]) -> DemoOptions:
    """Read the command line; a value that cannot work raises SetupError with one sentence."""
    parser = argparse.ArgumentParser(prog="./run demo", description="Bring the whole desk up on the simulator.")
    parser.add_argument("--port", type=int, default=8000, help="the page's port (default 8000)")
    parser.add_argument("--state", type=Path, default=ROOT / "var" / "demo", help="folder of the demo's data")
    parser.add_argument("--replay", type=Path, help="a recorded Parquet file to replay")
    parser.add_argument("--aster-replay", type=Path, help="a recording of perpetuals to replay beside it")
    parser.add_argument("--aster-replay-from", help="ISO time in that recording from which to begin")
    parser.add_argument(
        "--aster-shift",
        help="days by which that recording's dates are moved; by default its first moment falls on the other market's",
    )
    parser.add_argument("--speed", type=float, help="market seconds per second")
    parser.add_argument("--seconds", type=float, help="stop this long after the desk was ready")
    parser.add_argument("--follow", type=int, default=0, help="instruments to listen to in full beside those in use")
    values = parser.parse_args(arguments)
    options = DemoOptions(
        port=values.port,
        state=values.state.expanduser().absolute(),
        replay=_absolute(values.replay),
        speed=values.speed,
        seconds=values.seconds,
        follow=values.follow,
        aster_replay=_absolute(values.aster_replay),
        aster_replay_from=values.aster_replay_from,
        aster_shift=values.aster_shift,
    )
    _check(options)
    return options


def _absolute(path: Path | None) -> Path | None:
    return path.expanduser().absolute() if path is not None else None


def _check(options: DemoOptions) -> None:
    if not 1 <= options.port <= 65535:
        raise SetupError(f"--port must be between 1 and 65535, not {options.port}.")
    if options.speed is not None and not 0 < options.speed <= 10_000:
        raise SetupError(f"--speed must be above 0 and at most 10000, not {options.speed:g}.")
    if options.seconds is not None and not options.seconds > 0:
        raise SetupError(f"--seconds must be above 0, not {options.seconds:g}.")
    if not 0 <= options.follow <= 9_000:
        raise SetupError(f"--follow must be between 0 and 9000, which three streams carry, not {options.follow}.")
    for path in (options.replay, options.aster_replay):
        if path is not None and not path.exists():
            raise SetupError(f"There is no replay file at {path}.")
    if options.aster_replay is None and (options.aster_replay_from or options.aster_shift):
        raise SetupError("--aster-replay-from and --aster-shift speak of a recording: name it by --aster-replay.")
    if not port_is_free(options.port):
        raise SetupError(f"Port {options.port} is in use by another program; choose another with --port.")


def port_is_free(port: int) -> bool:
    """Tell whether a server may listen on the port of the loopback address."""
    with socket.socket() as probe:
        # As servers do: a port that only waits for old connections to expire is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """Let the system choose a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
