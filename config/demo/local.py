"""The environment of a command that runs outside the demo: the caller's own, else the state folder's."""

import os
from collections.abc import Mapping
from pathlib import Path

from config.demo.state import environment_of, open_state
from config.demo.toolchain import ROOT


def local_environment() -> Mapping[str, str]:
    """Fill in what the caller left open from the state folder (WINDHOVER_STATE, by default the demo's)."""
    folder = Path(os.environ.get("WINDHOVER_STATE") or ROOT / "var" / "demo").expanduser().absolute()
    return environment_of(open_state(folder))
