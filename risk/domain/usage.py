"""What of each limit a book uses now, and what the day's orders used at most: the same figures that the gate would see.

Positions count at their mark, open orders at their worst price. Money is in the account's currency; a quantity in units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from risk.domain.exposure import ZERO, Holding, PendingOrder, symbol_of
from risk.domain.reach import Reaches

ONE = Decimal(1)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One order of the day: when it was decided on, how many units, and what they came to at its worst price."""

    at: datetime
    instrument: str
    quantity: Decimal
    value_quote: Decimal
    deployment_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookFacts:
    """One book of an account: what is held and pending, the day so far, and its orders, oldest first.

    `trades` are the orders that opened or added today and those that still may, by deployment. `account_orders` are the
    times of the orders of all books together: a venue's pace knows no books. `equity_quote` and `drawdown_fraction` are
    None while they are not known.
    """

    holdings: tuple[Holding, ...]
    pending: tuple[PendingOrder, ...]
    pnl_today_net_quote: Decimal
    placed: tuple[Placed, ...] = ()
    account_orders: tuple[datetime, ...] = ()
    trades: Mapping[str, int]
    equity_quote: Decimal | None = None
    drawdown_fraction: Decimal | None = None

    def of_deployment(self, deployment_id: str) -> BookFacts:
        """Return what one deployment alone holds and sends."""
        return replace(
            self,
            holdings=tuple(row for row in self.holdings if row.deployment_id == deployment_id),
            pending=tuple(row for row in self.pending if row.deployment_id == deployment_id),
            placed=tuple(row for row in self.placed if row.deployment_id == deployment_id),
            trades={deployment_id: self.trades.get(deployment_id, 0)},
        )

    def of_instrument(self, key: str) -> BookFacts:
        """Return what is held and sent in one instrument."""
        return replace(
            self,
            holdings=tuple(row for row in self.holdings if row.instrument == key),
            pending=tuple(row for row in self.pending if row.instrument == key),
            placed=tuple(row for row in self.placed if row.instrument == key),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What of a limit is used: now, of what where one of several counts, and the day's most with its time."""

    used: Decimal
    of: str = ""
    most: Decimal | None = None
    most_at: datetime | None = None


def uses(facts: BookFacts, *, at: datetime) -> dict[str, Use]:
    """Return what of each limit is used, by the limit's name; what cannot be told is left out."""
    return {**_of_book(facts), **_of_orders(facts), **_of_pace(facts, at), **_of_worth(facts)}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlyingUse:
    """What hangs on one underlying: its net value, and the worst that it could come to with what is pending."""

    underlying: str
    instruments: tuple[str, ...]
    net_quote: Decimal
    worst_quote: Decimal
    pending: int


def by_underlying(facts: BookFacts) -> tuple[UnderlyingUse, ...]:
    """Return the exposure of each underlying, the largest first."""
    reaches = Reaches(facts.holdings, facts.pending)
    found = [_underlying(facts, reaches, name, keys) for name, keys in _keys_by_underlying(facts).items()]
    return tuple(sorted(found, key=lambda one: (-one.worst_quote, one.underlying)))


def _underlying(facts: BookFacts, reaches: Reaches, name: str, keys: frozenset[str]) -> UnderlyingUse:
    return UnderlyingUse(
        underlying=name,
        instruments=tuple(sorted(keys)),
        net_quote=sum((row.value_quote for row in facts.holdings if row.instrument in keys), ZERO),
        worst_quote=reaches.worst_of(keys),
        pending=sum(1 for row in facts.pending if row.instrument in keys),
    )


def _keys_by_underlying(facts: BookFacts) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for held in facts.holdings:
        found.setdefault(held.underlying or symbol_of(held.instrument), set()).add(held.instrument)
    for order in facts.pending:
        found.setdefault(order.underlying, set()).add(order.instrument)
    return {name: frozenset(keys) for name, keys in found.items()}


def _of_book(facts: BookFacts) -> dict[str, Use]:
    reaches = Reaches(facts.holdings, facts.pending)
    keys = sorted({row.instrument for row in facts.holdings} | {row.instrument for row in facts.pending})
    units = _in_units(facts)
    return {
        "max_daily_loss_quote": Use(used=max(-facts.pnl_today_net_quote, ZERO)),
        "max_gross_exposure_quote": Use(used=reaches.gross_quote),
        "max_net_exposure_quote": Use(used=reaches.net.worst_quote),
        "max_position_value_quote": _largest((key, reaches.worst_of(frozenset({key}))) for key in keys),
        "max_position_quantity": _largest((key, units.worst_of(frozenset({key}))) for key in keys),
        "max_underlying_value_quote": _largest((one.underlying, one.worst_quote) for one in by_underlying(facts)),
        "max_open_orders": Use(used=Decimal(len(facts.pending))),
        "max_trades_per_day": Use(used=Decimal(sum(facts.trades.values()))),
    }


def _in_units(facts: BookFacts) -> Reaches:
    return Reaches(
        [replace(row, mark_quote=ONE) for row in facts.holdings],
        [replace(row, price_quote=ONE) for row in facts.pending],
    )


def _of_orders(facts: BookFacts) -> dict[str, Use]:
    values = [(row.value_quote, row.instrument, row.at) for row in facts.placed]
    sizes = [(row.quantity, row.instrument, row.at) for row in facts.placed]
    return {
        "max_order_value_quote": _most_of(values, _largest((row.instrument, row.value_quote) for row in facts.pending)),
        "max_order_quantity": _most_of(sizes, _largest((row.instrument, row.quantity) for row in facts.pending)),
    }


def _most_of(rows: Sequence[tuple[Decimal, str, datetime]], open_now: Use) -> Use:
    if not rows:
        return open_now
    most, _, most_at = max(rows, key=lambda row: row[0])
    return replace(open_now, most=most, most_at=most_at)


def _of_pace(facts: BookFacts, at: datetime) -> dict[str, Use]:
    times = facts.account_orders
    return {
        "max_orders_per_second": _paced(times, SECOND, at),
        "max_orders_per_minute": _paced(times, MINUTE, at),
        "max_orders_per_day": Use(used=Decimal(len(times))),
    }


def _paced(times: Sequence[datetime], stretch: timedelta, at: datetime) -> Use:
    """Return the orders of the last stretch, and the most of any stretch of the day with the time of its last one."""
    most, most_at, first = 0, None, 0
    for place, time in enumerate(times):
        while time - times[first] >= stretch:
            first += 1
        if place - first + 1 > most:
            most, most_at = place - first + 1, time
    now = sum(1 for time in times if timedelta() <= at - time < stretch)
    return Use(used=Decimal(now), most=Decimal(most) if most else None, most_at=most_at)


def _of_worth(facts: BookFacts) -> dict[str, Use]:
    found: dict[str, Use] = {}
    if facts.equity_quote is not None and facts.equity_quote > 0:
        gross = Reaches(facts.holdings, facts.pending).gross_quote
        found["max_leverage"] = Use(used=gross / facts.equity_quote)
    if facts.drawdown_fraction is not None:
        found["max_drawdown_fraction"] = Use(used=facts.drawdown_fraction)
    return found


def _largest(rows: Iterable[tuple[str, Decimal]]) -> Use:
    of, used = max(rows, key=lambda row: row[1], default=("", ZERO))
    return Use(used=used, of=of)
