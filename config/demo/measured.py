"""A plugin that pytest loads first: every worker that runs tests measures what of the domains they run.

The workers of a shared run are processes of their own, and only from within can one be measured before it imports
anything of ours. Each writes a file of its own beside the others (COVERAGE_FILE and a suffix).
"""

from __future__ import annotations

import os

import coverage

DOMAINS = "WINDHOVER_MEASURED_DOMAINS"

_measuring: coverage.Coverage | None = None

# The process that hands the tests out runs none.
if "PYTEST_XDIST_WORKER" in os.environ:
    _measuring = coverage.Coverage(branch=True, source=os.environ[DOMAINS].split(","), data_suffix=True)
    _measuring.start()


def pytest_sessionfinish() -> None:
    """Write down what was measured."""
    if _measuring is not None:
        _measuring.stop()
        _measuring.save()
