"""Funding: what holding a perpetual contract costs or brings, booked once for each payment.

The venue pays an account for its net position; the desk's holders share a payment as they share the position.
What paper holds is paid by the venue's rate and mark of the moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from brokers.domain.orders import Book, Product
from brokers.domain.perpetual_terms import VenueFunding
from brokers.domain.portfolio import Position, PositionKey
from execution.domain.desk import Desk
from execution.domain.events import FundingRateSeen, FundingSeen
from execution.domain.records import FundingBooked, FundingShare

ZERO = Decimal(0)
BY_VENUE, BY_RATE = "venue", "the venue's rate at its mark"


def funding_seen(desk: Desk, event: FundingSeen) -> None:
    """Book a payment of the venue's; one that is booked already, or from before the books began, changes nothing."""
    payment = event.payment
    if payment.payment_id in desk.state.funded or desk.state.began_at is None:
        return
    if payment.paid_at < desk.state.began_at:
        return
    if _day_of(desk, payment.paid_at) > desk.state.venue_day:
        if payment not in desk.early_funding:
            desk.early_funding.append(payment)
        return
    _book(desk, payment, Book.LIVE, BY_VENUE)


def book_early(desk: Desk) -> None:
    """Book what was paid for a day that has begun now."""
    waiting, desk.early_funding = desk.early_funding, []
    for payment in waiting:
        funding_seen(desk, FundingSeen(at=desk.at, payment=payment))


def rate_seen(desk: Desk, event: FundingRateSeen) -> None:
    """Note the next payment's rate; one whose time is over is paid to what paper holds."""
    known = desk.terms.rates.get(event.instrument)
    if known is not None and known.due_at < event.due_at:
        _pay_paper(desk, known)
    desk.terms.rates[event.instrument] = event


def pay_due(desk: Desk) -> None:
    """Pay paper positions whose payment's time the market's clock has reached."""
    for name, rate in list(desk.terms.rates.items()):
        if desk.market.now_ns and desk.market.now(desk.at) >= rate.due_at:
            _pay_paper(desk, rate)
            del desk.terms.rates[name]


def _pay_paper(desk: Desk, rate: FundingRateSeen) -> None:
    payment_id = f"paper:{rate.instrument}:{rate.due_at:%Y%m%dT%H%M%S}"
    if payment_id in desk.state.funded or desk.state.began_at is None or rate.due_at < desk.state.began_at:
        return
    instrument = desk.config.instruments.get(rate.instrument)
    held = [p for p in desk.state.positions.open(Book.PAPER) if p.key.instrument == rate.instrument]
    if instrument is None or not held:
        return
    shares = tuple(FundingShare(key=p.key, amount_quote=-p.quantity * rate.mark * rate.rate) for p in held)
    payment = VenueFunding(
        payment_id=payment_id,
        instrument=rate.instrument,
        amount_quote=sum((share.amount_quote for share in shares), ZERO),
        asset=instrument.currency.value,
        paid_at=rate.due_at,
        rate=rate.rate,
    )
    _record(desk, payment, Book.PAPER, shares, BY_RATE)


def _book(desk: Desk, payment: VenueFunding, book: Book, source: str) -> None:
    positions = [
        p
        for p in desk.state.positions.all()
        if (p.key.book, p.key.instrument, p.key.product) == (book, payment.instrument, Product.PERPETUAL)
    ]
    _record(desk, payment, book, _shared(payment, book, positions), source)


def _record(desk: Desk, payment: VenueFunding, book: Book, shares: tuple[FundingShare, ...], source: str) -> None:
    day = _day_of(desk, payment.paid_at)
    desk.record(
        FundingBooked(
            book=book,
            payment=payment,
            shares=shares,
            venue_day=day,
            source=source,
            counts_today=day == desk.state.venue_day,
        )
    )


def _shared(payment: VenueFunding, book: Book, positions: Sequence[Position]) -> tuple[FundingShare, ...]:
    """Return each holder's part by its signed share of the net position; the last one takes what division leaves."""
    held = [p for p in positions if p.is_open]
    net = sum((p.quantity for p in held), ZERO)
    if not net:
        # it was closed since, or the holders offset each other: the only holder of the day, else nobody
        key = positions[0].key if len(positions) == 1 else _nobody(payment, book)
        return (FundingShare(key=key, amount_quote=payment.amount_quote),)
    parts = [payment.amount_quote * (p.quantity / net) for p in held[:-1]]
    parts.append(payment.amount_quote - sum(parts, ZERO))
    return tuple(FundingShare(key=p.key, amount_quote=part) for p, part in zip(held, parts, strict=True))


def _nobody(payment: VenueFunding, book: Book) -> PositionKey:
    return PositionKey(book=book, instrument=payment.instrument, product=Product.PERPETUAL)


def _day_of(desk: Desk, at: datetime) -> str:
    return desk.day_of(at).isoformat()
