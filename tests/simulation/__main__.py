"""`./run chaos --seeds N`: the enumerated crash matrix; a failing run prints the line that repeats it."""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tests.simulation.boot import boot
from tests.simulation.names import FAULTS, MUTATIONS, SCENARIOS

_IMAGES: list[bytes] = []  # one, before workers are forked
if TYPE_CHECKING:
    from tests.simulation.campaign import Result, Run

MAX_SEED = 2**31 - 1


class Wrong(Exception):
    """The command line asks for something that does not exist; the message is one sentence."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise Wrong(f"{message[:1].upper()}{message[1:]}.")


def main(arguments: Sequence[str]) -> int:
    try:
        options = _parse(arguments)
    except Wrong as why:
        sys.stderr.write(f"{why}\n")
        return 2
    _IMAGES.append(boot(loud=options.loud))
    if options.mutations is not None:
        from tests.simulation.mutations import mutate

        return mutate(_IMAGES[0], options.mutations)
    return _chaos(options)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(prog="./run chaos")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds to sweep, beginning at --seed")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--scenario", help="one scenario instead of all")
    parser.add_argument("--at", action="append", default=[], help="CALL:FAULT, to repeat one run")
    parser.add_argument("--sample", type=int, help="so many runs of the sweep, chosen by the seed")
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count(), help="processes to run on")
    parser.add_argument("--mutations", nargs="?", const="all", help="remove one guard at a time; or the one named")
    parser.add_argument("--loud", action="store_true", help="print the desks' own log")
    options = parser.parse_args(arguments)
    _check(options)
    return options


def _check(options: argparse.Namespace) -> None:
    if options.scenario is not None and options.scenario not in SCENARIOS:
        raise Wrong(f"There is no scenario named {options.scenario}; there are {', '.join(SCENARIOS)}.")
    if options.mutations not in (None, "all", *MUTATIONS):
        raise Wrong(f"There is no mutation named {options.mutations}; there are {', '.join(MUTATIONS)}.")
    if options.seeds < 1 or options.workers < 1:
        raise Wrong("At least one seed and one worker are needed.")
    if not 0 <= options.seed <= MAX_SEED:
        raise Wrong(f"There is no seed {options.seed}: seeds go from 0 to {MAX_SEED}.")
    for text in options.at:
        call, _, fault = text.partition(":")
        if not call.isdigit() or fault not in FAULTS:
            raise Wrong(f"{text!r} is not CALL:FAULT; the faults are {', '.join(FAULTS)}.")
    if options.at and options.scenario is None:
        raise Wrong("--at needs the --scenario whose call it names.")


def _chaos(options: argparse.Namespace) -> int:
    from tests.simulation.campaign import Run
    from tests.simulation.faults import Fault, Strike
    from tests.simulation.tally import Tally

    began = time.monotonic()
    names = [options.scenario] if options.scenario else list(SCENARIOS)
    seeds = range(options.seed, options.seed + options.seeds)
    strikes = tuple(
        Strike(index=int(call), fault=Fault(fault)) for call, _, fault in (text.partition(":") for text in options.at)
    )
    tally = Tally()
    first = [Run(scenario=name, seed=seed, strikes=strikes) for seed in seeds for name in names]
    counted = [tally.took(result) for result in carried_out(first, options.workers)]
    if not strikes:
        for result in carried_out(_swept(counted, options), options.workers):
            tally.took(result)
    return tally.told(time.monotonic() - began)


def _swept(counted: Sequence[Result], options: argparse.Namespace) -> list[Run]:
    from tests.simulation.campaign import sweep

    in_order = sorted(counted, key=lambda result: (result.run.seed, result.run.scenario))
    runs = [run for result in in_order for run in sweep(result.run.scenario, result.run.seed, result.calls)]
    chance = random.Random(options.seed)
    if options.sample is not None and options.sample < len(runs):
        return chance.sample(runs, options.sample)
    chance.shuffle(runs)  # long and short ones mixed, so that no worker is left alone with the long
    return runs


def carried_out(runs: Sequence[Run], workers: int) -> Iterator[Result]:
    """Carry runs out on several processes; each begins with the parent's memory."""
    if workers == 1 or len(runs) < 2:
        yield from map(_one, runs)
        return
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        yield from pool.imap_unordered(_one, runs, chunksize=4)


def _one(run: Run) -> Result:
    from tests.simulation.campaign import carry_out

    return carry_out(run, _IMAGES[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
