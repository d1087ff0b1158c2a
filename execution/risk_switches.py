"""The kill switches of desks, accounts and strategies, each with what is under it now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from brokers.domain.orders import Purpose
from execution.domain.codec import rfc3339
from execution.risk_book import AccountUse
from execution.rows import Row
from risk.domain.switch_life import state_of
from risk.models import KillSwitch, SwitchScope
from risk.selectors import switch_state
from strategies.models import Deployment, DeploymentState
from strategies.registry import title_of

if TYPE_CHECKING:
    from accounts.models import User

RUNNING = (DeploymentState.RUNNING, DeploymentState.STARTING)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guarded:
    """What one switch guards: a desk, an account or a strategy, with the accounts and the deployments under it."""

    scope: SwitchScope
    target: Any
    name: str
    uses: Sequence[AccountUse]
    deployments: Sequence[Deployment]

    @property
    def deployment_id(self) -> str | None:
        return str(self.target) if self.scope is SwitchScope.DEPLOYMENT else None


def switch_rows(
    user: User, read: Sequence[AccountUse], deployments: Sequence[Deployment], writing: set[Any]
) -> list[Row]:
    """Return the switch of every desk, account and strategy that a user sees, with what is under it now."""
    rows = KillSwitch.objects.visible_to(user).select_related("changed_by")
    states = {(row.scope, row.target_id): row for row in rows}
    return [
        _switch_row(one, states.get((one.scope, one.target)), may_act=one.uses[0].account.desk_id in writing)
        for one in _guarded(read, deployments)
    ]


def _guarded(read: Sequence[AccountUse], deployments: Sequence[Deployment]) -> Iterator[_Guarded]:
    """Go through the desks, each with its accounts, each with its strategies."""
    by_desk: dict[Any, list[AccountUse]] = {}
    for use in read:
        by_desk.setdefault(use.account.desk_id, []).append(use)
    for desk_id, uses in by_desk.items():
        own = [row for row in deployments if row.account.desk_id == desk_id]
        desk = uses[0].account.desk.name
        yield _Guarded(scope=SwitchScope.DESK, target=desk_id, name=desk, uses=uses, deployments=own)
        for use in uses:
            yield from _of_account(use, [row for row in own if row.account_id == use.account.pk])


def _of_account(use: AccountUse, own: Sequence[Deployment]) -> Iterator[_Guarded]:
    account = use.account
    yield _Guarded(scope=SwitchScope.ACCOUNT, target=account.pk, name=account.label, uses=[use], deployments=own)
    for row in own:
        yield _Guarded(
            scope=SwitchScope.DEPLOYMENT, target=row.pk, name=title_of(row.strategy), uses=[use], deployments=[row]
        )


def _switch_row(guarded: _Guarded, row: KillSwitch | None, *, may_act: bool) -> Row:
    return {
        "scope": guarded.scope.value,
        "target": str(guarded.target),
        "name": guarded.name,
        "instruments": guarded.deployments[0].instruments if guarded.deployment_id else [],
        "live": any(use.account.is_live and not use.account.is_simulated for use in guarded.uses),
        "may_act": may_act,
        "engaged": bool(row and row.is_engaged),
        "state": state_of(switch_state(row)).value,
        "reason": row.reason if row else "",
        "changed_at": rfc3339(row.changed_at) if row else None,
        "changed_by": row.changed_by.email if row and row.changed_by else "",
        **_numbers(guarded),
    }


def _numbers(guarded: _Guarded) -> dict[str, int]:
    """Count what a pull would meet: running strategies, working entries and exits, open positions."""
    only = guarded.deployment_id
    orders = [row for use in guarded.uses for row in use.open_orders if only in (None, str(row.deployment_id))]
    held = [position for use in guarded.uses for position in use.day.positions if position.is_open]
    return {
        "strategies": sum(row.state in RUNNING for row in guarded.deployments),
        "entries": sum(row.purpose == Purpose.ENTRY for row in orders),
        "exits": sum(row.purpose != Purpose.ENTRY for row in orders),
        "positions": sum(only in (None, position.key.strategy_key) for position in held),
    }
