"""Which rows of the journal tell of an order, found without reading the whole of it."""

from datetime import timedelta
from uuid import UUID

import pytest

from execution.domain.commands import Record
from execution.journal import Batch
from execution.models import JournalEvent, Order
from execution.services import command_request
from execution.timelines import CLOCKS_APART, first_seq_at, journal_of, order_story
from tests.execution.conftest import NOON
from tests.execution.domain.basket_script import BASKET, CALL_SPREAD, HIGH_CALL, LOW_CALL
from tests.execution.test_basket_rows import Written


@pytest.fixture
def desk(account, journal):
    return Written(account, journal).start()


def order_of(desk, instrument):
    return Order.objects.select_related("account", "deployment", "basket").get(instrument=instrument.key)


def test_an_orders_story_is_its_own_alone(desk, owner):
    desk.send(*CALL_SPREAD)
    desk.fill_of(HIGH_CALL, 75)
    desk.fill_of(LOW_CALL, 75)

    bought = order_story(owner, order_of(desk, HIGH_CALL))

    kinds = [step["kind"] for step in bought["steps"]]
    assert (kinds[0], kinds.count("intent"), kinds.count("fill")) == ("intent", 1, 1)
    assert (bought["order"]["symbol"], bought["order"]["basket"]) == (HIGH_CALL.key, BASKET)
    assert [row["quantity"] for row in bought["fills"]] == ["75"]
    assert bought["is_final"] is True
    assert bought["latency_ms"]["decision_to_journal"] is not None


def test_who_cancelled_is_named(desk, owner, account):
    owner.name = "Asha"
    owner.save()
    desk.send(*CALL_SPREAD)
    order = order_of(desk, HIGH_CALL)
    payload = {"client_id": order.client_id}
    command = command_request(
        account=account, kind="cancel_order", payload=payload, by=owner, idempotency_key="one", at=NOON
    )
    desk.now += timedelta(seconds=1)
    desk.act("cancel_order", str(command.pk), **payload)

    steps = order_story(owner, order_of(desk, HIGH_CALL))["steps"]

    assert ("person", "Asha") in {(step["who"], step["name"]) for step in steps if step["kind"] == "write"}


def test_rows_long_before_and_after_are_not_read(desk, account, journal):
    desk.send(*CALL_SPREAD)
    desk.fill_of(HIGH_CALL, 75)
    order = order_of(desk, HIGH_CALL)
    late = Record(
        kind="discrepancy",
        at=order.updated_at + 2 * CLOCKS_APART,
        payload={"kind": "late", "subject": order.client_id, "sentence": "much later", "resolved": False},
    )
    journal.write(Batch(account_id=str(account.pk), token=1, records=(late,))).result(10)

    assert not [row for row in journal_of(order) if row.kind == "discrepancy"]


def test_a_time_is_found_in_the_journal_by_halving_it(account, journal):
    days = [
        Record(kind="day", at=NOON + timedelta(days=n), payload={"venue_day": f"2026-08-{n + 1:02}"}) for n in range(9)
    ]
    journal.write(Batch(account_id=str(account.pk), token=1, records=tuple(days))).result(10)
    rows = JournalEvent.objects.filter(account_id=UUID(str(account.pk)))

    assert [first_seq_at(rows, NOON + timedelta(days=n)) for n in (-1, 0, 4, 8, 9)] == [1, 1, 5, 9, 10]
    assert first_seq_at(rows, NOON + timedelta(days=3, hours=1)) == 5
    assert first_seq_at(rows.none(), NOON) == 1
