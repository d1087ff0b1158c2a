import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection

from accounts.models import Role
from accounts.services import desk_create, user_create
from brokers.models import TradingAccount
from execution import append_only
from execution.journal import Journal
from execution.models import Lease
from risk.models import LimitSet

NOON = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)


@pytest.fixture
def journal_db(transactional_db):
    """A database whose journal can be emptied after the test, and only then."""
    append_only.protect(connection)
    yield
    append_only.release(connection)


@pytest.fixture
def owner(journal_db):
    return user_create(email=f"{uuid.uuid4().hex}@example.com", at=NOON)


@pytest.fixture
def account(owner):
    return an_account(owner)


def an_account(owner, *, code="AB1234", token=1):
    desk = owner.memberships.filter(role=Role.OWNER).first()
    desk = desk.desk if desk else desk_create(name="Test desk", owner=owner, at=NOON)
    account = TradingAccount.objects.create(
        desk=desk,
        owner=owner,
        venue="kite",
        label=code,
        venue_user_id=code,
        currency="INR",
        is_simulated=True,
        is_live=True,
        api_key="key",
    )
    LimitSet.objects.create(
        account=account,
        max_daily_loss_quote=Decimal(20_000),
        max_order_value_quote=Decimal(500_000),
        max_gross_exposure_quote=Decimal(2_000_000),
        max_position_value_quote=Decimal(1_000_000),
        max_orders_per_second=8,
        max_orders_per_day=500,
        price_band_fraction=Decimal("0.03"),
        max_quote_age_s=Decimal(10),
    )
    Lease.objects.create(account=account, token=token)
    return account


@pytest.fixture
def journal(journal_db, tmp_path):
    thread = Journal(tips_file=tmp_path / "tips.jsonl")
    thread.tips_file = tmp_path / "tips.jsonl"
    thread.start()
    yield thread
    thread.stop()
