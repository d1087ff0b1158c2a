"""The words of perpetual contracts that orders, positions and accounts share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class PositionSide(StrEnum):
    """In one-way mode a symbol has one signed position, BOTH; in hedge mode a LONG and a SHORT that do not net."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


class MarginMode(StrEnum):
    CROSSED = "crossed"
    ISOLATED = "isolated"


class FillSource(StrEnum):
    """Who made the fill: ours, or the exchange's own hand on the position."""

    TRADE = "trade"
    LIQUIDATION = "liquidation"
    DELEVERAGE = "deleverage"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFunding:
    """One funding payment as the venue booked it; `amount_quote` is received where positive, paid where negative."""

    payment_id: str
    instrument: str
    amount_quote: Decimal
    asset: str
    paid_at: datetime
    position_side: PositionSide = PositionSide.BOTH
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueWallet:
    """One margin asset as the venue has it; what is available is never pushed, so it is None from a stream."""

    asset: str
    wallet_quote: Decimal
    cross_wallet_quote: Decimal
    available_quote: Decimal | None = None
