"""The venue's own sample files, read where they lie; they are no part of this repository."""

import json
import os
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@cache
def _folder() -> Path:
    return (ROOT / os.environ.get("WINDHOVER_REFERENCE_DATA", "../shared/data")).resolve() / "kite"


def sample(name):
    """Return a sample file's bytes; skip where the samples are absent, unless they are required."""
    path = _folder() / name
    if not path.is_file():
        if os.environ.get("WINDHOVER_REQUIRE_REFERENCE_DATA") == "1":
            pytest.fail(f"the reference data lacks kite/{name}")
        pytest.skip(f"no reference data here: kite/{name}")
    return path.read_bytes()


def sample_json(name):
    return json.loads(sample(name))
