"""Rates between currencies: the operator's rows, then what the environment says, each with its source and its time."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError

from brokers.market_life import market_life
from brokers.market_models import CurrencyRate
from brokers.rates import par_of_usdt, rate_of
from tests.people import NOON

pytestmark = pytest.mark.django_db


def a_rate(rate, *, base="USDT", quote="INR", source="a desk in Mumbai", hours=0):
    return CurrencyRate.objects.create(
        base=base, quote=quote, rate=Decimal(rate), source=source, at=NOON + timedelta(hours=hours)
    )


@pytest.fixture(autouse=True)
def no_rate_of_the_environment(settings):
    settings.WINDHOVER_USDT_INR, settings.WINDHOVER_USDT_INR_ON = None, None


def test_the_newest_row_that_is_not_to_come_counts():
    a_rate("88.10", hours=-5)
    a_rate("88.40", hours=-1, source="the bank")
    a_rate("90", hours=1)

    found = rate_of("USDT", "INR", NOON)

    assert (found.rate, found.source, found.as_of) == (Decimal("88.40"), "the bank", NOON - timedelta(hours=1))


def test_without_a_row_the_environment_speaks_of_its_day(settings):
    settings.WINDHOVER_USDT_INR, settings.WINDHOVER_USDT_INR_ON = Decimal("87.5"), date(2026, 8, 1)

    found = rate_of("USDT", "INR", NOON)

    assert (found.rate, found.source) == (Decimal("87.5"), "WINDHOVER_USDT_INR")
    assert found.as_of == datetime(2026, 8, 1, tzinfo=UTC)


def test_what_nobody_has_told_is_not_known():
    assert rate_of("USDT", "INR", NOON) is None
    assert rate_of("USDT", "USD", NOON) is None
    assert par_of_usdt(NOON) is None


@pytest.mark.parametrize(("rate", "is_off"), [("0.985", True), ("0.995", False), ("1.02", True)])
def test_par_is_the_rate_against_the_dollar_with_the_operators_band(rate, is_off):
    a_rate(rate, quote="USD")

    par = par_of_usdt(NOON)

    assert (par.rate, par.source, par.is_off) == (Decimal(rate), "a desk in Mumbai", is_off)


def test_the_operator_may_allow_more(settings):
    settings.WINDHOVER_USDT_PAR_FRACTION = Decimal("0.05")
    a_rate("0.96", quote="USD")

    assert not par_of_usdt(NOON).is_off


def test_a_desk_hears_of_par_with_its_other_facts():
    CurrencyRate.objects.create(base="USDT", quote="USD", rate="0.97", source="x", at=datetime(2026, 1, 1, tzinfo=UTC))

    assert market_life("aster", day=NOON.date(), is_simulated=False).rules.par.is_off


@pytest.mark.parametrize(("rate", "quote"), [("0", "INR"), ("-1", "INR"), ("1", "USDT")])
def test_the_database_takes_no_rate_that_is_none(rate, quote):
    with pytest.raises(IntegrityError):
        a_rate(rate, quote=quote)
