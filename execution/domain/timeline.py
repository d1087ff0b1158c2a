"""An order's life as a person reads it: each journalled step, when, whose, why, and the venue's own words.

The journal is the only source. A step's time is the desk's wall clock when it took the step in; what the
exchange's clock says of a fill stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from brokers.domain.orders import Book, OrderType
from execution.domain.events import SendResult, Write
from execution.domain.lifecycle import OrderEvent
from execution.domain.records import (
    CommandEnded,
    DiscrepancyFound,
    Doubt,
    Fact,
    FillTaken,
    GoalSet,
    Intended,
    LookUp,
    OrderMoved,
    Outcome,
    Refusal,
    SignalMade,
    WriteAsked,
)

# what the desk itself concludes of an order, without a word of the venue
_OWN_CONCLUSIONS = frozenset({OrderEvent.PROVE_ABSENT, OrderEvent.END_DAY})
_SHOWN = {
    OrderEvent.ACCEPT: "in the venue's book, not open yet",
    OrderEvent.ARM: "waits at the venue for its trigger",
    OrderEvent.OPEN: "open in the venue's book",
    OrderEvent.PART_FILL: "part filled, says the venue's book",
    OrderEvent.FILL: "filled whole, says the venue's book",
    OrderEvent.CANCEL: "cancelled, says the venue's book",
    OrderEvent.REJECT: "rejected by the venue",
    OrderEvent.EXPIRE: "expired at the venue",
    OrderEvent.LATE: "seen at the venue after it was thought over",
    OrderEvent.LATE_FILL: "filled whole after it was thought over",
    OrderEvent.PROVE_ABSENT: "proven absent: no book of the venue holds it",
    OrderEvent.END_DAY: "its day ended without proof of its fate",
}


class Who(StrEnum):
    """Whose step it was."""

    STRATEGY = "strategy"
    PERSON = "person"
    GUARDIAN = "guardian"
    DESK = "desk"
    GATE = "gate"
    VENUE = "venue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One journal row: its place, time and kind, the token of the lease it was written under, and what it holds."""

    seq: int
    at: datetime
    kind: str
    token: int
    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who could have acted: names by command id, the guardian's lease tokens, and who holds the order."""

    holder: str = ""
    persons: Mapping[str, str] = field(default_factory=dict)
    guardians: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an order's life; `latency_ms` is the time since the step before, None for the first."""

    seq: int
    at: datetime
    kind: str
    who: Who
    what: str
    name: str = ""
    reason: str = ""
    words: str = ""
    venue_at: datetime | None = None
    latency_ms: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """How long the stages took, in milliseconds; None for one that has not happened.

    From the decision to the durable order, from there to the venue's first word, from there to the first fill, and
    from the first fill to the last.
    """

    decision_ms: Decimal | None = None
    venue_ms: Decimal | None = None
    first_fill_ms: Decimal | None = None
    filling_ms: Decimal | None = None


def steps_of(rows: Sequence[Kept], cast: Cast) -> tuple[Step, ...]:
    """Return the steps that journal rows tell, oldest first; rows of other kinds tell none."""
    commands = {row.at: row.fact.command_id for row in rows if isinstance(row.fact, CommandEnded)}
    steps: list[Step] = []
    for row in sorted(rows, key=lambda row: row.seq):
        tell = _TELLERS.get(type(row.fact))
        if tell is None:
            continue
        who, name = _who(row, cast, commands.get(row.at))
        before = steps[-1].at if steps else None
        steps.append(
            Step(
                seq=row.seq,
                at=row.at,
                kind=row.kind,
                who=who,
                name=name,
                latency_ms=None if before is None else _ms(before, row.at),
                **tell(row.fact),
            )
        )
    return tuple(steps)


def spans_of(rows: Sequence[Kept]) -> Spans:
    """Return how long each stage of an order took."""
    facts = sorted(rows, key=lambda row: row.seq)
    intended = next((row for row in facts if isinstance(row.fact, Intended)), None)
    if intended is None:
        return Spans()
    assert isinstance(intended.fact, Intended)
    spoken = next((row.at for row in facts if row.seq > intended.seq and _is_the_venues(row.fact)), None)
    filled = [row.at for row in facts if isinstance(row.fact, FillTaken)]
    return Spans(
        decision_ms=_ms(intended.fact.intent.decided_at, intended.at),
        venue_ms=_between(intended.at, spoken),
        first_fill_ms=_between(spoken, filled[0] if filled else None),
        filling_ms=_ms(filled[0], filled[-1]) if len(filled) > 1 else None,
    )


def _between(start: datetime | None, end: datetime | None) -> Decimal | None:
    return None if start is None or end is None else _ms(start, end)


def _ms(start: datetime, end: datetime) -> Decimal:
    gone = end - start
    return Decimal(gone.days * 86_400_000_000 + gone.seconds * 1_000_000 + gone.microseconds) / 1000


def _who(row: Kept, cast: Cast, command_id: str | None) -> tuple[Who, str]:
    fact = row.fact
    if _is_the_venues(fact):
        return Who.VENUE, ""
    if isinstance(fact, Refusal):
        return Who.GATE, ""
    if row.token in cast.guardians:
        return Who.GUARDIAN, ""
    if command_id in cast.persons:
        return Who.PERSON, cast.persons[command_id or ""]
    if isinstance(fact, SignalMade) or (isinstance(fact, GoalSet) and fact.goal.key.strategy_key):
        return Who.STRATEGY, cast.holder
    return Who.DESK, ""


def _is_the_venues(fact: Fact) -> bool:
    if isinstance(fact, Outcome):
        return fact.result is not SendResult.NOT_SENT
    return isinstance(fact, FillTaken) or (isinstance(fact, OrderMoved) and fact.event not in _OWN_CONCLUSIONS)


def _signal(fact: SignalMade) -> dict[str, Any]:
    return {"what": f"signal: exposure {fact.exposure:+g} of {fact.instrument}", "reason": fact.reason}


def _goal(fact: GoalSet) -> dict[str, Any]:
    wanted = fact.goal.quantity
    what = "nothing is wanted any more" if wanted is None else f"wanted position: {_figure(wanted)}"
    return {"what": what, "reason": fact.goal.reason}


def _refusal(fact: Refusal) -> dict[str, Any]:
    return {"what": f"the risk gate spoke: {fact.rule}", "reason": fact.reason}


def _intended(fact: Intended) -> dict[str, Any]:
    intent = fact.intent
    priced = "at market" if intent.price is None else f"at {_figure(intent.price)}"
    kind = "" if intent.order_type in (OrderType.MARKET, OrderType.LIMIT) else f" {intent.order_type}"
    paper = ", on paper" if intent.book is Book.PAPER else ""
    what = f"journalled before sending: {intent.side} {_figure(intent.quantity)}{kind} {priced}{paper}"
    return {"what": what, "reason": intent.reason}


def _outcome(fact: Outcome) -> dict[str, Any]:
    if fact.result is SendResult.NOT_SENT:
        return {"what": f"the {_WRITES[fact.write]} had no effect: nothing of it counts", "reason": fact.message}
    said = "taken in" if fact.result is SendResult.CONFIRMED else "refused"
    known = f" as {fact.venue_order_id}" if fact.venue_order_id else ""
    return {"what": f"{_WRITES[fact.write]} {said}{known}", "words": fact.message}


_WRITES = {Write.PLACE: "order", Write.MODIFY: "new price", Write.CANCEL: "cancel"}


def _moved(fact: OrderMoved) -> dict[str, Any]:
    if fact.event in _OWN_CONCLUSIONS:
        return {"what": _SHOWN[fact.event], "reason": fact.message}
    placed = "placed elsewhere: " if fact.adopted is not None else ""
    return {"what": placed + _SHOWN.get(fact.event, fact.event), "words": fact.message}


def _write(fact: WriteAsked) -> dict[str, Any]:
    if fact.write is Write.MODIFY:
        return {"what": f"new price {_figure(fact.price)} asked for", "reason": fact.reason}
    what = "a cancel is wanted and waits" if fact.write is None else "cancel asked for"
    return {"what": what, "reason": fact.reason}


def _fill(fact: FillTaken) -> dict[str, Any]:
    fill = fact.fill
    what = f"filled {_figure(fill.quantity)} at {_figure(fill.price)}, trade {fill.trade_id}"
    return {"what": what, "venue_at": fill.filled_at}


def _doubt(fact: Doubt) -> dict[str, Any]:
    return {"what": "unknown whether it was placed: nothing is resent, the books are asked", "reason": fact.why}


def _look_up(_: LookUp) -> dict[str, Any]:
    return {"what": "looked up in the venue's book and not found"}


def _discrepancy(fact: DiscrepancyFound) -> dict[str, Any]:
    return {"what": "settled in the inbox" if fact.resolved else "put into the inbox", "reason": fact.sentence}


def _figure(value: Decimal | None) -> str:
    return "none" if value is None else f"{value.normalize() + 0:f}"


_TELLERS: dict[type[Fact], Callable[[Any], dict[str, Any]]] = {
    SignalMade: _signal,
    GoalSet: _goal,
    Refusal: _refusal,
    Intended: _intended,
    Outcome: _outcome,
    OrderMoved: _moved,
    WriteAsked: _write,
    FillTaken: _fill,
    Doubt: _doubt,
    LookUp: _look_up,
    DiscrepancyFound: _discrepancy,
}
