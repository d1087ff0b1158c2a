from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.orders import Fill as FillValue
from execution.chain import Link
from execution.domain.events import SendResult, Write
from execution.domain.lifecycle import OrderEvent
from execution.domain.records import (
    DayStarted,
    DiscrepancyFound,
    FillTaken,
    Intended,
    OrderMoved,
    Outcome,
    Refusal,
    SwitchSet,
    record_of,
)
from execution.domain.state import DeskState
from execution.journal import Batch
from execution.models import Discrepancy, Fill, JournalEvent, Order, PositionRow
from execution.projections import Written, project, touched_by
from risk.models import Breach, KillSwitch
from tests.builders import an_intent
from tests.execution.conftest import NOON

CLIENT_ID = "WAAB1200000001"


class Ledger:
    """An account's state and journal, side by side."""

    def __init__(self, account, journal):
        self.account, self.journal = account, journal
        self.state = DeskState(account_id=str(account.pk))

    def write(self, *facts):
        records = tuple(record_of(fact, NOON) for fact in facts)
        for record in records:
            self.state.apply(record)
        touched = touched_by(records, self.state)
        batch = Batch(account_id=str(self.account.pk), token=1, records=records, touched=touched)
        self.journal.write(batch).result(10)

    def project_again(self):
        rows = list(JournalEvent.objects.order_by("seq"))
        records = [record_of_row(row) for row in rows]
        links = [
            Link(
                account_id=str(self.account.pk),
                seq=row.seq,
                at=row.at,
                kind=row.kind,
                payload=row.payload,
                lease_token=row.lease_token,
                previous_hash=row.previous_hash,
            )
            for row in rows
        ]
        touched = touched_by(records, self.state)
        project([Written(account_id=str(self.account.pk), links=links, touched=touched)])


def record_of_row(row):
    from execution.domain.commands import Record

    return Record(kind=row.kind, at=row.at, payload=row.payload)


@pytest.fixture
def ledger(account, journal):
    ledger = Ledger(account, journal)
    ledger.write(DayStarted(venue_day="2026-08-18"))
    return ledger


def an_intended(account, quantity=10):
    return Intended(
        client_id=CLIENT_ID,
        intent=replace(an_intent(), account_id=str(account.pk), quantity=Decimal(quantity), deployment_id=None),
        venue_day="2026-08-18",
        send_by=NOON,
        reserved_quote=Decimal(15_000),
        kill_epoch=0,
        lease_token=1,
    )


def a_fill_taken(account, quantity, price, trade_id):
    intent = an_intended(account).intent
    fill = FillValue(
        account_id=str(account.pk),
        book=intent.book,
        venue_day="2026-08-18",
        instrument=intent.instrument,
        venue_order_id="1001",
        trade_id=trade_id,
        side=intent.side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        product=intent.product,
        filled_at=NOON,
        client_id=CLIENT_ID,
    )
    return FillTaken(client_id=CLIENT_ID, fill=fill)


def test_an_order_its_fills_and_its_position_follow_the_journal(ledger, account):
    ledger.write(an_intended(account))
    ledger.write(
        Outcome(client_id=CLIENT_ID, write=Write.PLACE, result=SendResult.CONFIRMED, venue_order_id="1001"),
        a_fill_taken(account, 4, "1500.05", "t1"),
        a_fill_taken(account, 6, "1500.10", "t2"),
    )

    order, position = Order.objects.get(), PositionRow.objects.get()
    assert (order.status, order.venue_order_id, order.filled_quantity) == ("FILLED", "1001", Decimal(10))
    assert order.average_price == Decimal("1500.08")
    assert (position.quantity, position.average_price) == (Decimal(10), Decimal("1500.08"))
    assert Fill.objects.count() == 2


def test_projecting_the_same_rows_again_changes_nothing(ledger, account):
    ledger.write(an_intended(account), a_fill_taken(account, 10, "1500.05", "t1"))
    ledger.write(Refusal(intent=an_intended(account).intent, rule="order_size", reason="20 above 10"))
    before = [list(model.objects.order_by("pk").values()) for model in (Order, Fill, Breach)]

    ledger.project_again()

    assert [list(model.objects.order_by("pk").values()) for model in (Order, Fill, Breach)] == before
    assert PositionRow.objects.get().quantity == Decimal(10)


def test_the_markets_time_is_kept_beside_the_desks(ledger, account):
    intended = replace(an_intended(account), market_at=NOON - timedelta(days=1))
    ledger.write(intended)
    ledger.write(Refusal(intent=intended.intent, rule="order_size", reason="20 above 10", market_at=intended.market_at))

    assert Order.objects.get().market_at == Breach.objects.get().market_at == intended.market_at


def test_a_new_day_forgets_flat_positions_and_marks_the_others(ledger, account):
    ledger.write(an_intended(account), a_fill_taken(account, 10, "1500.00", "t1"))

    ledger.write(DayStarted(venue_day="2026-08-19", marks={an_intent().instrument: "1510"}))

    position = PositionRow.objects.get()
    assert (str(position.venue_day), position.day_average) == ("2026-08-19", Decimal(1510))
    assert position.average_price == Decimal(1500)


def test_an_order_that_ends_with_the_day_ends_in_its_row(ledger, account):
    ledger.write(an_intended(account))
    ended = OrderMoved(client_id=CLIENT_ID, event=OrderEvent.EXPIRE, status="EXPIRED", message="the day ended")

    ledger.write(ended, DayStarted(venue_day="2026-08-19"))

    assert (Order.objects.get().status, Order.objects.get().message) == ("EXPIRED", "the day ended")


def test_a_discrepancy_stands_once_until_it_is_resolved(ledger):
    found = DiscrepancyFound(kind="unknown_order", subject="1001", sentence="an order of nobody")
    ledger.write(found)
    ledger.write(replace(found, sentence="it is there still"))

    assert Discrepancy.objects.get().sentence == "it is there still"

    ledger.write(replace(found, sentence="gone", resolved=True))

    assert Discrepancy.objects.get().resolution == "gone"


def test_a_persons_later_switch_outlives_the_desks_earlier_one(ledger, account):
    def switch(engaged, epoch):
        return SwitchSet(scope="account", target_id=str(account.pk), engaged=engaged, reason="", epoch=epoch)

    ledger.write(switch(engaged=True, epoch=1))
    KillSwitch.objects.update(is_engaged=False, epoch=3)
    ledger.write(switch(engaged=True, epoch=2))

    assert (KillSwitch.objects.get().is_engaged, KillSwitch.objects.get().epoch) == (False, 3)
