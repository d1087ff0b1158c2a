"""Operator's acts: each becomes a row that the account's desk executes once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from django.db import transaction

from accounts.audit import audit_record
from accounts.models import Desk
from brokers import hub
from brokers.domain.errors import Invalid
from brokers.models import SessionState, TradingAccount
from execution.basket_models import Basket
from execution.domain.baskets import BasketState
from execution.domain.events import Act
from execution.models import Command, CommandState, EquityPoint
from risk.models import KillSwitch
from risk.services import switch_set
from strategies.models import Deployment

if TYPE_CHECKING:
    from accounts.models import User

ACTS = frozenset(Act)
REASON_LENGTH = 300


@transaction.atomic
def command_request(
    *,
    account: TradingAccount,
    kind: str,
    payload: Mapping[str, object],
    by: User | None,
    idempotency_key: str,
    at: datetime,
    id: UUID | None = None,  # noqa: A002 - the row's own word
) -> Command:
    """Write a command for the account's desk and ring its doorbell; a repeated key returns the first command.

    Raises Invalid for a kind the desk does not know, and for a key reused for another act.
    """
    if kind not in ACTS:
        raise Invalid(f"{kind!r} is no act of the desk", code="command.kind", field="kind")
    command, is_new = Command.objects.get_or_create(
        account=account,
        idempotency_key=idempotency_key or uuid4().hex,
        defaults={
            "id": id or uuid4(),
            "kind": kind,
            "payload": dict(payload),
            "requested_by": by,
            "requested_at": at,
        },
    )
    if not is_new:
        _require_same(command, kind, payload)
        return command
    audit_record(action=f"command.{kind}", at=at, actor=by, desk_id=account.desk_id, subject=str(command.id))
    _ring_on_commit(account)
    return command


def basket_expect(*, command: Command, by: User | None) -> Basket:
    """Show a basket that was asked for before any desk has heard of it; the journal goes on from there."""
    asked = command.payload
    legs = [
        {**leg, "filled": "0", "average_price": None, "status": "WAITING", "reason": "not sent yet", "client_ids": []}
        for leg in asked["legs"]
    ]
    basket, _ = Basket.objects.get_or_create(
        pk=command.pk,
        defaults={
            "account": command.account,
            "name": asked["name"],
            "policy": asked["policy"],
            "book": asked["mode"],
            "state": BasketState.PENDING,
            "reason": "waiting for the desk",
            "legs": [{"price": None, **leg} for leg in legs],
            "deadline_at": command.requested_at + timedelta(seconds=asked["deadline_s"]),
            "requested_by": by,
            "created_at": command.requested_at,
            "updated_at": command.requested_at,
        },
    )
    found: Basket = basket
    return found


@transaction.atomic
def kill_switch_set(
    *,
    scope: str,
    target: Desk | TradingAccount | Deployment,
    engaged: bool,
    reason: str,
    by: User | None,
    at: datetime,
) -> KillSwitch:
    """Set a kill switch and tell every desk under it; the row stands before any desk hears of it.

    Setting a switch to what it is returns it unchanged and sends nothing. Raises Invalid for an
    unknown scope and for a pull without a reason.
    """
    desk, accounts = _under(target)
    switch, changed = switch_set(
        scope=scope, desk_id=desk.pk, target_id=target.pk, engaged=engaged, reason=reason, by=by, at=at
    )
    if changed:
        _tell_of_switch(switch, accounts=accounts, by=by, at=at)
    return switch


def venues_to_sync() -> list[str]:
    """Return one logged-in account of each venue, through which its list can be fetched."""
    accounts = TradingAccount.objects.filter(is_enabled=True, login__state=SessionState.LIVE).order_by("created_at")
    by_venue: dict[str, str] = {}
    for pk, venue in accounts.values_list("pk", "venue"):
        by_venue.setdefault(venue, str(pk))
    return list(by_venue.values())


def rows_clear(*, commands_before: datetime, curve_before: datetime) -> int:
    """Delete finished commands and points of the curve older than given; return how many rows went."""
    commands = Command.objects.exclude(state=CommandState.ACCEPTED).filter(finished_at__lt=commands_before)
    points = EquityPoint.objects.filter(market_at__lt=curve_before)
    return int(commands.delete()[0]) + int(points.delete()[0])


def _tell_of_switch(switch: KillSwitch, *, accounts: Iterable[TradingAccount], by: User | None, at: datetime) -> None:
    payload = {
        "scope": switch.scope,
        "target_id": str(switch.target_id),
        "reason": switch.reason,
        "epoch": switch.epoch,
    }
    kind = Act.KILL if switch.is_engaged else Act.UNKILL
    for account in accounts:
        Command.objects.create(
            account=account,
            kind=kind,
            payload=payload,
            idempotency_key=f"switch-{switch.pk}-{switch.epoch}",
            requested_by=by,
            requested_at=at,
        )
        _ring_on_commit(account)


def _under(target: Desk | TradingAccount | Deployment) -> tuple[Desk, list[TradingAccount]]:
    if isinstance(target, Deployment):
        return target.account.desk, [target.account]
    if isinstance(target, TradingAccount):
        return target.desk, [target]
    return target, list(TradingAccount.objects.filter(desk=target, is_enabled=True))


def _require_same(command: Command, kind: str, payload: Mapping[str, object]) -> None:
    if command.kind != kind or command.payload != dict(payload):
        raise Invalid(
            "this Idempotency-Key was used for another act", code="command.key_reused", field="Idempotency-Key"
        )


def _ring_on_commit(account: TradingAccount) -> None:
    account_id = str(account.pk)
    transaction.on_commit(partial(hub.ring, account_id), robust=True)
