"""What people do with the agents: set them on instruments, start and stop them, all or one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.audit import audit_record
from brokers.domain.errors import Invalid, NotFound
from brokers.listings import instruments_by_keys
from brokers.models import TradingAccount
from strategies.agent_cycle import ROUND_QUEUE, ROUND_TASK
from strategies.agent_gathering import LEADERS
from strategies.agent_models import MOST_WATCHED, AgentWatch
from strategies.agents.roster import KEYS, NAMES
from strategies.models import Deployment, DeploymentState

if TYPE_CHECKING:
    from accounts.models import User

BAR_MINUTES = (1, 5, 15, 60)
MOST_BY_DEFAULT = 3


@transaction.atomic
def watch_set(
    *, account: TradingAccount, instruments: Sequence[str], bar_minutes: int, by: User, at: datetime
) -> AgentWatch:
    """Set the agents on an account's instruments; they run from then on.

    Raises
    ------
    NotFound
        For an instrument that the venue does not list.
    Invalid
        For none or too many, or bars of a length that no venue has.
    """
    names = list(dict.fromkeys(instruments))
    if not 0 < len(names) <= MOST_WATCHED:
        raise Invalid(f"name 1 to {MOST_WATCHED} instruments", code="agents.instruments", field="instruments")
    if bar_minutes not in BAR_MINUTES:
        raise Invalid("bars have 1, 5, 15 or 60 minutes", code="agents.bars", field="bar_minutes")
    unknown = sorted(set(names) - set(instruments_by_keys(account.venue, names)))
    if unknown:
        raise NotFound(f"{unknown[0]} is not listed", code="instrument.not_found", field="instruments")
    watch, _ = AgentWatch.objects.update_or_create(
        account=account,
        defaults={"instruments": names, "bar_minutes": bar_minutes, "is_running": True, "asked_by": by},
        create_defaults={
            "instruments": names,
            "bar_minutes": bar_minutes,
            "is_running": True,
            "asked_by": by,
            "created_at": at,
        },
    )
    _audit(watch, "agents.set", by=by, at=at, details={"instruments": names, "bar_minutes": bar_minutes})
    return watch


@transaction.atomic
def watch_toggle(*, watch: AgentWatch, running: bool, by: User, at: datetime) -> AgentWatch:
    """Start or stop the agents of one account."""
    watch.is_running = running
    watch.save(update_fields=["is_running"])
    _audit(watch, "agents.start" if running else "agents.stop", by=by, at=at)
    return watch


@transaction.atomic
def agent_toggle(*, watch: AgentWatch, agent: str, running: bool, by: User, at: datetime) -> AgentWatch:
    """Ask one agent again, or ask it no more; raises NotFound for a name that no agent has."""
    if agent not in KEYS:
        raise NotFound(f"there is no agent named {agent!r}", code="agent.unknown", field="agent")
    current: AgentWatch = AgentWatch.objects.select_for_update().get(pk=watch.pk)
    current.stopped = sorted(set(current.stopped) - {agent} if running else {*current.stopped, agent})
    current.save(update_fields=["stopped"])
    _audit(
        current, "agents.agent_start" if running else "agents.agent_stop", by=by, at=at, details={"agent": NAMES[agent]}
    )
    return current


def watch_by_default(*, account: TradingAccount, at: datetime) -> AgentWatch | None:
    """Set the demo's agents on what its strategies trade and on the market's leader; one that is set already stays."""
    rows = Deployment.objects.filter(account=account).exclude(state=DeploymentState.REMOVED).order_by("created_at")
    traded = [name for row in rows for name in row.instruments]
    names = list(dict.fromkeys([*traded[:MOST_BY_DEFAULT], LEADERS[account.venue]]))
    known = instruments_by_keys(account.venue, names)
    listed = [name for name in names if name in known]
    if not listed or AgentWatch.objects.filter(account=account).exists():
        return None
    return watch_set(account=account, instruments=listed, bar_minutes=1, by=account.owner, at=at)


def round_ask(*, watch: AgentWatch) -> None:
    """Let a worker look at once, rather than at the schedule's next turn; a broker that is away is no harm."""
    from celery import current_app
    from kombu.exceptions import OperationalError

    try:
        current_app.send_task(ROUND_TASK, kwargs={"watch_id": str(watch.pk)}, queue=ROUND_QUEUE, retry=False)
    except (OperationalError, OSError):
        return


def _audit(watch: AgentWatch, action: str, *, by: User, at: datetime, details: dict[str, Any] | None = None) -> None:
    audit_record(action=action, at=at, actor=by, desk_id=watch.account.desk_id, subject=str(watch.pk), details=details)
