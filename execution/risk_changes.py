"""Sets one limit of one level, and once it holds tries whether its breach would be refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from brokers.domain.errors import Invalid
from brokers.models import TradingAccount
from risk.domain.levels import Level
from risk.domain.limit_words import refused_value
from risk.liveness import shadow_try
from risk.models import LimitChange
from risk.services import level_limit_set, limits_set

if TYPE_CHECKING:
    from accounts.models import User

_PLACE_FIELDS = frozenset({"level", "target", "name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitPlace:
    """Which limit of which level is meant."""

    account: TradingAccount
    level: Level
    target: str
    name: str
    currency: str

    def waiting(self) -> LimitChange | None:
        """Return the loosening of it that waits."""
        rows = LimitChange.objects.filter(desk_id=self.account.desk_id, level=self.level, target=self.target)
        return rows.filter(name=self.name, currency=self.currency, applied_at=None, withdrawn_at=None).first()

    def guards_real_money(self) -> bool:
        """Tell whether real money may be lost below this limit."""
        if self.level not in (Level.DESK, Level.USER, Level.INSTRUMENT):
            return self.account.is_live and not self.account.is_simulated
        rows = TradingAccount.objects.filter(is_live=True, is_simulated=False)
        # a user's accounts may stand on several desks
        if self.level is Level.USER:
            return rows.filter(owner_id=self.account.owner_id).exists()
        return rows.filter(desk_id=self.account.desk_id).exists()


@transaction.atomic
def limit_change(
    place: LimitPlace, value: object, *, check_loosening: Callable[[], None], by: User, at: datetime
) -> LimitChange | None:
    """Set or take away a limit, and return the loosening that now waits, if it is one.

    `check_loosening` may raise and so undo the change; it is asked where a loosening guards real money. Raises Invalid
    that names the value and what is allowed.
    """
    try:
        _set(place, value, by=by, at=at)
    except Invalid as wrong:
        field = wrong.field if wrong.field in _PLACE_FIELDS else "value"
        raise Invalid(refused_value(place.name, value, wrong.message), code=wrong.code, field=field) from wrong
    waiting = place.waiting()
    if waiting is not None and place.guards_real_money():
        check_loosening()
    # a try that fails takes no limit back
    transaction.on_commit(partial(shadow_try, account=place.account, at=at), robust=True)
    return waiting


def _set(place: LimitPlace, value: object, *, by: User, at: datetime) -> None:
    if place.level is Level.ACCOUNT:
        limits_set(account=place.account, values={place.name: value}, by=by, at=at)
        return
    level_limit_set(
        desk_id=place.account.desk_id,
        level=place.level,
        target=place.target,
        name=place.name,
        value=value,
        currency=place.currency,
        by=by,
        at=at,
    )
