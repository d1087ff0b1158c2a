"""Fault scripts: what the simulated venue shall do wrong, how often, and to whom."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FOR_EVER = 0


class FaultKind(StrEnum):
    """The faults a script can ask for."""

    LOSE_REPLY = "lose_reply"
    STATUS_BEFORE = "status_before"
    STATUS_AFTER = "status_after"
    HTTP_429 = "http_429"
    HTTP_5XX_BEFORE = "http_5xx_before"
    HTTP_5XX_AFTER = "http_5xx_after"
    HTML_BODY = "html_body"
    ORDER_TIMED_OUT = "order_timed_out"
    DELAY_VISIBILITY = "delay_visibility"
    FREEZE_REFUSAL = "freeze_refusal"
    AUTOSLICE_MIXED = "autoslice_mixed"
    PARTIAL_FILLS = "partial_fills"
    PROTECTION_RESTS = "protection_rests"
    LPP_CANCEL = "lpp_cancel"
    LATE_FRAMES = "late_frames"
    DUPLICATE_FRAMES = "duplicate_frames"
    REORDER_FRAMES = "reorder_frames"
    SILENT_SOCKET = "silent_socket"
    DROP_SOCKET = "drop_socket"
    TOKEN_DEATH = "token_death"  # noqa: S105 -- a fault's name
    KILL_TOKEN = "kill_token"  # noqa: S105 -- a fault's name


class FaultInvalid(Exception):
    """A fault script names something that does not exist; ``field`` and ``allowed`` say what would."""

    def __init__(self, message: str, *, field: str = "", allowed: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.allowed = allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: it strikes the next ``count`` times it can, or at once for sockets and tokens.

    ``count`` 0 lets it strike until it is switched off. ``account`` names a user, empty means any.
    ``method`` and ``path`` (a prefix) choose requests; ``status`` is the HTTP status to answer,
    ``body`` its body when not the usual envelope. ``seconds`` is the wall time of a silence, a delay
    or a pause between pieces, ``fraction`` a share of the order, ``quantity`` the largest one allowed.
    """

    kind: FaultKind
    account: str = ""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a kind of fault does, the fields it takes with their defaults, and when it acts.

    ``name`` and ``about`` are for people who switch it; without a name it is for scripts alone.
    """

    does: str
    name: str = ""
    about: str = ""
    defaults: Mapping[str, Any]
    immediate: bool = False


_ANY_REQUEST = {"count": 1, "method": "", "path": ""}
_PLACEMENT = {"count": 1, "method": "POST", "path": "/orders"}
RULES: Mapping[FaultKind, Rule] = {
    FaultKind.LOSE_REPLY: Rule(
        name="Reply lost",
        about="answers",
        does="The request is carried out, then the connection breaks before the answer.",
        defaults=_ANY_REQUEST,
    ),
    FaultKind.STATUS_BEFORE: Rule(
        does="An HTTP error of any status; nothing is carried out.",
        defaults={**_ANY_REQUEST, "status": 503, "body": None},
    ),
    FaultKind.STATUS_AFTER: Rule(
        does="The request is carried out, but the answer is an HTTP error of any status.",
        defaults={**_ANY_REQUEST, "status": 503, "body": None},
    ),
    FaultKind.HTTP_429: Rule(
        name="Too many requests",
        about="answers",
        does="The broker says too many requests; nothing is carried out.",
        defaults=_ANY_REQUEST,
    ),
    FaultKind.HTTP_5XX_BEFORE: Rule(
        name="Gateway fails before",
        about="answers",
        does="The broker's gateway fails before the request arrives; nothing is carried out.",
        defaults={**_ANY_REQUEST, "status": 503},
    ),
    FaultKind.HTTP_5XX_AFTER: Rule(
        name="Gateway fails after",
        about="answers",
        does="The request is carried out, but the broker's gateway fails on the way back.",
        defaults={**_ANY_REQUEST, "status": 502},
    ),
    FaultKind.HTML_BODY: Rule(
        name="Web page for an answer",
        about="answers",
        does="The request is carried out, but a web page comes back in place of the answer.",
        defaults={**_ANY_REQUEST, "status": 200},
    ),
    FaultKind.ORDER_TIMED_OUT: Rule(
        name="Order timed out",
        about="answers",
        does="The broker says the order timed out, and yet it was accepted.",
        defaults=_PLACEMENT,
    ),
    FaultKind.DELAY_VISIBILITY: Rule(
        name="Order appears late",
        about="orders",
        does="A new order gets its number at once, but reaches the book only after some time.",
        defaults={**_PLACEMENT, "seconds": 90.0},
    ),
    FaultKind.FREEZE_REFUSAL: Rule(
        name="Freeze quantity shrunk",
        about="orders",
        does="The freeze quantity has shrunk: larger orders are refused and never reach the book.",
        defaults={**_PLACEMENT, "quantity": 0},
    ),
    FaultKind.AUTOSLICE_MIXED: Rule(
        name="Slices refused",
        about="orders",
        does="Of an order that is sliced, every second slice is refused for want of funds.",
        defaults={**_PLACEMENT, "quantity": 0},
    ),
    FaultKind.PARTIAL_FILLS: Rule(
        name="Partial fills",
        about="orders",
        does="Orders fill piece by piece, with a pause between two pieces.",
        defaults={"count": 1, "fraction": 0.5, "seconds": 0.0},
    ),
    FaultKind.PROTECTION_RESTS: Rule(
        name="Protection rests",
        about="orders",
        does="The price runs away from a protected market order: the rest waits at its limit until changed.",
        defaults={"count": 1, "fraction": 0.0},
    ),
    FaultKind.LPP_CANCEL: Rule(
        name="Cancelled for its price",
        about="orders",
        does="The exchange cancels an order as it enters the book, or a stop as it triggers, for its price.",
        defaults={"count": 1},
    ),
    FaultKind.LATE_FRAMES: Rule(
        name="News late",
        about="news",
        does="News of an order arrives late on the stream.",
        defaults={"count": 1, "seconds": 5.0},
    ),
    FaultKind.DUPLICATE_FRAMES: Rule(
        name="News twice", about="news", does="News of an order arrives twice on the stream.", defaults={"count": 1}
    ),
    FaultKind.REORDER_FRAMES: Rule(
        name="News out of order",
        about="news",
        does="News of an order is overtaken by the next, or comes after a while when nothing follows.",
        defaults={"count": 1, "seconds": 2.0},
    ),
    FaultKind.SILENT_SOCKET: Rule(
        name="Streams fall silent",
        about="connection",
        does="Open streams stay connected and say nothing, not even that they are alive.",
        defaults={"seconds": 30.0},
        immediate=True,
    ),
    FaultKind.DROP_SOCKET: Rule(
        name="Streams break off",
        about="connection",
        does="Open streams break off without a farewell.",
        defaults={},
        immediate=True,
    ),
    FaultKind.TOKEN_DEATH: Rule(
        name="Session ends",
        about="connection",
        does="The session at the broker ends, as at 06:00 or by a logout elsewhere.",
        defaults={},
        immediate=True,
    ),
    FaultKind.KILL_TOKEN: Rule(does="The same as token_death.", defaults={}, immediate=True),
}
METHODS = ("", "GET", "POST", "PUT", "DELETE")
# Of each field: its types, what a value must fulfil, and that in words.
_FIELDS: Mapping[str, tuple[tuple[type, ...], Any, str]] = {
    "account": ((str,), lambda value: len(value) <= 32, "a user id, or empty for everybody"),
    "count": ((int,), lambda value: 0 <= value <= 1_000_000, "0 (until switched off) to 1000000"),
    "method": ((str,), lambda value: value in METHODS, "GET, POST, PUT, DELETE, or empty for any"),
    "path": ((str,), lambda value: value == "" or value.startswith("/"), "a path from /, or empty for any"),
    "status": ((int,), lambda value: 400 <= value <= 599, "400 to 599"),
    "body": ((str,), lambda value: len(value) <= 100_000, "text"),
    "seconds": ((int, float), lambda value: 0 <= value <= 86_400, "0 to 86400"),
    "fraction": ((int, float), lambda value: 0 <= value < 1, "from 0, below 1"),
    "quantity": ((int,), lambda value: 0 <= value <= 10**9, "0 to 1000000000"),
}
_STATUSES: Mapping[FaultKind, tuple[int, int]] = {
    FaultKind.HTTP_5XX_BEFORE: (500, 599),
    FaultKind.HTTP_5XX_AFTER: (500, 599),
    FaultKind.HTML_BODY: (200, 599),
}


def fields_of(kind: FaultKind) -> dict[str, str]:
    """Return the fields a fault of this kind takes, each with its allowed values in words."""
    allowed = {name: _FIELDS[name][2] for name in ("account", *RULES[kind].defaults)}
    if kind in _STATUSES:
        low, high = _STATUSES[kind]
        allowed["status"] = f"{low} to {high}"
    return allowed


def fault_from(data: object) -> Fault:
    """Return the fault that a JSON object describes; raises `FaultInvalid`."""
    if not isinstance(data, Mapping):
        raise FaultInvalid("A fault is a JSON object.", field="kind", allowed=", ".join(FaultKind))
    kind = kind_from(data.get("kind"))
    fields = {name: value for name, value in data.items() if name != "kind"}
    for name, value in fields.items():
        _check(kind, name, value)
    return Fault(kind=kind, **{**RULES[kind].defaults, **fields})


def kind_from(value: object) -> FaultKind:
    """Return the kind of that name; raises `FaultInvalid`."""
    try:
        return FaultKind(str(value))
    except ValueError:
        allowed = ", ".join(FaultKind)
        raise FaultInvalid(f"kind must be one of {allowed}.", field="kind", allowed=allowed) from None


def _check(kind: FaultKind, name: str, value: object) -> None:
    allowed = fields_of(kind)
    if name not in allowed:
        names = ", ".join(allowed)
        raise FaultInvalid(f"{kind} has no field {name!r}; it takes {names}.", field=str(name), allowed=names)
    types, holds, _ = _FIELDS[name]
    right = isinstance(value, types) and not isinstance(value, bool)
    if right and name == "status" and kind in _STATUSES:
        low, high = _STATUSES[kind]
        right = isinstance(value, int) and low <= value <= high
    elif right:
        right = bool(holds(value))
    if not right:
        raise FaultInvalid(f"{name} must be {allowed[name]}.", field=name, allowed=allowed[name])


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

    def take(self, kind: FaultKind, *, account: str, method: str = "", path: str = "") -> Fault | None:
        """Return and use up the first fault of this kind that matches."""
        for entry in self.waiting:
            if entry.fault.kind is kind and _matches(entry.fault, account, method, path):
                self._strike(entry)
                return entry.fault
        return None

    def find(self, kind: FaultKind, *, account: str, method: str = "", path: str = "") -> Fault | None:
        """Return the first fault of this kind that matches, without using it up."""
        matching = (e.fault for e in self.waiting if e.fault.kind is kind and _matches(e.fault, account, method, path))
        return next(matching, None)

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


def _matches(fault: Fault, account: str, method: str, path: str) -> bool:
    if fault.account and fault.account != account:
        return False
    return fault.method in {"", method} and path.startswith(fault.path)
