"""What a session listens to, and how closely: in full what is worked on, the day's figures of what is only followed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from brokers.domain.errors import Invalid
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.ports import Feed, FeedMessage, FeedMode, LearnsInstruments
from execution.domain.codec import rfc3339
from execution.domain.commands import Alert, Level
from execution.runtime.lag import LagMeter

if TYPE_CHECKING:
    from execution.runtime.session import Session

LOOK_AGAIN_S = 1.0
KEPT_MESSAGES = 20


class Listening:
    """Keeps a feed's subscriptions to what the engine wants and works on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: tuple[str, ...] = ()
        self._feed: Feed | None = None
        self._heard: dict[int, FeedMode] = {}
        self._told: tuple[object, ...] = ()
        self._besides: dict[str, dict[int, Instrument]] = {}
        # how many instruments the feed carries, once it has refused one too many
        self._capacity: int | None = None
        self._left_out: frozenset[int] = frozenset()
        self._changing = asyncio.Lock()
        self._is_told = False
        self.lag = LagMeter()
        self._messages: deque[dict[str, str]] = deque(maxlen=KEPT_MESSAGES)

    @property
    def left_out(self) -> frozenset[int]:
        """The tokens that are wanted and not listened to, since the feed carries no more."""
        return self._left_out

    async def want(self, names: Sequence[str], feed: Feed | None) -> None:
        """Listen to exactly these instruments."""
        await self._session.learn_instruments(names)
        self._names = tuple(names)
        if feed is not None:
            await self.follow(feed)

    def hear_besides(self, instruments: Iterable[Instrument], *, owner: str = "chains") -> None:
        """Listen to these in full as well, from the next look on: the engine does not work on them.

        Each owner names its own, what matters most first; what another named stays.
        """
        self._besides[owner] = {instrument.token: instrument for instrument in instruments}

    async def keep(self, feed: Feed) -> None:
        """Listen closely to whatever comes to be worked on, for ever."""
        while True:
            await self._session.machine.clock.sleep(LOOK_AGAIN_S)
            await self.follow(feed)

    async def follow(self, feed: Feed) -> None:
        """Tell the feed what it is not told yet."""
        async with self._changing:
            at_work, besides = self._at_work(), self._wished_besides()
            told = (feed, self._names, at_work, tuple(besides))
            if told == self._told:
                return
            if feed is not self._feed:
                self._feed, self._heard, self._capacity = feed, {}, None
            if isinstance(feed, LearnsInstruments):
                known = self._session.instruments
                feed.learn([*(known[name] for name in self._names if name in known), *besides.values()])
            wanted = self._wanted(at_work, besides)
            while not await self._carries(feed, wanted):
                pass
            self._told = told

    def note(self, message: FeedMessage, at: datetime) -> None:
        """Keep what the venue says in words, for its owner to read."""
        self._messages.append({"at": rfc3339(at), "kind": message.kind, "text": message.text})
        level = Level.WARNING if message.kind == "error" else Level.INFO
        self._tell(level, f"the venue says on its stream ({message.kind}): {message.text}")

    def shown(self) -> dict[str, object]:
        """Return the feed's counts and the venue's words, for the pages."""
        lag = {"p50": self.lag.quantile_ms(0.5), "p99": self.lag.quantile_ms(0.99)}
        return {
            "lag_ms": lag,
            "counts": dict(self._feed.figures()) if self._feed is not None else {},
            "messages": list(self._messages),
        }

    async def _carries(self, feed: Feed, wanted: Mapping[int, FeedMode]) -> bool:
        """Ask for as much of it as the feed is known to carry; answer no where that turns out to be less."""
        carried = dict(islice(wanted.items(), self._capacity))
        self._left_out = frozenset(wanted.keys() - carried.keys())
        gone = [token for token in self._heard if token not in carried]
        if gone:
            await feed.unsubscribe(gone)
            self._heard = {token: mode for token, mode in self._heard.items() if token in carried}
        for mode in (FeedMode.FULL, FeedMode.QUOTE, FeedMode.LTP):
            fresh = [token for token, own in carried.items() if own is mode and self._heard.get(token) is not mode]
            try:
                if fresh:
                    await feed.subscribe(fresh, mode)
            except Invalid as error:
                self._tell_refusal(error)
                if "capacity" not in error.details:
                    continue  # of what is refused for another reason the rest is heard all the same
                # less than was asked for, whatever it says: or this would not end
                self._capacity = min(int(str(error.details["capacity"])), len(carried) - 1)
                return False
            self._heard.update(dict.fromkeys(fresh, mode))
        return True

    def _tell_refusal(self, error: Invalid) -> None:
        if not self._is_told:
            self._is_told = True
            self._tell(Level.URGENT, f"{error.message}; those beyond it are not listened to")

    def _wished_besides(self) -> dict[int, Instrument]:
        """Return what is heard besides: whoever wishes for little comes before whoever wishes for thousands."""
        return {token: one for own in sorted(self._besides.values(), key=len) for token, one in own.items()}

    def _wanted(self, at_work: frozenset[str], besides: Iterable[int]) -> dict[int, FeedMode]:
        """Return what is wanted and how closely, in the order in which it gives way where there is no room for all.

        What is held or traded stands before what the engine may trade, that before what is heard besides, and what is
        only followed comes last.
        """
        known, followed = self._session.instruments, self._session.followed
        near, far = dict[int, FeedMode](), dict[int, FeedMode]()
        for name in sorted(self._names, key=lambda one: one not in at_work):
            instrument = known.get(name)
            if instrument is None:
                continue
            # an index is small, and bears the exchange's time
            if name not in followed or name in at_work or instrument.kind is InstrumentKind.INDEX:
                near[instrument.token] = FeedMode.FULL
            else:
                far[instrument.token] = self._session.machine.follow.mode
        if far and not near:
            near[next(iter(far))] = FeedMode.FULL  # without one in full nothing tells the exchange's time
        wanted = near | {token: FeedMode.FULL for token in besides if token not in near}
        return wanted | {token: mode for token, mode in far.items() if token not in wanted}

    def _at_work(self) -> frozenset[str]:
        """Return what is held, ordered, traded by a deployment or a basket's."""
        state = self._session.engine.state
        names = {position.key.instrument for position in state.positions.open()}
        names |= {order.intent.instrument for order in state.open_orders()}
        names |= {name for deployment in state.deployments.values() for name in deployment.spec.instruments}
        names |= {leg.instrument for key in state.baskets_at_work for leg in state.baskets[key].legs}
        used = names & self._session.followed
        if used:
            self._session.paper.know(self._session.instruments[name] for name in used)
        return frozenset(names)

    def _tell(self, level: Level, sentence: str) -> None:
        self._session.alerts.append(Alert(level=level, subject="feed", sentence=sentence))
        self._session.log.warning("alert", level=level, subject="feed", sentence=sentence)


def with_listening(feeds: Mapping[str, object], listening: Listening) -> Mapping[str, object]:
    """Add what the engine does not know of its feed."""
    return {**feeds, **listening.shown()}
