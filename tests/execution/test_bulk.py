"""Rows written by `insert` are the rows that the models themselves would have written."""

from decimal import Decimal

import pytest

from brokers.domain.clock import venue_day_of
from execution.bulk import insert
from execution.models import JournalEvent, PositionRow
from tests.execution.conftest import NOON

KEY = ("account", "book", "instrument", "product", "strategy_key")


def a_position(account, **changes):
    values = {
        "account": account,
        "book": "live",
        "instrument": "NSE:INFY",
        "product": "MIS",
        "strategy_key": "",
        "quantity": Decimal(10),
        "average_price": Decimal("1500.05"),
        "day_average": Decimal("1500.05"),
        "realised_today_quote": Decimal("-0.1"),
        "venue_day": venue_day_of(NOON),
        "updated_at": NOON,
    }
    return PositionRow(**{**values, **changes})


def an_event(account, seq):
    return JournalEvent(
        account=account, seq=seq, at=NOON, kind="goal", payload={"é": [1, None, True]}, lease_token=1, hash="a" * 64
    )


def figures(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if field.name != "id"}


@pytest.mark.django_db
def test_a_row_is_the_one_that_its_model_would_have_saved(account):
    insert([an_event(account, 1)])
    an_event(account, 2).save()

    ours, saved = JournalEvent.objects.order_by("seq")

    assert figures(ours) | {"seq": 2} == figures(saved)


@pytest.mark.django_db
def test_a_known_row_gets_the_columns_that_move_and_keeps_the_rest(account):
    insert([a_position(account)], unique=KEY, update=("quantity",))

    insert(
        [a_position(account, quantity=Decimal(4), average_price=Decimal(9)), a_position(account, instrument="NSE:TCS")],
        unique=KEY,
        update=("quantity",),
    )

    rows = {row.instrument: (row.quantity, row.average_price) for row in PositionRow.objects.all()}
    assert rows == {"NSE:INFY": (Decimal(4), Decimal("1500.05")), "NSE:TCS": (Decimal(10), Decimal("1500.05"))}


@pytest.mark.django_db
def test_a_known_row_stays_where_conflicts_are_ignored(account):
    insert([a_position(account)], ignore_conflicts=True)

    insert([a_position(account, quantity=Decimal(4))], ignore_conflicts=True)

    assert [row.quantity for row in PositionRow.objects.all()] == [Decimal(10)]


@pytest.mark.django_db
def test_no_rows_are_no_statement(account, django_assert_num_queries):
    with django_assert_num_queries(0):
        insert([])
