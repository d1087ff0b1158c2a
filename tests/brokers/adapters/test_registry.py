from dataclasses import replace

import pytest
from redis.asyncio import Redis

from brokers import registry
from brokers.adapters.paces import SharedWeights
from brokers.domain.allowance import ASTER_ALLOWANCE
from brokers.domain.errors import Invalid, NotFound
from brokers.ports import TradesPerpetuals, VenueUrls
from tests.brokers.adapters.aster.exchange import V3
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


async def test_aster_has_a_venue_of_perpetuals_a_feed_of_its_own_and_a_budget():
    ports = PORTS | {"credentials": V3, "urls": replace(URLS, chain_id=1666)}
    venue = registry.venue_for("aster", budget=OpenBudget(), **ports)

    assert venue.name == "aster"
    assert isinstance(venue, TradesPerpetuals)
    assert registry.feed_for("aster", calls=venue, **ports)
    assert registry.budget_for("aster", clock=SteppingClock()).report().per_minute == ASTER_ALLOWANCE.desk.per_minute
    assert registry.allowance_of("aster") is ASTER_ALLOWANCE


def test_aster_s_stream_needs_its_session():
    with pytest.raises(Invalid):
        registry.feed_for("aster", **PORTS)


def test_aster_calls_nobody_about_an_order():
    assert registry.hint_of("aster", b"{}", api_secret="s", user_id="u") is None


async def test_sessions_of_one_address_share_its_door_its_weight_and_each_user_s_nonces(tmp_path):
    shared = SharedWeights(Redis(), folder=tmp_path, clock=SteppingClock())
    one, same, other = shared("exchange|"), shared("exchange|"), shared("exchange|1.2.3.4")
    ports = PORTS | {"credentials": V3}

    venue = registry.venue_for("aster", budget=OpenBudget(), weights=one, **ports)
    budget = registry.budget_for("aster", clock=SteppingClock(), weights=one)

    assert one is same
    assert (one.door, one.pace) != (other.door, other.pace)
    assert one.nonces is other.nonces
    assert venue._transport._door is one.door
    assert budget._pace is one.pace
