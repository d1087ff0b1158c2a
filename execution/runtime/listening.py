"""What a session listens to, and how closely: in full what is worked on, the day's figures of what is only followed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
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
        self._told: tuple[tuple[str, ...], frozenset[str], frozenset[int]] = ((), frozenset(), frozenset())
        self._besides: dict[str, dict[int, Instrument]] = {}
        self._changing = asyncio.Lock()
        self._is_told = False
        self.lag = LagMeter()
        self._messages: deque[dict[str, str]] = deque(maxlen=KEPT_MESSAGES)

    async def want(self, names: Sequence[str], feed: Feed | None) -> None:
        """Listen to exactly these instruments."""
        await self._session.learn_instruments(names)
        self._names = tuple(names)
        if feed is not None:
            await self.follow(feed)

    def hear_besides(self, instruments: Iterable[Instrument], *, owner: str = "chains") -> None:
        """Listen to these in full as well, from the next look on: the engine does not work on them.

        Each owner names its own; what another named stays.
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
            used, known = self._used(), self._session.instruments
            besides = {token: one for own in self._besides.values() for token, one in own.items()}
            if (feed, self._names, used, frozenset(besides)) == (self._feed, *self._told):
                return
            if feed is not self._feed:
                self._feed, self._heard = feed, {}
            self._told = self._names, used, frozenset(besides)
            if isinstance(feed, LearnsInstruments):
                feed.learn([*(known[name] for name in self._names if name in known), *besides.values()])
            # after what is worked on, should there not be room for all
            wanted = self._modes(used) | dict.fromkeys(sorted(besides), FeedMode.FULL)
            gone = [token for token in self._heard if token not in wanted]
            if gone:
                await feed.unsubscribe(gone)
                self._heard = {token: mode for token, mode in self._heard.items() if token in wanted}
            # what is worked on comes first, should there not be room for all
            for mode in (FeedMode.FULL, FeedMode.QUOTE, FeedMode.LTP):
                await self._ask(feed, [token for token in wanted if wanted[token] is mode], mode)

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

    async def _ask(self, feed: Feed, tokens: list[int], mode: FeedMode) -> None:
        fresh = [token for token in tokens if self._heard.get(token) is not mode]
        if not fresh:
            return
        try:
            await feed.subscribe(fresh, mode)
        except Invalid as error:
            if not self._is_told:
                self._is_told = True
                self._tell(Level.URGENT, f"{error.message}; those beyond it are not listened to")
            room = int(str(error.details.get("capacity", 0))) - len(self._heard)
            known = [token for token in fresh if token in self._heard]
            fresh = known + [token for token in fresh if token not in self._heard][: max(room, 0)]
            if fresh:
                await feed.subscribe(fresh, mode)
        self._heard.update(dict.fromkeys(fresh, mode))

    def _modes(self, used: frozenset[str]) -> dict[int, FeedMode]:
        known, followed = self._session.instruments, self._session.followed
        modes: dict[int, FeedMode] = {}
        for name in self._names:
            instrument = known.get(name)
            if instrument is not None:
                # an index is small, and bears the exchange's time
                is_near = name not in followed or name in used or instrument.kind is InstrumentKind.INDEX
                modes[instrument.token] = FeedMode.FULL if is_near else self._session.machine.follow.mode
        if modes and FeedMode.FULL not in modes.values():
            modes[next(iter(modes))] = FeedMode.FULL  # without one in full nothing tells the exchange's time
        return modes

    def _used(self) -> frozenset[str]:
        """Return what of the followed instruments has come to be used, held or worked on."""
        followed = self._session.followed
        if not followed:
            return frozenset()
        state = self._session.engine.state
        names = {position.key.instrument for position in state.positions.open()}
        names |= {order.intent.instrument for order in state.open_orders()}
        names |= {name for deployment in state.deployments.values() for name in deployment.spec.instruments}
        names |= {leg.instrument for key in state.baskets_at_work for leg in state.baskets[key].legs}
        used = frozenset(names & followed)
        self._session.paper.know(self._session.instruments[name] for name in used)
        return used

    def _tell(self, level: Level, sentence: str) -> None:
        self._session.alerts.append(Alert(level=level, subject="feed", sentence=sentence))
        self._session.log.warning("alert", level=level, subject="feed", sentence=sentence)


def with_listening(feeds: Mapping[str, object], listening: Listening) -> Mapping[str, object]:
    """Add what the engine does not know of its feed."""
    return {**feeds, **listening.shown()}
