from datetime import timedelta

import pytest

from accounts.services import user_create
from execution import books
from execution.domain.commands import Record
from execution.journal import Batch
from execution.models import Command, Fill, Order, PositionRow
from execution.runtime.guardian import pull_where_lost
from execution.services import kill_switch_set
from risk.models import KillSwitch
from tests.execution.conftest import NOON
from tests.execution.desk_fakes import RELIANCE, list_instrument

TONIGHT = NOON + timedelta(hours=12)
NEXT_DAY = NOON + timedelta(days=1)


@pytest.fixture
def losing(account, journal, monkeypatch):
    """An account that lost more than its limit on the last market's day."""
    monkeypatch.setattr(books, "snapshots", lambda topics: {})
    list_instrument()
    begin(journal, account, NOON)
    lose(account, NOON)
    return account


def begin(journal, account, at):
    day = Record(kind="day", at=at, payload={"venue_day": at.date().isoformat(), "marks": {}})
    journal.write(Batch(account_id=str(account.pk), token=1, records=(day,))).result(10)


def lose(account, at):
    """Buy a hundred shares at 1500 and sell them at 1200."""
    common = {"account": account, "book": "live", "instrument": RELIANCE.key, "product": "MIS", "venue_day": at.date()}
    for side, price in (("BUY", 1500), ("SELL", 1200)):
        order = Order.objects.create(
            **common,
            client_id=f"W{side}{at:%d}",
            side=side,
            quantity=100,
            filled_quantity=100,
            average_price=price,
            order_type="LIMIT",
            purpose="ENTRY",
            status="FILLED",
            origin="DESK",
            created_at=at,
            updated_at=at,
        )
        Fill.objects.create(
            **common,
            order=order,
            venue_order_id=order.client_id,
            trade_id=order.client_id,
            side=side,
            quantity=100,
            price=price,
            filled_at=at,
        )
    PositionRow.objects.update_or_create(
        account=account,
        book="live",
        instrument=RELIANCE.key,
        product="MIS",
        defaults={
            "venue_day": at.date(),
            "quantity": 0,
            "average_price": 0,
            "day_average": 0,
            "realised_today_quote": -30_000,
            "updated_at": at,
        },
    )


def release(account, at):
    person = user_create(email=f"who-{at:%d%H}@example.com", at=at)
    kill_switch_set(scope="account", target=account, engaged=False, reason="weighed", by=person, at=at)


def is_pulled():
    return KillSwitch.objects.get().is_engaged


def test_a_loss_beyond_the_limit_pulls_the_switch_once(losing):
    pull_where_lost(at=NOON)
    pull_where_lost(at=NOON)

    assert is_pulled()
    assert Command.objects.filter(kind="kill").count() == 1


def test_a_switch_released_overnight_is_not_pulled_again_for_yesterdays_loss(losing):
    pull_where_lost(at=NOON + timedelta(minutes=1))
    release(losing, TONIGHT)

    pull_where_lost(at=TONIGHT + timedelta(hours=8))

    assert not is_pulled()


def test_the_next_days_loss_pulls_the_switch_again(losing, journal):
    pull_where_lost(at=NOON + timedelta(minutes=1))
    release(losing, TONIGHT)
    begin(journal, losing, NEXT_DAY)
    lose(losing, NEXT_DAY)

    pull_where_lost(at=NEXT_DAY + timedelta(minutes=1))

    assert is_pulled()
