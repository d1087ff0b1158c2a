"""Fault scripts: what the simulated venue shall do wrong, how often, and to whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """The faults a script can ask for."""

    LOSE_REPLY = "lose_reply"
    STATUS_BEFORE = "status_before"
    STATUS_AFTER = "status_after"
    DELAY_VISIBILITY = "delay_visibility"
    SILENT_SOCKET = "silent_socket"
    KILL_TOKEN = "kill_token"  # noqa: S105 -- a fault's name


class FaultInvalid(Exception):
    """A fault script names something that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: applied to the next ``count`` requests that match, or at once for sockets and tokens.

    ``method`` and ``path`` (a prefix) choose requests, ``account`` a user; empty means any.
    ``status`` is the HTTP status to answer, ``body`` its body when not the usual envelope,
    ``seconds`` the wall time of a silence or of an order's invisibility.
    """

    kind: FaultKind
    account: str = ""
    method: str = ""
    path: str = ""
    count: int = 1
    status: int = 503
    body: str | None = None
    seconds: float = 0.0

    @property
    def is_immediate(self) -> bool:
        """Return whether the fault acts on what is connected now rather than on a later request."""
        return self.kind in {FaultKind.SILENT_SOCKET, FaultKind.KILL_TOKEN}


_TYPES: dict[str, tuple[type, ...]] = {
    "account": (str,),
    "method": (str,),
    "path": (str,),
    "count": (int,),
    "status": (int,),
    "body": (str,),
    "seconds": (int, float),
}


def fault_from(data: object) -> Fault:
    """Return the fault that a JSON object describes; raises `FaultInvalid`."""
    if not isinstance(data, Mapping):
        raise FaultInvalid("A fault is a JSON object.")
    try:
        kind = FaultKind(str(data.get("kind", "")))
    except ValueError:
        raise FaultInvalid(f"kind must be one of {', '.join(FaultKind)}.") from None
    fields = {name: value for name, value in data.items() if name != "kind"}
    for name, value in fields.items():
        if name not in _TYPES or not isinstance(value, _TYPES[name]) or isinstance(value, bool):
            raise FaultInvalid(f"The field {name!r} is unknown or has the wrong type.")
    return Fault(kind=kind, **fields)


class FaultScript:
    """The faults that wait for a matching request."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        """Let a fault wait for its requests."""
        self._waiting.append((fault, fault.count))

    def clear(self) -> None:
        """Forget every fault that has not happened."""
        self._waiting.clear()

    def take(self, kind: FaultKind, *, account: str, method: str, path: str) -> Fault | None:
        """Return and use up the first fault of this kind that matches the request."""
        for place, (fault, left) in enumerate(self._waiting):
            if fault.kind is kind and _matches(fault, account, method, path):
                self._waiting[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None

    def __len__(self) -> int:
        return len(self._waiting)


def _matches(fault: Fault, account: str, method: str, path: str) -> bool:
    if fault.account and fault.account != account:
        return False
    return fault.method in {"", method} and path.startswith(fault.path)
