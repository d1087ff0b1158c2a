"""What a day's list of contracts takes away from deployments: they stop, and say why."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.audit import audit_record
from brokers.listings import broken_by
from execution.domain.events import Act
from execution.services import command_request
from strategies.models import Deployment, DeploymentState


def listing_changes_apply(*, venue: str, version: UUID, at: datetime) -> int:
    """Stop every deployment of a venue whose contract a list made into something else; return how many.

    It stays stopped until a person starts it again, on the contract as it is now or on another.
    """
    deployments = Deployment.objects.filter(account__venue=venue, is_enabled=True)
    running = list(deployments.exclude(state=DeploymentState.REMOVED).select_related("account__desk"))
    broken = broken_by(version, {key for row in running for key in row.instruments}) if running else {}
    concerned = [(row, [broken[key] for key in row.instruments if key in broken]) for row in running]
    stopped = [(row, why) for row, why in concerned if why]
    for row, why in stopped:
        _stop(row, "; ".join(why), version=version, at=at)
    return len(stopped)


@transaction.atomic
def _stop(deployment: Deployment, reason: str, *, version: UUID, at: datetime) -> None:
    Deployment.objects.filter(pk=deployment.pk).update(is_enabled=False, last_reason=reason[:300], last_reason_at=at)
    audit_record(
        action="deployment.contract_changed",
        at=at,
        desk_id=deployment.account.desk_id,
        subject=str(deployment.pk),
        details={"reason": reason},
    )
    command_request(
        account=deployment.account,
        kind=Act.DEPLOYMENT_STOP,
        payload={"deployment_id": str(deployment.pk), "reason": reason},
        by=None,
        idempotency_key=f"{version.hex}-{deployment.pk.hex}",
        at=at,
    )
