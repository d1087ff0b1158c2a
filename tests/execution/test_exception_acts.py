"""A person's decision from its act to its rows: the entry leaves the inbox, the books hold what was adopted."""

from decimal import Decimal

import pytest

from execution.exceptions import exception_rows
from execution.models import Discrepancy, PositionRow
from tests.builders import a_venue_position
from tests.execution.domain.basket_script import HIGH_CALL
from tests.execution.test_basket_rows import Written

WHO = {"by": "Asha", "reason": "bought by hand"}


@pytest.fixture
def desk(account, journal):
    desk = Written(account, journal).start()
    show_more(desk)
    return desk


def show_more(desk):
    """Let two reads of the venue show more than the journal holds."""
    for _ in range(2):
        desk.read_books(positions=(a_venue_position(75, instrument=HIGH_CALL.key),))


def test_an_accepted_entry_is_settled_with_name_and_reason(desk, owner):
    [waiting] = exception_rows(owner)

    desk.act("resolve", kind="position", subject=HIGH_CALL.key, **WHO)
    show_more(desk)

    [settled] = exception_rows(owner, state="settled")
    assert exception_rows(owner) == []
    assert (waiting["journal_seq"] is not None, settled["resolution"]) == (True, "accepted by Asha: bought by hand")


def test_what_was_adopted_is_a_position_of_nobodys(desk):
    shown = a_venue_position(75, instrument=HIGH_CALL.key)
    desk.act("adopt", instrument=HIGH_CALL.key, product=shown.product, quantity=str(shown.quantity), **WHO)

    position = PositionRow.objects.get(instrument=HIGH_CALL.key)
    assert (position.quantity, position.strategy_key, position.book) == (Decimal(75), "", "live")
    assert Discrepancy.objects.get().resolution == "adopted by Asha: bought by hand"


def test_the_guardians_note_leaves_the_inbox_too(desk, account):
    note = Discrepancy.objects.create(
        account=account, kind="guardian", subject="desk away", sentence="the desk was away", found_at=desk.now
    )

    desk.act("resolve", kind="guardian", subject="desk away", **WHO)

    note.refresh_from_db()
    assert note.resolution == "accepted by Asha: bought by hand"
