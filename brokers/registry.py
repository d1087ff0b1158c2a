"""From a venue's name to its adapter; imported by `execution.runtime` and by this room alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from brokers.adapters.backoff import Backoff
from brokers.adapters.budget import PacedBudget
from brokers.adapters.kite import postback
from brokers.adapters.kite.client import KiteVenue
from brokers.adapters.kite.feed import DEFAULT_SILENCE_S, KiteFeed
from brokers.adapters.rest import HttpNet
from brokers.adapters.shared_pace import SharedPace
from brokers.domain.allowance import KITE_ALLOWANCE, OrderShare
from brokers.domain.errors import DataError, NotFound
from brokers.ports import Budget, Clock, Credentials, Feed, Net, Venue, VenueUrls

KITE = "kite"


def venue_for(
    venue: str,
    *,
    net: Net,
    budget: Budget,
    credentials: Credentials,
    clock: Clock,
    urls: VenueUrls,
    jitter: Callable[[], float],
) -> Venue:
    """Return the adapter of a venue for one session; raise NotFound for a venue without one."""
    _require_known(venue)
    return KiteVenue(net=net, budget=budget, credentials=credentials, clock=clock, jitter=jitter, api_url=urls.api)


def feed_for(
    venue: str,
    *,
    net: Net,
    credentials: Credentials,
    clock: Clock,
    urls: VenueUrls,
    jitter: Callable[[], float],
    silence_s: float = DEFAULT_SILENCE_S,
    with_depth: bool = True,
    probe: Callable[[], Awaitable[object]] | None = None,
) -> Feed:
    """Return the stream of a venue for one session; raise NotFound for a venue without one.

    `probe` is a call of the same session, which tells a dead one from a plan without market data.
    """
    _require_known(venue)
    return KiteFeed(
        net=net,
        credentials=credentials,
        clock=clock,
        backoff=Backoff(jitter=jitter),
        stream_url=urls.stream,
        silence_s=silence_s,
        with_depth=with_depth,
        probe=probe,
    )


def net_for(*, egress_address: str | None = None) -> Net:
    """Return the machine's network; orders leave by an account's own address or proxy where it names one."""
    return HttpNet(egress_address=egress_address)


def budget_for(
    venue: str, *, clock: Clock, share: OrderShare = KITE_ALLOWANCE.desk, shared: SharedPace | None = None
) -> Budget:
    """Return a cold budget for one trading account: its owner's share of the orders, reads shared by every process."""
    _require_known(venue)
    return PacedBudget(clock=clock, share=share, shared=shared)


def hint_of(venue: str, body: bytes, *, api_secret: str, user_id: str) -> tuple[str, ...] | None:
    """Return what tells a venue's call about an order from its repeats; None for one that nobody can vouch for.

    Its proof covers the order's id and time alone: it says that something happened, and never what.
    """
    _require_known(venue)
    try:
        said = postback.read(body)
    except DataError:
        return None
    if said.user_id != user_id or not postback.is_genuine(said, api_secret):
        return None
    return said.key


def _require_known(venue: str) -> None:
    if venue != KITE:
        raise NotFound(f"no venue is named {venue!r}; there is {KITE!r}", code="venue.unknown", field="venue")
