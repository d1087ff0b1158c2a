"""Changes of deployments: check, write, audit, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from accounts.audit import audit_record
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.instruments import OPTION_KINDS, InstrumentKind, split_key
from brokers.domain.listings import takes_orders
from brokers.domain.money import Currency
from brokers.domain.orders import Book, Product
from brokers.models import ListedInstrument, TradingAccount
from strategies.domain import Direction, StrategyParams, wrong
from strategies.models import Deployment, DeploymentState
from strategies.registry import strategy_for

if TYPE_CHECKING:
    from accounts.models import User

MAX_INSTRUMENTS = 50
REASON_LENGTH = 300


@transaction.atomic
def deployment_add(
    *,
    account: TradingAccount,
    strategy: str,
    instruments: Sequence[str],
    params: Mapping[str, Any],
    mode: str,
    by: User,
    at: datetime | None = None,
) -> Deployment:
    """Add a deployment that does not run yet.

    Raises NotFound for an unknown strategy or instrument, and Invalid naming the field for
    parameters, instruments or a mode that it cannot run with.
    """
    parsed = strategy_for(strategy).Params.parse(params)
    _check_value_is_said(account, parsed, params)
    listed = _listed(account, instruments)
    for row in listed:
        _check_suits(parsed, row)
    _check_mode(account, mode)
    deployment: Deployment = Deployment.objects.create(
        account=account,
        strategy=strategy,
        instruments=[f"{row.exchange}:{row.symbol}" for row in listed],
        params=parsed.as_json(),
        mode=mode,
        created_by=by,
    )
    details = {"strategy": strategy, "instruments": deployment.instruments, "params": deployment.params, "mode": mode}
    _audit(deployment, "deployment.add", by=by, at=at, details=details)
    return deployment


@transaction.atomic
def deployment_toggle(*, deployment: Deployment, enabled: bool, by: User, at: datetime | None = None) -> Deployment:
    """Wish a deployment to run, or to rest; the desk reports what became of it.

    Wishing again what is wished is allowed: it starts a halted deployment anew. Raises NotFound
    for a removed one.
    """
    current = _locked(deployment)
    current.is_enabled = enabled
    current.save(update_fields=["is_enabled"])
    deployment.is_enabled = enabled
    _audit(current, "deployment.enable" if enabled else "deployment.disable", by=by, at=at)
    return current


@transaction.atomic
def deployment_remove(*, deployment: Deployment, by: User, at: datetime | None = None) -> Deployment:
    """Take a deployment out of the list for good; raises NotFound when it was removed before.

    Its row stays, since orders and fills point at it.
    """
    current = _locked(deployment)
    current.is_enabled = False
    current.state = DeploymentState.REMOVED
    current.removed_at = at or timezone.now()
    current.save(update_fields=["is_enabled", "state", "removed_at"])
    _audit(current, "deployment.remove", by=by, at=at)
    return current


def _locked(deployment: Deployment) -> Deployment:
    current: Deployment | None = (
        Deployment.objects.select_for_update().exclude(state=DeploymentState.REMOVED).filter(pk=deployment.pk).first()
    )
    if current is None:
        raise NotFound("this deployment was removed", code="deployment.removed", field="id")
    return current


def _listed(account: TradingAccount, instruments: Sequence[str]) -> list[ListedInstrument]:
    if isinstance(instruments, str) or not instruments:
        raise Invalid("name at least one instrument", code="deployment.instruments", field="instruments")
    if len(instruments) > MAX_INSTRUMENTS:
        raise Invalid(
            f"{len(instruments)} instruments, at most {MAX_INSTRUMENTS}",
            code="deployment.instruments",
            field="instruments",
        )
    rows = [_listed_one(account, key) for key in instruments]
    if len({row.pk for row in rows}) < len(rows):
        raise Invalid("an instrument is named twice", code="deployment.instruments", field="instruments")
    return rows


def _listed_one(account: TradingAccount, key: object) -> ListedInstrument:
    if not isinstance(key, str):
        raise Invalid("instruments are names such as NSE:RELIANCE", code="instrument.name", field="instruments")
    exchange, symbol = split_key(key)
    row = ListedInstrument.objects.filter(venue=account.venue, exchange=exchange, symbol=symbol).first()
    if row is None:
        raise NotFound(
            f"{exchange}:{symbol} is not in the venue's list", code="instrument.not_found", field="instruments"
        )
    if row.kind == InstrumentKind.INDEX:
        raise Invalid(
            f"{key} is an index and cannot be traded; take its future or an option",
            code="instrument.not_tradable",
            field="instruments",
        )
    if not takes_orders(row.status):
        raise Invalid(
            f"{key} is {row.status} at the venue: nothing new is opened in it",
            code="instrument.not_open",
            field="instruments",
        )
    return row


def _check_value_is_said(account: TradingAccount, parsed: StrategyParams, given: Mapping[str, Any]) -> None:
    """Raise Invalid where the value of an order would be a default that is meant in rupees."""
    if account.currency != Currency.INR and not parsed.lots and "order_value_quote" not in given:
        raise wrong("order_value_quote", f"say the value of a full position in {account.currency}")


def _check_suits(params: StrategyParams, row: ListedInstrument) -> None:
    if row.kind == InstrumentKind.PERPETUAL:
        return  # it has one product, whatever the parameter says, and is sold short as it is bought
    is_cash = row.kind == InstrumentKind.EQUITY
    unsuitable = Product.CARRY if is_cash else Product.DELIVERY
    if params.product is unsuitable:
        raise wrong("product", f"{row.symbol} cannot be traded as {unsuitable}")
    if row.kind in OPTION_KINDS and params.direction is Direction.BOTH:
        raise wrong("direction", f"{row.symbol} is an option: strategies of one leg are long only on options")


def _check_mode(account: TradingAccount, mode: str) -> None:
    if mode not in {book.value for book in Book}:
        raise Invalid(f"mode is paper or live, not {mode!r}", code="deployment.mode", field="mode")
    if not account.is_enabled:
        raise Invalid(f"{account} is disabled", code="account.disabled", field="account")
    if mode == Book.LIVE and not (account.is_live or account.is_simulated):
        raise Invalid(f"{account} is not released for live trading", code="account.not_live", field="mode")


def _audit(
    deployment: Deployment,
    action: str,
    *,
    by: User | None,
    at: datetime | None,
    details: Mapping[str, Any] | None = None,
) -> None:
    audit_record(
        action=action,
        at=at or timezone.now(),
        actor=by,
        desk_id=deployment.account.desk_id,
        subject=str(deployment.pk),
        details=details,
    )
