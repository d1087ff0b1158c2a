"""What the guardian makes of an account of perpetuals: today's loss at the venue's marks, and the dead-man switch."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from brokers.domain.orders import Product, VenuePosition
from execution import books
from execution.models import PositionRow
from execution.runtime import guardian
from tests.execution.conftest import NOON
from tests.execution.perpetual_fakes import BTC
from tests.execution.test_perpetual_desk import account  # noqa: F401 - a fixture


@pytest.fixture
def holding(account, monkeypatch):  # noqa: F811 - the fixture of that name
    """A tenth of a bitcoin, carried into today at 60,000 from an entry at 40,000, after a fee and funding of today."""
    monkeypatch.setattr(books, "snapshots", lambda topics: {})
    PositionRow.objects.create(
        account=account,
        book="live",
        instrument=BTC,
        product=Product.PERPETUAL,
        venue_day=NOON.date(),
        quantity=Decimal("0.1"),
        average_price=Decimal(40_000),
        day_average=Decimal(60_000),
        realised_today_quote=Decimal(-100),
        fees_today_quote=Decimal(3),
        funding_today_quote=Decimal(-7),
        updated_at=NOON,
    )
    return account


def at_the_venue(mark):
    return VenuePosition(
        instrument=BTC,
        product=Product.PERPETUAL,
        quantity=Decimal("0.1"),
        average_price=Decimal(40_000),
        last_price=Decimal(mark),
        realised_quote=Decimal(0),
        unrealised_quote=(Decimal(mark) - 40_000) / 10,
        mark_price=Decimal(mark),
    )


def test_a_loss_counts_from_where_the_day_began_and_not_from_the_entry(holding):
    loss = guardian._loss_at_marks(str(holding.pk), [at_the_venue(50_000)], NOON)

    assert loss == 1_000 + 100 + 3 + 7


def test_a_gain_of_the_day_is_no_loss(holding):
    assert guardian._loss_at_marks(str(holding.pk), [at_the_venue(70_000)], NOON) == -1_000 + 110


@pytest.mark.parametrize(
    ("countdowns", "said"),
    [({}, ""), ({BTC: 120}, "; the dead-man switch cancels what works in ASTER:BTCUSDT within 120 s, stops too")],
)
def test_the_guardian_says_what_the_venue_will_cancel_by_itself(countdowns, said):
    session = SimpleNamespace(engine=SimpleNamespace(state=SimpleNamespace(countdowns=countdowns)))

    assert guardian._countdowns(session) == said
