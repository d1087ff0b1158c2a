from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.charges import ChargeNote, charge_note
from brokers.domain.india import CHARGES
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Book, Fill, Product, Side
from brokers.domain.portfolio import Position, PositionBook, PositionKey, portfolio_view

DAY = date(2026, 7, 14)
INFY = "NSE:INFY"
KEY = PositionKey(book=Book.LIVE, instrument=INFY, product=Product.INTRADAY)


def a_fill(side, quantity, price, *, trade="1", book=Book.LIVE, deployment=None):
    return Fill(
        account_id="a",
        book=book,
        venue_day=str(DAY),
        instrument=INFY,
        venue_order_id=trade,
        trade_id=trade,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        product=Product.INTRADAY,
        filled_at=datetime(2026, 7, 14, 5, tzinfo=UTC),
        deployment_id=deployment,
    )


def a_book(*fills):
    book = PositionBook()
    for fill in fills:
        book.apply(fill)
    return book


def test_averages_what_is_added_and_keeps_the_average_when_reduced():
    book = a_book(
        a_fill(Side.BUY, 10, "100", trade="1"),
        a_fill(Side.BUY, 30, "120", trade="2"),
        a_fill(Side.SELL, 20, "130", trade="3"),
    )

    position = book.get(KEY)

    assert (position.quantity, position.average_price) == (Decimal(20), Decimal(115))
    assert position.realised_today_quote == Decimal(300)


def test_crossing_zero_realises_the_old_side_and_opens_at_the_fill():
    book = a_book(a_fill(Side.SELL, 10, "100", trade="1"), a_fill(Side.BUY, 25, "90", trade="2"))

    position = book.get(KEY)

    assert position.realised_today_quote == Decimal(100)
    assert (position.quantity, position.average_price) == (Decimal(15), Decimal(90))


def test_a_fill_seen_twice_counts_once():
    book = a_book(a_fill(Side.BUY, 10, "100"))

    assert not book.apply(a_fill(Side.BUY, 10, "100"))
    assert book.get(KEY).quantity == Decimal(10)


def test_paper_and_live_and_each_strategy_are_held_apart():
    book = a_book(
        a_fill(Side.BUY, 1, "100", trade="1", deployment="x"),
        a_fill(Side.SELL, 1, "100", trade="2", deployment="y"),
        a_fill(Side.BUY, 5, "100", trade="3", book=Book.PAPER),
    )

    assert len(book.open()) == 3
    assert book.net_quantity(INFY, Book.LIVE) == 0
    assert [p.quantity for p in book.open(Book.PAPER)] == [Decimal(5)]


def test_a_new_day_starts_from_its_mark_and_keeps_the_life_average():
    book = a_book(a_fill(Side.BUY, 10, "100"))

    book.start_day({INFY: Decimal(110)})

    position = book.get(KEY)
    assert position.unrealised_quote(Decimal(112)) == Decimal(20)
    assert position.average_price == Decimal(100)


def test_a_flat_position_is_gone_the_next_day():
    book = a_book(a_fill(Side.BUY, 1, "100", trade="1"), a_fill(Side.SELL, 1, "101", trade="2"))

    book.start_day({})

    assert book.all() == []


def test_a_held_instrument_without_a_mark_is_named():
    held = Position(key=KEY, quantity=Decimal(1), average_price=Decimal(9), day_average=Decimal(9))

    view = portfolio_view([held], marks={}, charges=ChargeNote())

    assert view.unmarked == (INFY,)
    assert view.unrealised_quote == 0


def test_net_is_realised_and_unrealised_less_every_charge():
    fills = [a_fill(Side.BUY, 100, "1000", trade="1"), a_fill(Side.SELL, 100, "1010", trade="2")]

    view = portfolio_view(
        a_book(*fills).all(),
        marks={INFY: Decimal(1010)},
        charges=charge_note(fills, kinds={INFY: InstrumentKind.EQUITY}, day=DAY, schedule=CHARGES),
    )

    assert view.net_quote == Decimal(1000) - Decimal("82.72")


trades = st.lists(
    st.tuples(st.sampled_from(Side), st.integers(1, 500), st.decimals("1", "5000", places=2)),
    min_size=1,
    max_size=30,
)


@given(trades=trades, mark=st.decimals("1", "5000", places=2))
def test_pnl_equals_cash_plus_what_is_held_at_the_mark(trades, mark):
    fills = [a_fill(side, q, p, trade=str(i)) for i, (side, q, p) in enumerate(trades)]

    position = a_book(*fills).get(KEY)

    cash = sum(-fill.side.sign * fill.value_quote for fill in fills)
    held = sum(fill.side.sign * fill.quantity for fill in fills)
    pnl = position.realised_today_quote + position.unrealised_quote(mark)
    assert position.quantity == held
    # an average is a quotient, so Decimal's 28 digits leave a trace below a millionth of a rupee
    assert abs(pnl - (cash + held * mark)) < Decimal("1e-9")
