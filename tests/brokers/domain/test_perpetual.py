from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from brokers.domain.errors import DataError, Invalid
from brokers.domain.orders import Side
from brokers.domain.perpetual import (
    FundingPayment,
    MarginBracket,
    PerpetualAccount,
    PerpetualFill,
    PerpetualPosition,
    liquidation_price,
    maintenance_quote,
)
from brokers.domain.perpetual_terms import FillSource, MarginMode, PositionSide

RELATIVE = Fraction(1, 10**12)
BRACKETS = (
    MarginBracket(floor=Decimal(0), cap=Decimal(10_000), maintenance_ratio=Decimal("0.0065"), maintenance_amount=Decimal(0)),
    MarginBracket(floor=Decimal(10_000), cap=Decimal(100_000), maintenance_ratio=Decimal("0.01"), maintenance_amount=Decimal(35)),
    MarginBracket(floor=Decimal(100_000), cap=Decimal(0), maintenance_ratio=Decimal("0.05"), maintenance_amount=Decimal(4_035)),
)  # fmt: skip
SYMBOLS = ("BTCUSDT", "ETHUSDT")


def a_fill(side=Side.BUY, quantity="1", price="100", *, key="1", **changes):
    values = {"key": (key,), "symbol": "BTCUSDT", "side": side, "quantity": Decimal(quantity), "price": Decimal(price)}
    return PerpetualFill(**(values | changes))


def a_payment(rate="0.0001", mark="100", *, key="f", side=PositionSide.BOTH):
    return FundingPayment(key=(key,), symbol="BTCUSDT", position_side=side, rate=Decimal(rate), mark=Decimal(mark))


def an_account(*fills, deposit="1000", **settings):
    account = PerpetualAccount()
    account.transfer(Decimal(deposit))
    if settings:
        account.configure(PerpetualPosition(symbol="BTCUSDT", **settings))
    for number, fill in enumerate(fills):
        assert account.apply(fill if fill.key != ("1",) else a_replaced(fill, number))
    return account


def a_replaced(fill, number):
    return PerpetualFill(
        key=(f"n{number}",), symbol=fill.symbol, side=fill.side, quantity=fill.quantity, price=fill.price,
        fee=fill.fee, position_side=fill.position_side, source=fill.source,
    )  # fmt: skip


amounts = st.decimals(min_value="0.001", max_value="1000", places=3)
prices = st.decimals(min_value="0.01", max_value="100000", places=2)
fees = st.decimals(min_value="-5", max_value="50", places=4)
rates = st.decimals(min_value="-0.03", max_value="0.03", places=6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), st.sampled_from(SYMBOLS), st.sampled_from(list(Side)), amounts, prices, fees),
        st.tuples(st.just("funding"), st.sampled_from(SYMBOLS), rates, prices),
        st.tuples(st.just("transfer"), st.decimals(min_value="-500", max_value="500", places=2)),
    ),
    max_size=40,
)


@given(steps, prices, prices, st.booleans())
def test_cash_and_positions_conserve_value(sequence, last_btc, last_eth, is_isolated):
    """Money paid and received for whole contracts, computed in exact fractions, is the account's equity."""
    account = PerpetualAccount()
    if is_isolated:
        account.configure(PerpetualPosition(symbol="BTCUSDT", mode=MarginMode.ISOLATED, leverage=7))
    cash, held = Fraction(0), dict.fromkeys(SYMBOLS, Fraction(0))
    moved = {"fees": Fraction(0), "funding": Fraction(0), "transfers": Fraction(0)}
    size = Fraction(1)
    for number, (kind, *values) in enumerate(sequence):
        if kind == "fill":
            symbol, side, quantity, price, fee = values
            account.apply(a_fill(side, quantity, price, key=str(number), symbol=symbol, fee=fee))
            held[symbol] += side.sign * Fraction(quantity)
            cash -= side.sign * Fraction(quantity) * Fraction(price) + Fraction(fee)
            moved["fees"] -= Fraction(fee)
            size += abs(Fraction(quantity) * Fraction(price))
        elif kind == "funding":
            symbol, rate, mark = values
            payment = FundingPayment(
                key=(str(number),), symbol=symbol, position_side=PositionSide.BOTH, rate=rate, mark=mark
            )
            account.fund(payment)
            paid = -held[symbol] * Fraction(mark) * Fraction(rate)
            cash += paid
            moved["funding"] += paid
            size += abs(held[symbol] * Fraction(mark))
        else:
            account.transfer(values[0])
            cash += Fraction(values[0])
            moved["transfers"] += Fraction(values[0])
            size += abs(Fraction(values[0]))
    marks = dict(zip(SYMBOLS, (last_btc, last_eth), strict=True))
    worth = cash + sum((held[symbol] * Fraction(marks[symbol]) for symbol in SYMBOLS), Fraction(0))
    size += sum((abs(held[symbol] * Fraction(marks[symbol])) for symbol in SYMBOLS), Fraction(0))
    assert abs(Fraction(account.equity_quote(marks)) - worth) <= RELATIVE * size

    totals = account.totals
    change = worth - moved["transfers"]
    parts = totals.realised_quote + account.unrealised_quote(marks) + totals.fees_quote + totals.funding_quote
    assert abs(Fraction(parts) - change) <= RELATIVE * size
    assert abs(Fraction(totals.fees_quote) - moved["fees"]) <= RELATIVE * size
    assert abs(Fraction(totals.funding_quote) - moved["funding"]) <= RELATIVE * size


def test_a_round_trip_pays_the_difference_and_the_fees():
    account = an_account(a_fill(price="100", fee=Decimal("0.04")), a_fill(Side.SELL, price="110", fee=Decimal("-0.01")))
    assert account.totals.realised_quote == 10
    assert account.wallet_quote == Decimal("1009.97")
    assert account.position("BTCUSDT").entry_price is None


def test_a_sale_through_zero_realises_the_long_and_opens_a_short():
    account = an_account(a_fill(quantity="2", price="100"), a_fill(Side.SELL, "5", "90"))
    position = account.position("BTCUSDT")
    assert (account.totals.realised_quote, position.quantity, position.entry_price) == (-20, -3, 90)
    assert position.unrealised_quote(Decimal(80)) == 30


def test_closing_in_thirds_leaves_nothing_behind():
    thirds = [a_fill(Side.SELL, "1", "101.01") for _ in range(3)]
    account = an_account(a_fill(quantity="3", price="100.01"), *thirds)
    assert account.position("BTCUSDT").cost_quote == 0
    assert account.totals.realised_quote == 3


def test_what_was_booked_is_booked_once():
    account = an_account()
    assert [account.apply(a_fill()) for _ in range(2)] == [True, False]
    assert [account.fund(a_payment()) for _ in range(2)] == [True, False]
    assert account.wallet_quote == Decimal("999.99")


def test_a_long_pays_a_positive_rate_and_a_short_receives_it():
    long, short = an_account(a_fill()), an_account(a_fill(Side.SELL))
    for account in (long, short):
        account.fund(a_payment("0.01", "200"))
    assert (long.totals.funding_quote, short.totals.funding_quote) == (-2, 2)


def test_a_long_and_a_short_of_hedge_mode_do_not_net():
    account = an_account(
        a_fill(position_side=PositionSide.LONG), a_fill(Side.SELL, price="110", position_side=PositionSide.SHORT)
    )
    assert account.position("BTCUSDT", PositionSide.LONG).quantity == 1
    assert account.position("BTCUSDT", PositionSide.SHORT).quantity == -1
    assert account.totals.realised_quote == 0
    assert account.unrealised_quote({"BTCUSDT": Decimal(105)}) == 10


@pytest.mark.parametrize(("position_side", "side"), [(PositionSide.LONG, Side.SELL), (PositionSide.SHORT, Side.BUY)])
def test_a_hedge_position_cannot_turn_round(position_side, side):
    with pytest.raises(DataError) as error:
        an_account(a_fill(side, position_side=position_side))
    assert error.value.code == "perpetual.hedge"


def test_an_isolated_position_stands_on_its_own_margin():
    account = an_account(a_fill(quantity="10"), mode=MarginMode.ISOLATED, leverage=10)
    assert account.position("BTCUSDT").isolated_margin == 100
    assert account.cross_wallet_quote() == 900
    account.fund(a_payment("0.01"))
    assert account.position("BTCUSDT").isolated_margin == 90
    account.apply(a_fill(Side.SELL, "5", key="half"))
    assert account.position("BTCUSDT").isolated_margin == 45
    account.apply(a_fill(Side.SELL, "5", key="rest"))
    assert account.position("BTCUSDT").isolated_margin == 0


def test_a_top_up_has_a_cap_and_a_refusal_gives_both_numbers():
    account = an_account(a_fill(quantity="10"), mode=MarginMode.ISOLATED, leverage=10)
    account.add_isolated_margin("BTCUSDT", PositionSide.BOTH, Decimal(50), most=Decimal(150))
    assert account.position("BTCUSDT").isolated_margin == 150
    with pytest.raises(Invalid, match="151 is above the cap of 150"):
        account.add_isolated_margin("BTCUSDT", PositionSide.BOTH, Decimal(1), most=Decimal(150))


def test_margin_cannot_be_added_where_nothing_is_isolated():
    with pytest.raises(Invalid) as error:
        an_account(a_fill()).add_isolated_margin("BTCUSDT", PositionSide.BOTH, Decimal(1), most=Decimal(9))
    assert error.value.code == "perpetual.not_isolated"


def test_the_margin_mode_of_a_held_symbol_cannot_change():
    with pytest.raises(Invalid) as error:
        an_account(a_fill()).configure(PerpetualPosition(symbol="BTCUSDT", leverage=5))
    assert error.value.code == "perpetual.held"


def test_a_liquidation_is_booked_like_any_fill_and_keeps_its_source():
    forced = a_fill(Side.SELL, price="50", key="autoclose-1", source=FillSource.LIQUIDATION, fee=Decimal(1))
    account = an_account(a_fill(), forced)
    assert account.wallet_quote == 949
    assert forced.source is FillSource.LIQUIDATION


@given(
    st.sampled_from([-1, 1]),
    st.decimals(min_value="0.01", max_value="100", places=2),
    st.decimals(min_value="1", max_value="10000", places=2),
    st.integers(min_value=1, max_value=100),
)
def test_at_the_liquidation_price_margin_is_exactly_the_maintenance(direction, quantity, price, leverage):
    position, _ = PerpetualPosition(symbol="X", mode=MarginMode.ISOLATED, leverage=leverage).after(
        a_fill(Side.BUY if direction > 0 else Side.SELL, quantity, price, symbol="X")
    )
    found = liquidation_price(position, backing_quote=position.isolated_margin, brackets=BRACKETS)
    assume(found is not None)
    left = Fraction(position.isolated_margin) + Fraction(position.unrealised_quote(found))
    notional = position.notional_quote(found)
    owed = [
        Fraction(notional * one.maintenance_ratio - one.maintenance_amount) for one in BRACKETS if one.holds(notional)
    ]
    assert any(abs(left - one) <= RELATIVE * Fraction(notional + 1) for one in owed)


def test_a_long_that_is_fully_paid_is_never_liquidated():
    position, _ = PerpetualPosition(symbol="X", mode=MarginMode.ISOLATED, leverage=1).after(a_fill(symbol="X"))
    assert liquidation_price(position, backing_quote=position.isolated_margin, brackets=BRACKETS) is None
    assert liquidation_price(PerpetualPosition(symbol="X"), backing_quote=Decimal(1), brackets=BRACKETS) is None


def test_a_short_is_liquidated_above_its_entry_and_a_long_below():
    for side, is_below in ((Side.BUY, True), (Side.SELL, False)):
        position, _ = PerpetualPosition(symbol="X", mode=MarginMode.ISOLATED, leverage=10).after(
            a_fill(side, symbol="X")
        )
        price = liquidation_price(position, backing_quote=position.isolated_margin, brackets=BRACKETS)
        assert (price < 100) is is_below


def test_maintenance_is_continuous_where_brackets_meet():
    for one, following in pairwise(BRACKETS):
        edge = one.cap
        assert maintenance_quote(edge, [one]) == maintenance_quote(edge, [following])
    with pytest.raises(DataError):
        maintenance_quote(Decimal(10_001), BRACKETS[:1])
