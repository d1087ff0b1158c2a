"""What a person decides about an entry of the exceptions inbox: asked of its account's desk, which carries it out once."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from brokers.domain.errors import Invalid
from execution.acts import order_cancel, position_exit
from execution.domain.choices import Choice, Evidence, offers_for
from execution.domain.events import Act
from execution.exceptions import evidence_of
from execution.models import Command, Discrepancy, Order, PositionRow
from execution.services import command_request

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def exception_settle(
    *,
    discrepancy: Discrepancy,
    choice: str,
    reason: str,
    by: User,
    key: str,
    at: datetime,
    quantity: Decimal | None = None,
) -> list[Command]:
    """Ask the desk for what a person chose; a repeated key returns the first commands.

    `quantity` is what the entry showed to be adopted, signed. Raises Invalid for an entry that is settled already, for a
    choice that is not offered, for a missing reason, and for another quantity than the entry shows.
    """
    if discrepancy.resolved_at is not None:
        raise Invalid("This entry is settled already.", code="exception.settled", field="id")
    evidence, order, positions = evidence_of(discrepancy)
    offer = next((one for one in offers_for(evidence) if one.choice == choice), None)
    if offer is None:
        raise Invalid(f"This entry cannot be settled by {choice!r}.", code="exception.choice", field="choice")
    if offer.needs_reason and not reason.strip():
        raise Invalid("Say why: the journal keeps it with your name.", code="field.required", field="reason")
    if offer.quantity is not None and offer.quantity != quantity:
        sentence = "This entry shows another quantity: look at it again."
        raise Invalid(sentence, code="exception.changed", field="quantity")
    if offer.choice is Choice.FLATTEN:
        return _flatten(positions, by=by, key=key, at=at)
    if offer.choice is Choice.CANCEL and order is not None:
        return [order_cancel(order=order, by=by, key=key, at=at)]
    kind, about = _act(offer.choice, discrepancy, order, evidence)
    payload = {**about, "reason": reason.strip(), "by": by.get_full_name()}
    account = discrepancy.account
    return [command_request(account=account, kind=kind, payload=payload, by=by, idempotency_key=key, at=at)]


def _flatten(positions: list[PositionRow], *, by: User, key: str, at: datetime) -> list[Command]:
    return [
        position_exit(position=position, by=by, key=key if number == 0 else f"{key[:70]}:{number}", at=at)
        for number, position in enumerate(positions)
    ]


def _act(
    choice: Choice, discrepancy: Discrepancy, order: Order | None, evidence: Evidence
) -> tuple[Act, dict[str, object]]:
    if choice is Choice.NOT_PLACED and order is not None:
        return Act.SETTLE_ORDER, {"client_id": order.client_id, "verdict": "not_placed"}
    if choice is Choice.ADOPT and evidence.shown is not None:
        shown = evidence.shown
        return Act.ADOPT, {
            "instrument": discrepancy.subject,
            "product": str(shown.product),
            "quantity": str(shown.venue),
        }
    return Act.RESOLVE, {"kind": discrepancy.kind, "subject": discrepancy.subject}
