"""An order's life as one table, its record, and the making of client ids.

A final status moves only by LATE evidence. Fills are keyed and counted once; filled quantity and
average price come from fills alone. What a venue declares as filled before its trades were read is
kept beside them (`venue_filled`), so that nothing acts on a position that is about to change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from uuid import NAMESPACE_OID, UUID, uuid5

from brokers.domain.errors import Invalid, WindhoverError
from brokers.domain.orders import FINAL_STATUSES, Fill, OrderIntent, OrderStatus, Purpose
from brokers.domain.perpetual_terms import FillSource
from execution.domain.events import Write

ZERO = Decimal(0)
MAX_PAUSE_S = 8.0
S = OrderStatus


class OrderEvent(StrEnum):
    """What can be learnt about an order, from our own sending or from the venue's books."""

    SEND = "send"  # bytes are leaving
    CONFIRM = "confirm"  # the venue's receipt
    REFUSE = "refuse"  # a definite no to the placement
    DOUBT = "doubt"  # the answer to the placement never came
    PROVE_UNSENT = "prove_unsent"
    ACCEPT = "accept"  # in the venue's book, in an interim state
    ARM = "arm"  # waits for its trigger
    OPEN = "open"
    PART_FILL = "part_fill"
    FILL = "fill"
    CANCEL = "cancel"
    REJECT = "reject"
    EXPIRE = "expire"
    PROVE_ABSENT = "prove_absent"
    END_DAY = "end_day"
    LATE = "late"  # alive, though its life was thought over
    LATE_FILL = "late_fill"  # wholly filled, though its life was thought over


E = OrderEvent


class IllegalMove(WindhoverError):
    """The table knows no such move; nothing was changed, a human is told."""

    code = "order.illegal_move"


_UNSETTLED = (S.INTENDED, S.SENT, S.UNKNOWN, S.UNPROVEN)
_RESTING = (S.ACCEPTED, S.TRIGGER_PENDING, S.OPEN, S.PARTIALLY_FILLED)
_ALIVE = (*_UNSETTLED, *_RESTING)


def _moves(sources: tuple[OrderStatus, ...], event: OrderEvent, target: OrderStatus) -> _Table:
    return {(source, event): target for source in sources}


_Table = dict[tuple[OrderStatus, OrderEvent], OrderStatus]

# A receipt or a doubt may come after the stream has shown the order: then it says nothing new.
TRANSITIONS: _Table = {
    (S.INTENDED, E.SEND): S.SENT,
    **{(status, event): status for status in _RESTING for event in (E.SEND, E.CONFIRM, E.DOUBT)},
    **_moves(_UNSETTLED, E.CONFIRM, S.ACCEPTED),
    **_moves(_UNSETTLED, E.REFUSE, S.REJECTED),
    **_moves((S.INTENDED, S.SENT), E.DOUBT, S.UNKNOWN),
    **_moves((S.INTENDED, S.SENT, S.UNKNOWN), E.PROVE_UNSENT, S.NOT_SENT),
    **_moves(_UNSETTLED, E.ACCEPT, S.ACCEPTED),
    **_moves((*_UNSETTLED, S.ACCEPTED), E.ARM, S.TRIGGER_PENDING),
    **_moves((*_UNSETTLED, S.ACCEPTED, S.TRIGGER_PENDING), E.OPEN, S.OPEN),
    **_moves(_ALIVE, E.PART_FILL, S.PARTIALLY_FILLED),
    **_moves(_ALIVE, E.FILL, S.FILLED),
    **_moves(_ALIVE, E.CANCEL, S.CANCELLED),
    **_moves((*_UNSETTLED, S.ACCEPTED, S.TRIGGER_PENDING, S.OPEN), E.REJECT, S.REJECTED),
    **_moves(_ALIVE, E.EXPIRE, S.EXPIRED),
    **_moves((S.UNKNOWN, S.UNPROVEN), E.PROVE_ABSENT, S.NOT_PLACED),
    (S.UNKNOWN, E.END_DAY): S.UNPROVEN,
    **_moves((S.NOT_PLACED, S.NOT_SENT, S.REJECTED), E.LATE, S.ACCEPTED),
    **{(status, E.LATE): status for status in (S.CANCELLED, S.EXPIRED, S.FILLED)},
    **_moves(tuple(FINAL_STATUSES), E.LATE_FILL, S.FILLED),
}

_PROGRESS = {
    S.INTENDED: 0,
    S.SENT: 1,
    S.UNKNOWN: 1,
    S.UNPROVEN: 1,
    S.ACCEPTED: 2,
    S.TRIGGER_PENDING: 3,
    S.OPEN: 4,
    S.PARTIALLY_FILLED: 5,
    S.FILLED: 9,
    S.CANCELLED: 9,
    S.REJECTED: 9,
    S.EXPIRED: 9,
    S.NOT_SENT: 1,
    S.NOT_PLACED: 1,
}

EVENT_OF = {
    S.ACCEPTED: E.ACCEPT,
    S.SENT: E.ACCEPT,
    S.TRIGGER_PENDING: E.ARM,
    S.OPEN: E.OPEN,
    S.PARTIALLY_FILLED: E.PART_FILL,
    S.FILLED: E.FILL,
    S.CANCELLED: E.CANCEL,
    S.REJECTED: E.REJECT,
    S.EXPIRED: E.EXPIRE,
}


def next_status(status: OrderStatus, event: OrderEvent) -> OrderStatus:
    """Return the table's answer, or raise IllegalMove."""
    target = TRANSITIONS.get((status, event))
    if target is None:
        raise IllegalMove(f"an order that is {status} cannot {event}", details={"status": status, "event": event})
    return target


def is_behind(status: OrderStatus, shown: OrderStatus) -> bool:
    """Tell whether a venue's word repeats, or is older than, what is known already."""
    return shown == status or _PROGRESS[shown] < _PROGRESS[status]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUps:
    """Successful reads of the book that did not contain an order, since its last possible byte."""

    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """Everything known about one order; made anew by each thing learnt."""

    client_id: str
    intent: OrderIntent
    status: OrderStatus
    venue_day: str
    created_at: datetime
    updated_at: datetime
    send_by: datetime
    reserved_quote: Decimal = ZERO
    kill_epoch: int = 0
    lease_token: int = 0
    venue_order_id: str = ""
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    message: str = ""
    fills: tuple[Fill, ...] = ()
    venue_filled: Decimal = ZERO
    cancel_wanted: bool = False
    writing: Write | None = None
    writing_at: datetime | None = None
    modifications: int = 0
    # new prices and cancels that the venue refused since it last took one, and when it refused the last
    refused_modifications: int = 0
    refused_cancels: int = 0
    refused_at: datetime | None = None
    last_byte_at: datetime | None = None
    look_ups: LookUps = LookUps()
    market_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL_STATUSES

    @property
    def is_in_flight(self) -> bool:
        """Tell whether the venue's first word about it is still awaited."""
        return self.status in (S.INTENDED, S.SENT)

    @property
    def is_doubtful(self) -> bool:
        return self.status in (S.UNKNOWN, S.UNPROVEN)

    @property
    def is_resting(self) -> bool:
        return self.status in _RESTING

    @property
    def is_entry(self) -> bool:
        return self.intent.purpose is Purpose.ENTRY

    @property
    def filled_quantity(self) -> Decimal:
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def average_price(self) -> Decimal | None:
        filled = self.filled_quantity
        if filled == 0:
            return None
        return sum((fill.value_quote for fill in self.fills), ZERO) / filled

    @property
    def awaits_trades(self) -> bool:
        """Tell whether the venue declares more filled than its trades have shown yet."""
        return self.venue_filled > self.filled_quantity

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing more is expected of it: over, and every fill is known."""
        return self.is_final and not self.awaits_trades

    @property
    def pending_quantity(self) -> Decimal:
        """Return what may still become position beyond the known fills, at worst."""
        if self.is_final:
            return max(self.venue_filled - self.filled_quantity, ZERO)
        return max(self.intent.quantity - self.filled_quantity, ZERO)

    @property
    def refusal_pause_s(self) -> float:
        """Return how long to wait after the last refusal of a write: 1, 2, 4, then 8 seconds; 0 without one."""
        refused = max(self.refused_modifications, self.refused_cancels)
        return min(2.0 ** (refused - 1), MAX_PAUSE_S) if refused else 0.0

    def is_refused_lately(self, at: datetime) -> bool:
        """Tell whether the venue refused a write of it so lately that another one would only meet the same."""
        return self.refused_at is not None and (at - self.refused_at).total_seconds() < self.refusal_pause_s

    def moved(self, event: OrderEvent, at: datetime, *, message: str = "") -> OrderRecord:
        """Return the record after an event; raise IllegalMove, changing nothing."""
        status = next_status(self.status, event)
        return replace(self, status=status, updated_at=at, message=message or self.message)

    def has_fill(self, fill: Fill) -> bool:
        return any(known.key == fill.key for known in self.fills)

    def filled(self, fill: Fill, at: datetime) -> OrderRecord:
        """Return the record with one more fill; a fill known already changes nothing.

        A fill beyond what a final order declared is LATE evidence; the caller tells a human.
        """
        if self.has_fill(fill):
            return self
        grown = replace(self, fills=(*self.fills, fill), updated_at=at)
        return grown._after_fills(at)

    def _after_fills(self, at: datetime) -> OrderRecord:
        is_whole = self.filled_quantity >= self.intent.quantity
        if not self.is_final:
            return self.moved(E.FILL if is_whole else E.PART_FILL, at)
        if is_whole and self.status is not S.FILLED:
            return self.moved(E.LATE_FILL, at)
        if self.status in (S.NOT_PLACED, S.NOT_SENT, S.REJECTED):
            return self.moved(E.LATE, at).moved(E.PART_FILL, at)
        return self


@lru_cache(maxsize=65_536)
def order_id_of(account_id: str, client_id: str) -> UUID:
    """Return the id under which an order is kept and shown: known without asking anybody."""
    return uuid5(NAMESPACE_OID, f"{account_id}/{client_id}")


def source_of(fills: Iterable[Fill]) -> str:
    """Return whose hand an order was where it was the exchange's own, or an empty text."""
    return next((fill.source.value for fill in fills if fill.source is not FillSource.TRADE), "")


_SEQUENCE_WIDTH = 8
_ACCOUNT_CODE = re.compile(r"^[0-9A-Z]{4}$")
_INCARNATION = re.compile(r"^[0-9A-Z]{1,3}$")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class ClientIds:
    """Makes and reads the desk's own order ids: ``W`` + incarnation + account + sequence.

    The incarnation changes at every restore of the database, so an id of ours without a row says
    that rows were lost, never that somebody else placed an order. At most 16 alphanumerics.
    """

    __slots__ = ("_account_code", "_incarnation", "_next")

    def __init__(self, incarnation: str, account_code: str, start: int = 1) -> None:
        self._incarnation = incarnation.upper()
        self._account_code = account_code.upper()
        self._next = start
        if not _INCARNATION.match(self._incarnation):
            raise Invalid(f"an incarnation is 1 to 3 letters or digits, not {incarnation!r}", code="client_id")
        if not _ACCOUNT_CODE.match(self._account_code):
            raise Invalid(f"an account code is 4 letters or digits, not {account_code!r}", code="client_id")

    def next(self) -> str:
        """Return a fresh id."""
        sequence = self._next
        self._next += 1
        return f"W{self._incarnation}{self._account_code}{_base36(sequence)}"

    def parse(self, text: str) -> tuple[str, int] | None:
        """Return an id's incarnation and sequence, or None when it is not this account's."""
        head, tail = text[:-_SEQUENCE_WIDTH], text[-_SEQUENCE_WIDTH:]
        incarnation = head[1:-4]
        is_ours = head[:1] == "W" and head[-4:] == self._account_code and bool(_INCARNATION.match(incarnation))
        if not is_ours or any(letter not in _ALPHABET for letter in tail):
            return None
        return incarnation, int(tail, 36)

    def is_ours(self, text: str) -> bool:
        return self.parse(text) is not None

    def skip_past(self, text: str) -> None:
        """Never give out an id again that a restored row bears."""
        parsed = self.parse(text)
        if parsed and parsed[0] == self._incarnation:
            self._next = max(self._next, parsed[1] + 1)

    def begin(self, incarnation: str) -> None:
        """Go on under a new incarnation; the same one changes nothing."""
        if incarnation.upper() != self._incarnation:
            self.__init__(incarnation, self._account_code)  # type: ignore[misc]


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _ALPHABET[rest] + digits
    return digits.rjust(_SEQUENCE_WIDTH, "0")
