"""Rows of funding and of margin, written in the journal's transaction like every other projection."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from brokers.domain.orders import Book
from brokers.domain.portfolio import PositionKey
from execution.bulk import insert
from execution.domain.commands import Record
from execution.domain.records import FundingBooked, MarginSeen, PositionsOpened, fact_of
from execution.models import FundingRow, MarginRow

PLACE = Decimal("0.00000001")
RATE_PLACE = Decimal("0.0000000001")
_MARGIN_KEY = ("account", "book", "instrument", "position_side")
_MARGIN_MOVES = (
    "quantity",
    "entry_price",
    "leverage",
    "margin_mode",
    "isolated_margin_quote",
    "mark_price",
    "liquidation_price",
    "liquidation_source",
    "updated_at",
)


def keys_in(record: Record) -> list[PositionKey]:
    """Return the positions that a fact of money or of the beginning changed."""
    fact = fact_of(record)
    if isinstance(fact, FundingBooked):
        return [share.key for share in fact.shares] if fact.counts_today else []
    if isinstance(fact, PositionsOpened):
        return [PositionKey(book=Book.LIVE, instrument=p.instrument, product=p.product) for p in fact.positions]
    return []


def write_funding(account_id: str, at: datetime, fact: FundingBooked) -> None:
    """Write each holder's share of a payment; written twice it is there once."""
    payment = fact.payment
    rows = [
        FundingRow(
            account_id=account_id,
            book=fact.book,
            payment_id=payment.payment_id[:80],
            instrument=payment.instrument,
            position_side=payment.position_side,
            strategy_key=share.key.strategy_key,
            amount_quote=share.amount_quote.quantize(PLACE),
            asset=payment.asset,
            rate=None if payment.rate is None else payment.rate.quantize(RATE_PLACE),
            source=fact.source,
            venue_day=date.fromisoformat(fact.venue_day),
            paid_at=payment.paid_at,
            booked_at=at,
        )
        for share in fact.shares
    ]
    insert(rows, ignore_conflicts=True)


def write_margin(account_id: str, at: datetime, fact: MarginSeen) -> None:
    """Write a position's margin as it is now; a position that is over leaves no row."""
    if not fact.quantity:
        MarginRow.objects.filter(
            account_id=UUID(account_id),
            book=fact.book,
            instrument=fact.instrument,
            position_side=fact.position_side,
        ).delete()
        return
    row = MarginRow(
        account_id=account_id,
        book=fact.book,
        instrument=fact.instrument,
        position_side=fact.position_side,
        quantity=fact.quantity.quantize(PLACE),
        entry_price=fact.entry_price.quantize(PLACE),
        leverage=fact.leverage,
        margin_mode=fact.margin_mode or "",
        isolated_margin_quote=_rounded(fact.isolated_margin_quote),
        mark_price=_rounded(fact.mark_price),
        liquidation_price=_rounded(fact.liquidation_price),
        liquidation_source=fact.liquidation_source[:80],
        updated_at=at,
    )
    insert([row], unique=_MARGIN_KEY, update=_MARGIN_MOVES)


def _rounded(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(PLACE)
