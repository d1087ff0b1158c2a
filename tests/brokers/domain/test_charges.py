from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.charges import ChargeNote, charge_note
from brokers.domain.errors import DataError
from brokers.domain.india import CHARGES
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Book, Fill, Product, Side

DAY = date(2026, 7, 14)
KINDS = {
    "NSE:RELIANCE": InstrumentKind.EQUITY,
    "NFO:NIFTY26JULFUT": InstrumentKind.FUTURE,
    "NFO:NIFTY26JUL25000CE": InstrumentKind.CALL,
    "NSE:NIFTY 50": InstrumentKind.INDEX,
}


def a_fill(instrument, side, quantity, price, *, product=Product.INTRADAY, order="1", trade="1"):
    return Fill(
        account_id="a",
        book=Book.LIVE,
        venue_day=str(DAY),
        instrument=instrument,
        venue_order_id=order,
        trade_id=trade,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        product=product,
        filled_at=datetime(2026, 7, 14, 5, tzinfo=UTC),
    )


def note_of(*fills, day=DAY):
    return charge_note(fills, kinds=KINDS, day=day, schedule=CHARGES)


def test_charges_an_intraday_round_trip_to_the_paisa():
    bought = a_fill("NSE:RELIANCE", Side.BUY, 100, "1000", order="1")
    sold = a_fill("NSE:RELIANCE", Side.SELL, 100, "1010", order="2")

    note = note_of(bought, sold)

    assert note.brokerage == Decimal("40.00")  # 0.03 % of a lakh is 30, capped at 20, twice
    assert note.transaction_tax == Decimal(25)  # 0.025 % of the sale's 1,01,000 is 25.25
    assert note.exchange == Decimal("6.17")  # 0.00307 % of 2,01,000
    assert note.sebi == Decimal("0.20")
    assert note.stamp == Decimal("3.00")
    assert note.gst == Decimal("8.35")  # 18 % of 40 + 6.1707 + 0.201
    assert note.total == Decimal("82.72")


def test_charges_option_premium_with_flat_brokerage_and_tax_on_the_sale_only():
    bought = a_fill("NFO:NIFTY26JUL25000CE", Side.BUY, 65, "100", order="1")
    sold = a_fill("NFO:NIFTY26JUL25000CE", Side.SELL, 65, "120", order="2")

    note = note_of(bought, sold)

    assert note.brokerage == Decimal(40)
    assert note.transaction_tax == Decimal(12)  # 0.15 % of 7,800 is 11.70
    assert note.exchange == Decimal("5.08")


def test_charges_brokerage_once_for_an_order_filled_in_parts():
    parts = [a_fill("NSE:RELIANCE", Side.BUY, 50, "1000", order="7", trade=str(i)) for i in range(2)]

    assert note_of(*parts).brokerage == Decimal(20)


def test_charges_delivery_without_brokerage_and_with_tax_on_both_sides():
    bought = a_fill("NSE:RELIANCE", Side.BUY, 10, "1000", product=Product.DELIVERY)

    note = note_of(bought)

    assert (note.brokerage, note.transaction_tax) == (Decimal(0), Decimal(10))


@pytest.mark.parametrize(("day", "tax"), [(date(2026, 3, 31), 20), (date(2026, 4, 1), 50)])
def test_takes_the_futures_tax_of_the_day(day, tax):
    sold = a_fill("NFO:NIFTY26JULFUT", Side.SELL, 65, "1538.4615384615")

    assert note_of(sold, day=day).transaction_tax == Decimal(tax)


@pytest.mark.parametrize(("day", "charge"), [(date(2026, 2, 28), "29.70"), (date(2026, 3, 1), "30.70")])
def test_takes_the_exchanges_charge_of_the_day_for_shares(day, charge):
    bought = a_fill("NSE:RELIANCE", Side.BUY, 1000, "1000")  # ten lakh

    assert note_of(bought, day=day).exchange == Decimal(charge)


@pytest.mark.parametrize("instrument", ["NSE:UNHEARD", "NSE:NIFTY 50"])
def test_refuses_to_guess_a_charge(instrument):
    with pytest.raises(DataError):
        note_of(a_fill(instrument, Side.BUY, 1, "1"))


def test_refuses_a_day_before_the_first_rates():
    with pytest.raises(DataError, match="no charge rates"):
        note_of(a_fill("NSE:RELIANCE", Side.BUY, 1, "1"), day=date(2020, 1, 1))


@given(
    quantity=st.integers(1, 10_000),
    price=st.decimals("0.05", "50000", places=2),
    side=st.sampled_from(Side),
)
def test_never_charges_less_than_nothing_and_adds_up(quantity, price, side):
    note = note_of(a_fill("NSE:RELIANCE", side, quantity, price))

    lines = [note.brokerage, note.transaction_tax, note.exchange, note.sebi, note.stamp, note.gst]
    assert all(line >= 0 for line in lines)
    assert note.total == sum(lines)


def test_adding_two_notes_adds_every_line():
    ones = ChargeNote(**{line.name: Decimal(1) for line in fields(ChargeNote)})

    assert ones + ones == ChargeNote(**{line.name: Decimal(2) for line in fields(ChargeNote)})
