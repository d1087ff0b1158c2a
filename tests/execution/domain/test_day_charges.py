"""A book's charges, kept up with its fills: the same as the note of all of them, however they come."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.charges import charge_note, exact_charges
from brokers.domain.india import CHARGES
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Book, Fill, Product, Side
from execution.domain.day_charges import DayCharges

DAY = date(2026, 7, 14)
KINDS = {"NSE:INFY": InstrumentKind.EQUITY, "NSE:TCS": InstrumentKind.EQUITY}


def a_fill(number, *, order="1", instrument="NSE:INFY", book=Book.PAPER, fee=None):
    return Fill(
        account_id="A1",
        book=book,
        venue_day=DAY.isoformat(),
        instrument=instrument,
        venue_order_id=order,
        trade_id=str(number),
        side=Side.BUY,
        quantity=Decimal(10 + number),
        price=Decimal("1234.55"),
        product=Product.INTRADAY,
        filled_at=datetime(2026, 7, 14, 5, tzinfo=UTC),
        fee_quote=fee,
    )


def followed(charges, fills, *, day=DAY):
    def charge(some):
        return exact_charges(some, kinds=KINDS, day=day, schedule=CHARGES)

    return charges.rounded(fills, day=day, is_on_note=lambda fill: fill.fee_quote is None, charge=charge)


def whole(fills):
    return charge_note(fills, kinds=KINDS, day=DAY, schedule=CHARGES)


@given(
    rows=st.lists(st.tuples(st.sampled_from("123"), st.sampled_from(sorted(KINDS))), max_size=8),
    steps=st.sets(st.integers(0, 8)),
)
def test_fills_that_come_bit_by_bit_cost_what_all_of_them_cost(rows, steps):
    charges, fills = DayCharges(Book.PAPER), []

    for number, (order, instrument) in enumerate(rows):
        fills.append(a_fill(number, order=order, instrument=instrument))
        if number in steps:
            assert followed(charges, fills) == whole(fills)

    assert followed(charges, fills) == whole(fills)


def test_other_books_and_fills_with_a_fee_of_their_own_are_not_on_the_note():
    fills = [a_fill(1), a_fill(2, order="2", book=Book.LIVE), a_fill(3, order="3", fee=Decimal(1))]

    assert followed(DayCharges(Book.PAPER), fills) == whole(fills[:1])


def test_a_new_list_and_a_new_day_begin_anew():
    charges, fills = DayCharges(Book.PAPER), [a_fill(1), a_fill(2, order="2")]
    followed(charges, fills)

    assert followed(charges, fills[1:]) == whole(fills[1:])
    later = [replace(fill, trade_id="9") for fill in fills]
    followed(charges, later)
    assert followed(charges, later, day=date(2026, 7, 15)) == whole(later)
