"""The kinds of fault, what each does in a trader's words, and the fields it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


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
    STUCK_PENDING = "stuck_pending"
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
    ADDRESS_REFUSED = "address_refused"
    NO_MARKET_DATA = "no_market_data"
    HOLDINGS_UNAUTHORISED = "holdings_unauthorised"
    EXCHANGE_CANCEL = "exchange_cancel"
    KILL_TOKEN = "kill_token"  # noqa: S105 -- a fault's name
    CODE_1021 = "code_1021"
    NONCE_EXPIRED = "nonce_expired"
    HTTP_418 = "http_418"
    HTTP_403 = "http_403"
    LISTEN_KEY_EXPIRED = "listen_key_expired"
    SILENT_USER_STREAM = "silent_user_stream"
    UNKNOWN_AFTER_ACCEPT = "unknown_after_accept"
    PRICE_SHOCK = "price_shock"
    LIQUIDATE = "liquidate"
    DELEVERAGE = "deleverage"


class FaultInvalid(Exception):
    """A fault script names something that does not exist; ``field`` and ``allowed`` say what would."""

    def __init__(self, message: str, *, field: str = "", allowed: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.allowed = allowed


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
    # the exchanges that can show it
    venues: tuple[str, ...] = ("kite",)


_ANY_REQUEST = {"count": 1, "method": "", "path": ""}
_PLACEMENT = {"count": 1, "method": "POST", "path": "/orders"}
_RULES: Mapping[FaultKind, Rule] = {
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
    FaultKind.STUCK_PENDING: Rule(
        name="Order hangs",
        about="orders",
        does="A new order stays in validation for some time: it neither rests nor trades, and cannot be cancelled.",
        defaults={**_PLACEMENT, "seconds": 60.0},
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
    FaultKind.ADDRESS_REFUSED: Rule(
        name="Address not allowed",
        about="connection",
        does="Order calls are refused because they come from an address the broker does not know; reads work.",
        defaults={"count": 1},
    ),
    FaultKind.NO_MARKET_DATA: Rule(
        name="No market data",
        about="connection",
        does="The plan holds no market data: quotes, candles and new streams are refused, orders work.",
        defaults={"count": 1},
    ),
    FaultKind.HOLDINGS_UNAUTHORISED: Rule(
        name="Holdings not authorised",
        about="orders",
        does="Holdings cannot be sold until they are authorised at the depository.",
        defaults={"count": 1},
    ),
    FaultKind.EXCHANGE_CANCEL: Rule(
        name="Exchange cancels",
        about="orders",
        does="The exchange cancels every order that waits, as at a change of price bands.",
        defaults={},
        immediate=True,
    ),
    FaultKind.KILL_TOKEN: Rule(does="The same as token_death.", defaults={}, immediate=True),
    FaultKind.CODE_1021: Rule(
        name="Clock refused",
        about="answers",
        does="The exchange holds the time of a signed request for wrong and refuses it.",
        defaults=_ANY_REQUEST,
        venues=("aster",),
    ),
    FaultKind.NONCE_EXPIRED: Rule(
        name="Nonce expired",
        about="answers",
        does="The exchange holds the nonce of a request for used up and refuses it.",
        defaults=_ANY_REQUEST,
        venues=("aster",),
    ),
    FaultKind.HTTP_418: Rule(
        name="Address banned",
        about="answers",
        does="The exchange bans the address for some time; without seconds it does not say until when.",
        defaults={**_ANY_REQUEST, "seconds": 120.0},
        venues=("aster",),
    ),
    FaultKind.HTTP_403: Rule(
        name="Firewall refuses",
        about="answers",
        does="The exchange's firewall refuses the request with a page that is no answer.",
        defaults=_ANY_REQUEST,
        venues=("aster",),
    ),
    FaultKind.UNKNOWN_AFTER_ACCEPT: Rule(
        name="Accepted, yet unknown",
        about="answers",
        does="The order is accepted, but the answer says that its fate is unknown.",
        defaults=_PLACEMENT,
        venues=("aster",),
    ),
    FaultKind.LISTEN_KEY_EXPIRED: Rule(
        name="Stream key expires",
        about="connection",
        does="The key of the account's stream expires: the stream stays open and says nothing more.",
        defaults={},
        immediate=True,
        venues=("aster",),
    ),
    FaultKind.SILENT_USER_STREAM: Rule(
        name="Account stream falls silent",
        about="connection",
        does="The account's stream stays open and loses what happens to orders and money.",
        defaults={"seconds": 30.0},
        immediate=True,
        venues=("aster",),
    ),
    FaultKind.PRICE_SHOCK: Rule(
        name="Price shock",
        about="orders",
        does="Every price of the made market falls at once by a fraction.",
        defaults={"fraction": 0.02},
        immediate=True,
        venues=("aster",),
    ),
    FaultKind.LIQUIDATE: Rule(
        name="Liquidation",
        about="orders",
        does="The exchange liquidates every position of the account at the mark price.",
        defaults={},
        immediate=True,
        venues=("aster",),
    ),
    FaultKind.DELEVERAGE: Rule(
        name="Automatic deleveraging",
        about="orders",
        does="The exchange closes a fraction of every position at the mark price to balance its books.",
        defaults={"fraction": 0.5},
        immediate=True,
        venues=("aster",),
    ),
}
BOTH = ("kite", "aster")
SHARED = (
    FaultKind.LOSE_REPLY, FaultKind.STATUS_BEFORE, FaultKind.STATUS_AFTER, FaultKind.HTTP_429,
    FaultKind.HTTP_5XX_BEFORE, FaultKind.HTTP_5XX_AFTER, FaultKind.HTML_BODY, FaultKind.ORDER_TIMED_OUT,
    FaultKind.DELAY_VISIBILITY, FaultKind.STUCK_PENDING, FaultKind.PARTIAL_FILLS, FaultKind.LATE_FRAMES,
    FaultKind.DUPLICATE_FRAMES, FaultKind.REORDER_FRAMES, FaultKind.SILENT_SOCKET, FaultKind.DROP_SOCKET,
    FaultKind.ADDRESS_REFUSED, FaultKind.EXCHANGE_CANCEL,
)  # fmt: skip
RULES: Mapping[FaultKind, Rule] = {
    kind: replace(rule, venues=BOTH) if kind in SHARED else rule for kind, rule in _RULES.items()
}
METHODS = ("", "GET", "POST", "PUT", "DELETE")
# Of each field: its types, what a value must fulfil, and that in words.
_FIELDS: Mapping[str, tuple[tuple[type, ...], Any, str]] = {
    "account": ((str,), lambda value: len(value) <= 64, "a user id, or empty for everybody"),
    "venue": ((str,), lambda value: value in {"", *BOTH}, "kite, aster, or empty for both"),
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
    allowed = {name: _FIELDS[name][2] for name in ("account", "venue", *RULES[kind].defaults)}
    if kind in _STATUSES:
        low, high = _STATUSES[kind]
        allowed["status"] = f"{low} to {high}"
    return allowed


def kind_from(value: object) -> FaultKind:
    """Return the kind of that name; raises `FaultInvalid`."""
    try:
        return FaultKind(str(value))
    except ValueError:
        allowed = ", ".join(FaultKind)
        raise FaultInvalid(f"kind must be one of {allowed}.", field="kind", allowed=allowed) from None


def check_field(kind: FaultKind, name: str, value: object) -> None:
    """Raise `FaultInvalid` unless a fault of this kind takes the field with this value."""
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
