"""Branch coverage of every domain: one line for each, and a failure below what is promised.

Each domain is measured by the tests of its own rooms, run under coverage by themselves: tracing the whole suite would
cost minutes, and a domain that only a journey through the pages reaches is not tested.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.demo.toolchain import ROOT, say

FLOOR_PERCENT = 95.0
TESTS = (
    "tests/analysis",
    "tests/brokers",
    "tests/contracts",
    "tests/execution/domain",
    "tests/options",
    "tests/risk",
    "tests/strategies",
)
# They take the longest, and a domain is not what they are about.
NOT_THESE = ("tests/brokers/simulator",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """What of one domain its tests have run."""

    domain: str
    lines: int
    lines_run: int
    branches: int
    branches_run: int

    @property
    def percent(self) -> float:
        """Return the share of branches taken; a domain without a branch is covered by its lines."""
        if self.branches:
            return 100 * self.branches_run / self.branches
        return 100 * self.lines_run / self.lines if self.lines else 100.0

    @property
    def is_enough(self) -> bool:
        return self.percent >= FLOOR_PERCENT

    def __str__(self) -> str:
        verdict = "ok" if self.is_enough else f"BELOW {FLOOR_PERCENT:g} %"
        figures = f"{self.branches_run} of {self.branches} branches, {self.lines_run} of {self.lines} lines"
        return f"{self.domain:<18} {self.percent:5.1f} %  {figures}  {verdict}"


def domains(root: Path = ROOT) -> list[str]:
    """Return every room that has a domain with code in it."""
    return sorted(f"{folder.parent.name}/domain" for folder in root.glob("*/domain") if any(folder.glob("*.py")))


def covered_of(report: Mapping[str, Any], names: Sequence[str]) -> list[Covered]:
    """Gather coverage's own report into one row for each domain."""
    return [_gathered(name, report["files"]) for name in names]


def _gathered(name: str, files: Mapping[str, Any]) -> Covered:
    found = [entry["summary"] for path, entry in files.items() if path.startswith(f"{name}/")]

    def total(figure: str) -> int:
        return sum(summary[figure] for summary in found)

    return Covered(
        domain=name.replace("/", "."),
        lines=total("num_statements"),
        lines_run=total("covered_lines"),
        branches=total("num_branches"),
        branches_run=total("covered_branches"),
    )


def main(arguments: Sequence[str]) -> int:
    """Run the tests of the domains under coverage and hold each domain to the floor."""
    names = domains()
    with tempfile.TemporaryDirectory(prefix="windhover-covered-") as folder:
        environment = {**os.environ, "COVERAGE_FILE": str(Path(folder) / "data")}
        tests = [test for test in TESTS if (ROOT / test).exists()]
        suite = ["-m", "pytest", "-q", *tests, *(f"--ignore={test}" for test in NOT_THESE)]
        code = _coverage(["run", "--branch", f"--source={','.join(names)}", *suite], environment)
        report = Path(folder) / "report.json"
        _coverage(["json", "-q", "-o", str(report)], environment)
        rows = covered_of(json.loads(report.read_text()), names)
        if "--missing" in arguments:
            _coverage(["report", "--show-missing", "--skip-covered"], environment)
    for row in rows:
        print(row, flush=True)
    low = [row.domain for row in rows if not row.is_enough]
    if low:
        say(f"Below {FLOOR_PERCENT:g} % of branches: {', '.join(low)}. ./run coverage --missing lists what is not run.")
    return 1 if code or low else 0


def _coverage(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    command = [sys.executable, "-P", "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
