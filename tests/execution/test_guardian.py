from brokers.domain.orders import OrderStatus
from execution.runtime.guardian import is_to_cancel
from tests.builders import a_venue_order
from tests.execution.domain.desk_script import DeskScript


def test_the_guardian_cancels_our_entries_and_leaves_the_orders_of_others():
    desk = DeskScript().start()
    desk.bar(101.0)
    stop = a_venue_order(venue_order_id="X1", tags=(), placed_at=desk.now, status=OrderStatus.TRIGGER_PENDING)
    desk.venue.orders["X1"] = stop
    desk.read_books()

    ours, theirs = desk.working

    assert (ours.client_id[0], theirs.client_id) == ("W", "EXT-X1")
    assert [is_to_cancel(order) for order in (ours, theirs)] == [True, False]
