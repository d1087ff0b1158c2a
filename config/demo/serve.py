"""`./run serve PROCESS`: one process of the desk in the foreground, the same code as under the demo."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from config.demo import processes
from config.demo.errors import SetupError
from config.demo.local import local_environment, require_redis
from config.demo.options import port_is_free
from config.demo.processes import Process

NAMES = ("web", "worker", "desk", "beat", "guardian", "simulator")
# whichever of them is started first
MAKES_FIRST_OWNER = ("web", "desk")


def main(arguments: Sequence[str]) -> int:
    """Run the named process until it ends."""
    parser = argparse.ArgumentParser(prog="./run serve")
    parser.add_argument("process", choices=NAMES)
    parser.add_argument("--port", type=int, help="web (default 8000) and simulator (default 7070)")
    parser.add_argument("--host", default=processes.LOOPBACK, help="web: the address to listen on (default 127.0.0.1)")
    parser.add_argument("--number", type=int, default=1, help="desk: tells several desks of one machine apart")
    values, rest = parser.parse_known_args(arguments)
    try:
        process = _process(values, rest)
        environment = local_environment()
        if process.name != "simulator":
            require_redis(environment)
        os.environ.update(environment)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    os.environ.update(processes.environment_for(process))
    if values.process in MAKES_FIRST_OWNER:
        _first_owner()
    process.run()
    return 0


def _first_owner() -> None:
    """Let an empty database have its first owner where the environment names a key, in a process of its own."""
    from config.environment import environment

    if not environment.aster_api_key.get_secret_value():
        return
    # what serves must not inherit a connection from before it began
    made = subprocess.run([sys.executable, "-P", "-m", "config.demo.manage", "first_owner"], check=False)
    if made.returncode:
        raise SystemExit(made.returncode)


def _process(values: argparse.Namespace, rest: Sequence[str]) -> Process:
    if rest and values.process != "simulator":
        raise SetupError(f"./run serve {values.process} does not know {rest[0]}.")
    match values.process:
        case "web":
            return processes.web(port=_free(values.port or 8000), host=values.host)
        case "simulator":
            return processes.simulator(port=_free(values.port or 7070), arguments=rest)
        case "desk":
            return processes.desk(number=values.number)
        case "worker":
            return processes.worker()
        case "beat":
            return processes.beat()
        case _:
            return processes.guardian()


def _free(port: int) -> int:
    if not port_is_free(port):
        raise SetupError(f"Port {port} is in use by another program; choose another with --port.")
    return port


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
