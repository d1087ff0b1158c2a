"""Good-till-triggered orders: they wait at the venue for up to a year and fire once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brokers.domain.record import VenueRecord


class GttKind(StrEnum):
    SINGLE = "single"
    TWO_LEG = "two-leg"


class GttStatus(StrEnum):
    ACTIVE = "active"
    TRIGGERED = "triggered"
    DISABLED = "disabled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class GttTarget:
    """The second leg of a two-leg order: at what price it fires, and the limit of the order it then places."""

    trigger_price: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class GttOutcome(VenueRecord):
    """What became of the order that a leg placed when it fired."""

    order_id: str
    status: str
    rejection_reason: str
    triggered_price: Decimal
    triggered_at: datetime | None

    @property
    def has_failed(self) -> bool:
        """Return whether the leg fired without leaving an order."""
        return not self.order_id or bool(self.rejection_reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class GttLeg(VenueRecord):
    """One order in waiting."""

    trigger_price: Decimal
    instrument: str
    side: str
    quantity: Decimal
    order_type: str
    product: str
    price: Decimal
    outcome: GttOutcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gtt(VenueRecord):
    """One good-till-triggered order; `triggered` does not say that its order lives."""

    trigger_id: str
    user_id: str
    parent_id: str
    kind: str
    status: str
    instrument: str
    instrument_token: int
    last_price: Decimal
    legs: tuple[GttLeg, ...]
    created_at: datetime | None
    updated_at: datetime | None
    expires_at: datetime | None

    @property
    def failures(self) -> tuple[GttOutcome, ...]:
        """Return the legs that fired in vain: whoever relied on them must be told."""
        return tuple(leg.outcome for leg in self.legs if leg.outcome is not None and leg.outcome.has_failed)
