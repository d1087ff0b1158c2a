"""The suite, and the branch coverage of every domain by it: one line for each, and a failure below what is promised.

The journeys are left out: a domain that only a way through the pages reaches is not tested.
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

from config.demo.checks import JOURNEYS, SHARED
from config.demo.measured import DOMAINS
from config.demo.toolchain import ROOT, say

FLOOR_PERCENT = 95.0
PLUGIN = "config.demo.measured"


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
    """Run the suite under coverage and hold each domain to the floor."""
    names = domains()
    with tempfile.TemporaryDirectory(prefix="windhover-covered-") as folder:
        environment = {**os.environ, "COVERAGE_FILE": str(Path(folder) / "data"), DOMAINS: ",".join(names)}
        code = _python(["pytest", "-p", PLUGIN, "-q", *SHARED, f"--ignore={JOURNEYS}"], environment)
        report = Path(folder) / "report.json"
        _python(["coverage", "combine", "-q"], environment)
        _python(["coverage", "json", "-q", "-o", str(report)], environment)
        rows = covered_of(json.loads(report.read_text()), names)
        if "--missing" in arguments:
            _python(["coverage", "report", "--show-missing", "--skip-covered"], environment)
    for row in rows:
        print(row, flush=True)
    low = [row.domain for row in rows if not row.is_enough]
    if low:
        say(f"Below {FLOOR_PERCENT:g} % of branches: {', '.join(low)}. ./run coverage --missing lists what is not run.")
    return 1 if code or low else 0


def _python(module: Sequence[str], environment: Mapping[str, str]) -> int:
    command = [sys.executable, "-P", "-m", *module]
    # -P keeps this folder off the path, and the plugin is loaded before pytest puts it there.
    environment = {**environment, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
