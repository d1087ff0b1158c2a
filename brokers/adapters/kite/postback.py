"""Postbacks: the venue's calls to the desk when an order changes.

The checksum covers the order's id and time alone: whoever has seen one may send it again with other words. So a
genuine postback is a hint to read the books, never a fact.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from decimal import Decimal

from brokers.adapters.kite import errors
from brokers.adapters.kite.orders import report
from brokers.adapters.kite.reading import Fields, unreadable
from brokers.domain.reports import OrderReport

LARGEST_BODY = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Postback:
    """One call: what it says of an order, and the texts that its checksum covers, as they were sent."""

    report: OrderReport
    user_id: str
    app_id: str
    order_id: str
    order_timestamp: str
    checksum: str
    unfilled_quantity: Decimal

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what tells repeated calls from new ones."""
        order = self.report.order
        updated = order.updated_at.isoformat() if order.updated_at is not None else ""
        return (self.order_id, order.venue_status, str(order.filled_quantity), updated)


def checksum(order_id: str, order_timestamp: str, api_secret: str) -> str:
    """Return the proof that the sender holds the app's secret: SHA-256 over id, time and secret."""
    return hashlib.sha256(f"{order_id}{order_timestamp}{api_secret}".encode()).hexdigest()


def is_genuine(postback: Postback, api_secret: str) -> bool:
    """Compare a call's checksum with the one that its app's secret gives, in constant time."""
    expected = checksum(postback.order_id, postback.order_timestamp, api_secret)
    return hmac.compare_digest(expected.encode(), postback.checksum.encode())


def read(body: bytes) -> Postback:
    """Read the raw body of a call, whatever its content type claims; raise DataError for anything else."""
    row = errors.envelope_of(body) if len(body) <= LARGEST_BODY else None
    if row is None:
        raise unreadable("a postback is one JSON object")
    fields = Fields(row)
    user_id, app_id = fields.text("user_id"), fields.text("app_id")
    checksum_sent = fields.need("checksum")
    unfilled = fields.number("unfilled_quantity")
    return Postback(
        report=report(fields.rest()),
        user_id=user_id,
        app_id=app_id,
        order_id=str(row.get("order_id")),
        order_timestamp=str(row.get("order_timestamp") or ""),
        checksum=checksum_sent,
        unfilled_quantity=unfilled,
    )
