"""One underlying as a desk follows it: frames in, chains out; every call on the thread of the frames."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import numpy as np

from brokers.domain.market import QuoteColumns
from options.chain_wire import ChainTopic, moment
from options.desk_line import chain_topic
from options.domain.alerts import Alert, Moment, Rule, alerts
from options.domain.board import ChainBoard
from options.domain.chain import Chain, place_of
from options.domain.documents import Document, interest_of
from options.domain.open_interest import Since, max_pain, put_call_ratio, told
from options.domain.received import Received, Reference, StoredChain, Worked, nearest, worked
from options.domain.reports import figure, summary_of
from options.domain.volatility import constant_maturity, straddle_price, term_structure
from options.listed import Subject

KEPT_MOMENTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A row of what is to be followed, with the alerts asked for."""

    tracked_id: UUID
    underlying: str
    expiries: int
    rules: tuple[Rule, ...] = ()


class Followed:
    """The board of one underlying, its topics, and what its minutes are told against."""

    def __init__(
        self, wish: Wish, subject: Subject, *, rate: float, before: Mapping[date, Reference] | None = None
    ) -> None:
        self.wish = wish
        self.subject = subject
        self._rate = rate
        self._board = ChainBoard(subject.options)
        self._spot_token = None if subject.spot is None else subject.spot.token
        self._spot: float | None = None
        self._before = dict(before or {})
        self._received_at: datetime | None = None
        self._topics: dict[date, ChainTopic] = {}
        self._moments: dict[date, deque[Moment]] = {}
        self._volumes: dict[date, tuple[float, float]] = {}
        self._unheard: dict[date, int] = {}
        self.found: list[Worked] = []

    def succeed(self, former: Followed) -> None:
        """Begin with the quotes of the one that followed this underlying before."""
        self._board.adopt(former._board)
        self._spot, self._received_at = former._spot, former._received_at
        self._moments = former._moments

    @property
    def received_at(self) -> datetime | None:
        """When the newest frame came that spoke of these options."""
        return self._received_at

    def take(self, columns: QuoteColumns, at: datetime) -> None:
        """Take a frame."""
        if self._board.take(columns):
            self._received_at = at
        if self._spot_token is None:
            return
        place = np.flatnonzero(columns.token == self._spot_token)
        if place.size:
            price = float(columns.last_price[place[-1]])
            self._spot = price if price > 0.0 else self._spot

    def leave_out(self, tokens: AbstractSet[int]) -> None:
        """Note which options the desk does not listen to, since its stream has no room for them."""
        left_out = (one.expiry for one in self.subject.options if tokens and one.token in tokens)
        self._unheard = dict(Counter(expiry for expiry in left_out if expiry is not None))

    def received(self, now_ns: int) -> Received:
        """Return every expiry's quotes at a moment of the market's clock."""
        return self._received(now_ns, *self.subject.fixings)

    def _received(self, now_ns: int, *expiries: date) -> Received:
        at = moment(now_ns)
        return Received(
            underlying=self.subject.underlying,
            exchange=self.subject.exchange,
            lot_size=self.subject.lot_size,
            received_at=self._received_at,
            chains=tuple(
                StoredChain(
                    at=at,
                    expiry=expiry,
                    fixing=self.subject.fixings[expiry],
                    spot=self._spot,
                    quotes=self._board.quotes(expiry, now_ns),
                )
                for expiry in expiries
            ),
            before=dict(self._before),
            unheard=self._unheard,
        )

    def work_out(self, now_ns: int) -> None:
        """Work out every expiry, in one go."""
        for _ in self.working_out(now_ns):
            pass

    def working_out(self, now_ns: int) -> Iterator[date]:
        """Work out one expiry at each step; what was found before stands until all of them are done."""
        found: list[Worked] = []
        for expiry in self.subject.expiries:
            found += worked(self._received(now_ns, expiry), rate=self._rate)
            yield expiry
        self.found = found

    def summary(self, at: datetime) -> Document:
        """Sum up open interest as of the last working out, with the age of the data at `at`."""
        near = nearest(self.found)
        age = None if self._received_at is None else (at - self._received_at).total_seconds()
        about: Document = {
            "underlying": self.subject.underlying,
            "age_s": None if age is None else round(max(age, 0.0), 3),
            "source": "ticker",
            "lot_size": self.subject.lot_size,
            "currency": "INR",
        }
        return about | (summary_of(self.found, near) if near is not None else {"expiries": [], "said": []})

    def topics(self, watched: frozenset[str]) -> dict[str, Worked]:
        """Return the expiries whose topics somebody looks at."""
        return {
            name: one
            for one in self.found
            if (name := chain_topic(self.subject.underlying, one.expiry.isoformat())) in watched
        }

    def topic_state(self, one: Worked) -> Mapping[str, object]:
        """Return an expiry's topic as it stands."""
        topic = self._topics.get(one.expiry)
        if topic is None:
            named = self.subject.named(one.expiry)
            topic = self._topics[one.expiry] = ChainTopic(self.subject.underlying, named)
        return topic.state(one, expiries=self.subject.expiries, lot_size=self.subject.lot_size)

    # --- once a minute

    def minute(self, day: date) -> list[dict[str, Any]]:
        """Return what this minute comes to, a row for each expiry; the first snapshot of a day is what it opened at."""
        rows = []
        for one in self.found:
            chain = one.chain
            self._before.setdefault(one.expiry, Reference(since=Since.OPEN, interest=interest_of(chain)))
            calls, puts = told(chain.quotes.open_interest).sum(axis=1).tolist()
            rows.append(
                {
                    "tracked_id": self.wish.tracked_id,
                    "day": day,
                    "expiry": one.expiry,
                    "at": chain.market.now.replace(second=0, microsecond=0),
                    "spot": figure(chain.market.spot),
                    "forward": figure(chain.forward.price),
                    "atm_iv": figure(chain.atm_volatility),
                    "pcr_oi": put_call_ratio(chain.quotes.open_interest),
                    "max_pain": max_pain(chain.strike, chain.quotes.open_interest, chain.forward.price),
                    "call_oi": calls,
                    "put_oi": puts,
                    "straddle": straddle_price(chain),
                    "straddle_volume": self._straddle_volume(one.expiry, chain),
                }
            )
        return rows

    def volatility_30d(self) -> float | None:
        """Return today's volatility at the money thirty days ahead; None where no two expiries enclose it."""
        return constant_maturity(term_structure([one.chain for one in self.found if one.chain.years > 0.0]))

    def alerting(self) -> Iterator[list[tuple[date, Alert]]]:
        """Note this minute and say which alerts became true at it, one rule of one expiry at each step."""
        for one in self.found:
            moments = self._moments.setdefault(one.expiry, deque(maxlen=KEPT_MOMENTS))
            moments.append(Moment(interest=interest_of(one.chain), atm_volatility=one.chain.atm_volatility))
            for rule in self.wish.rules:
                yield [(one.expiry, alert) for alert in alerts([rule], list(moments))]

    def _straddle_volume(self, expiry: date, chain: Chain) -> float | None:
        """Return what the straddle's legs traded since the last minute; None where its strike is another now."""
        strike = chain.atm_strike
        if not np.isfinite(strike):
            return None
        total = float(told(chain.quotes.volume[:, place_of(chain, strike)]).sum())
        before = self._volumes.get(expiry)
        self._volumes[expiry] = (strike, total)
        return max(total - before[1], 0.0) if before is not None and before[0] == strike else None
