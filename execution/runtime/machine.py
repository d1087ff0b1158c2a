"""The machine a desk runs on: every port its sessions use, gathered once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from brokers.adapters.paces import AddressShare
from brokers.adapters.shared_pace import SharedPace
from brokers.domain.allowance import KITE_ALLOWANCE, OrderShare
from brokers.ports import AuthScheme, Budget, Clock, Credentials, Feed, FeedMode, Lease, Net, Venue, VenueUrls
from brokers.registry import budget_for, feed_for, net_for, venue_for
from execution.journal import Journal
from execution.runtime.store import AccountFacts
from execution.threads import DatabaseThread

if TYPE_CHECKING:
    from execution.runtime.chains import ChainPorts

Answer = TypeVar("Answer")
# a market that never closes ticks every second
ALWAYS_OPEN_SILENCE_S = 5.0


class Publisher(Protocol):
    """Best-effort publishing of topics' states."""

    async def publish_all(self, states: Mapping[str, Mapping[str, object]]) -> bool: ...


class Doorbell(Protocol):
    """Waits for an account's command; False means that nobody rang."""

    async def wait(self, account_id: str, timeout_s: float) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueLink:
    """One live session at a venue: the calls, the stream, the budget, and what must be closed."""

    venue: Venue
    feed: Feed
    budget: Budget
    net: Net | None = None

    async def close(self) -> None:
        """Close the stream, the session's calls and the connections."""
        await self.feed.close()
        await self.venue.close()
        if self.net is not None:
            await self.net.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """How many listed instruments a desk listens to beside those it works on, and how closely."""

    count: int = 0
    mode: FeedMode = FeedMode.QUOTE


Connector = Callable[[AccountFacts, Credentials, VenueUrls], VenueLink]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What every session of this process shares."""

    clock: Clock
    journal: Journal
    reader: DatabaseThread
    lease: Lease
    publisher: Publisher
    doorbell: Doorbell
    connect: Connector
    send_log_folder: Path
    boot_id: str
    renew_s: float = 1.0
    # what this process may send of an account's orders: the desk's share, or the guardian's
    share: OrderShare = KITE_ALLOWANCE.desk
    # the same by venue, where another venue allows another number
    shares: Mapping[str, OrderShare] = field(default_factory=dict)
    # takes what the venue said of an account's orders; None where nobody listens for it
    hints: Callable[[str], Awaitable[list[bytes]]] | None = None
    follow: Follow = Follow()
    # what option chains need; None where nobody follows any
    chains: ChainPorts | None = None
    # rows of chains and alerts, which must keep no switch and no command waiting; None has them read like the rest
    aside: DatabaseThread | None = None

    def share_of(self, venue: str) -> OrderShare:
        """Return what this process may send of an account's orders at a venue."""
        return self.shares.get(venue, self.share)

    async def read(self, work: Callable[[], Answer]) -> Answer:
        """Run a database read on its own thread."""
        return await waited(self.reader.run(work))

    async def read_aside(self, work: Callable[[], Answer]) -> Answer:
        """Read or write rows that no trade waits for, behind nothing that one does."""
        return await waited((self.aside or self.reader).run(work))


async def waited(future: Future[Answer]) -> Answer:
    """Wait for another thread's answer; a cancelled wait leaves the work to finish."""
    return await asyncio.shield(asyncio.wrap_future(future))


def connector(
    *,
    clock: Clock,
    silence_s: float,
    share_of: Callable[[str], OrderShare] | None = None,
    shared_pace: Callable[[str], SharedPace] | None = None,
    shared_weights: Callable[[str], AddressShare] | None = None,
) -> Connector:
    """Return the maker of real venue links.

    `shared_pace` gives the pace of an app's reads over every process, `shared_weights` what an address may send to a
    venue that counts by addresses.
    """
    jitter = random.Random().random  # noqa: S311 - spreads retries, keeps no secret

    def connect(facts: AccountFacts, credentials: Credentials, urls: VenueUrls) -> VenueLink:
        net = net_for(egress_address=facts.egress_address or None)
        is_by_login = credentials.scheme is AuthScheme.LOGIN
        # orders have a way out of their own where the account names one; all else leaves by this machine's
        address = f"{urls.api} {facts.egress_address}".strip()
        weights = shared_weights(address) if shared_weights is not None and not is_by_login else None
        shared = shared_pace(credentials.api_key) if shared_pace is not None and is_by_login else None
        share = share_of(facts.venue) if share_of is not None else None
        budget = budget_for(facts.venue, clock=clock, share=share, shared=shared, weights=weights)
        venue = venue_for(
            facts.venue,
            net=net,
            budget=budget,
            credentials=credentials,
            clock=clock,
            urls=urls,
            jitter=jitter,
            weights=weights,
        )
        feed = feed_for(
            facts.venue,
            net=net,
            credentials=credentials,
            clock=clock,
            urls=urls,
            jitter=jitter,
            silence_s=silence_s if is_by_login else min(silence_s, ALWAYS_OPEN_SILENCE_S),
            # a book of five prices a side is what one venue sends unasked, and more subscriptions at the other
            with_depth=is_by_login,
            probe=venue.profile,
            calls=venue,
        )
        return VenueLink(venue=venue, feed=feed, budget=budget, net=net)

    return connect
