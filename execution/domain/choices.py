"""What a person can do about an entry of the exceptions inbox: only what the engine carries out safely."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from brokers.domain.orders import FINAL_STATUSES, OrderStatus, Product


class Choice(StrEnum):
    """The verbs of the inbox."""

    ADOPT = "adopt"
    NOT_PLACED = "not_placed"
    CANCEL = "cancel"
    FLATTEN = "flatten"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The figures of a difference as its entry tells them, signed: a product in the journal, and at the venue."""

    product: Product
    journal: Decimal
    venue: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the rows say about an entry: its order, and what is held and at work in its instrument here.

    `held` is net of all holders, by product.
    """

    kind: str
    order_status: OrderStatus | None = None
    held: tuple[Decimal, ...] = ()
    has_holder: bool = False
    has_order: bool = False
    shown: Shown | None = None

    @property
    def adoptable(self) -> Decimal | None:
        """Return what may be taken into the books: only what the venue alone holds, as the entry tells it."""
        shown = self.shown
        if self.kind != "position" or shown is None or self.has_holder or self.has_order:
            return None
        return None if shown.journal or shown.product is Product.DELIVERY else shown.venue or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A choice with what will follow from it."""

    choice: Choice
    label: str
    consequence: str
    needs_reason: bool
    quantity: Decimal | None = None


# these end by themselves once what they tell of ends, and stand again while it lasts
PASSING = frozenset(
    {
        "unknown",
        "throttled",
        "order_soft_stop",
        "order_cap",
        "no_ticks",
        "calendar",
        "hours",
        "instruments",
        "authorise",
        "clock",
        "account_mode",
        "stuck",
        "delisting",
    }
)
_HELD_HERE = frozenset({"position", "external_order", "unprotected", "late", "late_fill", "liquidation", "deleverage"})
_IN_DOUBT = (OrderStatus.UNKNOWN, OrderStatus.UNPROVEN)
_ACCEPTED = {
    "position": "The difference stays and stands no longer here; entries in this instrument go on. It is told anew when a figure changes.",
    "journal_lost": "The account trades again. Be sure that a backup was restored and that the venue's book was compared by hand.",
    "egress": "Entries are tried again from this desk's address.",
    "external_order": "The order stays as it is: counted, and nobody's here.",
}


_DIFFERENCE = re.compile(r"\S+ (\w+): the journal holds (-?[0-9.]+), the venue (-?[0-9.]+)")


def shown_by(sentence: str) -> Shown | None:
    """Read the figures of a difference back from the sentence that tells it; None where it tells none."""
    found = _DIFFERENCE.fullmatch(sentence)
    if found is None or found[1] not in Product.__members__.values():
        return None
    return Shown(product=Product(found[1]), journal=Decimal(found[2]), venue=Decimal(found[3]))


def offers_for(evidence: Evidence) -> tuple[Offer, ...]:
    """Return what can be done, the most particular first."""
    offers: list[Offer] = []
    if evidence.adoptable is not None:
        offers.append(
            Offer(
                choice=Choice.ADOPT,
                label="Adopt",
                consequence=f"The venue's {_said((evidence.adoptable,))} is taken into the books under nobody's name, at its price of now. No order is sent.",
                needs_reason=True,
                quantity=evidence.adoptable,
            )
        )
    if evidence.order_status in _IN_DOUBT:
        offers.append(
            Offer(
                choice=Choice.NOT_PLACED,
                label="Was never placed",
                consequence="The order counts as never placed and what waits for it goes on. If it shows at the venue later it is cancelled and told.",
                needs_reason=True,
            )
        )
    if evidence.kind == "external_order" and _is_at_work(evidence.order_status):
        offers.append(
            Offer(
                choice=Choice.CANCEL,
                label="Cancel the order",
                consequence="The rest of the order is cancelled at the venue; what it filled stays.",
                needs_reason=False,
            )
        )
    if evidence.kind in _HELD_HERE and any(evidence.held):
        offers.append(
            Offer(
                choice=Choice.FLATTEN,
                label="Flatten",
                consequence=f"What the books hold is closed by the desk's own exit orders: {_said(evidence.held)}.",
                needs_reason=False,
            )
        )
    if evidence.kind not in PASSING:
        offers.append(
            Offer(
                choice=Choice.ACCEPT,
                label="Accept",
                consequence=_ACCEPTED.get(
                    evidence.kind, "It leaves the inbox with your name and reason; nothing else changes."
                ),
                needs_reason=True,
            )
        )
    return tuple(offers)


def _is_at_work(status: OrderStatus | None) -> bool:
    return status is not None and status not in FINAL_STATUSES and status not in _IN_DOUBT


def _said(held: tuple[Decimal, ...]) -> str:
    return ", ".join(f"{quantity.normalize() + 0:+f}" for quantity in held if quantity)
