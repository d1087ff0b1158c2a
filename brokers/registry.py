"""From a venue's name to its adapter; imported by `execution.runtime` and by this room alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from brokers.adapters.aster.client import AsterVenue
from brokers.adapters.aster.feed import DEFAULT_SILENCE_S as ASTER_SILENCE_S
from brokers.adapters.aster.feed import AsterFeed
from brokers.adapters.aster.weights import AsterBudget
from brokers.adapters.backoff import Backoff
from brokers.adapters.budget import PacedBudget
from brokers.adapters.kite import postback
from brokers.adapters.kite.client import KiteVenue
from brokers.adapters.kite.feed import DEFAULT_SILENCE_S, KiteFeed
from brokers.adapters.rest import HttpNet
from brokers.adapters.shared_pace import SharedPace
from brokers.domain.allowance import ASTER_ALLOWANCE, KITE_ALLOWANCE, OrderShare, VenueAllowance
from brokers.domain.errors import DataError, Invalid, NotFound
from brokers.ports import Budget, Clock, Credentials, Feed, Net, Venue, VenueUrls

if TYPE_CHECKING:
    from brokers.adapters.paces import AddressShare

KITE = "kite"
ASTER = "aster"
_ALLOWANCES = {KITE: KITE_ALLOWANCE, ASTER: ASTER_ALLOWANCE}


def allowance_of(venue: str) -> VenueAllowance:
    """Return what a venue allows an account unless the operator says otherwise; raise NotFound for an unknown one."""
    _require_known(venue)
    return _ALLOWANCES[venue]


def venue_for(
    venue: str,
    *,
    net: Net,
    budget: Budget,
    credentials: Credentials,
    clock: Clock,
    urls: VenueUrls,
    jitter: Callable[[], float],
    weights: AddressShare | None = None,
) -> Venue:
    """Return the adapter of a venue for one session; raise NotFound for a venue without one.

    `weights` is what an Aster session shares with every other from its address; without it, it shares nothing.
    """
    _require_known(venue)
    if venue == ASTER:
        return AsterVenue(
            net=net,
            budget=budget,
            credentials=credentials,
            clock=clock,
            jitter=jitter,
            api_url=urls.api,
            chain_id=urls.chain_id,
            nonces=weights.nonces if weights is not None else None,
            door=weights.door if weights is not None else None,
        )
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
    calls: Venue | None = None,
) -> Feed:
    """Return the stream of a venue for one session; raise NotFound for a venue without one.

    `probe` is a call of the same session, which tells a dead one from a plan without market data; `calls` is the
    session itself, which Aster's stream asks for its key and for books to begin from. `with_depth` is Kite's: at Aster
    the best prices are streamed by themselves.
    """
    _require_known(venue)
    if venue == ASTER:
        if not isinstance(calls, AsterVenue):
            raise Invalid("Aster's stream needs the session that it belongs to", code="feed.calls", field="calls")
        return AsterFeed(
            net=net,
            clock=clock,
            jitter=jitter,
            calls=calls,
            stream_url=urls.stream,
            user_stream_url=urls.user_stream,
            silence_s=min(silence_s, ASTER_SILENCE_S),
        )
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
    venue: str,
    *,
    clock: Clock,
    share: OrderShare | None = None,
    shared: SharedPace | None = None,
    weights: AddressShare | None = None,
) -> Budget:
    """Return a cold budget for one trading account: its owner's share of the orders, reads shared by every process.

    At Kite `shared` is the pace of the app; at Aster `weights` holds the weight of the address.
    """
    _require_known(venue)
    if venue == ASTER:
        return AsterBudget(
            clock=clock,
            share=share or ASTER_ALLOWANCE.desk,
            pace=weights.pace if weights is not None else None,
            door=weights.door if weights is not None else None,
        )
    return PacedBudget(clock=clock, share=share or KITE_ALLOWANCE.desk, shared=shared)


def hint_of(venue: str, body: bytes, *, api_secret: str, user_id: str) -> tuple[str, ...] | None:
    """Return what tells a venue's call about an order from its repeats; None for one that nobody can vouch for.

    Its proof covers the order's id and time alone: it says that something happened, and never what.
    """
    _require_known(venue)
    if venue == ASTER:
        return None  # it calls nobody: its streams tell of orders
    try:
        said = postback.read(body)
    except DataError:
        return None
    if said.user_id != user_id or not postback.is_genuine(said, api_secret):
        return None
    return said.key


def _require_known(venue: str) -> None:
    if venue not in _ALLOWANCES:
        known = ", ".join(map(repr, _ALLOWANCES))
        raise NotFound(f"no venue is named {venue!r}; there are {known}", code="venue.unknown", field="venue")
