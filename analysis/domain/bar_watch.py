"""Alerts on indicators of closed bars: one engine per set of windows brings all its instruments forward at once.

What an engine has of an instrument is a line. A line begins with candles of the past and goes on with the bars that
are built here; where ticks were missed, candles of the past close the gap before anything built later is taken.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.domain.alerts import Alert, AlertBook, Firing, Subject
from analysis.domain.daily import DailySeries
from analysis.domain.live_figures import LiveFigure, Windows, figure_named
from analysis.domain.operands import LONGEST_WINDOW, operand
from analysis.domain.readings import Reading
from analysis.domain.streaming import StreamingEngine
from brokers.domain.market import Bar, Float64Array1D

Series = tuple[str, int]
_FIRST_ROWS = 16
_MOST_HELD = 500
# a venue may have no candle where ticks made a bar: after so many looks the built bar stands
_MOST_LOOKS = 3


@dataclass(slots=True)
class _Line:
    """One engine's state of one instrument; while it owes candles, bars that close are held."""

    row: int
    needs: int = 0
    alerts: set[Hashable] = field(default_factory=set)
    last_ns: int = -1
    owes: bool = True
    seam_ns: int = -1
    looks: int = 0
    held: deque[Bar] = field(default_factory=lambda: deque(maxlen=_MOST_HELD))

    @property
    def is_new(self) -> bool:
        return self.last_ns < 0


class _Streamed:
    """A streaming engine with rows for as many instruments as come."""

    def __init__(self, windows: Windows) -> None:
        self.lines: dict[str, _Line] = {}
        self._readings: dict[str, Reading] = {}
        self._rows = _FIRST_ROWS
        self._free = list(range(_FIRST_ROWS))
        self._engine = StreamingEngine(_FIRST_ROWS, windows.core, windows.wide)

    def know(self, figure: LiveFigure, windows: Windows) -> None:
        self._readings[str(figure)] = windows.reading

    def begin(self) -> _Line:
        if not self._free:
            self._engine.grow(self._rows)
            self._free = list(range(self._rows, 2 * self._rows))
            self._rows *= 2
        return _Line(self._free.pop())

    def end(self, line: _Line) -> None:
        self._engine.forget(line.row)
        self._free.append(line.row)

    def take(self, bars: Sequence[Bar]) -> Mapping[str, Float64Array1D]:
        """Take closed bars, in order where an instrument comes twice; return the figures after each of them."""
        rows = np.array([self.lines[bar.instrument].row for bar in bars], dtype=np.int64)
        high, low, close, volume = np.array([(bar.high, bar.low, bar.close, bar.volume) for bar in bars]).T.copy()
        # no figure counts by sessions
        session = np.zeros(rows.size, dtype=np.int64)
        read = self._engine.update(rows, high, low, close, volume=np.nan_to_num(volume), session=session)
        return {name: read[:, reading] for name, reading in self._readings.items()}


class _Recent:
    """What the last bars tell by themselves, out of the bars."""

    def __init__(self) -> None:
        self.lines: dict[str, _Line] = {}
        self._figures: dict[str, LiveFigure] = {}
        self._kept: dict[str, deque[Bar]] = {}

    def know(self, figure: LiveFigure) -> None:
        self._figures[str(figure)] = figure

    def begin(self) -> _Line:
        return _Line(0)

    def end(self, _: _Line) -> None:
        self._kept = {name: bars for name, bars in self._kept.items() if name in self.lines}

    def take(self, bars: Sequence[Bar]) -> Mapping[str, Float64Array1D]:
        """Take closed bars, in order where an instrument comes twice; return the figures after each of them."""
        found = {name: np.full(len(bars), np.nan) for name in self._figures}
        places: defaultdict[str, list[int]] = defaultdict(list)
        for place, bar in enumerate(bars):
            places[bar.instrument].append(place)
        for instrument, own in places.items():
            kept = self._kept.setdefault(instrument, deque(maxlen=LONGEST_WINDOW + 1))
            series = _series_of([*kept, *(bars[place] for place in own)])
            kept.extend(bars[place] for place in own)
            for name, figure in self._figures.items():
                found[name][own] = operand(figure.indicator).column(series, **figure.parameters)[-len(own) :]
        return found


class BarWatch:
    """Watches alerts whose figures are told by closed bars."""

    def __init__(self) -> None:
        self.book = AlertBook()
        self._engines: dict[tuple[int, object], _Streamed | _Recent] = {}
        self._values: dict[Subject, float] = {}
        self._figures: dict[Hashable, LiveFigure] = {}
        self._alerts: dict[Hashable, Alert] = {}
        self.losses = 0

    def __len__(self) -> int:
        return len(self.book)

    def add(self, alert: Alert) -> None:
        """Watch an alert; raise Invalid for a figure that bars do not tell."""
        figure = figure_named(alert.subject.figure)
        self.book.add(alert)
        self._figures[alert.id], self._alerts[alert.id] = figure, alert
        engine = self._engine_of(figure)
        line = engine.lines.get(alert.subject.instrument)
        if line is None:
            line = engine.lines[alert.subject.instrument] = engine.begin()
        line.alerts.add(alert.id)
        line.needs = max(line.needs, figure.bars_needed)
        self._values.setdefault(alert.subject, np.nan)

    def remove(self, alert: Alert) -> None:
        """Watch an alert no longer; what nobody watches any more is forgotten."""
        if alert.id in self.book:
            self.book.remove(alert.id)
        figure = self._figures.pop(alert.id)
        del self._alerts[alert.id]
        engine, instrument = self._engine_of(figure), alert.subject.instrument
        line = engine.lines[instrument]
        line.alerts.discard(alert.id)
        if not line.alerts:
            del engine.lines[instrument]
            engine.end(line)

    def __contains__(self, alert_id: object) -> bool:
        return alert_id in self._alerts

    def alerts(self) -> list[Alert]:
        """Return the alerts that were added and not removed, those that fired for good among them."""
        return list(self._alerts.values())

    def series_of(self, alert_id: Hashable) -> Series:
        """Return what bars an alert is watched on."""
        return self._alerts[alert_id].subject.instrument, self._figures[alert_id].interval_s

    def series(self) -> set[Series]:
        """Return the instruments and lengths of bars that are needed."""
        return {(name, interval_s) for (interval_s, _), engine in self._engines.items() for name in engine.lines}

    def owed(self) -> dict[Series, int]:
        """Return of which series candles of the past are needed, and how many of them."""
        found: dict[Series, int] = {}
        for series, line in self._lines():
            if line.owes:
                found[series] = max(found.get(series, 0), line.needs)
        return found

    def value(self, subject: Subject) -> float:
        """Return the newest value of what is watched, NaN where it has none."""
        return self._values[subject]

    def lacking(self) -> dict[Hashable, str]:
        """Return which alerts have no value to watch yet, and why."""
        found: dict[Hashable, str] = {}
        for alert_id, figure in self._figures.items():
            subject = self._alerts[alert_id].subject
            if alert_id in self.book and np.isnan(self._values[subject]):
                line = self._engine_of(figure).lines[subject.instrument]
                why = (
                    "its candles are on their way" if line.is_new and line.owes else "there are too few bars of it yet"
                )
                found[alert_id] = f"{figure.text} has no value: {why}."
        return found

    def lose(self) -> None:
        """Note that ticks were missed: candles of the past must close the gap."""
        self.losses += 1
        for _, line in self._lines():
            line.owes, line.looks = True, 0

    def take(self, bars: Sequence[Bar], is_whole: Callable[[Bar], bool]) -> list[Firing]:
        """Take bars that closed together and return what fires on them."""
        fired: list[Firing] = []
        for (interval_s, _), engine in self._engines.items():
            ready: list[Bar] = []
            for bar in bars:
                line = engine.lines.get(bar.instrument) if bar.interval_s == interval_s else None
                if line is not None and _is_taken(line, bar, is_whole):
                    ready.append(bar)
            fired += self._fed(engine, ready)
        return fired

    def backfill(self, series: Series, bars: Sequence[Bar], *, is_seamless: bool = True) -> list[Firing]:
        """Take candles of the past and return what fires on them.

        A line that begins is given them whole, and its alerts the newest value alone; one that goes on is given what
        it has missed. `is_seamless` says that no tick was missed since the candles were asked for.
        """
        instrument, wanted = series
        fired: list[Firing] = []
        for (interval_s, _), engine in self._engines.items():
            line = engine.lines.get(instrument) if interval_s == wanted else None
            if line is not None and line.owes:
                is_new = line.is_new
                fired += self._fed(engine, [bar for bar in bars if bar.start_ns > line.last_ns], only_last=is_new)
                fired += self._settled(engine, line, is_seamless=is_seamless)
        return fired

    def _settled(self, engine: _Streamed | _Recent, line: _Line, *, is_seamless: bool) -> list[Firing]:
        """Let a line go on with the bars that were held, once the candles reach what was not built whole."""
        line.looks += 1
        if not is_seamless or (line.last_ns < line.seam_ns and line.looks < _MOST_LOOKS):
            return []
        held = [bar for bar in line.held if bar.start_ns > line.last_ns]
        line.owes, line.looks = False, 0
        line.held.clear()
        return self._fed(engine, held)

    def _fed(self, engine: _Streamed | _Recent, bars: Sequence[Bar], *, only_last: bool = False) -> list[Firing]:
        if not bars:
            return []
        fired: list[Firing] = []
        values = {name: column.tolist() for name, column in engine.take(bars).items()}
        for place, bar in enumerate(bars):
            engine.lines[bar.instrument].last_ns = bar.start_ns
            if only_last and place < len(bars) - 1:
                continue
            for name, column in values.items():
                subject = Subject(bar.instrument, name)
                if subject in self._values:
                    self._values[subject] = column[place]
                    fired += self.book.take(subject, column[place], bar.end_ns)
        return fired

    def _engine_of(self, figure: LiveFigure) -> _Streamed | _Recent:
        windows = figure.windows
        # a line that runs asks for no older bars, so figures that need more of them have lines of their own
        key = figure.interval_s, figure.bars_needed if windows is None else (windows.core, windows.wide)
        if windows is None:
            recent = self._engines.setdefault(key, _Recent())
            assert isinstance(recent, _Recent)
            recent.know(figure)
            return recent
        if key not in self._engines:
            self._engines[key] = _Streamed(windows)
        streamed = self._engines[key]
        assert isinstance(streamed, _Streamed)
        streamed.know(figure, windows)
        return streamed

    def _lines(self) -> Iterator[tuple[Series, _Line]]:
        for (interval_s, _), engine in self._engines.items():
            for name, line in engine.lines.items():
                yield (name, interval_s), line


def _is_taken(line: _Line, bar: Bar, is_whole: Callable[[Bar], bool]) -> bool:
    """Say whether a bar goes on where its line stands; else it is held until candles lead up to it."""
    if bar.start_ns <= line.last_ns:
        return False
    if not is_whole(bar):
        line.owes, line.seam_ns = True, bar.start_ns
    if line.owes:
        line.held.append(bar)
    return not line.owes


def _series_of(bars: Iterable[Bar]) -> DailySeries:
    rows = np.array([(bar.start_ns, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars])
    start, open_, high, low, close, volume = rows.T.copy()
    return DailySeries(
        symbol="",
        day=start.astype(np.int64),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        scale=np.ones(len(rows)),
    )
