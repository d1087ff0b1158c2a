"""Alerts over frames of quotes: one comparison of columns, and a closer look only at what came to a bound.

The result is that of asking the book tick by tick: figures of different instruments do not know each other, and of an
instrument that came to a bound every tick of the frame is taken, in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analysis.domain.alerts import Alert, AlertBook, Firing, Subject
from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D, Int64Array1D, QuoteColumns


class Figure(NamedTuple):
    """One figure of a quote: its words, and its column; NaN where the quote does not tell it."""

    text: str
    column: Callable[[QuoteColumns], Float64Array1D]


def _told(values: Float64Array1D) -> Float64Array1D:
    """Give the values with NaN for 0, which is how a quote leaves a price or a count out."""
    return np.where(values > 0.0, values, np.nan)


def _change(columns: QuoteColumns) -> Float64Array1D:
    return (_told(columns.last_price) / _told(columns.previous_close) - 1.0) * 100.0


def _mark(columns: QuoteColumns) -> Float64Array1D:
    return np.full(len(columns), np.nan) if columns.mark_price is None else _told(columns.mark_price)


FIGURES: Mapping[str, Figure] = {
    "last_price": Figure("Last price", lambda columns: _told(columns.last_price)),
    "change": Figure("Change since the last close, %", _change),
    "open_interest": Figure("Open interest", lambda columns: _told(columns.open_interest)),
    "volume": Figure("Volume of the day", lambda columns: _told(columns.volume)),
    "bid": Figure("Best bid", lambda columns: _told(columns.bid)),
    "ask": Figure("Best ask", lambda columns: _told(columns.ask)),
    "mark_price": Figure("Mark price", _mark),
}


@dataclass(slots=True)
class _Column:
    """The watched instruments of one figure, by token, with the bounds nearest to each."""

    tokens: Int64Array1D
    bottom: Float64Array1D
    top: Float64Array1D


@dataclass(slots=True)
class FrameWatch:
    """Watches alerts over frames; each is added with the token of its instrument."""

    book: AlertBook = field(default_factory=AlertBook)
    _subjects: dict[str, dict[int, Subject]] = field(default_factory=dict)
    _columns: dict[str, _Column] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.book)

    def add(self, alert: Alert, token: int) -> None:
        """Watch an alert; raise Invalid for a figure that quotes do not have."""
        figure = alert.subject.figure
        if figure not in FIGURES:
            raise Invalid(f"no quote tells {figure!r}", code="alert.figure", field="figure")
        self.book.add(alert)
        self._subjects.setdefault(figure, {})[token] = alert.subject
        self._columns.pop(figure, None)

    def remove(self, alert: Alert) -> None:
        """Watch an alert no longer; raise NotFound where it is not watched."""
        self.book.remove(alert.id)

    def take(self, columns: QuoteColumns) -> list[Firing]:
        """Take a frame and return what fires on it; ticks from before the subscription tell nothing."""
        fired: list[Firing] = []
        for figure in self._subjects:
            fired += self._taken(figure, columns)
        return fired

    def _taken(self, figure: str, columns: QuoteColumns) -> list[Firing]:
        watched = self._columns.get(figure) or self._arranged(figure)
        place = np.minimum(np.searchsorted(watched.tokens, columns.token), watched.tokens.size - 1)
        values = FIGURES[figure].column(columns)
        # NaN compares false: a figure that is not known reaches nothing
        reached = (values >= watched.top[place]) | (values <= watched.bottom[place])
        reached &= watched.tokens[place] == columns.token
        if columns.cached is not None:
            reached &= ~columns.cached
        if not reached.any():
            return []
        return self._looked_at(figure, watched, columns, values=values, reached=reached)

    def _looked_at(
        self,
        figure: str,
        watched: _Column,
        columns: QuoteColumns,
        *,
        values: Float64Array1D,
        reached: npt.NDArray[np.bool_],
    ) -> list[Firing]:
        near = np.isin(columns.token, columns.token[reached])
        if columns.cached is not None:
            near &= ~columns.cached
        subjects, fired = self._subjects[figure], []
        for row in np.flatnonzero(near):
            at_ns = int(columns.exchange_ns[row]) or columns.received_ns
            fired += self.book.take(subjects[int(columns.token[row])], float(values[row]), at_ns)
        for token in np.unique(columns.token[reached]):
            place = int(np.searchsorted(watched.tokens, token))
            watched.bottom[place], watched.top[place] = self.book.bounds(subjects[int(token)])
        return fired

    def _arranged(self, figure: str) -> _Column:
        subjects = self._subjects[figure]
        tokens = np.array(sorted(subjects), dtype=np.int64)
        bounds = np.array([self.book.bounds(subjects[int(token)]) for token in tokens], dtype=np.float64)
        column = self._columns[figure] = _Column(tokens, bounds[:, 0].copy(), bounds[:, 1].copy())
        return column
