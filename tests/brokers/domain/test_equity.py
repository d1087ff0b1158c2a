"""Two ways to the same money: positions at average cost for the day, and an account that keeps costs as a whole.

The desk's P&L (`portfolio`) and the perpetual account (`perpetual`) are different arithmetics of the same trades; random
sequences of fills, funding, marks, transfers and days must leave them equal.
"""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.charges import ChargeNote
from brokers.domain.orders import Book, Fill, Product, Side
from brokers.domain.perpetual import FundingPayment, PerpetualAccount, PerpetualFill
from brokers.domain.perpetual_terms import PositionSide
from brokers.domain.portfolio import PositionBook, PositionKey, portfolio_view
from tests.builders import ACCOUNT, TEN_O_CLOCK

RELATIVE = Fraction(1, 10**12)
SYMBOLS, HOLDERS = ("ASTER:BTCUSDT", "ASTER:ETHUSDT"), ("", "D1", "D2")

amounts = st.decimals(min_value="0.001", max_value="1000", places=3)
prices = st.decimals(min_value="0.01", max_value="100000", places=2)
symbols = st.sampled_from(SYMBOLS)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("fill"),
            symbols,
            st.sampled_from(HOLDERS),
            st.sampled_from(list(Side)),
            amounts,
            prices,
            st.decimals(min_value="-5", max_value="50", places=4),
        ),
        st.tuples(st.just("funding"), symbols, st.decimals(min_value="-0.03", max_value="0.03", places=6), prices),
        st.tuples(st.just("transfer"), st.decimals(min_value="-500", max_value="500", places=2)),
        st.tuples(st.just("mark"), symbols, prices),
        st.tuples(st.just("day")),
    ),
    max_size=40,
)


class BothWays:
    """The same events on both sides, and what of them the equity change is measured from."""

    def __init__(self):
        self.account, self.book = PerpetualAccount(), PositionBook()
        self.marks = dict.fromkeys(SYMBOLS, Decimal(100))
        self.equity_at_open, self.transferred, self.size = Decimal(0), Decimal(0), Fraction(1)
        self.number = 0

    def fill(self, symbol, holder, *trade):
        side, quantity, price, fee = trade
        self.account.apply(
            PerpetualFill(key=(str(self.number),), symbol=symbol, side=side, quantity=quantity, price=price, fee=fee)
        )
        self.book.apply(
            Fill(
                account_id=ACCOUNT,
                book=Book.LIVE,
                venue_day="2026-08-22",
                instrument=symbol,
                venue_order_id="1",
                trade_id=str(self.number),
                side=side,
                quantity=quantity,
                price=price,
                product=Product.PERPETUAL,
                filled_at=TEN_O_CLOCK,
                deployment_id=holder or None,
                fee_quote=fee,
            )
        )
        self.size += Fraction(quantity * price) + abs(Fraction(fee))

    def funding(self, symbol, rate, mark):
        payment = FundingPayment(
            key=("f", str(self.number)), symbol=symbol, position_side=PositionSide.BOTH, rate=rate, mark=mark
        )
        self.account.fund(payment)
        for position in self.book.open(Book.LIVE):
            if position.key.instrument == symbol:
                self.book.fund(position.key, -position.quantity * mark * rate)
                self.size += abs(Fraction(position.quantity * mark))

    def transfer(self, amount):
        self.account.transfer(amount)
        self.transferred += amount
        self.size += abs(Fraction(amount))

    def mark(self, symbol, price):
        self.marks[symbol] = price

    def day(self):
        self.book.start_day(self.marks)
        self.equity_at_open, self.transferred = self.account.equity_quote(self.marks), Decimal(0)
        self.size += abs(Fraction(self.equity_at_open))

    def take(self, sequence):
        for self.number, (kind, *values) in enumerate(sequence):
            getattr(self, kind)(*values)
        held = (abs(p.quantity) * self.marks[p.key.instrument] for p in self.book.all())
        self.size += Fraction(sum(held, Decimal(0)))

    def close_enough(self, one, other):
        return abs(Fraction(one) - Fraction(other)) <= RELATIVE * self.size


@given(steps)
def test_the_days_pnl_is_what_the_equity_changed_by(sequence):
    both = BothWays()
    both.take(sequence)

    day = portfolio_view(both.book.all(), marks=both.marks, charges=ChargeNote())

    changed = both.account.equity_quote(both.marks) - both.equity_at_open - both.transferred
    parts = day.realised_quote + day.unrealised_quote - day.fees_quote + day.funding_quote
    assert both.close_enough(parts, changed)
    assert both.close_enough(day.net_quote, changed)


@given(steps)
def test_holders_together_hold_what_the_account_holds(sequence):
    both = BothWays()
    both.take(sequence)

    for symbol in SYMBOLS:
        assert both.book.net_quantity(symbol, Book.LIVE) == both.account.position(symbol).quantity


def test_a_share_of_funding_stands_with_its_holder_and_ends_with_the_day():
    book = PositionBook()
    key = PositionKey(book=Book.LIVE, instrument=SYMBOLS[0], product=Product.PERPETUAL, strategy_key="D1")

    book.fund(key, Decimal("-1.5"))

    assert book.get(key).funding_today_quote == Decimal("-1.5")
    book.start_day({})
    assert book.get(key).funding_today_quote == 0
