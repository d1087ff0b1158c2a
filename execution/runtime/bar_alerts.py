"""Alerts on indicators of a hosted account: bars are built as the engine builds its own, their past comes from the venue.

Candles are asked for one series at a time and slowly: the venue allows few calls, and strategies want theirs as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from analysis.domain.alerts import Alert, Firing
from analysis.domain.bar_watch import BarWatch, Series
from brokers.domain.calendar import Segment, segment_of
from brokers.domain.errors import DataError, VenueError
from brokers.domain.instruments import Instrument
from brokers.domain.market import QuoteColumns
from execution.domain.market import Market

if TYPE_CHECKING:
    from execution.runtime.session import Session

# the venue makes a candle a moment after its bar closed
LOOK_AGAIN = timedelta(seconds=3)
ASK_AGAIN = timedelta(seconds=30)
QUIET = "Its bars begin with the next tick: the stream is quiet."


class BarAlerts:
    """Builds the bars that alerts need, and closes their gaps with candles of the past."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.watch = BarWatch()
        self._instruments: dict[str, Instrument] = {}
        # bars count from the open of their own segment, as the venue's candles do
        self._markets: dict[Segment, Market] = {}
        self._day: date | None = None
        self._is_hearing = False
        self._problems: dict[Series, str] = {}
        self._not_before: dict[Series, datetime] = {}

    def __contains__(self, alert_id: object) -> bool:
        return alert_id in self.watch

    def add(self, alert: Alert, instrument: Instrument) -> None:
        """Watch an alert on the bars of its instrument."""
        self._instruments[instrument.key] = instrument
        self.watch.add(alert)
        self._build()

    def begin_day(self, day: date | None, instruments: Mapping[str, Instrument], wanted: Iterable[str]) -> None:
        """Build bars by another day's list; alerts that nobody wants, or whose instrument is not in it, are let go."""
        kept = set(wanted)
        for alert in self.watch.alerts():
            if str(alert.id) not in kept or alert.subject.instrument not in instruments:
                self.watch.remove(alert)
        self._instruments = {name: instruments[name] for name, _ in self.watch.series()}
        self._day, self._markets = day, {}
        self._build()
        self.lose()

    def take(self, columns: QuoteColumns) -> list[Firing]:
        """Take a frame and return what fires on the bars that it closes."""
        if self._day is None or not len(columns) or not self.watch.series():
            return []
        self._is_hearing = True
        fired: list[Firing] = []
        for market in self._markets.values():
            closed = market.take(columns, "")
            if closed:
                fired += self.watch.take(closed, market.is_whole)
        return fired

    def lose(self) -> None:
        """Note that ticks are being missed."""
        for market in self._markets.values():
            market.lose_ticks()
        self.watch.lose()
        self._is_hearing = False
        self._not_before.clear()

    def unwatched(self) -> dict[str, str]:
        """Return which alerts have no value to watch yet, and why."""
        lacking = self.watch.lacking()
        if not self._is_hearing:
            return dict.fromkeys(map(str, lacking), QUIET)
        return {str(one): self._problems.get(self.watch.series_of(one), reason) for one, reason in lacking.items()}

    async def fetch(self) -> list[Firing]:
        """Ask for the candles of one series that owes some; return what fires on them."""
        now = self._session.machine.clock.now()
        due = {one: bars for one, bars in self.watch.owed().items() if self._not_before.get(one, now) <= now}
        if not due or not self._is_hearing:
            return []
        series = min(due)
        instrument, losses = self._instruments[series[0]], self.watch.losses
        try:
            bars = await self._session.live.history.closed_bars(instrument, series[1], due[series])
        except (VenueError, DataError) as error:
            self._problems[series] = f"The candles of {series[0]} cannot be had: {error.message}"
            self._not_before[series] = now + ASK_AGAIN
            return []
        self._problems.pop(series, None)
        self._not_before[series] = now + LOOK_AGAIN
        return self.watch.backfill(series, bars, is_seamless=losses == self.watch.losses)

    def _build(self) -> None:
        for name, interval_s in self.watch.series():
            segment = segment_of(self._instruments[name])
            if segment not in self._markets:
                self._markets[segment] = market = Market(self._instruments, self._session.calendar)
                if self._day is not None:
                    market.start_day(self._day)
            self._markets[segment].build_bars(name, interval_s)
