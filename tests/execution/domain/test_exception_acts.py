"""What a person decides of the inbox: accepted, adopted, settled; each journalled with a name and a reason."""

from dataclasses import replace
from decimal import Decimal

import pytest

from brokers.domain.orders import OrderStatus, Product
from execution.domain.choices import Evidence, Shown, offers_for, shown_by
from execution.domain.events import SendResult
from execution.domain.records import DiscrepancyFound, fact_of
from tests.builders import RELIANCE, a_venue_order, a_venue_position
from tests.execution.domain.desk_script import DeskScript

POSITION = ("position", RELIANCE.key)
WHO = {"by": "Asha", "reason": "bought by hand in the broker's app"}
SHOWN = {"instrument": RELIANCE.key, "product": "MIS", "quantity": "10", **WHO}


def a_desk_that_differs(quantity=10):
    """A desk whose venue holds shares that the journal does not know, as two reads say."""
    desk = DeskScript().start()
    desk.venue.carried[RELIANCE.key] = Decimal(quantity)
    read_twice(desk)
    return desk


def read_twice(desk):
    desk.read_books()
    desk.read_books()


def shown(**changes):
    return Shown(**{"product": Product.INTRADAY, "journal": Decimal(0), "venue": Decimal(10), **changes})


def said_last(desk):
    return [fact.sentence for row in desk.journal if isinstance(fact := fact_of(row), DiscrepancyFound)][-1]


def test_an_accepted_difference_is_not_told_again_while_it_stays():
    desk = a_desk_that_differs()

    done = desk.act("resolve", kind="position", subject=RELIANCE.key, **WHO)
    read_twice(desk)

    assert (done.ok, desk.inbox) == (True, set())
    assert said_last(desk) == "accepted by Asha: bought by hand in the broker's app"


def test_an_accepted_difference_that_changes_is_told_anew():
    desk = a_desk_that_differs()
    desk.act("resolve", kind="position", subject=RELIANCE.key, **WHO)

    desk.venue.carried[RELIANCE.key] = Decimal(11)
    read_twice(desk)

    assert desk.inbox == {"position"}


def test_one_that_ended_and_begins_again_is_told_anew():
    desk = a_desk_that_differs()
    desk.act("resolve", kind="position", subject=RELIANCE.key, **WHO)

    desk.venue.carried.clear()
    read_twice(desk)
    desk.venue.carried[RELIANCE.key] = Decimal(10)
    read_twice(desk)

    assert desk.inbox == {"position"}


def test_a_restart_remembers_what_was_accepted():
    desk = a_desk_that_differs()
    desk.act("resolve", kind="position", subject=RELIANCE.key, **WHO)

    desk.restart()
    read_twice(desk)

    assert desk.inbox == set()


def test_accepting_twice_and_accepting_nothing_are_refused():
    desk = a_desk_that_differs()

    without = desk.act("resolve", kind="position", subject=RELIANCE.key, reason=" ")
    desk.act("resolve", kind="position", subject=RELIANCE.key, **WHO)
    twice = desk.act("resolve", kind="position", subject=RELIANCE.key, **WHO)

    assert (without.ok, twice.ok) == (False, False)


def test_an_accepted_egress_is_told_again_when_the_venue_says_it_again():
    desk = DeskScript().start()
    desk.engine._desk.discrepancy("egress", "address", "refused")
    desk.act("resolve", kind="egress", subject="address", **WHO)

    desk.engine._desk.discrepancy("egress", "address", "refused")

    assert desk.inbox == {"egress"}


def test_the_guardians_note_is_accepted_though_no_desk_journalled_it():
    desk = DeskScript().start()

    done = desk.act("resolve", kind="guardian", subject="desk away", **WHO)

    assert done.ok
    assert said_last(desk).startswith("accepted by Asha")


def test_adopting_takes_what_the_venue_holds_into_the_books_and_sends_nothing():
    desk = a_desk_that_differs()

    done = desk.act("adopt", **SHOWN)
    read_twice(desk)

    [position] = desk.engine.state.positions.open()
    assert (done.ok, done.outcome) == (True, "adopted of NSE:RELIANCE: +10 MIS at 100")
    assert (position.quantity, position.average_price, position.key.strategy_key) == (Decimal(10), Decimal(100), "")
    assert (desk.inbox, desk.placed) == (set(), [])


def test_nothing_is_adopted_where_the_books_hold_the_instrument():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.venue.carried[RELIANCE.key] = Decimal(10)
    read_twice(desk)
    [before] = desk.engine.state.positions.open()

    done = desk.act("adopt", **SHOWN)

    assert (done.ok, "hold NSE:RELIANCE already" in done.outcome) == (False, True)
    assert desk.engine.state.positions.open() == [before]


@pytest.mark.parametrize("changed", [{"quantity": "11"}, {"quantity": "-10"}, {"quantity": None}, {"product": "NRML"}])
def test_another_figure_than_the_entry_shows_is_not_adopted(changed):
    desk = a_desk_that_differs()

    done = desk.act("adopt", **{**SHOWN, **changed})

    assert (done.ok, "the entry shows +10 MIS" in done.outcome) == (False, True)
    assert not desk.engine.state.positions.open()


@pytest.mark.parametrize("reads", [1, 2])
@pytest.mark.parametrize("quantity", ["10", "11"])
def test_what_changed_at_the_venue_since_it_was_told_is_not_adopted(reads, quantity):
    desk = a_desk_that_differs()
    desk.venue.carried[RELIANCE.key] = Decimal(11)
    for _ in range(reads):
        desk.read_books()

    done = desk.act("adopt", **{**SHOWN, "quantity": quantity})

    assert (done.ok, "has changed at the venue" in done.outcome) == (False, True)
    assert not desk.engine.state.positions.open()


def test_several_products_of_one_instrument_are_not_adopted():
    desk = DeskScript().start()
    both = (a_venue_position(10), replace(a_venue_position(5), product=Product.CARRY))
    for _ in range(2):
        desk.read_books(positions=both)

    done = desk.act("adopt", **SHOWN)

    assert (done.ok, "several products" in done.outcome) == (False, True)


def test_the_figures_are_read_back_from_what_the_desk_told():
    desk = a_desk_that_differs()

    sentence = desk.engine.state.discrepancies[POSITION][0]

    assert shown_by(sentence) == Shown(product=Product.INTRADAY, journal=Decimal(0), venue=Decimal(10))
    assert shown_by("NSE:RELIANCE differs") is None
    assert shown_by("NSE:RELIANCE XYZ: the journal holds 0, the venue 10") is None


def test_nothing_is_adopted_where_nothing_differs_or_an_order_works():
    desk = DeskScript().start()
    assert desk.act("adopt", **SHOWN).ok is False

    desk = a_desk_that_differs()
    desk.show(a_venue_order(venue_order_id="V9", tags=(), placed_at=desk.now))
    working = desk.act("adopt", **SHOWN)

    assert (working.ok, "still works" in working.outcome) == (False, True)
    assert not desk.engine.state.positions.open()


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda desk: desk.engine._desk.must_reconcile("a login"), "have not been read"),
        (lambda desk: desk.engine._desk.excess.update({(RELIANCE.key, Product.DELIVERY): Decimal(1)}), "delivery"),
        (lambda desk: desk.config.instruments.pop(RELIANCE.key), "not known"),
        (lambda desk: desk.engine._desk.venue_prices.clear(), "no price"),
    ],
)
def test_nothing_is_adopted_that_cannot_be_valued_or_is_no_position(spoil, word):
    desk = a_desk_that_differs()
    spoil(desk)

    done = desk.act("adopt", **SHOWN)

    assert (done.ok, word in done.outcome) == (False, True)


def test_a_persons_word_settles_an_order_in_doubt():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    client_id = desk.placed[0].order.client_id
    desk.answer(client_id, SendResult.AMBIGUOUS, message="no answer")

    done = desk.act("settle_order", client_id=client_id, verdict="not_placed", **WHO)
    again = desk.act("settle_order", client_id=client_id, verdict="not_placed", **WHO)
    nobody = desk.act("settle_order", client_id="W0", verdict="not_placed", **WHO)

    assert (done.ok, again.ok, nobody.ok) == (True, False, False)
    assert desk.orders[0].message == "settled by Asha: bought by hand in the broker's app"


@pytest.mark.parametrize(
    ("evidence", "choices"),
    [
        (Evidence(kind="position"), ["accept"]),
        (Evidence(kind="position", shown=shown()), ["adopt", "accept"]),
        (Evidence(kind="position", shown=shown(journal=Decimal(3))), ["accept"]),
        (Evidence(kind="position", shown=shown(product=Product.DELIVERY)), ["accept"]),
        (Evidence(kind="position", shown=shown(), has_holder=True), ["accept"]),
        (Evidence(kind="position", shown=shown(), has_order=True), ["accept"]),
        (Evidence(kind="position", held=(Decimal(5), Decimal(0)), has_holder=True), ["flatten", "accept"]),
        (Evidence(kind="unknown", order_status=OrderStatus.UNKNOWN), ["not_placed"]),
        (Evidence(kind="unproven", order_status=OrderStatus.UNPROVEN), ["not_placed", "accept"]),
        (Evidence(kind="external_order", order_status=OrderStatus.OPEN), ["cancel", "accept"]),
        (Evidence(kind="external_order", order_status=OrderStatus.FILLED, held=(Decimal(1),)), ["flatten", "accept"]),
        (Evidence(kind="contradiction", order_status=OrderStatus.OPEN), ["accept"]),
        (Evidence(kind="throttled"), []),
    ],
)
def test_only_what_can_be_carried_out_is_offered(evidence, choices):
    assert [offer.choice for offer in offers_for(evidence)] == choices
