"""`./run serve PROCESS`: one process of the desk in the foreground, the same code as under the demo."""

import argparse
import os
import sys
from collections.abc import Sequence

from config.demo import processes
from config.demo.errors import SetupError
from config.demo.local import local_environment
from config.demo.options import port_is_free
from config.demo.processes import Process

NAMES = ("web", "worker", "desk", "beat", "guardian", "simulator")


def main(arguments: Sequence[str]) -> int:
    """Run the named process until it ends."""
    parser = argparse.ArgumentParser(prog="./run serve")
    parser.add_argument("process", choices=NAMES)
    parser.add_argument("--port", type=int, help="web (default 8000) and simulator (default 8010)")
    parser.add_argument("--number", type=int, default=1, help="desk: tells several desks of one machine apart")
    values, rest = parser.parse_known_args(arguments)
    try:
        process = _process(values.process, port=values.port, number=values.number, rest=rest)
        os.environ.update(local_environment())
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    os.environ.update(processes.environment_for(process))
    process.run()
    return 0


def _process(name: str, *, port: int | None, number: int, rest: Sequence[str]) -> Process:
    if rest and name != "simulator":
        raise SetupError(f"./run serve {name} does not know {rest[0]}.")
    if name == "web":
        return processes.web(port=_free(port or 8000))
    if name == "simulator":
        return processes.simulator(port=_free(port or 8010), arguments=rest)
    if name == "desk":
        return processes.desk(number=number)
    return {"worker": processes.worker, "beat": processes.beat, "guardian": processes.guardian}[name]()


def _free(port: int) -> int:
    if not port_is_free(port):
        raise SetupError(f"Port {port} is in use by another program; choose another with --port.")
    return port


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
