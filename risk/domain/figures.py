"""A limit's figure as people and rows write it: `parsed` reads it, `written` gives back what can be read again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from brokers.domain.errors import Invalid
from brokers.domain.instruments import split_key
from risk.domain.levels import KINDS, Figure, Window, Windows

Written: TypeAlias = str | list[str]
WINDOWS, INSTRUMENTS = "entry_windows_ist", "instruments_allowed"


def parsed(name: str, raw: object) -> Figure:
    """Read a figure of a limit; raise Invalid, naming the limit, for an unknown one and for what is no figure of it."""
    if name not in KINDS:
        raise Invalid(f"there is no limit named {name}", code="limit.unknown", field=name)
    figure = _read(name, raw)
    KINDS[name].check(name, figure)
    return figure


def written(figure: Figure) -> Written:
    """Return a figure as text, or as a list of texts."""
    if isinstance(figure, frozenset):
        return sorted(figure)
    if isinstance(figure, tuple):
        return [str(window) for window in figure]
    return str(figure)


def _read(name: str, raw: object) -> Figure:
    if name == WINDOWS:
        return _joined(_window(part) for part in _parts(name, raw))
    if name == INSTRUMENTS:
        return frozenset(":".join(split_key(part)) for part in _parts(name, raw))
    return _number(name, raw)


def _parts(name: str, raw: object) -> list[str]:
    if isinstance(raw, str):
        raw = raw.replace(",", " ").split()
    if not isinstance(raw, Iterable):
        raise Invalid(f"{name} is a list, not {raw!r}", code="limit.not_a_list", field=name)
    return [str(part) for part in raw]


def _window(text: str) -> Window:
    start, _, end = text.partition("-")
    try:
        return Window(start=time.fromisoformat(start.strip()), end=time.fromisoformat(end.strip()))
    except ValueError:
        sentence = f"a window is written 09:20-14:45, not {text!r}"
        raise Invalid(sentence, code="limit.window", field=WINDOWS) from None


def _joined(windows: Iterable[Window]) -> Windows:
    """Join windows that touch: two ways of writing the same times are one figure."""
    found: list[Window] = []
    for window in sorted(windows):
        if found and window.start <= found[-1].end:
            last = found.pop()
            found.append(Window(start=last.start, end=max(last.end, window.end)))
        else:
            found.append(window)
    return tuple(found)


def _number(name: str, raw: object) -> Decimal | int:
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        raise Invalid(f"{name} must be a number, not {raw!r}", code="limit.not_a_number", field=name) from None
    if not number.is_finite():
        raise Invalid(f"{name} must be a number, not {raw!r}", code="limit.not_a_number", field=name)
    if not KINDS[name].is_count:
        return number
    if number != number.to_integral_value():
        raise Invalid(f"{name} must be a whole number, not {number}", code="limit.not_whole", field=name)
    return int(number)
