"""What a book earned on the days at which nobody saw what it was worth, by its curve."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal

from brokers.domain.clock import venue_day_of, zone_of
from brokers.domain.orders import Side
from brokers.market_life import calendar_of
from execution.books import AccountDay
from execution.domain.baskets import key_of_basket
from execution.models import EquityPoint, Fill
from risk.liveness_models import UnitWorth

DAY = timedelta(days=1)
ZERO = Decimal(0)


def last_net(known: UnitWorth, *, before: datetime) -> Decimal | None:
    """Return the last net P&L on the curve of the day on which a unit was seen last, once that day is over."""
    return _net_until(known, known.day_ends_at) if known.day_ends_at <= before else None


def days_unseen(day: AccountDay, known: UnitWorth) -> tuple[Decimal, ...] | None:
    """Return the last net P&L of every whole day between the one on which a unit was seen last and this one.

    None where a day is missing: it has no point on the curve although the venue traded and the book held or did something.
    """
    begins = known.day_ends_at
    nets: list[Decimal] = []
    zone = zone_of(day.account.venue)
    while (of_day := venue_day_of(begins, zone)) < day.day:
        net = _net_until(known, begins + DAY)
        if net is None and not _is_idle(day, known, of_day):
            return None
        nets.append(net or ZERO)
        begins += DAY
    return tuple(nets)


def _net_until(known: UnitWorth, ends_at: datetime) -> Decimal | None:
    points = EquityPoint.objects.filter(
        account_id=known.account_id, book=known.book, market_at__gte=ends_at - DAY, market_at__lt=ends_at
    )
    found: Decimal | None = points.order_by("-market_at").values_list("net_quote", flat=True).first()
    return found


def _is_idle(day: AccountDay, known: UnitWorth, of_day: date) -> bool:
    """Tell whether a book can have earned nothing on a day: its venue rested, or it held nothing and traded nothing."""
    calendar = calendar_of(day.account.venue)
    # without the year's holidays only an empty book is known to be idle
    if calendar.covers(of_day) and not calendar.is_trading_day(of_day):
        return True
    return _was_empty(day, known, of_day)


def _was_empty(day: AccountDay, known: UnitWorth, of_day: date) -> bool:
    fills = list(Fill.objects.filter(account_id=known.account_id, book=known.book, venue_day__gte=of_day))
    if any(row.venue_day == of_day for row in fills):
        return False
    # what is held now without what was traded since
    held: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for position in day.positions:
        if position.key.book.value == known.book:
            held[position.key.instrument, position.key.product.value, position.key.strategy_key] += position.quantity
    for row in fills:
        holder = _key_of(row)
        held[row.instrument, row.product, holder] -= row.quantity if row.side == Side.BUY else -row.quantity
    return not any(held.values())


def _key_of(row: Fill) -> str:
    """Return who holds what a fill brought, as positions name their holders."""
    if row.basket_id:
        return key_of_basket(str(row.basket_id))
    return str(row.deployment_id) if row.deployment_id else ""
