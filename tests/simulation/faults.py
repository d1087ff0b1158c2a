"""Port calls, counted; and what shall go wrong at which of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.simulation.clockwork import CURRENT, WORLD, Process, ProcessDied

if TYPE_CHECKING:
    from tests.simulation.world import World

FREEZE_S = 8.0


class Fault(StrEnum):
    """What can go wrong at a call; those that the simulator knows bear its names."""

    KILL = "kill"  # the process ends before the call has any effect
    POWER = "power_loss"  # the host ends: every process, and what no flush had reached
    FREEZE = "freeze"  # the process stands still past its lease, then goes on
    LOST = "lose_reply"  # the call has its effect, its caller never hears of it
    ERROR = "error"  # the call fails; in what way, the seed says
    THROTTLED = "http_429"
    BEFORE = "http_5xx_before"  # a gateway failed, the venue never saw it
    AFTER = "http_5xx_after"  # a gateway failed, the venue did it
    HTML = "html_body"  # the venue did it, and a web page came back
    TIMED_OUT = "order_timed_out"  # the venue says that the order timed out, and took it in
    DELAYED = "delay_visibility"  # the venue takes the order in 90 s later, and never answers
    TOKEN = "token_death"  # the venue's session ends; somebody logs in again a while later
    DUPLICATE = "duplicate_frames"
    REORDER = "reorder_frames"
    LATE = "late_frames"
    SILENT = "silent_socket"  # the stream stays open and says nothing more
    DROP = "drop_socket"


STOPS = (Fault.KILL, Fault.POWER, Fault.FREEZE)
ALL = (*STOPS, Fault.LOST, Fault.ERROR)
# the venue's answers to a write, each with its own meaning for what became of it
ANSWERS = (Fault.THROTTLED, Fault.BEFORE, Fault.AFTER, Fault.HTML)
# what may go wrong where; a port that is absent here is not counted
APPLICABLE: dict[str, tuple[Fault, ...]] = {
    "net": (*ALL, Fault.TOKEN),
    "net.write": STOPS,  # at the last moment, with the connection had and the permit not yet asked
    "net.reply": STOPS,
    "net.frame": (
        *STOPS,
        Fault.LOST,
        Fault.DUPLICATE,
        Fault.REORDER,
        Fault.LATE,
        Fault.SILENT,
        Fault.DROP,
    ),
    "disk.mark": ALL,
    "disk": STOPS,
    "journal": ALL,
    "journal.anchor": STOPS,
    "lease": ALL,
    "budget": (*STOPS, Fault.ERROR),
    "bus": ALL,
    "read": (*STOPS, Fault.LOST, Fault.ERROR),
}
# beside these, at a write to the venue
AT_WRITES: dict[str, tuple[Fault, ...]] = {
    "POST order": (*ANSWERS, Fault.TIMED_OUT, Fault.DELAYED),
    "PUT order": ANSWERS,
    "DELETE order": ANSWERS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One port call of a run without faults."""

    index: int
    port: str
    name: str
    process: str

    def faults(self) -> tuple[Fault, ...]:
        return (*APPLICABLE[self.port], *(AT_WRITES.get(self.name, ()) if self.port == "net" else ()))

    def __str__(self) -> str:
        return f"{self.port} {self.name} by {self.process}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One fault at one call; `after` counts from the strike before it."""

    index: int
    fault: Fault


class Ports:
    """Counts the calls of every desk process and lets the planned ones fail."""

    def __init__(self, world: World, strikes: tuple[Strike, ...]) -> None:
        self._world = world
        self._waiting = list(strikes)
        self._offset = 0
        self.calls: list[Call] = []
        self.struck: list[tuple[Call, Fault]] = []

    def enter(self, port: str, name: str) -> Fault | None:
        """Count a call; answer the fault that the port itself must carry out."""
        process = CURRENT.get()
        process.require_alive()
        if process is WORLD or self._world.is_over:
            return None
        call = Call(index=len(self.calls), port=port, name=name, process=process.name)
        self.calls.append(call)
        if not self._waiting or call.index - self._offset != self._waiting[0].index:
            return None
        strike = self._waiting.pop(0)
        self._offset = call.index
        self.struck.append((call, strike.fault))
        if strike.fault in STOPS:
            _STOP[strike.fault](self._world, process)
            return None
        return strike.fault

    def has_struck(self, port: str, fault: Fault) -> bool:
        return any(call.port == port and struck is fault for call, struck in self.struck)


def _kill(_world: World, process: Process) -> None:
    process.kill()
    raise ProcessDied


def _power(world: World, process: Process) -> None:
    world.lose_power()
    process.require_alive()


def _freeze(world: World, process: Process) -> None:
    world.loop.freeze(process, FREEZE_S)


_STOP: dict[Fault, Callable[[World, Process], None]] = {Fault.KILL: _kill, Fault.POWER: _power, Fault.FREEZE: _freeze}
