"""What comes late, twice or at the wrong moment, and what an order of several fills costs."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import combinations, permutations

import pytest

from brokers.domain.charges import exact_charges
from brokers.domain.clock import venue_day_of
from brokers.domain.india import CHARGES, INDIA
from brokers.domain.market import Bar
from brokers.domain.orders import Book, OrderStatus
from execution.domain.commands import LoadHistory
from execution.domain.engine import Engine
from execution.domain.events import BooksFailed, HistoryFailed, HistoryLoaded, SendResult, TimerFired, Write
from execution.domain.market import Market
from tests.builders import DEPLOYMENT, INFY, RELIANCE, TEN_O_CLOCK, a_venue_order, some_bars, some_columns
from tests.execution.domain.desk_script import BUY, DeskScript

HELD = "00000000-0000-0000-0000-0000000000ff"


def charges_shown(script):
    return Decimal(script.engine.views(script.now)["portfolio"]["pnl_today"]["charges"])


def charges_worked_out(script):
    note = exact_charges(
        script.engine.state.fills_today,
        kinds={RELIANCE.key: RELIANCE.kind},
        day=venue_day_of(script.now),
        schedule=CHARGES,
    )
    return note.rounded().total


def test_the_day_costs_what_all_its_fills_cost_together_however_they_came():
    script = DeskScript().start()
    script.bar(105.0)
    shown = []

    for quantity in ("30", "25", None):
        script.fill(quantity, "105.1")
        shown.append((charges_shown(script), charges_worked_out(script)))
    script.bar(95.0)
    script.fill()
    shown.append((charges_shown(script), charges_worked_out(script)))

    assert all(ours == wanted for ours, wanted in shown)
    assert len({ours for ours, _ in shown}) == len(shown)


def test_what_a_book_is_worth_follows_every_price():
    script = DeskScript().start()
    script.bar(105.0)
    script.fill()
    quantity = script.held

    worth = []
    for price in (106.0, 106.0, 104.0):
        script.tick(price)
        worth.append(Decimal(script.engine.views(script.now)["portfolio"]["exposure"]["gross"]))

    assert worth == [quantity * price for price in (106, 106, 104)]


@pytest.mark.parametrize("event", [HistoryLoaded, HistoryFailed])
def test_a_history_that_nobody_waits_for_changes_nothing(event):
    script = DeskScript().start()
    details = {"bars": ()} if event is HistoryLoaded else {"reason": "the venue said no"}

    for deployment_id in (HELD, DEPLOYMENT):
        told = event(at=script.now, deployment_id=deployment_id, instrument=RELIANCE.key, **details)
        assert script.run(told) == []


def test_a_candle_that_still_runs_is_not_taken_from_a_history():
    script = DeskScript(obedient=False).start(deployment=False)
    script.deploy()
    minute_ns = int(TEN_O_CLOCK.timestamp()) * 1_000_000_000
    bars = tuple(
        Bar(
            instrument=RELIANCE.key,
            interval_s=60,
            start_ns=minute_ns + number * 60_000_000_000,
            open=95.0,
            high=95.0,
            low=95.0,
            close=95.0,
            volume=1.0,
        )
        for number in (-1, 0)
    )

    script.run(HistoryLoaded(at=script.now, deployment_id=DEPLOYMENT, instrument=RELIANCE.key, bars=bars))

    assert "1 of 2 bars" in script.engine.views(script.now)["strategies"][DEPLOYMENT]["last_reason"]


def test_a_failed_read_of_the_books_is_shown_until_one_has_succeeded():
    script = DeskScript(obedient=False).start(deployment=False)

    script.run(BooksFailed(at=script.now, reason="the venue is busy"))
    before = script.engine.views(script.now)["feeds"]["books_error"]
    script.read_books()
    script.run(BooksFailed(at=script.now, reason="busy again"))

    assert before == "the venue is busy"
    assert script.engine.views(script.now)["feeds"]["books_error"] != "busy again"


def test_a_caretaker_loads_no_history_and_enters_nothing():
    script = DeskScript(obedient=False, config={"runs_strategies": False}).start(deployment=False)

    script.deploy()

    assert not [c for c in script.commands if isinstance(c, LoadHistory)]


def test_a_caretaker_leaves_an_unfinished_entry_alone():
    script = DeskScript().start()
    script.obedient = False
    script.bar(105.0)
    script.config = replace(script.config, runs_strategies=False)
    script.restart(unsent=tuple(order.client_id for order in script.orders))
    placed = len(script.placed)

    script.run(TimerFired(at=script.now, name="pursue"))

    assert len(script.placed) == placed


def test_an_order_without_an_answer_is_in_doubt_when_its_day_ends():
    script = DeskScript().start()
    script.obedient = False
    script.bar(105.0)
    (order,) = script.working

    script.now = script.now + timedelta(days=1)
    script.tick()

    ended = script.engine.state.order(order.client_id)
    assert ended.is_doubtful
    assert ended.last_byte_at == order.send_by


def test_a_resting_order_ends_with_its_day():
    script = DeskScript().start()
    script.bar(105.0)
    (order,) = script.working

    script.now = script.now + timedelta(days=1)
    script.tick()

    assert order.client_id not in {working.client_id for working in script.working}


def test_a_day_without_a_session_squares_nothing_off():
    script = DeskScript().start()
    script.bar(105.0)
    script.fill()
    held, placed = script.held, len(script.placed)

    script.now = script.now + timedelta(days=(5 - script.now.weekday()) % 7)
    script.tick()

    assert script.now.weekday() == 5
    assert (script.held, len(script.placed)) == (held, placed)


def test_the_square_off_is_wanted_once():
    script = DeskScript().start()
    script.bar(105.0)
    script.fill()
    script.obedient = False
    script.now = script.now.replace(hour=9, minute=50)  # 15:20 in Mumbai
    script.tick()
    placed = len(script.placed)

    for _ in range(3):
        script.now += timedelta(seconds=1)
        script.tick()

    assert len(script.placed) == placed


def test_an_answer_to_a_cancel_of_an_ended_order_changes_nothing():
    script = DeskScript().start()
    script.bar(105.0)
    (order,) = script.working
    script.fill()
    journalled = len(script.journal)

    script.answer(order.client_id, SendResult.CONFIRMED, write=Write.CANCEL)

    assert len(script.journal) == journalled


def test_a_fill_that_is_read_twice_from_the_journal_counts_once():
    script = DeskScript().start()
    script.bar(105.0)
    script.fill()
    restored = Engine(script.config)
    records = script.read_journal()

    restored.restore(records)
    restored.apply(next(record for record in records if record.kind == "fill"))

    assert restored.state.fingerprint() == script.engine.state.fingerprint()


def test_a_part_filled_order_that_the_venue_calls_open_is_part_filled():
    script = DeskScript().start()
    script.bar(105.0)
    (order,) = script.working
    row = script.venue.orders[order.venue_order_id]

    script.show(replace(row, status=OrderStatus.OPEN, filled_quantity=Decimal(3), pending_quantity=Decimal(92)))

    assert script.engine.state.order(order.client_id).status is OrderStatus.PARTIALLY_FILLED


def test_an_entry_too_small_for_a_lot_of_a_changed_list_is_given_up():
    script = DeskScript(book=Book.PAPER, instruments=(replace(RELIANCE, lot_size=1_000), INFY)).start()

    script.bar(105.0)

    assert script.placed == []


@pytest.mark.parametrize("name", ["nobody", "order:W9", "cancel:W9", "look_up:W9:soon", "look_up:W9:0"])
def test_a_timer_of_nothing_that_is_known_decides_nothing(name):
    script = DeskScript().start()
    placed = len(script.placed)

    script.run(TimerFired(at=script.now, name=name))

    assert len(script.placed) == placed
    assert script.cancels == []


def test_bars_that_closed_while_the_history_came_are_decided_upon():
    script = DeskScript(obedient=False).start(deployment=False)
    script.read_books()
    script.deploy()
    script.bar(95.0)
    script.bar(105.0)
    assert script.placed == []

    bars = some_bars(95.0, 95.0, until=TEN_O_CLOCK)
    script.run(HistoryLoaded(at=script.now, deployment_id=DEPLOYMENT, instrument=RELIANCE.key, bars=bars))

    assert [command.order.intent.side for command in script.placed] == [BUY]


def test_an_order_of_somebody_else_is_cancelled_without_a_goal():
    script = DeskScript().start(deployment=False)
    row = a_venue_order(venue_order_id="E1", instrument=RELIANCE.key, tags=(), placed_at=script.now)
    script.venue.orders["E1"] = row
    script.show(row)

    script.act("cancel_order", client_id=script.orders[-1].client_id)

    assert [command.venue_order_id for command in script.cancels] == ["E1"]


def test_hundreds_of_different_frames_are_each_put_in_their_place():
    shares = [replace(RELIANCE, symbol=f"S{number}", token=1_000 + number) for number in range(20)]
    market = Market({share.key: share for share in shares}, INDIA)
    market.start_day(TEN_O_CLOCK.date())
    market.track([share.key for share in shares])
    pairs = list(combinations(shares, 2)) + list(permutations(shares, 2))[:120]

    for number, (left, right) in enumerate(pairs):
        prices = ((left, 100.0 + number), (right, 200.0 + number))
        market.take(some_columns(*prices, at=TEN_O_CLOCK, received_at=TEN_O_CLOCK), "test")
        assert (market.mark(left.key), market.mark(right.key)) == (100 + number, 200 + number)


def test_an_empty_frame_is_no_news():
    market = Market({RELIANCE.key: RELIANCE}, INDIA)

    assert market.take(some_columns(at=TEN_O_CLOCK, received_at=TEN_O_CLOCK), "test") == []
    assert market.now_ns == 0
