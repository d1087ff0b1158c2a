"""Reading Kite's JSON: numbers exact, times aware, absences harmless, and nothing thrown away.

Kite leaves fields out, sends null, "" or a zero time for "none", and adds fields without notice. A reader takes the
fields that it knows out of a row; what is left is kept beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from brokers.domain.clock import IST
from brokers.domain.errors import DataError

ZERO = Decimal(0)
LARGEST_EXPONENT = 18
UNREADABLE = "venue.unreadable"


def unreadable(message: str) -> DataError:
    """Return the error of an answer that makes no sense."""
    return DataError(message, code=UNREADABLE)


def row_of(data: object) -> Mapping[str, Any]:
    """Return an object of an answer."""
    if not isinstance(data, Mapping):
        raise unreadable("the venue sent no object where one was expected")
    return data


def list_of(data: object) -> list[object]:
    """Return a list of an answer; null is an empty one."""
    if data is None:
        return []
    if not isinstance(data, list):
        raise unreadable("the venue sent no list where one was expected")
    return data


def text_of(value: object, name: str) -> str:
    """Return a text or a number as text; nothing, and an empty text, are refused."""
    if not isinstance(value, str | int) or value == "":
        raise unreadable(f"the venue's row has no {name}")
    return str(value)


def number_of(value: object, name: str) -> Decimal:
    """Return an exact number; null is 0, and so is -0."""
    if value is None:
        return ZERO
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise unreadable(f"{name} is {value!r}, not a number") from None
    if not number.is_finite():
        raise unreadable(f"{name} is not finite")
    if number.adjusted() > LARGEST_EXPONENT:
        # written out, such a number would fill the memory
        raise unreadable(f"{name} is beyond any market's numbers")
    return number or ZERO


def ist_time(value: object) -> datetime | None:
    """Read one of Kite's IST times as an aware UTC one; None for null, zero or an unreadable time."""
    if not isinstance(value, str) or value.startswith("0001-"):
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=IST).astimezone(UTC)
    except ValueError:
        return None


def ist_day(value: object) -> date | None:
    """Read a date, alone or in front of a time; None for null, zero or an unreadable one."""
    if not isinstance(value, str) or value.startswith("0001-"):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


class Fields:
    """One row of an answer, taken apart by name."""

    __slots__ = ("_left",)

    def __init__(self, data: object) -> None:
        self._left = dict(row_of(data))

    def need(self, name: str) -> str:
        """Take a text that must be there."""
        return text_of(self._left.pop(name, None), name)

    def text(self, name: str) -> str:
        """Take a text, empty where there is none."""
        value = self._left.pop(name, None)
        return "" if value is None else str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of texts, empty where there is none."""
        return tuple(str(value) for value in self.listed(name))

    def number(self, name: str) -> Decimal:
        """Take a number, 0 where there is none."""
        return number_of(self._left.pop(name, None) or None, name)

    def positive(self, name: str) -> Decimal | None:
        """Take a price, None where it is absent or 0."""
        number = self.number(name)
        return number if number > 0 else None

    def whole(self, name: str) -> int:
        """Take a whole number, 0 where there is none."""
        return int(self.number(name))

    def flag(self, name: str) -> bool:
        """Take a yes or no; absent is no, and so are the texts that say no."""
        value = self._left.pop(name, None)
        return value.lower() in ("true", "1") if isinstance(value, str) else bool(value)

    def at(self, name: str) -> datetime | None:
        """Take a time."""
        return ist_time(self._left.pop(name, None))

    def day(self, name: str) -> date | None:
        """Take a date."""
        return ist_day(self._left.pop(name, None))

    def mapping(self, name: str) -> Mapping[str, object]:
        """Take an object as it is, empty where there is none."""
        value = self._left.pop(name, None)
        return dict(value) if isinstance(value, Mapping) else {}

    def raw(self, name: str) -> Any:
        """Take a value as it is."""
        return self._left.pop(name, None)

    def inner(self, name: str) -> Fields:
        """Take an object apart, one without fields where there is none."""
        return Fields(self._left.pop(name, None) or {})

    def maybe(self, name: str) -> Fields | None:
        """Take an object apart, None where there is none or an empty one."""
        value = self._left.pop(name, None)
        return Fields(value) if value else None

    def listed(self, name: str) -> list[object]:
        """Take a list as it is."""
        return list_of(self._left.pop(name, None))

    def each(self, name: str) -> Iterable[Fields]:
        """Take a list of objects apart."""
        return [Fields(value) for value in self.listed(name)]

    def key(self) -> str:
        """Take the instrument's two names together, as the desk writes them."""
        return f"{self.need('exchange')}:{self.need('tradingsymbol')}"

    def drop(self, *names: str) -> None:
        """Let fields go that say again what others say."""
        for name in names:
            self._left.pop(name, None)

    def keep(self, name: str, value: object) -> None:
        """Put something back that nobody could use."""
        self._left[name] = value

    def rest(self) -> Mapping[str, object]:
        """Return what nobody took."""
        return self._left
