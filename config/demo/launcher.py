"""The table behind `./run`: what each command needs on the machine, and what it becomes.

Standard library only, because it runs before anything is installed.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config.demo import chaos as chaos_ways
from config.demo import checks, toolchain
from config.demo.errors import SetupError
from config.demo.toolchain import DEVELOPMENT, ROOT, RUNTIME

USAGE = """\
Windhover, a self-hosted trading desk.

usage: ./run COMMAND [ARGUMENTS]

  demo                    set up whatever is missing and bring the whole desk up on the simulator
      --port N            the page's port (default 8000)
      --state DIR         where the demo keeps its database, logs and secrets (default var/demo)
      --replay PATH       let the simulated exchange replay a recorded Parquet file
      --aster-replay PATH the same for the perpetuals: bars, or a recorded stream
      --speed N           how many market seconds pass in one second
      --seconds N         stop by itself this long after it was ready
  test [ARGUMENTS]        the test suite; arguments go to pytest
  check                   ruff, mypy, import-linter, migrations, the journeys, then the rest of the suite with the coverage of the domains
  coverage                the suite without its journeys, and the branch coverage of every domain by it, each held to 95 %
      --missing           list the lines and branches that no test runs
  bench [TOPIC]           measure Windhover beside its peers; without a topic, list the topics
      --json FILE         write the figures as JSON (- for standard output)
  chaos                   break things on purpose and hold the books to the exchange's ledger
      --kills N           strike the demo's real processes N times: kill, freeze, Valkey emptied
      --seeds N           under simulated time, let every call to the outside fail in every way, N seeds long
      --scenario NAME     of the simulated ones, only this
      --mutations         remove one guard of the desk at a time, and show that this is noticed
      --seed S            repeat an earlier run
  serve PROCESS           one process in the foreground: web, worker, desk, beat, guardian or simulator
  manage ARGUMENTS        Django's manage.py

Every command does its own set-up and repeats it only when a lock file changed.
"""

# Benchmarks of what nothing else does: they run in the product's own environment.
WITHOUT_PEERS = {"alerts", "budgets", "instruments", "oi", "pipeline", "risk", "scan", "soak", "stream"}


def demo(arguments: Sequence[str]) -> int:
    """Become the demo's supervisor."""
    _runtime_ready()
    return _become(RUNTIME.python, "-m", "config.demo", *arguments)


def serve(arguments: Sequence[str]) -> int:
    """Become one of the desk's processes."""
    _runtime_ready()
    return _become(RUNTIME.python, "-m", "config.demo.serve", *arguments)


def manage(arguments: Sequence[str]) -> int:
    """Become Django's manage.py."""
    _runtime_ready()
    return _become(RUNTIME.python, "-m", "config.demo.manage", *arguments)


def test(arguments: Sequence[str]) -> int:
    """Become pytest; the whole suite, asked for without a word, is shared between the machine's processors."""
    _development_ready()
    os.chdir(ROOT)
    return _become(DEVELOPMENT.python, "-m", "pytest", *(arguments or checks.SHARED))


def check(arguments: Sequence[str]) -> int:
    """Run every check in turn and name the ones that failed."""
    if arguments:
        raise SetupError("./run check takes no arguments; ./run test passes its own to pytest.")
    _development_ready()
    os.chdir(ROOT)
    return checks.run_all(DEVELOPMENT, environment_variables=_environment())


def coverage(arguments: Sequence[str]) -> int:
    """Become the measurement of the domains' coverage."""
    if set(arguments) - {"--missing"}:
        raise SetupError("./run coverage takes --missing and nothing else.")
    _development_ready()
    os.chdir(ROOT)
    return _become(DEVELOPMENT.python, "-m", "config.demo.covered", *arguments)


def bench(arguments: Sequence[str]) -> int:
    """Become the benchmark of one topic, in the environment of its peers where it has any."""
    with_peers = {path.stem for path in (ROOT / "bench" / "peers").glob("*.lock")}
    topics = sorted(with_peers | WITHOUT_PEERS)
    topic = arguments[0] if arguments and not arguments[0].startswith("-") else None
    if topic is None:
        print("topics: " + " ".join(topics))
        return 0 if not arguments else 2
    if topic not in topics:
        toolchain.say(f"There is no benchmark named {topic}; the topics are: {', '.join(topics)}.")
        return 2
    python = toolchain.peers_ready(topic) if topic in with_peers else toolchain.environment_ready(RUNTIME)
    return _become(python, "-m", "bench", *arguments)


def chaos(arguments: Sequence[str]) -> int:
    """Become the program that breaks things in the way that was asked for."""
    way = chaos_ways.way_of(arguments)
    toolchain.environment_ready(way.environment)
    toolchain.browser_libraries_ready()
    return _become(way.environment.python, "-m", way.module, *arguments)


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "demo": demo,
    "test": test,
    "check": check,
    "coverage": coverage,
    "bench": bench,
    "chaos": chaos,
    "serve": serve,
    "manage": manage,
}


def main(arguments: Sequence[str]) -> int:
    """Run one command; a failure to set up is one sentence and exit 1, a wrong command line exit 2."""
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(USAGE, end="")
        return 0 if arguments else 2
    command = COMMANDS.get(arguments[0])
    if command is None:
        toolchain.say(f"There is no command named {arguments[0]}; ./run --help lists them.")
        return 2

    try:
        return command(arguments[1:])
    except SetupError as error:
        toolchain.say(str(error))
    except OSError as error:
        toolchain.say(f"Setting up failed on {error.filename or 'this machine'}: {error.strerror}.")
    except KeyboardInterrupt:
        toolchain.say("Stopped.")
    return 1


def _runtime_ready() -> None:
    toolchain.environment_ready(RUNTIME)
    toolchain.browser_libraries_ready()


def _development_ready() -> None:
    toolchain.environment_ready(DEVELOPMENT)
    toolchain.browser_libraries_ready()


def _become(python: Path, *arguments: str) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(python, [str(python), "-P", *arguments], _environment())


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
