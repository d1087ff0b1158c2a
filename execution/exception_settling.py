"""What a person decides about an entry of the exceptions inbox: asked of its account's desk, which carries it out once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from brokers.domain.errors import Invalid
from execution.acts import order_cancel, position_exit
from execution.domain.choices import Choice, offers_for
from execution.domain.events import Act
from execution.exceptions import evidence_of
from execution.models import Command, Discrepancy, Order, PositionRow
from execution.services import command_request

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def exception_settle(
    *, discrepancy: Discrepancy, choice: str, reason: str, by: User, key: str, at: datetime
) -> list[Command]:
    """Ask the desk for what a person chose; a repeated key returns the first commands.

    Raises Invalid for an entry that is settled already, for a choice that is not offered, and for a missing reason.
    """
    if discrepancy.resolved_at is not None:
        raise Invalid("This entry is settled already.", code="exception.settled", field="id")
    evidence, order, positions = evidence_of(discrepancy)
    offer = next((one for one in offers_for(evidence) if one.choice == choice), None)
    if offer is None:
        raise Invalid(f"This entry cannot be settled by {choice!r}.", code="exception.choice", field="choice")
    if offer.needs_reason and not reason.strip():
        raise Invalid("Say why: the journal keeps it with your name.", code="field.required", field="reason")
    if offer.choice is Choice.FLATTEN:
        return _flatten(positions, by=by, key=key, at=at)
    if offer.choice is Choice.CANCEL and order is not None:
        return [order_cancel(order=order, by=by, key=key, at=at)]
    kind, about = _act(offer.choice, discrepancy, order)
    payload = {**about, "reason": reason.strip(), "by": by.get_full_name()}
    account = discrepancy.account
    return [command_request(account=account, kind=kind, payload=payload, by=by, idempotency_key=key, at=at)]


def _flatten(positions: list[PositionRow], *, by: User, key: str, at: datetime) -> list[Command]:
    return [
        position_exit(position=position, by=by, key=key if number == 0 else f"{key[:70]}:{number}", at=at)
        for number, position in enumerate(positions)
    ]


def _act(choice: Choice, discrepancy: Discrepancy, order: Order | None) -> tuple[Act, dict[str, object]]:
    if choice is Choice.NOT_PLACED and order is not None:
        return Act.SETTLE_ORDER, {"client_id": order.client_id, "verdict": "not_placed"}
    if choice is Choice.ADOPT:
        return Act.ADOPT, {"instrument": discrepancy.subject}
    return Act.RESOLVE, {"kind": discrepancy.kind, "subject": discrepancy.subject}
