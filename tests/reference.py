"""Where the reference data lives: recordings and official samples that are not part of this repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def reference_file(name: str, *, folder: str = "market") -> Path:
    """Return a reference file, for example ``nse_options/chain.parquet``.

    Without the file the test is skipped, saying why; with WINDHOVER_REQUIRE_REFERENCE_DATA=1 it fails.
    """
    base = Path(os.environ.get("WINDHOVER_REFERENCE_DATA", "../shared/data"))
    path = (base if base.is_absolute() else ROOT / base) / folder / name
    if not path.exists():
        reason = f"reference data is not here: {folder}/{name} (set WINDHOVER_REFERENCE_DATA)"
        if os.environ.get("WINDHOVER_REQUIRE_REFERENCE_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
