"""The environment of a command that runs outside the demo: the caller's own, else the state folder's."""

import os
from collections.abc import Mapping
from pathlib import Path

from config.demo import valkey
from config.demo.errors import SetupError
from config.demo.state import environment_of, open_state
from config.demo.toolchain import ROOT


def require_redis(environment: Mapping[str, str]) -> None:
    """Object to an embedded Redis that nobody runs; an address that the caller gave is the caller's affair."""
    address = environment["REDIS_URL"]
    if "REDIS_URL" not in os.environ and not valkey.answers(Path(address.removeprefix("unix://"))):
        raise SetupError(f"No Redis answers at {address}: start ./run demo on that state folder, or set REDIS_URL.")


def local_environment() -> Mapping[str, str]:
    """Fill in what the caller left open from the state folder (WINDHOVER_STATE, by default the demo's)."""
    folder = Path(os.environ.get("WINDHOVER_STATE") or ROOT / "var" / "demo").expanduser().absolute()
    return environment_of(open_state(folder))
