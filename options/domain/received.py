"""An underlying's chains as they were received, live or from a snapshot, and all its expiries worked out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from options.domain.chain import Chain, Listed, Market, work_out_all
from options.domain.expiries import Fixing, ForwardSource
from options.domain.open_interest import Interest, Since
from options.domain.quotes import CALL, PUT, ChainQuotes, Freshness, Mark

SETTLED = "This expiry has settled: there is nothing left to price."
NOTHING_YET = "No quote of these options has come yet."
ALL_STALE = "Every quote is old: what stands here is history."
NO_SPOT = "No spot price has come: the forward is the options' own."
ONLY_CALLS = "Only calls are quoted: nothing can be said of the forward by parity."
ONLY_PUTS = "Only puts are quoted: nothing can be said of the forward by parity."
NO_ROOM = "{count} options of this expiry are not listened to: the account's stream has no room for more."


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChain:
    """One expiry at one moment, as it was received: quotes in units, with what they are to be worked out at."""

    at: datetime
    expiry: date
    fixing: Fixing
    spot: float | None
    quotes: ChainQuotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What open interest has changed from, and which moment that is."""

    since: Since
    interest: Interest


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Every expiry of an underlying, nearest first, as its desk last had it.

    `received_at` is when the newest frame came, by the machine's clock, None before any; the chains' own moments are the
    market's. `unheard` counts the options of an expiry that the desk does not listen to for lack of room.
    """

    underlying: str
    exchange: str
    lot_size: int
    received_at: datetime | None
    chains: tuple[StoredChain, ...]
    before: Mapping[date, Reference] = field(default_factory=dict)
    unheard: Mapping[date, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """One expiry worked out, with what its open interest has changed from, where that is known.

    `unheard` of its options are not listened to, since the stream has no room for them.
    """

    expiry: date
    chain: Chain
    before: Reference | None = None
    unheard: int = 0

    @property
    def said(self) -> list[str]:
        """Say what a reader must know before the figures; nothing where all is well."""
        chain = self.chain
        if chain.years <= 0.0:
            return [SETTLED]
        found = [NO_ROOM.format(count=self.unheard)] if self.unheard else []
        if not np.isfinite(chain.quotes.age_s).any() and not np.isfinite(chain.price).any():
            return [*found, NOTHING_YET]
        found += [ALL_STALE] if _all_stale(chain) else []
        found += [sentence] if (sentence := _one_sided(chain)) else []
        if chain.forward.source is not ForwardSource.QUOTES:
            found.append(chain.forward.source.sentence)
        elif chain.market.spot is None:
            found.append(NO_SPOT)
        return found


def worked(received: Received, *, rate: float, freshness: Freshness | None = None) -> list[Worked]:
    """Work out every expiry in one pass; `rate` is continuous a year."""
    limits = freshness or Freshness()
    listed = [
        Listed(
            quotes=one.quotes,
            fixing=one.fixing,
            market=Market(now=one.at, rate=rate, spot=one.spot, freshness=limits),
        )
        for one in received.chains
    ]
    chains = work_out_all(listed, limits)
    return [
        Worked(
            expiry=one.expiry,
            chain=chain,
            before=received.before.get(one.expiry),
            unheard=received.unheard.get(one.expiry, 0),
        )
        for one, chain in zip(received.chains, chains, strict=True)
    ]


def nearest(found: Sequence[Worked]) -> Worked | None:
    """Return the nearest expiry that is not settled, the last one where all are, None where there is none."""
    alive = (one for one in found if one.chain.years > 0.0)
    return next(alive, found[-1] if found else None)


def _all_stale(chain: Chain) -> bool:
    told = chain.marks[(chain.marks & np.uint8(Mark.ABSENT)) == 0]
    return told.size > 0 and bool(np.all(told & np.uint8(Mark.STALE)))


def _one_sided(chain: Chain) -> str:
    has_calls, has_puts = (bool(np.isfinite(chain.price[row]).any()) for row in (CALL, PUT))
    if has_calls and not has_puts:
        return ONLY_CALLS
    return ONLY_PUTS if has_puts and not has_calls else ""
