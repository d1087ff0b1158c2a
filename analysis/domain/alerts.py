"""Price, open-interest and indicator alerts, watched without asking each of them at each tick.

Every alert waits for exactly one bound of its figure: to fire, or, once fired and recurring, to be armed again.
Per figure the bounds upward and downward stand in two heaps, so that a tick looks at the nearest bound on either
side and at nothing else. Ticks are taken one by one: a price that was passed within a frame is not missed.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from brokers.domain.errors import Invalid, NotFound


class Direction(StrEnum):
    """On which side of its level an alert fires; the level itself belongs to it."""

    ABOVE = "above"
    BELOW = "below"


class Subject(NamedTuple):
    """What is watched: an instrument and a figure of it (last_price, open_interest, an indicator's name)."""

    instrument: str
    figure: str = "last_price"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert.

    `waits_for_cross` fires only after the figure was seen on the other side; without it an alert whose level is
    reached already fires at once. A recurring alert that fired is armed again when the figure has gone back past its
    level by more than `hysteresis`, in the figure's unit; one that `has_fired` elsewhere waits for that way back too.
    """

    id: Hashable
    subject: Subject
    direction: Direction
    level: float
    waits_for_cross: bool = True
    is_recurring: bool = False
    hysteresis: float = 0.0
    has_fired: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.level):
            raise Invalid("an alert's level must be a number", code="alert.level", field="level")
        if not (math.isfinite(self.hysteresis) and self.hysteresis >= 0.0):
            raise Invalid("an alert's hysteresis must not be negative", code="alert.hysteresis", field="hysteresis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """An alert that fired, at which value and when."""

    alert: Alert
    value: float
    at_ns: int


class _Bound(NamedTuple):
    """What an alert waits for; `sign` 1 is upward, `reach` the bound times the sign so that heaps rise."""

    reach: float
    number: int
    fires: bool


@dataclass(slots=True)
class _Watched:
    """The bounds of one subject; the nearest of each side is kept beside its heap."""

    up: list[_Bound]
    down: list[_Bound]
    top: float = math.inf
    bottom: float = -math.inf

    def near(self) -> None:
        self.top = self.up[0].reach if self.up else math.inf
        self.bottom = -self.down[0].reach if self.down else -math.inf


class AlertBook:
    """Active alerts; one-shot alerts leave when they fire."""

    __slots__ = ("_alerts", "_next", "_numbers", "_turned", "_watched")

    def __init__(self, alerts: Iterable[Alert] = ()) -> None:
        self._alerts: dict[int, Alert] = {}
        self._numbers: dict[Hashable, int] = {}
        self._watched: dict[Subject, _Watched] = {}
        self._turned: dict[Hashable, bool] = {}
        self._next = 0
        for alert in alerts:
            self.add(alert)

    def __len__(self) -> int:
        return len(self._alerts)

    def __contains__(self, alert_id: Hashable) -> bool:
        return alert_id in self._numbers

    def add(self, alert: Alert) -> None:
        """Watch an alert; raise Invalid where its id is taken."""
        if alert.id in self._numbers:
            raise Invalid(f"alert {alert.id} is watched already", code="alert.twice", field="id")
        number, self._next = self._next, self._next + 1
        self._alerts[number], self._numbers[alert.id] = alert, number
        watched = self._watched.setdefault(alert.subject, _Watched([], []))
        distance = alert.hysteresis if alert.has_fired else 0.0
        self._wait(watched, number, fires=not alert.waits_for_cross, distance=distance)
        watched.near()

    def remove(self, alert_id: Hashable) -> None:
        """Watch an alert no longer; raise NotFound where there is none.

        Its bound stays in the heap until a tick reaches it, and then means nothing.
        """
        number = self._numbers.pop(alert_id, None)
        if number is None:
            raise NotFound(f"no alert {alert_id} is watched", code="alert.unknown", field="id")
        del self._alerts[number]
        self._turned.pop(alert_id, None)

    def bounds(self, subject: Subject) -> tuple[float, float]:
        """Return the nearest bounds below and above a figure; a value strictly between them reaches no alert."""
        watched = self._watched.get(subject)
        return (-math.inf, math.inf) if watched is None else (watched.bottom, watched.top)

    def turned(self) -> dict[Hashable, bool]:
        """Return, once, which alerts came to wait for their level (True) or for the way back (False) since the last ask."""
        turned, self._turned = self._turned, {}
        return turned

    def take(self, subject: Subject, value: float, at_ns: int) -> list[Firing]:
        """Take one value of a figure and return the alerts that fire on it, in the order they were added."""
        watched = self._watched.get(subject)
        # NaN compares false: a figure that is not known reaches nothing
        if watched is None or not (value >= watched.top or value <= watched.bottom):
            return []
        return self._reached(watched, value, at_ns)

    def _reached(self, watched: _Watched, value: float, at_ns: int) -> list[Firing]:
        reached = _popped(watched.up, value) + _popped(watched.down, -value)
        fired: list[tuple[int, Firing]] = []
        for bound in reached:
            alert = self._alerts.get(bound.number)
            if alert is None:
                continue
            if bound.fires:
                fired.append((bound.number, Firing(alert=alert, value=value, at_ns=at_ns)))
                if not alert.is_recurring:
                    del self._alerts[bound.number], self._numbers[alert.id]
                    continue
            self._turned[alert.id] = not bound.fires
            # what was reached is waited for in the other direction from the next tick on, never from this one
            self._wait(watched, bound.number, fires=not bound.fires, distance=alert.hysteresis)
        watched.near()
        return [firing for _, firing in sorted(fired, key=lambda pair: pair[0])]

    def _wait(self, watched: _Watched, number: int, *, fires: bool, distance: float) -> None:
        alert = self._alerts[number]
        sign = 1.0 if alert.direction is Direction.ABOVE else -1.0
        if fires:
            heap, reach = (watched.up if sign > 0 else watched.down), sign * alert.level
        else:
            # the other side of the level, so that standing on it does not arm what has just fired
            back = math.nextafter(alert.level - sign * distance, -sign * math.inf)
            heap, reach = (watched.down if sign > 0 else watched.up), -sign * back
        heapq.heappush(heap, _Bound(reach, number, fires))


def _popped(heap: list[_Bound], value: float) -> list[_Bound]:
    found: list[_Bound] = []
    while heap and heap[0].reach <= value:
        found.append(heapq.heappop(heap))
    return found
