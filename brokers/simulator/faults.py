"""Fault scripts: what the simulated venue shall do wrong, how often, and to whom."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from brokers.simulator.fault_rules import RULES, FaultInvalid, FaultKind, check_field, kind_from

FOR_EVER = 0
KITE, ASTER = "kite", "aster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: it strikes the next ``count`` times it can, or at once for sockets and tokens.

    ``count`` 0 lets it strike until it is switched off. ``account`` names a user, ``venue`` an exchange, empty means any.
    ``method`` and ``path`` (a prefix) choose requests; ``status`` is the HTTP status to answer,
    ``body`` its body when not the usual envelope. ``seconds`` is the wall time of a silence, a delay
    or a pause between pieces, ``fraction`` a share of the order, ``quantity`` the largest one allowed.
    """

    kind: FaultKind
    account: str = ""
    venue: str = ""
    method: str = ""
    path: str = ""
    count: int = 1
    status: int = 503
    body: str | None = None
    seconds: float = 0.0
    fraction: float = 0.5
    quantity: int = 0

    @property
    def is_immediate(self) -> bool:
        """Return whether the fault acts on what is connected now rather than on something later."""
        return RULES[self.kind].immediate


def fault_from(data: object) -> Fault:
    """Return the fault that a JSON object describes; raises `FaultInvalid`."""
    if not isinstance(data, Mapping):
        raise FaultInvalid("A fault is a JSON object.", field="kind", allowed=", ".join(FaultKind))
    kind = kind_from(data.get("kind"))
    fields = {name: value for name, value in data.items() if name != "kind"}
    for name, value in fields.items():
        check_field(kind, name, value)
    return Fault(kind=kind, **{**RULES[kind].defaults, **fields})


@dataclass(slots=True, kw_only=True)
class Waiting:
    """A fault in the script: its number and how often it may still strike."""

    number: int
    fault: Fault
    left: int
    struck: int = 0


class FaultScript:
    """The faults that wait for their moment, and how often each kind has struck."""

    def __init__(self) -> None:
        self.waiting: list[Waiting] = []
        self.struck: Counter[FaultKind] = Counter()
        self._number = 0

    def add(self, fault: Fault) -> Waiting:
        """Let a fault wait for its moment."""
        self._number += 1
        entry = Waiting(number=self._number, fault=fault, left=fault.count)
        self.waiting.append(entry)
        return entry

    def clear(self, kind: FaultKind | None = None) -> None:
        """Forget every fault that waits, or those of one kind."""
        self.waiting = [entry for entry in self.waiting if kind is not None and entry.fault.kind is not kind]

    def take(
        self, kind: FaultKind, *, account: str, method: str = "", path: str = "", venue: str = KITE
    ) -> Fault | None:
        """Return and use up the first fault of this kind that matches."""
        for entry in self.waiting:
            if entry.fault.kind is kind and _matches(entry.fault, account, method, path, venue):
                self._strike(entry)
                return entry.fault
        return None

    def find(
        self, kind: FaultKind, *, account: str, method: str = "", path: str = "", venue: str = KITE
    ) -> Fault | None:
        """Return the first fault of this kind that matches, without using it up."""
        of_kind = (entry.fault for entry in self.waiting if entry.fault.kind is kind)
        return next((fault for fault in of_kind if _matches(fault, account, method, path, venue)), None)

    def note(self, kind: FaultKind, times: int) -> None:
        """Count what an immediate fault hit."""
        self.struck[kind] += times

    def __len__(self) -> int:
        return len(self.waiting)

    def _strike(self, entry: Waiting) -> None:
        self.struck[entry.fault.kind] += 1
        entry.struck += 1
        if entry.left == FOR_EVER:
            return
        entry.left -= 1
        if entry.left == 0:
            self.waiting.remove(entry)


def _matches(fault: Fault, account: str, method: str, path: str, venue: str) -> bool:
    if fault.account not in {"", account} or fault.venue not in {"", venue}:
        return False
    return fault.method in {"", method} and path.startswith(fault.path)
