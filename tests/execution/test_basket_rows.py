"""Baskets as rows: projected from the journal, and owners of their orders, fills and positions."""

from uuid import UUID, uuid4

import pytest

from brokers.domain.orders import OrderStatus
from brokers.models import ListedInstrument
from execution import books
from execution.basket_models import Basket
from execution.domain.commands import Record
from execution.domain.events import SendResult
from execution.journal import Batch
from execution.models import Command, Fill, Order, PositionRow
from execution.projections import touched_by
from execution.runtime.store import instruments_in_use
from execution.selectors import baskets_rows, orders_rows, positions_rows, trades_rows
from execution.services import command_request
from tests.execution.conftest import NOON
from tests.execution.domain.basket_script import BASKET, CALL_SPREAD, HIGH_CALL, KEY, LOW_CALL, STRIP, BasketScript


class Written(BasketScript):
    """A scripted desk whose journal is a real one, batch by batch."""

    def __init__(self, account, journal, **options):
        self.row, self.thread = account, journal
        super().__init__(**options)

    def act(self, kind, /, command_id="", **payload):
        return super().act(kind, command_id or str(uuid4()), **payload)

    def _check(self, commands):
        super()._check(commands)
        records = tuple(command for command in commands if isinstance(command, Record))
        if records:
            touched = touched_by(records, self.engine.state)
            batch = Batch(account_id=str(self.row.pk), token=1, records=records, touched=touched)
            self.thread.write(batch).result(10)


@pytest.fixture
def desk(account, journal):
    return Written(account, journal).start()


@pytest.fixture
def listed(monkeypatch, db):
    monkeypatch.setattr(books, "snapshots", lambda topics: {})
    for instrument in STRIP:
        ListedInstrument.objects.create(
            venue="kite",
            exchange=instrument.exchange,
            symbol=instrument.symbol,
            token=instrument.token,
            kind=instrument.kind,
            name=instrument.name,
            segment=instrument.segment,
            expiry=instrument.expiry,
            strike=instrument.strike,
            tick_size=instrument.tick_size,
            lot_size=instrument.lot_size,
            listed_on=NOON.date(),
        )


def test_shows_each_leg_with_what_has_become_of_it(desk, owner):
    desk.send(*CALL_SPREAD)
    desk.fill_of(HIGH_CALL, 20)

    (row,) = baskets_rows(owner)

    bought, written = row["legs"]
    assert (row["id"], row["state"], row["policy"], row["mode"]) == (BASKET, "working", "unwind", "live")
    assert (bought["instrument"], bought["filled"], bought["status"]) == (HIGH_CALL.key, "20", "PARTIALLY_FILLED")
    assert (bought["average_price"], bought["client_ids"]) == ("100", [desk.orders[0].client_id])
    assert (written["instrument"], written["status"], written["reason"]) == (LOW_CALL.key, "WAITING", "not sent yet")


def test_its_end_and_its_reason_are_shown(desk, owner):
    desk.send(*CALL_SPREAD)
    desk.end_of(HIGH_CALL, OrderStatus.REJECTED, "no margin")

    (row,) = baskets_rows(owner)

    assert row["state"] == "unwound"
    assert "no margin" in row["reason"]
    assert row["legs"][0]["reason"] == "no margin"


def test_an_unknown_leg_says_that_all_wait(desk, owner):
    desk.obedient = False
    desk.send(*CALL_SPREAD)
    desk.answer(desk.placed[0].order.client_id, SendResult.AMBIGUOUS)

    (row,) = baskets_rows(owner)

    assert "the whole basket waits" in row["legs"][0]["reason"]


def test_owns_its_orders_fills_and_positions(desk, owner, listed):
    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()

    order, fill = Order.objects.first(), Fill.objects.first()
    assert (order.basket_id, order.deployment_id) == (UUID(BASKET), None)
    assert (fill.basket_id, fill.deployment_id) == (UUID(BASKET), None)
    assert set(PositionRow.objects.values_list("strategy_key", flat=True)) == {KEY}
    assert {row["strategy"] for row in orders_rows(owner)} == {"Bear spread"}
    assert {row["basket"] for row in trades_rows(owner)} == {BASKET}


def test_its_charges_are_its_positions_own(desk, owner, listed):
    desk.send(*CALL_SPREAD)
    desk.fill_working()

    (row,) = positions_rows(owner)

    shown = next(iter(desk.engine.views(desk.now)["positions"].values()))
    # a note is rounded line by line, the desk's own figure once
    assert row["strategy"] == "Bear spread"
    assert float(row["charges"]) == pytest.approx(float(shown["charges"]), abs=0.05)
    assert float(row["charges"]) > 0


def test_a_successor_knows_the_instruments_of_a_basket_that_sent_nothing_yet(account, journal, listed):
    desk = Written(account, journal, listens=False).start()

    desk.send(*CALL_SPREAD)

    assert set(instruments_in_use(str(account.pk), "kite")) == {HIGH_CALL.key, LOW_CALL.key}


def test_one_whose_command_no_desk_could_take_in_is_refused(desk, account):
    payload = {"basket_id": BASKET, "legs": []}
    command = command_request(
        account=account, kind="basket_send", payload=payload, by=None, idempotency_key="k", at=NOON, id=UUID(BASKET)
    )
    Basket.objects.create(
        pk=command.pk,
        account=account,
        name="Odd",
        policy="unwind",
        book="live",
        state="pending",
        deadline_at=NOON,
        created_at=NOON,
        updated_at=NOON,
    )

    desk.send(command_id=BASKET)

    assert Command.objects.get().state == "failed"
    assert Basket.objects.get().state == "refused"
    assert "1 to 20 legs" in Basket.objects.get().reason
