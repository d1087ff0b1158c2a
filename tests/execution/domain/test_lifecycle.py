from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.errors import Invalid
from brokers.domain.orders import FINAL_STATUSES, OrderStatus
from execution.domain.lifecycle import (
    TRANSITIONS,
    ClientIds,
    IllegalMove,
    OrderEvent,
    OrderRecord,
    is_behind,
    next_status,
)
from tests.builders import TEN_O_CLOCK, a_fill, an_intent

LATE_EVENTS = {OrderEvent.LATE, OrderEvent.LATE_FILL}


def an_order(status=OrderStatus.OPEN, quantity=10, **changes):
    return OrderRecord(
        client_id="WAAB1200000001",
        intent=an_intent(quantity=quantity),
        status=status,
        venue_day="2026-07-14",
        created_at=TEN_O_CLOCK,
        updated_at=TEN_O_CLOCK,
        send_by=TEN_O_CLOCK,
        **changes,
    )


def test_a_final_status_moves_only_by_late_evidence():
    moves = {(status, event) for (status, event) in TRANSITIONS if status in FINAL_STATUSES}

    assert {event for _, event in moves} == LATE_EVENTS


@pytest.mark.parametrize("status", list(OrderStatus))
@pytest.mark.parametrize("event", list(OrderEvent))
def test_an_illegal_move_raises_and_changes_nothing(status, event):
    order = an_order(status)
    if (status, event) in TRANSITIONS:
        assert next_status(status, event) is TRANSITIONS[status, event]
        return

    with pytest.raises(IllegalMove):
        order.moved(event, TEN_O_CLOCK)

    assert order == an_order(status)


def test_fills_move_the_status_and_average_the_price():
    order = an_order()

    part = order.filled(a_fill(quantity=4, price="100", trade_id="T1"), TEN_O_CLOCK)
    whole = part.filled(a_fill(quantity=6, price="110", trade_id="T2"), TEN_O_CLOCK)

    assert part.status is OrderStatus.PARTIALLY_FILLED
    assert whole.status is OrderStatus.FILLED
    assert whole.average_price == Decimal(106)
    assert order.average_price is None


def test_a_fill_seen_twice_counts_once():
    order = an_order().filled(a_fill(quantity=4), TEN_O_CLOCK)

    assert order.filled(a_fill(quantity=4), TEN_O_CLOCK + timedelta(seconds=1)) is order


def test_a_fill_of_a_cancelled_order_counts_and_leaves_it_cancelled():
    order = an_order(OrderStatus.CANCELLED).filled(a_fill(quantity=4), TEN_O_CLOCK)

    assert (order.status, order.filled_quantity) == (OrderStatus.CANCELLED, Decimal(4))


def test_a_whole_fill_of_a_cancelled_order_makes_it_filled():
    assert an_order(OrderStatus.CANCELLED).filled(a_fill(), TEN_O_CLOCK).status is OrderStatus.FILLED


@pytest.mark.parametrize("status", [OrderStatus.NOT_PLACED, OrderStatus.NOT_SENT, OrderStatus.REJECTED])
def test_a_part_fill_brings_an_order_thought_absent_back(status):
    assert an_order(status).filled(a_fill(quantity=1), TEN_O_CLOCK).status is OrderStatus.PARTIALLY_FILLED


def test_an_order_is_settled_when_every_declared_fill_is_known():
    declared = an_order(OrderStatus.FILLED, venue_filled=Decimal(10))

    assert declared.awaits_trades
    assert not declared.is_settled
    assert declared.pending_quantity == Decimal(10)
    assert declared.filled(a_fill(), TEN_O_CLOCK).is_settled


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        (OrderStatus.FILLED, OrderStatus.OPEN),
        (OrderStatus.OPEN, OrderStatus.ACCEPTED),
        (OrderStatus.OPEN, OrderStatus.OPEN),
        (OrderStatus.PARTIALLY_FILLED, OrderStatus.OPEN),
    ],
)
def test_an_older_or_repeated_word_is_behind(known, shown):
    assert is_behind(known, shown)


def test_client_ids_are_short_and_never_repeat():
    ids = ClientIds("a1", "ab12")

    made = [ids.next() for _ in range(100)]

    assert len(set(made)) == 100
    assert made[0] == "WA1AB1200000001"
    assert all(len(each) <= 20 and each.isalnum() for each in made)


def test_client_ids_go_on_after_the_restored_ones():
    ids = ClientIds("A", "AB12")

    ids.skip_past("WAAB120000000Z")
    ids.skip_past("WBAB12000000ZZ")
    ids.skip_past("somebody else's")

    assert ids.next() == "WAAB1200000010"


def test_a_new_incarnation_starts_its_own_sequence():
    ids = ClientIds("A", "AB12")
    ids.next()

    ids.begin("a")
    assert ids.next() == "WAAB1200000002"
    ids.begin("B")
    assert ids.next() == "WBAB1200000001"


@given(st.integers(min_value=1, max_value=36**8 - 1), st.from_regex(r"[0-9A-Z]{1,3}", fullmatch=True))
def test_an_id_of_any_incarnation_is_recognised_as_ours(sequence, incarnation):
    made = ClientIds(incarnation, "AB12", start=sequence).next()

    assert ClientIds("A", "AB12").parse(made) == (incarnation, sequence)


@pytest.mark.parametrize("text", ["", "W", "my tag", "WAAB12", "WAXX1200000001", "XAAB1200000001", "WAAB120000000-"])
def test_others_ids_are_not_ours(text):
    assert not ClientIds("A", "AB12").is_ours(text)


@pytest.mark.parametrize(("incarnation", "account"), [("", "AB12"), ("ABCD", "AB12"), ("A", "AB1"), ("A", "A-12")])
def test_ids_that_a_venue_would_refuse_are_never_made(incarnation, account):
    with pytest.raises(Invalid):
        ClientIds(incarnation, account)
