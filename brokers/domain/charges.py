"""Charges of a day's fills, line by line as a contract note has them.

Rates are dated data (`brokers.domain.india`). Brokerage is per executed order, however many fills
it took. The securities transaction tax is rounded to the rupee once per note, every other line to
the paisa, half up. Depository charges fall on settlement, not on the note, and are not in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from brokers.domain.errors import DataError
from brokers.domain.instruments import InstrumentKind, split_key
from brokers.domain.orders import Fill, Product, Side

RUPEE = Decimal(1)
PAISA = Decimal("0.01")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRates:
    """Rates of one kind of trade, as fractions of turnover (premium for options).

    `brokerage_fraction` None means the cap is charged flat; `brokerage_cap` None means no cap.
    """

    brokerage_fraction: Decimal | None
    brokerage_cap: Decimal | None
    tax_buy: Decimal
    tax_sell: Decimal
    exchange: Mapping[str, Decimal]
    stamp_buy: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRates:
    """All rates in force from a date on."""

    effective_from: date
    delivery: ProductRates
    intraday: ProductRates
    future: ProductRates
    option: ProductRates
    sebi: Decimal
    gst: Decimal

    def of(self, kind: InstrumentKind, product: Product) -> ProductRates:
        """Return the rates that a trade of this kind falls under."""
        if kind is InstrumentKind.FUTURE:
            return self.future
        if kind in (InstrumentKind.CALL, InstrumentKind.PUT):
            return self.option
        if kind is InstrumentKind.EQUITY:
            return self.intraday if product is Product.INTRADAY else self.delivery
        raise DataError(f"no charges are known for {kind} trades", code="charges.kind")


class ChargeSchedule:
    """Rates by date; a day before the first entry is refused."""

    def __init__(self, rates: Sequence[ChargeRates]) -> None:
        self._rates = sorted(rates, key=lambda entry: entry.effective_from)

    def on(self, day: date) -> ChargeRates:
        found = [entry for entry in self._rates if entry.effective_from <= day]
        if not found:
            raise DataError(f"no charge rates are loaded for {day}", code="charges.date")
        return found[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeNote:
    """The lines of one note in the account's currency."""

    brokerage: Decimal = ZERO
    transaction_tax: Decimal = ZERO
    exchange: Decimal = ZERO
    sebi: Decimal = ZERO
    stamp: Decimal = ZERO
    gst: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return sum((getattr(self, line.name) for line in fields(self)), ZERO)

    def rounded(self) -> ChargeNote:
        """Round each line as the note does: the tax to the rupee, the rest to the paisa."""
        units = {line.name: PAISA for line in fields(self)} | {"transaction_tax": RUPEE}
        return ChargeNote(**{name: _round(getattr(self, name), units[name]) for name in units})

    def __add__(self, other: ChargeNote) -> ChargeNote:
        # line by line and by name: this runs for every order of the day at every look of the gate
        return ChargeNote(
            brokerage=self.brokerage + other.brokerage,
            transaction_tax=self.transaction_tax + other.transaction_tax,
            exchange=self.exchange + other.exchange,
            sebi=self.sebi + other.sebi,
            stamp=self.stamp + other.stamp,
            gst=self.gst + other.gst,
        )


def charge_note(
    fills: Iterable[Fill],
    *,
    kinds: Mapping[str, InstrumentKind],
    day: date,
    schedule: ChargeSchedule,
) -> ChargeNote:
    """Return the rounded note of one account's fills of one day; `kinds` by instrument key.

    Raises DataError when an instrument's kind or a rate is not known: a missing charge would
    show a profit that is not there.
    """
    return exact_charges(fills, kinds=kinds, day=day, schedule=schedule).rounded()


def exact_charges(
    fills: Iterable[Fill],
    *,
    kinds: Mapping[str, InstrumentKind],
    day: date,
    schedule: ChargeSchedule,
) -> ChargeNote:
    """Return the lines before rounding, for a share of the note such as one position's."""
    rates = schedule.on(day)
    by_order: dict[tuple[str, str], list[Fill]] = defaultdict(list)
    for fill in fills:
        by_order[(fill.instrument, fill.venue_order_id)].append(fill)
    note = ChargeNote()
    for (instrument, _), executed in by_order.items():
        if instrument not in kinds:
            raise DataError(f"the kind of {instrument} is not known", code="charges.instrument")
        applied = rates.of(kinds[instrument], executed[0].product)
        note += _order_charges(executed, instrument, applied, rates)
    return note


def _order_charges(executed: list[Fill], instrument: str, applied: ProductRates, rates: ChargeRates) -> ChargeNote:
    exchange_name, _ = split_key(instrument)
    if exchange_name not in applied.exchange:
        raise DataError(f"no charges are known on {exchange_name}", code="charges.exchange")
    turnover = sum((fill.value_quote for fill in executed), ZERO)
    is_buy = executed[0].side is Side.BUY
    # an order's brokerage is a sum of money by itself, so it is rounded by itself
    brokerage = _round(_brokerage(turnover, applied), PAISA)
    exchange = turnover * applied.exchange[exchange_name]
    sebi = turnover * rates.sebi
    return ChargeNote(
        brokerage=brokerage,
        transaction_tax=turnover * (applied.tax_buy if is_buy else applied.tax_sell),
        exchange=exchange,
        sebi=sebi,
        stamp=turnover * applied.stamp_buy if is_buy else ZERO,
        gst=(brokerage + exchange + sebi) * rates.gst,
    )


def _brokerage(turnover: Decimal, rates: ProductRates) -> Decimal:
    if rates.brokerage_fraction is None:
        return rates.brokerage_cap or ZERO
    charge = turnover * rates.brokerage_fraction
    return charge if rates.brokerage_cap is None else min(charge, rates.brokerage_cap)


def _round(value: Decimal, unit: Decimal) -> Decimal:
    return (value / unit).to_integral_value(rounding=ROUND_HALF_UP) * unit
