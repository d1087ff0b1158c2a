from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.clock import MarketClock, venue_day_of
from brokers.domain.errors import Invalid, NeedsLogin, Rejected, VenueError, WindhoverError
from brokers.domain.instruments import Instrument, InstrumentKind, split_key
from brokers.domain.money import Currency, Money
from brokers.domain.orders import Book, Fill, OrderIntent, OrderType, Product, Purpose, Side, take_mint

NOW = datetime(2026, 8, 18, 4, tzinfo=UTC)


def rupees(amount):
    return Money(amount=Decimal(amount), currency=Currency.INR)


def an_instrument(**changes):
    fields = {
        "exchange": "NSE",
        "symbol": "INFY",
        "token": 408065,
        "kind": InstrumentKind.EQUITY,
        "name": "INFOSYS",
        "tick_size": Decimal("0.10"),
        "lot_size": 1,
        "segment": "NSE",
    }
    return Instrument(**(fields | changes))


def an_intent(**changes):
    fields = {
        "account_id": "a",
        "book": Book.LIVE,
        "instrument": "NSE:INFY",
        "side": Side.BUY,
        "quantity": Decimal(1),
        "order_type": OrderType.MARKET,
        "product": Product.INTRADAY,
        "purpose": Purpose.ENTRY,
        "reason": "a test",
        "decided_at": NOW,
    }
    return OrderIntent(**(fields | changes))


def test_money_keeps_its_currency():
    assert rupees("2") + rupees("3") - rupees("1") == rupees("4")
    assert -rupees("2") * 3 == rupees("-6")
    assert rupees("1") < rupees("2") <= rupees("2")
    assert rupees("1.005").rounded() == rupees("1.01")


def test_money_of_two_currencies_does_not_mix():
    with pytest.raises(Invalid, match="cannot mix"):
        rupees("1") + Money(amount=Decimal(1), currency=Currency.USDT)


def test_money_is_exact_and_finite():
    with pytest.raises(TypeError):
        Money(amount=1.5, currency=Currency.INR)
    with pytest.raises(Invalid):
        rupees("NaN")


@given(price=st.floats(0.05, 1e6, allow_nan=False))
def test_a_price_lies_between_its_ticks(price):
    instrument = an_instrument()

    below, above = instrument.price_below(price), instrument.price_above(price)

    assert below <= Decimal(repr(price)) <= above
    assert above - below <= instrument.tick_size
    assert instrument.price_of(price) in (below, above)


def test_a_price_must_be_finite():
    with pytest.raises(Invalid):
        an_instrument().price_of(float("nan"))


def test_quantities_come_in_lots():
    assert an_instrument(lot_size=65).lots_of(Decimal(199)) == Decimal(195)
    assert an_instrument(lot_size=0, kind=InstrumentKind.INDEX).lots_of(Decimal(3)) == 3


def test_an_index_is_quoted_and_not_traded():
    assert not an_instrument(kind=InstrumentKind.INDEX, tick_size=Decimal(0)).is_tradable
    assert an_instrument().is_tradable


@pytest.mark.parametrize("changes", [{"symbol": ""}, {"tick_size": Decimal(0)}])
def test_a_malformed_instrument_is_refused(changes):
    with pytest.raises(Invalid):
        an_instrument(**changes)


def test_a_name_is_an_exchange_and_a_symbol():
    assert split_key("nse:NIFTY 50") == ("NSE", "NIFTY 50")
    for wrong in ("INFY", ":INFY", "NSE:"):
        with pytest.raises(Invalid, match="EXCHANGE:SYMBOL"):
            split_key(wrong)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": Decimal(0)}, "quantity"),
        ({"order_type": OrderType.LIMIT}, "price"),
        ({"order_type": OrderType.STOP_LIMIT, "price": Decimal(1)}, "trigger_price"),
        ({"order_type": OrderType.STOP_MARKET, "trigger_price": Decimal(0)}, "trigger_price"),
    ],
)
def test_an_intent_names_the_field_that_is_wrong(changes, field):
    with pytest.raises(Invalid) as caught:
        an_intent(**changes)

    assert caught.value.field == field


def test_nobody_takes_the_mint_but_the_gate():
    with pytest.raises(PermissionError):
        take_mint("strategies.library.ema_crossover")


def test_a_side_has_a_sign_and_an_opposite():
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY


def test_a_fill_knows_its_value_and_its_key():
    fill = Fill(
        account_id="a",
        book=Book.LIVE,
        venue_day="2026-08-18",
        instrument="NSE:INFY",
        venue_order_id="1",
        trade_id="9",
        side=Side.BUY,
        quantity=Decimal(3),
        price=Decimal("10.5"),
        product=Product.INTRADAY,
        filled_at=NOW,
    )

    assert fill.value_quote == Decimal("31.5")
    assert fill.key == ("a", "live", "2026-08-18", "NSE:INFY", "1", "9")


def test_an_error_carries_its_code_and_field():
    error = NeedsLogin("the session is dead", details={"at": "06:00"})

    assert isinstance(error, Rejected)
    assert isinstance(error, VenueError)
    assert (error.code, error.field, error.details) == ("venue.needs_login", None, {"at": "06:00"})
    assert WindhoverError("x", code="own.code").code == "own.code"


def test_market_time_never_steps_back():
    clock = MarketClock()

    assert [clock.advance(ns) for ns in (5, 3, 8)] == [5, 5, 8]
    assert clock.now_ns == 8


def test_a_venues_day_is_the_exchanges():
    assert str(venue_day_of(datetime(2026, 8, 17, 20, tzinfo=UTC))) == "2026-08-18"
