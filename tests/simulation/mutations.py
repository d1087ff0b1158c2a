"""Removes one guard of the product at a time, and shows that the matrix then fails.

A guard that can be removed without a failing run is either not needed or not tested: it is named,
and the exit status is 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from unittest import mock

from brokers.adapters.budget import _RANKS, PacedBudget, _OrderLane
from brokers.domain.orders import Fill
from execution.domain import acts, pursuit, reconcile, sending
from execution.journal import Journal
from execution.runtime.permit import Permit
from execution.runtime.session import Session
from risk.domain import gate
from risk.domain.switch import Switches
from tests.simulation import storage
from tests.simulation.campaign import Result, Run, carry_out, sweep
from tests.simulation.faults import Call, Fault
from tests.simulation.names import say

Patch = tuple[object, str, object]
MOST_RUNS = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A guard, what replaces it, and where its absence should hurt first."""

    guard: str
    patches: tuple[Patch, ...]
    scenarios: tuple[str, ...]
    port: str = ""
    faults: tuple[Fault, ...] = ()


def _unfenced(journal: Journal, waiting: Any, held: dict[str, int], tips: Any, written: Any) -> Any:
    """Take any owner's batch, after whatever row is the newest."""
    account_id, token = waiting.batch.account_id, waiting.batch.token
    held[account_id] = token
    journal._tips.pop((account_id, token), None)
    return _LINK(journal, waiting, held, tips, written)


def _unmarked(log: storage.SimulatedSendLog, _client_id: str) -> None:
    log.world.ports.enter("disk.mark", "append")


async def _first_come(budget: PacedBudget, kind: str, *, urgent: bool = False) -> int:
    assert urgent in (True, False)
    return await _ACQUIRE(budget, kind, urgent=False)


def _unreserved(lane: _OrderLane, _rank: int, now_ns: int) -> int:
    return _FREE(lane, _RANKS["exit"], now_ns)


_LINK = Journal._link
_FREE = _OrderLane.free_ns
_ACQUIRE = PacedBudget.acquire
_NUMBERS = count()
_NOTHING: Callable[..., None] = lambda *_, **__: None  # noqa: E731 - replaces methods of several shapes

MUTATIONS: Mapping[str, Mutation] = {
    "permit": Mutation(
        guard="the permit before every write",
        patches=((Permit, "require", _NOTHING), (Permit, "require_order", _NOTHING)),
        scenarios=("cancel-race", "exit"),
        port="net.write",
        faults=(Fault.FREEZE,),
    ),
    "send-log": Mutation(
        guard="the send log's mark before an order's bytes",
        patches=((storage.SimulatedSendLog, "mark", _unmarked),),
        scenarios=("takeover",),
    ),
    "absence": Mutation(
        guard="the evidence that absence needs",
        patches=((reconcile, "weigh", lambda *_: True),),
        scenarios=("exit", "partial-fill"),
        port="net",
        faults=(Fault.DELAYED, Fault.ERROR),
    ),
    "fencing": Mutation(
        guard="the journal's fencing token",
        patches=((Journal, "_link", _unfenced),),
        scenarios=("exit", "takeover"),
        port="journal",
        faults=(Fault.FREEZE,),
    ),
    "reduce-only": Mutation(
        guard="the arithmetic of reduce-only, in the pursuit and in the gate",
        patches=((gate, "EXIT_RULES", ()), (pursuit, "_closable", lambda _desk, _key, held, *_: abs(held))),
        scenarios=("exit", "partial-fill"),
        port="net",
        faults=(Fault.DELAYED, Fault.LOST),
    ),
    "fill-key": Mutation(
        guard="the key that lets a fill count once",
        patches=((Fill, "key", property(lambda _: (str(next(_NUMBERS)),))),),
        scenarios=("exit",),
    ),
    "stop-deadline": Mutation(
        guard="the deadline after which an exit reaches further or an alarm stands",
        patches=((sending, "_reach_further", _NOTHING),),
        scenarios=("exit",),
    ),
    "kill-epoch": Mutation(
        guard="the kill epoch, and the cancel mark that repeats it",
        patches=((Switches, "epoch", property(lambda _: 0)), (acts, "_cancel_entries", lambda *_: 0)),
        scenarios=("kill-switch",),
    ),
    "budget-reserve": Mutation(
        guard="what the order budget keeps from entries for exits and cancels",
        patches=((_OrderLane, "free_ns", _unreserved),),
        scenarios=("rush",),
    ),
    "budget-urgency": Mutation(
        guard="the exits' place before entries that wait for the order budget",
        patches=((PacedBudget, "acquire", _first_come),),
        scenarios=("rush",),
    ),
    "gate-recheck": Mutation(
        guard="the gate's second look just before the bytes",
        patches=((Session, "_objection", lambda *_: None),),
        scenarios=("kill-switch",),
    ),
}


@contextmanager
def removed(mutation: Mutation) -> Iterator[None]:
    """Let the product do without one guard."""
    with ExitStack() as stack:
        for target, name, value in mutation.patches:
            stack.enter_context(mock.patch.object(target, name, value))
        yield


def mutate(image: bytes, wanted: str) -> int:
    """Remove the named guard, or each in turn; answer 1 when any was not missed."""
    began = time.monotonic()
    names = list(MUTATIONS) if wanted == "all" else [wanted]
    survivors = [name for name in names if not _is_missed(image, name)]
    say(f"\n{len(names) - len(survivors)} of {len(names)} removed guards were missed, {time.monotonic() - began:.0f} s")
    for name in survivors:
        say(f"removing {MUTATIONS[name].guard} ({name}) changed nothing")
    return 1 if survivors else 0


def _is_missed(image: bytes, name: str) -> bool:
    mutation, runs = MUTATIONS[name], 0
    for run in _runs(image, mutation):
        runs += 1
        with removed(mutation):
            result = carry_out(run, image)
        if result.objections and not carry_out(run, image).objections:
            struck = "; ".join(f"{fault} at {call}" for call, fault in result.struck)
            breach, sentence = result.objections[0]
            after = f" after {struck}" if struck else ""
            say(f"{name}: missed in run {runs} ({run}){after}: {breach}: {sentence}")
            return True
        if runs >= MOST_RUNS:
            break
    say(f"{name}: not missed in {runs} runs")
    return False


def _runs(image: bytes, mutation: Mutation) -> Iterator[Run]:
    """Yield the runs where the guard's absence should hurt, then the rest of its scenarios' sweep."""
    later: list[Run] = []
    for scenario in mutation.scenarios:
        first = Run(scenario=scenario, seed=1)
        yield first
        counted: Result = carry_out(first, image)
        here, rest = _parted(scenario, counted.calls, mutation)
        yield from here
        later += rest
    yield from later


def _parted(scenario: str, calls: Sequence[Call], mutation: Mutation) -> tuple[list[Run], list[Run]]:
    here: list[Run] = []
    rest: list[Run] = []
    for run in sweep(scenario, 1, calls):
        call, fault = calls[run.strikes[0].index], run.strikes[0].fault
        is_write = call.port != "net" or call.name.endswith("order")
        fits = call.port == mutation.port and fault in mutation.faults and is_write and len(run.strikes) == 1
        (here if fits else rest).append(run)
    return here, rest
