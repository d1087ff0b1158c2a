"""An order's life as a person reads it: from the signal to the last fill, whose each step was, and how long it took."""

from datetime import timedelta
from decimal import Decimal

from brokers.domain.orders import Book, OrderStatus
from execution.domain.events import SendResult
from execution.domain.records import Takeover, fact_of
from execution.domain.timeline import Cast, Kept, Spans, spans_of, steps_of
from tests.builders import a_venue_order
from tests.execution.domain.desk_script import DeskScript


def kept(desk, *, token=1):
    return [
        Kept(seq=number, at=row.at, kind=row.kind, token=token, fact=fact_of(row))
        for number, row in enumerate(desk.journal, start=1)
    ]


def told(desk, cast=None, **options):
    return [(step.who, step.what) for step in steps_of(kept(desk, **options), cast or Cast(holder="Threshold"))]


def a_desk_that_buys(**options):
    desk = DeskScript(**options).start()
    desk.bar(101.0)
    return desk


def test_tells_the_way_from_the_signal_to_the_fill():
    desk = a_desk_that_buys()
    desk.now += timedelta(milliseconds=250)
    desk.fill()

    assert told(desk) == [
        ("strategy", "signal: exposure +1 of NSE:RELIANCE"),
        ("strategy", "wanted position: 99"),
        ("desk", "journalled before sending: BUY 99 at 101.2"),
        ("venue", "order taken in as V1"),
        ("venue", "open in the venue's book"),
        ("venue", "filled 99 at 101.2, trade T1"),
    ]


def test_each_step_says_how_long_it_took_after_the_one_before():
    desk = a_desk_that_buys()
    desk.now += timedelta(milliseconds=250)
    desk.fill(40)
    desk.now += timedelta(seconds=2)
    desk.fill(59)

    steps = steps_of(kept(desk), Cast())

    assert steps[0].latency_ms is None
    fills = [step for step in steps if step.kind == "fill"]
    assert [step.latency_ms for step in fills] == [Decimal(250), Decimal(2000)]
    assert fills[0].venue_at == fills[0].at
    assert spans_of(kept(desk)) == Spans(
        decision_ms=Decimal(0), venue_ms=Decimal(0), first_fill_ms=Decimal(250), filling_ms=Decimal(2000)
    )


def test_the_venue_speaks_in_its_own_words():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    desk.answer(desk.placed[0].order.client_id, SendResult.REJECTED, message="Insufficient funds")

    [refused] = [step for step in steps_of(kept(desk), Cast()) if step.kind == "outcome"]

    assert (refused.who, refused.what, refused.words) == ("venue", "order refused", "Insufficient funds")
    assert spans_of(kept(desk)).first_fill_ms is None


def test_a_doubt_is_told_with_every_look_for_the_order_and_its_proof():
    said = [what for _, what in told(a_desk_in_doubt())]

    assert "unknown whether it was placed: nothing is resent, the books are asked" in said
    assert said.count("looked up in the venue's book and not found") >= 2


def a_desk_in_doubt():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    desk.answer(desk.placed[0].order.client_id, SendResult.AMBIGUOUS, message="no answer within 5 s")
    desk.obedient = True
    desk.pass_time(200)
    return desk


def test_a_persons_act_bears_the_persons_name():
    desk = a_desk_that_buys()
    desk.now += timedelta(seconds=1)
    desk.act("cancel_order", "asked", client_id=desk.orders[0].client_id)

    steps = steps_of(kept(desk), Cast(persons={"asked": "Asha"}))

    assert ("person", "Asha", "cancel asked for", "cancelled by the operator") in [
        (step.who, step.name, step.what, step.reason) for step in steps
    ]


def test_the_guardians_acts_are_the_guardians():
    desk = a_desk_that_buys()

    whose = {step.what: step.who for step in steps_of(kept(desk, token=7), Cast(guardians=frozenset({7})))}

    assert whose["journalled before sending: BUY 99 at 101.2"] == "guardian"
    assert whose["order taken in as V1"] == "venue"


def test_a_caretakers_takeover_says_so():
    desk = DeskScript(config={"runs_strategies": False})
    desk.take_over()

    assert [fact_of(row).is_caretaker for row in desk.journal if isinstance(fact_of(row), Takeover)] == [True]


def test_a_refusal_of_the_gate_and_what_is_wanted_no_more_are_told():
    desk = DeskScript(limits={"max_order_value_quote": Decimal(50)}).start()
    desk.bar(101.0)

    said = told(desk)

    assert ("gate", "the risk gate spoke: order_value") in said
    assert any(what == "nothing is wanted any more" for _, what in said)


def test_an_order_placed_elsewhere_is_told_from_the_book_alone():
    desk = DeskScript().start()
    desk.show(a_venue_order(venue_order_id="V9", tags=(), placed_at=desk.now))

    said = told(desk)

    assert ("venue", "placed elsewhere: open in the venue's book") in said
    assert ("desk", "put into the inbox") in said
    assert spans_of(kept(desk)) == Spans()


def test_new_prices_and_waiting_cancels_say_why():
    desk = a_desk_that_buys()
    desk.fill()
    desk.bar(80.0)
    desk.pass_time(8)

    said = [what for _, what in told(desk)]

    assert any(what.startswith("new price ") and what.endswith("asked for") for what in said)
    assert any(what.startswith("journalled before sending: SELL ") for what in said)


def test_paper_and_proofs_are_named():
    desk = a_desk_that_buys(book=Book.PAPER)
    assert any(what.endswith(", on paper") for _, what in told(desk))

    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    desk.answer(desk.placed[0].order.client_id, SendResult.NOT_SENT, message="its turn never came")
    unsent = [step for step in steps_of(kept(desk), Cast()) if step.kind == "outcome"]
    assert (unsent[0].who, unsent[0].reason) == ("desk", "its turn never came")
    assert desk.orders[0].status is OrderStatus.NOT_SENT
