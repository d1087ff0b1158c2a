"""Enumerates: one run to count the calls, then one run for every call and fault, then crashed recoveries."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from tests.simulation import storage
from tests.simulation.clockwork import Stuck
from tests.simulation.faults import Call, Fault, Strike
from tests.simulation.judge import Breach
from tests.simulation.scenarios import SCENARIOS, SETTINGS, play
from tests.simulation.world import Setting, World, disk, hosted

COLLECT_EVERY = 10
_RUNS = count(1)
RECOVERY_FAULTS = (Fault.KILL, Fault.POWER, Fault.FREEZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run, and everything that reproduces it."""

    scenario: str
    seed: int
    strikes: tuple[Strike, ...] = ()

    def __str__(self) -> str:
        at = " ".join(f"--at {strike.index}:{strike.fault}" for strike in self.strikes)
        return f"--scenario {self.scenario} --seed {self.seed} {at}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    run: Run
    objections: tuple[tuple[Breach, str], ...]
    calls: tuple[Call, ...]
    struck: tuple[tuple[Call, Fault], ...]
    fills: int
    writes: int
    deadlines: int


def carry_out(run: Run, image: bytes) -> Result:
    """Run one world from its beginning to its settled end, and judge it."""
    storage.lay_out(image)
    setting = SETTINGS.get(run.scenario, Setting())
    with disk() as folder, hosted(World(seed=run.seed, strikes=run.strikes, folder=folder, setting=setting)) as world:
        try:
            world.loop.run_until_complete(play(world, SCENARIOS[run.scenario]))
        except Stuck as why:
            world.judge.object(Breach.UNSETTLED, str(why))
        world.is_over = True
        for error in world.loop.failures:
            world.judge.object(Breach.UNSETTLED, f"something failed unseen: {error!r}")
        result = Result(
            run=run,
            objections=tuple((breach, sentence) for sentence, breach in world.judge.objections.items()),
            calls=tuple(world.ports.calls),
            struck=tuple(world.ports.struck),
            fills=len(world.side.fills()),
            writes=world.judge.writes,
            deadlines=len(world.judge.watched),
        )
    if next(_RUNS) % COLLECT_EVERY == 0:
        gc.collect()
    return result


def sweep(scenario: str, seed: int, calls: Sequence[Call]) -> Iterator[Run]:
    """Yield every call with every fault, and for every crash another one during its recovery."""
    chance = random.Random(f"{scenario}/{seed}")
    for call in calls:
        for fault in call.faults():
            yield Run(scenario=scenario, seed=seed, strikes=(Strike(index=call.index, fault=fault),))
        second = Strike(index=chance.randint(1, 40), fault=chance.choice(RECOVERY_FAULTS))
        first = Strike(index=call.index, fault=chance.choice(RECOVERY_FAULTS))
        yield Run(scenario=scenario, seed=seed, strikes=(first, second))
