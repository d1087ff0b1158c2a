"""From JSON objects to typed rows: a field says which key it reads and how, unknown keys are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar, get_type_hints

from brokers.domain.errors import DataError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRow:
    """A row of the venue; what this version does not know stands in `extra` under its wire name."""

    extra: Mapping[str, Any] = field(default_factory=dict)


Row = TypeVar("Row", bound=WireRow)


@dataclass(frozen=True, slots=True)
class Wire:
    """Written into a field's annotation: the key that the field reads, and how."""

    key: str
    read: Callable[[Any], Any]


def row_of(kind: type[Row], body: object) -> Row:
    """Read one object; raise DataError that names the row's kind and the key that is missing or wrong."""
    if not isinstance(body, Mapping):
        raise _unreadable(kind, f"an object was expected, not {type(body).__name__}")
    plan = _plan(kind)
    values: dict[str, Any] = {}
    for name, (wire, is_needed) in plan.items():
        if wire.key in body:
            try:
                values[name] = wire.read(body[wire.key])
            except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
                raise _unreadable(kind, f"{wire.key} is {str(body[wire.key])[:40]!r}") from None
        elif is_needed:
            raise _unreadable(kind, f"{wire.key} is missing")
    known = {wire.key for wire, _ in plan.values()}
    return kind(**values, extra={key: value for key, value in body.items() if key not in known})


def rows_of(kind: type[Row], body: object) -> tuple[Row, ...]:
    """Read a list of objects, or one object as a list of one."""
    if isinstance(body, Mapping):
        return (row_of(kind, body),)
    if not isinstance(body, list):
        raise _unreadable(kind, f"a list was expected, not {type(body).__name__}")
    return tuple(row_of(kind, item) for item in body)


def list_of(kind: type[Row]) -> Callable[[Any], tuple[Row, ...]]:
    """Return the reader of a list of rows inside a row."""
    return partial(rows_of, kind)


def exact(value: object) -> Decimal:
    """Return a number of the wire exactly; a bool, an infinity or a not-a-number raises ValueError."""
    if isinstance(value, bool) or value is None:
        raise ValueError(value)
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(value)
    return number


def moment(value: Any) -> datetime | None:
    """Return the UTC time of milliseconds since 1970; 0 means that there is none."""
    milliseconds = int(value)
    return EPOCH + timedelta(milliseconds=milliseconds) if milliseconds else None


def flag(value: object) -> bool:
    """Return a truth that the venue writes as JSON or as the words true and false."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[str(value).lower()]


def identifier(value: object) -> str:
    """Return an id as text: some are numbers on the wire and some are not."""
    if value is None or isinstance(value, bool | float):
        raise ValueError(value)
    return str(value)


def price_or_none(value: object) -> Decimal | None:
    """Return a price, or None for the 0 that stands for no price."""
    return exact(value) or None


_PLANS: dict[type[WireRow], dict[str, tuple[Wire, bool]]] = {}


def _plan(kind: type[WireRow]) -> dict[str, tuple[Wire, bool]]:
    """Return each field's wire and whether it must be there, worked out once per kind of row."""
    if kind not in _PLANS:
        _PLANS[kind] = _planned(kind)
    return _PLANS[kind]


def _planned(kind: type[WireRow]) -> dict[str, tuple[Wire, bool]]:
    hints = get_type_hints(kind, include_extras=True)
    plan: dict[str, tuple[Wire, bool]] = {}
    for item in fields(kind):
        for mark in getattr(hints[item.name], "__metadata__", ()):
            plan[item.name] = (mark, item.default is MISSING)
    return plan


def _unreadable(kind: type[WireRow], reason: str) -> DataError:
    return DataError(f"a {kind.__name__} of the exchange cannot be read: {reason}", code="venue.unreadable")
