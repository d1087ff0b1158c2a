"""A watch on made markets, with a venue that answers from memory."""

from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import numpy as np

from brokers.domain.errors import DataError, NeedsLogin
from brokers.domain.market import Bar, ns_of
from brokers.market_look import Look
from strategies.agent_cycle import round_run
from strategies.agent_services import watch_set
from tests.agents.markets import AS_OF, BAR_S, a_walk
from tests.people import a_listed

NAMES = ("NSE:RELIANCE", "NSE:INFY")


class FakeVenue:
    """Bars of random walks up to a moment that a test moves on; a name in `silent` is refused."""

    def __init__(self, *, at=AS_OF, silent=(), signed_in=True, drift=4e-4, more=200):
        self.at, self.silent, self.signed_in = at, silent, signed_in
        self.walk = a_walk(7, drift=drift, bars=400 + more)
        self.rounds = 0

    @contextmanager
    def __call__(self, account):
        if not self.signed_in:
            raise NeedsLogin("nobody has signed in at the venue today")
        self.rounds += 1
        yield self

    def bars(self, instrument, interval_s, since, until):
        assert interval_s == BAR_S
        assert since < until <= self.at
        walk, end_ns = self.walk, ns_of(until) - BAR_S * 10**9
        count = int(np.searchsorted(walk.start_ns, end_ns, side="right"))
        columns = (walk.start_ns, walk.open, walk.high, walk.low, walk.close, walk.volume)
        return [
            Bar(instrument=instrument.key, interval_s=interval_s, start_ns=int(start), open=float(o), high=float(h), low=float(low), close=float(c), volume=float(v))
            for start, o, h, low, c, v in zip(*(column[:count] for column in columns), strict=True)
        ]  # fmt: skip

    def look(self, instrument):
        if instrument.key in self.silent:
            raise DataError(f"the venue has no quote of {instrument.key}")
        return Look(
            at=self.at,
            last_price=Decimal(100),
            bid=Decimal("99.95"),
            ask=Decimal("100.05"),
            bid_quantity=Decimal(700),
            ask_quantity=Decimal(300),
            open_interest=Decimal(1_000),
        )


def a_watch(caller, *, instruments=NAMES, listed=(*NAMES, "NSE:NIFTY 50")):
    for name in listed:
        exchange, _, symbol = name.partition(":")
        a_listed(symbol, exchange=exchange)
    return watch_set(account=caller.account, instruments=list(instruments), bar_minutes=5, by=caller.user, at=AS_OF)


def a_round(watch, venue, *, minutes=0, at=AS_OF):
    """Move the market and the machine on and carry out a round."""
    venue.at += timedelta(minutes=minutes)
    watch.refresh_from_db()
    begun = max(at, (watch.begun_at or at) + timedelta(hours=1))
    return round_run(watch_id=watch.pk, at=begun, opened=venue)
