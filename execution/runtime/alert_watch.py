"""Alerts of a hosted account: every frame is compared with the nearest bounds, what fired is written down beside.

Taking a frame is one comparison of columns and never waits; rows are read and written a few times a second on a
thread that keeps no switch and no command waiting. What fired is kept until it is written: a database that is away loses no firing, and what a takeover
could lose is watched again from where its row says it stood.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING

from analysis.alerts import MOST_NOTED, TOPIC, Fired, ToWatch, alerts_note, alerts_to_watch, watch_mark
from analysis.domain.alert_frames import FIGURES, FrameWatch
from analysis.domain.alerts import Alert, Firing
from analysis.domain.streaming import warm_kernels
from brokers import hub
from brokers.domain.market import QuoteColumns, at_of
from execution.domain.codec import rfc3339
from execution.runtime.bar_alerts import BarAlerts

if TYPE_CHECKING:
    from execution.runtime.session import Session

TURN_S = 0.25
LOOK_TURNS = 4
TELL_TURNS = 8
FETCH_EVERY_S = 0.5
KEPT_MESSAGES = 20
OWNER = "alerts"


class AlertWatch:
    """Watches the alerts of one hosted account."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._account_id = session.facts.account_id
        self._watch = FrameWatch()
        self._bars = BarAlerts(session)
        self._is_warm = False
        # everything taken up since the session began, what fired for good among it
        self._known: dict[str, Alert] = {}
        self._unwatched: dict[str, str] = {}
        self._fired: list[Fired] = []
        # what alerts came to wait for, until their rows say so
        self._turned: dict[str, bool] = {}
        self._mark: tuple[object, ...] | None = None
        self._day: date | None = None
        self._read_at: datetime | None = None
        self._inbox: deque[dict[str, str]] = deque(maxlen=KEPT_MESSAGES)
        self._turn = 0

    def take(self, columns: QuoteColumns) -> None:
        """Take a frame; what fails is watched anew, and trading never hears of it."""
        try:
            fired = self._watch.take(columns) + self._bars.take(columns)
        except Exception:
            self._session.log.exception("alerts_dropped", alerts=len(self._watch))
            self._begin_anew()
            return
        self._take_in(fired)

    def lose_ticks(self) -> None:
        """Note that ticks are being missed: bars are whole again only behind candles of the past."""
        self._bars.lose()

    def inbox(self) -> dict[str, dict[str, str]]:
        """Return the firings last told, as rows of the inbox."""
        return {f"alert:{row['found_at']}:{place}": row for place, row in enumerate(self._inbox)}

    async def run(self) -> None:
        """Follow the rows, write down what fired, and say what is watched, for ever."""
        while True:
            await self._note()
            if self._turn % LOOK_TURNS == 0:
                await self._look()
            if self._turn % TELL_TURNS == 0:
                await self._tell()
            self._turn += 1
            await self._session.machine.clock.sleep(TURN_S)

    async def follow_candles(self) -> None:
        """Fetch the candles that alerts on indicators begin with, one series after the other, for ever."""
        while True:
            self._take_in(await self._bars.fetch())
            await self._session.machine.clock.sleep(FETCH_EVERY_S)

    def _take_in(self, fired: Iterable[Firing]) -> None:
        self._fired += [Fired(alert_id=str(one.alert.id), value=one.value, at_ns=one.at_ns) for one in fired]

    async def _look(self) -> None:
        """Take up what is new in the rows and let go of what was taken back."""
        mark = await self._session.machine.read_aside(partial(watch_mark, self._account_id))
        day = self._market_day()
        if (mark, day) == (self._mark, self._day):
            return
        venue = self._session.facts.venue
        read = await self._session.machine.read_aside(partial(alerts_to_watch, self._account_id, venue))
        await self._warm(read)
        if day != self._day:
            # another day's list may give an instrument another token
            self._carry_over(read, day)
        for alert_id in [alert_id for alert_id in self._known if alert_id not in read.alerts]:
            self._let_go(alert_id)
        for alert_id, alert in read.alerts.items():
            if alert_id not in self._known:
                self._take_up(alert, read)
        self._mark, self._day, self._read_at = mark, day, self._now()
        self._session.live.listening.hear_besides(read.instruments.values(), owner=OWNER)

    def _take_up(self, alert: Alert, read: ToWatch) -> None:
        alert_id, name = str(alert.id), alert.subject.instrument
        self._known[alert_id] = alert
        instrument = read.instruments.get(name)
        if instrument is None:
            self._unwatched[alert_id] = f"{name} is not in today's list."
        elif alert.subject.figure in FIGURES:
            self._watch.add(alert, instrument.token)
        else:
            self._bars.add(alert, instrument)

    def _let_go(self, alert_id: str) -> None:
        alert = self._known.pop(alert_id)
        self._unwatched.pop(alert_id, None)
        if alert_id in self._watch.book:
            self._watch.remove(alert)
        elif alert_id in self._bars:
            self._bars.watch.remove(alert)

    async def _warm(self, read: ToWatch) -> None:
        """Load the compiled loops of the indicators beside the loop, before the first alert needs them."""
        if not self._is_warm and any(alert.subject.figure not in FIGURES for alert in read.alerts.values()):
            await asyncio.to_thread(warm_kernels)
            self._is_warm = True

    def _carry_over(self, read: ToWatch, day: date | None) -> None:
        """Watch everything anew, from where it stands now: the rows may be a moment behind."""
        turned = self._collected()
        watched = {one for one in self._known if one in self._watch.book or one in self._bars.watch.book}
        over = self._known.keys() - watched - self._unwatched.keys()
        self._bars.begin_day(day, read.instruments, read.alerts)
        self._watch, self._unwatched = FrameWatch(), {}
        known, self._known = self._known, {}
        for alert_id, alert in read.alerts.items():
            if alert_id in over or alert_id in self._bars:
                self._known[alert_id] = known[alert_id]
                continue
            waits = not turned.get(alert_id, not alert.waits_for_cross)
            has_fired = alert.has_fired or turned.get(alert_id) is False
            self._take_up(replace(alert, waits_for_cross=waits, has_fired=has_fired), read)

    def _begin_anew(self) -> None:
        self._watch, self._known, self._unwatched, self._mark = FrameWatch(), {}, {}, None
        self._bars, self._day = BarAlerts(self._session), None

    async def _note(self) -> None:
        fired, later = self._fired[:MOST_NOTED], {one.alert_id for one in self._fired[MOST_NOTED:]}
        # a turn stands after its alert's firings and is written after the last of them
        turned = {alert_id: turn for alert_id, turn in self._collected().items() if alert_id not in later}
        if not (fired or turned):
            return
        at = self._now()
        said = await self._session.machine.read_aside(partial(alerts_note, fired=fired, turned=turned, at=at))
        del self._fired[: len(fired)]
        self._turned = {alert_id: now for alert_id, now in self._turned.items() if turned.get(alert_id) is not now}
        for sentence in said:
            self._session.log.info("alert_fired", sentence=sentence)
            self._inbox.append({"kind": "alert", "subject": "alert", "sentence": sentence, "found_at": rfc3339(at)})

    def _collected(self) -> dict[str, bool]:
        """Return what alerts wait for and no row says yet."""
        self._turned |= {str(alert_id): is_armed for alert_id, is_armed in self._watch.book.turned().items()}
        self._turned |= {str(alert_id): is_armed for alert_id, is_armed in self._bars.watch.book.turned().items()}
        return dict(self._turned)

    async def _tell(self) -> None:
        """Say which alerts are watched; whoever reads it sees by its time whether a desk is there at all."""
        state: Mapping[str, object] = {
            "at": rfc3339(self._now()),
            "read_at": rfc3339(self._read_at or self._now()),
            "watched": len(self._watch) + len(self._bars.watch),
            "unwatched": {**self._unwatched, **self._bars.unwatched()},
        }
        await self._session.machine.publisher.publish_all({hub.topic_of(self._account_id, TOPIC): state})

    def _market_day(self) -> date | None:
        at = at_of(self._session.market_ns)
        return None if at is None else self._session.calendar.day_of(at)

    def _now(self) -> datetime:
        return self._session.machine.clock.now()
