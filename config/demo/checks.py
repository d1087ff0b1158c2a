"""What `./run check` runs, in the order in which a mistake is cheapest to learn about."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

from config.demo.toolchain import ROOT, Environment, say

# Shared between the processors, and who has no test left takes of the others'.
SHARED = ("-n", "auto", "--dist", "worksteal")
JOURNEYS = "tests/journeys"
TEST_SETTINGS = ("--settings", "config.settings.test")


def steps(environment: Environment) -> Iterator[tuple[str, Sequence[str]]]:
    """Name each check and give its command."""
    python = str(environment.python)
    yield "ruff check", [str(environment.program("ruff")), "check", "."]
    yield "ruff format", [str(environment.program("ruff")), "format", "--check", "."]
    yield "import-linter", [str(environment.program("lint-imports"))]
    yield "mypy", [str(environment.program("mypy"))]
    yield "migrations", [python, "-P", "manage.py", "makemigrations", "--check", "--dry-run", *TEST_SETTINGS]
    # One after another: a browser has the machine to itself.
    yield "journeys", [python, "-P", "-m", "pytest", JOURNEYS]
    # Last, so that the closing lines of a long output are the suite's own.
    yield "tests, and coverage of the domains", [python, "-P", "-m", "config.demo.covered"]


def run_all(environment: Environment, *, environment_variables: Mapping[str, str]) -> int:
    """Run every step even after a failure, then say which ones failed."""
    failed = []
    for name, command in steps(environment):
        started = time.monotonic()
        say(f"== {name}")
        result = subprocess.run(command, cwd=ROOT, env=environment_variables, stdin=subprocess.DEVNULL, check=False)
        say(f"== {name}: {'ok' if result.returncode == 0 else 'FAILED'} in {time.monotonic() - started:.1f} s")
        if result.returncode != 0:
            failed.append(name)
    if failed:
        say(f"check failed: {', '.join(failed)}")
    return 1 if failed else 0
