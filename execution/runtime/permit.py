"""The permit: everything that must hold at the moment an order's bytes leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from brokers.domain.errors import WindhoverError
from brokers.domain.orders import ApprovedOrder
from brokers.ports import Clock, LeaseGrant


class PermitRefused(WindhoverError):
    """Nothing was sent: the lease may have passed on, a switch moved, or the order grew old."""

    code = "permit.refused"


class Permit:
    """Holds the newest grant of one account's lease and judges by the boot clock.

    A process that was paused and wakes with an old grant finds the permitted time past and sends
    nothing, without asking anybody.
    """

    def __init__(self, grant: LeaseGrant, clock: Clock) -> None:
        self._grant: LeaseGrant | None = grant
        self._clock = clock

    @property
    def is_held(self) -> bool:
        return self._grant is not None and self._clock.boot_ns() < self._grant.permitted_until_boot_ns

    def renew(self, grant: LeaseGrant) -> None:
        """Go on until the renewed grant's time."""
        self._grant = grant

    def withdraw(self) -> None:
        """Send nothing any more, whatever the clock says."""
        self._grant = None

    def require(self) -> None:
        """Raise PermitRefused unless the lease is certainly ours still."""
        if not self.is_held:
            raise PermitRefused("the lease may have passed on; nothing was sent", code="permit.lease")

    def require_by(self, send_by: datetime) -> None:
        """Raise PermitRefused unless the lease is ours, and the write is young enough."""
        self.require()
        if self._clock.now() > send_by:
            raise PermitRefused("it grew too old to send; nothing was sent", code="permit.late")

    def require_order(
        self, order: ApprovedOrder, *, send_by: datetime, objection: Callable[[ApprovedOrder], str | None]
    ) -> None:
        """Raise PermitRefused unless the lease, the order's time and the switches allow it now."""
        self.require_by(send_by)
        why = objection(order)
        if why is not None:
            raise PermitRefused(f"{why}; nothing was sent", code="permit.gate")
