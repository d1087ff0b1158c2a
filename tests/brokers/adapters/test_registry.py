import pytest

from brokers import registry
from brokers.domain.errors import NotFound
from brokers.ports import VenueUrls
from tests.brokers.adapters.doubles import CREDENTIALS, OpenBudget, ScriptedNet, SteppingClock

URLS = VenueUrls(api="https://api.venue.test", stream="wss://ws.venue.test", login="https://venue.test/login")
PORTS = {
    "net": ScriptedNet(),
    "credentials": CREDENTIALS,
    "clock": SteppingClock(),
    "urls": URLS,
    "jitter": lambda: 0.0,
}


def test_kite_has_a_venue_a_feed_and_a_budget():
    assert registry.venue_for("kite", budget=OpenBudget(), **PORTS).name == "kite"
    assert registry.feed_for("kite", **PORTS)
    assert registry.budget_for("kite", clock=SteppingClock())


@pytest.mark.parametrize(
    "ask",
    [
        lambda: registry.venue_for("elsewhere", budget=OpenBudget(), **PORTS),
        lambda: registry.feed_for("elsewhere", **PORTS),
        lambda: registry.budget_for("elsewhere", clock=SteppingClock()),
    ],
)
def test_an_unknown_venue_is_not_found(ask):
    with pytest.raises(NotFound):
        ask()
