"""What a person asks of the desk: the wish in the database and the command to the desk, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from brokers.domain.errors import Invalid
from brokers.domain.orders import Book
from brokers.models import TradingAccount
from brokers.preflight import require_may_trade_live
from execution.basket_checks import legs_check
from execution.basket_models import Basket
from execution.domain.events import Act
from execution.models import Command, Order, PositionRow
from execution.services import basket_expect, command_request
from strategies.models import Deployment, DeploymentState
from strategies.services import deployment_add, deployment_remove, deployment_toggle

if TYPE_CHECKING:
    from accounts.models import User


def spec_of(deployment: Deployment) -> dict[str, Any]:
    """Return what a desk needs to run a deployment."""
    return {
        "deployment_id": str(deployment.id),
        "strategy": deployment.strategy,
        "instruments": list(deployment.instruments),
        "params": dict(deployment.params),
        "mode": deployment.mode,
        "label": str(deployment),
    }


@transaction.atomic
def strategy_add(
    *, account: TradingAccount, strategy: str, instruments: list[str], params: Mapping[str, Any], mode: str, by: User
) -> Deployment:
    """Add a deployment, stopped; raises Invalid or NotFound for what cannot run."""
    _check_demo(account)
    _check_live(account, mode)
    deployment: Deployment = deployment_add(
        account=account, strategy=strategy, instruments=instruments, params=params, mode=mode, by=by
    )
    return deployment


@transaction.atomic
def strategy_toggle(*, deployment: Deployment, enabled: bool, by: User, key: str, at: datetime) -> Command:
    """Wish a deployment to run or to rest, and tell its desk."""
    if enabled:
        _check_demo(deployment.account)
        _check_live(deployment.account, deployment.mode)
    deployment_toggle(deployment=deployment, enabled=enabled, by=by)
    payload = spec_of(deployment) if enabled else {"deployment_id": str(deployment.id)}
    kind = Act.DEPLOYMENT_START if enabled else Act.DEPLOYMENT_STOP
    return command_request(account=deployment.account, kind=kind, payload=payload, by=by, idempotency_key=key, at=at)


@transaction.atomic
def strategy_remove(*, deployment: Deployment, by: User, key: str, at: datetime) -> Command:
    """Take a deployment away; its desk closes what it holds."""
    deployment_remove(deployment=deployment, by=by)
    payload = {"deployment_id": str(deployment.id)}
    return command_request(
        account=deployment.account, kind=Act.DEPLOYMENT_REMOVE, payload=payload, by=by, idempotency_key=key, at=at
    )


@transaction.atomic
def accounts_start(*, accounts: Sequence[TradingAccount], by: User, key: str, at: datetime) -> list[Command]:
    """Tell each account's desk to run its enabled deployments, in the mode that each of them has."""
    for account in accounts:
        _check_demo(account)
        for spec in _enabled(account):
            _check_live(account, spec["mode"])
    return [
        command_request(
            account=account,
            kind=Act.LIVE_START,
            payload={"deployments": _enabled(account)},
            by=by,
            idempotency_key=key,
            at=at,
        )
        for account in accounts
    ]


@transaction.atomic
def accounts_stop(*, accounts: Sequence[TradingAccount], by: User, key: str, at: datetime) -> list[Command]:
    """Tell each account's desk to rest its deployments."""
    return [
        command_request(account=account, kind=Act.LIVE_STOP, payload={}, by=by, idempotency_key=key, at=at)
        for account in accounts
    ]


@transaction.atomic
def basket_send(
    *,
    account: TradingAccount,
    legs: Sequence[Mapping[str, Any]],
    policy: str,
    mode: str,
    by: User,
    key: str,
    at: datetime,
    name: str = "",
    deadline_s: float = 60.0,
) -> Basket:
    """Ask the account's desk to send a basket; a repeated key returns the first basket.

    Raises Invalid, or NotFound, naming the leg's field for legs that cannot be sent, and Invalid for real money on an
    account that is not released.
    """
    _check_demo(account)
    _check_live(account, mode)
    known = Command.objects.filter(account=account, idempotency_key=key).first() if key else None
    kept = known.payload if known else {}
    payload: dict[str, Any] = {
        "legs": legs_check(account, legs, at=at),
        "name": name or f"Basket of {len(legs)}",
        "policy": policy,
        "mode": mode,
        "deadline_s": deadline_s,
        "asked_at": kept.get("asked_at") or at.isoformat(),
        "basket_id": kept.get("basket_id") or str(uuid4()),
    }
    payload["instruments"] = [leg["instrument"] for leg in payload["legs"]]
    command = command_request(
        account=account,
        kind=Act.BASKET_SEND,
        payload=payload,
        by=by,
        idempotency_key=key,
        at=at,
        id=UUID(payload["basket_id"]),
    )
    return basket_expect(command=command, by=by)


def basket_unwind(*, basket: Basket, by: User, key: str, at: datetime) -> Command:
    """Tell the desk to take a basket back, what it has written first."""
    payload = {"basket_id": str(basket.pk)}
    return command_request(
        account=basket.account, kind=Act.BASKET_UNWIND, payload=payload, by=by, idempotency_key=key, at=at
    )


def order_cancel(*, order: Order, by: User, key: str, at: datetime) -> Command:
    """Tell the desk to cancel an order."""
    payload = {"client_id": order.client_id}
    return command_request(
        account=order.account, kind=Act.CANCEL_ORDER, payload=payload, by=by, idempotency_key=key, at=at
    )


def position_exit(*, position: PositionRow, by: User, key: str, at: datetime) -> Command:
    """Tell the desk to close a position."""
    payload = {
        "book": position.book,
        "instrument": position.instrument,
        "product": position.product,
        "strategy_key": position.strategy_key,
    }
    return command_request(
        account=position.account, kind=Act.EXIT_POSITION, payload=payload, by=by, idempotency_key=key, at=at
    )


def positions_exit(*, account: TradingAccount, book: str | None, by: User, key: str, at: datetime) -> Command:
    """Tell the desk to close every position of an account, or of one of its books."""
    payload = {"book": book} if book else {}
    return command_request(account=account, kind=Act.EXIT_ALL, payload=payload, by=by, idempotency_key=key, at=at)


def _check_demo(account: TradingAccount) -> None:
    """Keep a demo, whose password is on its terminal, away from accounts that move real money."""
    if settings.WINDHOVER_DEMO and not account.is_simulated:
        raise Invalid("A demo serves simulated accounts alone.", code="demo.account", field="account")


def _check_live(account: TradingAccount, mode: str) -> None:
    """Keep real money from moving on an account that is on paper, or whose way to the venue is not in order."""
    if mode != Book.LIVE or account.is_simulated:
        return
    if not account.is_live:
        raise Invalid(f"{account} is not released for live trading", code="account.not_live", field="mode")
    require_may_trade_live(account, at=timezone.now())


def _enabled(account: TradingAccount) -> list[dict[str, Any]]:
    rows = account.deployments.filter(is_enabled=True).exclude(state=DeploymentState.REMOVED).order_by("created_at")
    return [spec_of(row) for row in rows]
