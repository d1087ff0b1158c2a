from decimal import Decimal

import pytest

from brokers.domain.errors import Invalid
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Side
from brokers.domain.protection import MarketProtection, automatic_percent, protected_price
from tests.brokers.adapters.doubles import an_instrument


@pytest.mark.parametrize(
    ("kind", "last_price", "percent"),
    [
        (InstrumentKind.EQUITY, "99.95", "2"),
        (InstrumentKind.EQUITY, "100", "1"),
        (InstrumentKind.FUTURE, "500", "1"),
        (InstrumentKind.FUTURE, "500.05", "0.5"),
        (InstrumentKind.CALL, "9.95", "5"),
        (InstrumentKind.CALL, "10", "3"),
        (InstrumentKind.PUT, "99.95", "3"),
        (InstrumentKind.PUT, "100", "2"),
        (InstrumentKind.PUT, "500", "2"),
        (InstrumentKind.CALL, "500.05", "1"),
    ],
)
def test_the_venue_s_band_follows_the_price(kind, last_price, percent):
    assert automatic_percent(kind, Decimal(last_price)) == Decimal(percent)


def test_without_a_last_price_there_is_no_band():
    with pytest.raises(Invalid):
        automatic_percent(InstrumentKind.EQUITY, Decimal(0))


def test_what_remains_of_a_market_order_rests_at_the_band_s_edge_on_the_passive_tick():
    share = an_instrument(tick="0.05")

    assert protected_price(Side.BUY, share, Decimal("1000.33")) == Decimal("1005.30")
    assert protected_price(Side.SELL, share, Decimal("1000.33")) == Decimal("995.35")


def test_a_protection_of_one_s_own_takes_the_place_of_the_band():
    share, own = an_instrument(tick="0.05"), MarketProtection(percent=Decimal(3))

    assert protected_price(Side.BUY, share, Decimal(100), own) == Decimal(103)
