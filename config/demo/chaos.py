"""`./run chaos`: which program each of its ways becomes, and the environment that program needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.demo.errors import SetupError
from config.demo.toolchain import DEVELOPMENT, RUNTIME, Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A program behind an option of `./run chaos`."""

    option: str
    usage: str
    environment: Environment
    module: str


WAYS = (
    Way(option="--kills", usage="--kills N", environment=RUNTIME, module="config.demo.kills"),
    Way(option="--seeds", usage="--seeds N", environment=DEVELOPMENT, module="tests.simulation"),
    Way(option="--mutations", usage="--mutations", environment=DEVELOPMENT, module="tests.simulation"),
)


def way_of(arguments: Sequence[str]) -> Way:
    """Choose the program by the option that names it; raises SetupError for none and for several."""
    named = [way for way in WAYS if any(argument.partition("=")[0] == way.option for argument in arguments)]
    if len(named) != 1:
        options = " or ".join(way.usage for way in WAYS)
        raise SetupError(f"./run chaos needs {options}; ./run --help says more.")
    return named[0]
