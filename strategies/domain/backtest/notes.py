"""The contract notes of a backtest's fills, by the charges function that the desk's own books use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from brokers.domain.charges import ChargeNote, charge_note
from brokers.domain.errors import Invalid
from brokers.domain.market import NANOSECONDS
from brokers.domain.orders import Book, Fill, Side
from strategies.domain.backtest.engine import Result, date_of, day_numbers
from strategies.domain.backtest.terms import IndianCharges


def contract_notes(result: Result) -> Mapping[date, ChargeNote]:
    """Return each trading day's note, its lines rounded as a note rounds them.

    The equity carries the same charges before that rounding. Raises Invalid where the costs are no
    charges of the house.
    """
    costs = result.terms.costs
    if not isinstance(costs, IndianCharges):
        raise Invalid("there are contract notes for Indian charges alone", code="backtest.notes", field="costs")
    if result.terms.cost_factor != 1.0:
        raise Invalid("a note has the charges as they are", code="backtest.notes", field="cost_factor")
    by_day: dict[date, list[Fill]] = defaultdict(list)
    days = day_numbers(result.bars.start_ns, result.terms.zone)
    for place, bar in enumerate(result.fills.bar.tolist()):
        by_day[date_of(int(days[bar]))].append(_fill(result, costs, place, bar))
    kinds = {result.bars.instrument: costs.kind}
    return {
        day: charge_note(fills, kinds=kinds, day=_rated(day, costs), schedule=costs.schedule)
        for day, fills in by_day.items()
    }


def _rated(day: date, costs: IndianCharges) -> date:
    return day if costs.first_day is None else max(day, costs.first_day)


def _fill(result: Result, costs: IndianCharges, place: int, bar: int) -> Fill:
    units = float(result.fills.units[place])
    start_ns = int(result.bars.start_ns[bar])
    return Fill(
        account_id="backtest",
        book=Book.PAPER,
        venue_day="",
        instrument=result.bars.instrument,
        venue_order_id=str(place),
        trade_id=str(place),
        side=Side.BUY if units > 0.0 else Side.SELL,
        quantity=Decimal(repr(abs(units))),
        price=Decimal(repr(float(result.fills.price[place]))),
        product=costs.product,
        filled_at=datetime.fromtimestamp(start_ns // NANOSECONDS, tz=UTC),
    )
