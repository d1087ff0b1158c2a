"""The loop that drives a site: steps when they are due, sessions that end and begin, heartbeats."""

import asyncio
from collections.abc import Awaitable, Callable

from brokers.simulator.aster.site import AsterSite
from brokers.simulator.kite_server import KiteSite
from brokers.simulator.sessions import SECOND_NS

Sleep = Callable[[float], Awaitable[None]]
BURST_STEPS = 16
LONGEST_SLEEP_S = 0.25
HOLD_POLL_S = 0.05


async def run(site: KiteSite, *, idle_seconds: float, sleep: Sleep = asyncio.sleep) -> None:
    """Drive the market for ever; after a recording's last tick only heartbeats remain.

    ``sleep`` and the site's two clocks are all the time this loop knows.
    """
    await _hold(site, sleep)
    while not site.venue.market.finished:
        await _run_session(site, sleep)
        site.venue.close_session(site.wall_ns())
        site.announce()
        await _idle(site, idle_seconds, sleep)
        if site.venue.open_next_day():
            site.hub.rebind(site.venue.board)
            site.pace.restart(site.venue.market.now_ns, site.monotonic_ns())
    while True:
        await _idle(site, 1.0, sleep)


async def _run_session(site: KiteSite, sleep: Sleep) -> None:
    burst = 0
    while (due := site.venue.market.next_at_ns()) is not None:
        wait_ns = site.pace.wait_ns(due, site.monotonic_ns())
        if wait_ns > 0:
            burst = 0
            await sleep(min(wait_ns / SECOND_NS, LONGEST_SLEEP_S))
            _rest(site)
            continue
        site.pace.keep_up(due, site.monotonic_ns())
        _step(site)
        await site.hub.settle()
        burst += 1
        if burst % BURST_STEPS == 0:
            # Late steps run back to back, but the sockets and requests get their turn.
            await sleep(0)


async def _hold(site: KiteSite, sleep: Sleep) -> None:
    if not site.held:
        return
    start_ns = site.pace.market_ns(site.monotonic_ns())
    while not site.hub.has_subscriptions():
        await sleep(HOLD_POLL_S)
        _rest(site)
    site.held = False
    site.pace.restart(min(start_ns, site.venue.market.next_at_ns() or start_ns), site.monotonic_ns())


def _step(site: KiteSite) -> None:
    step = site.venue.advance(site.wall_ns())
    site.hub.broadcast(site.venue.board, step)
    _rest(site)
    site.announce()


def _rest(site: KiteSite) -> None:
    if site.later:
        site.place_due()
    site.end_dead_sessions()
    site.news.deliver_due()
    site.hub.heartbeat()


async def _idle(site: KiteSite, seconds: float, sleep: Sleep) -> None:
    until_ns = site.monotonic_ns() + int(seconds * SECOND_NS)
    while site.monotonic_ns() < until_ns:
        await sleep(LONGEST_SLEEP_S)
        _rest(site)


async def run_perpetuals(
    site: AsterSite, *, neighbour_stands: Callable[[], bool] = lambda: True, sleep: Sleep = asyncio.sleep
) -> None:
    """Drive the market that never closes; a held one waits for a subscription or for its neighbour to begin."""
    start_ns = site.pace.market_ns(site.monotonic_ns())
    while site.held:
        await sleep(HOLD_POLL_S)
        site.rest()
        if site.hub.has_subscriptions() or not neighbour_stands():
            site.held = False
            site.pace.restart(start_ns, site.monotonic_ns())
    burst = 0
    while (due := site.venue.market.next_at_ns()) is not None:
        wait_ns = site.pace.wait_ns(due, site.monotonic_ns())
        if wait_ns > 0:
            burst = 0
            await sleep(min(wait_ns / SECOND_NS, LONGEST_SLEEP_S))
            site.rest()
            continue
        site.pace.keep_up(due, site.monotonic_ns())
        site.hub.broadcast(site.venue.advance(site.wall_ns()))
        site.rest()
        await site.hub.settle()
        burst += 1
        if burst % BURST_STEPS == 0:
            await sleep(0)
    while True:
        await sleep(LONGEST_SLEEP_S)
        site.rest()
