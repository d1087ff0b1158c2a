"""Price alerts that the venue watches: messages, or orders when the price is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brokers.domain.errors import Invalid
from brokers.domain.instruments import split_key
from brokers.domain.record import VenueRecord


class AlertKind(StrEnum):
    SIMPLE = "simple"
    ORDER = "ato"


class AlertStatus(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"


class Comparison(StrEnum):
    AT_MOST = "<="
    AT_LEAST = ">="
    BELOW = "<"
    ABOVE = ">"
    EQUAL = "=="


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """The last price of `instrument` compared with a constant, or with another instrument's."""

    name: str
    instrument: str
    comparison: Comparison
    constant: Decimal | None = None
    other_instrument: str | None = None
    attribute: str = "LastTradedPrice"

    def __post_init__(self) -> None:
        split_key(self.instrument)
        if (self.constant is None) == (self.other_instrument is None):
            raise Invalid("an alert compares with a price or with an instrument", code="alert.with", field="constant")
        if not self.name.strip():
            raise Invalid("an alert has a name", code="alert.name", field="name")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertOrder(VenueRecord):
    """One order of an alert's basket, as the venue keeps it."""

    item_id: str
    instrument: str
    instrument_token: int
    weight: int
    variety: str
    order_type: str
    side: str
    product: str
    validity: str
    quantity: Decimal
    price: Decimal
    trigger_price: Decimal
    gtt_target: Decimal
    gtt_stop: Decimal
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAlert(VenueRecord):
    """One alert; `count` is how often it has fired."""

    alert_id: str
    kind: str
    user_id: str
    name: str
    status: str
    disabled_reason: str
    instrument: str
    attribute: str
    comparison: str
    constant: Decimal | None
    other_instrument: str | None
    other_attribute: str
    count: int
    basket: tuple[AlertOrder, ...]
    created_at: datetime | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent(VenueRecord):
    """One time that an alert fired: the condition, and the quotes that met it, as the venue told them."""

    alert_id: str
    kind: str
    condition: str
    quotes: tuple[Mapping[str, object], ...]
    orders: object
    fired_at: datetime | None
