"""Frozen dataclasses to JSON and back, by their own type hints.

Decimals and times become strings (RFC 3339, UTC, microseconds), enums their values. What a type
does not declare is refused: a journal row that cannot be read stops recovery.
"""

from __future__ import annotations

import types
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from brokers.domain.errors import DataError
from execution.domain.commands import Json

T = TypeVar("T")


def encode(value: object) -> Json:
    """Return `value` as JSON-ready data."""
    if isinstance(value, Enum):
        return str(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    raise DataError(f"{type(value).__name__} has no place in the journal", code="journal.type")


def decode(kind: type[T], data: Json) -> T:
    """Return the dataclass that `encode` turned into `data`; raise DataError when it cannot be."""
    if not isinstance(data, dict):
        raise DataError(f"{kind.__name__} is written as an object", code="journal.shape")
    hints = _hints(cast("Hashable", kind))
    unknown = data.keys() - hints.keys()
    if unknown:
        raise DataError(f"{kind.__name__} has no {sorted(unknown)}", code="journal.field")
    try:
        return kind(**{name: _decode(hints[name], item) for name, item in data.items()})
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{kind.__name__} cannot be read: {error}", code="journal.value") from error


def rfc3339(at: datetime) -> str:
    """Return an aware time in UTC with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    assert isinstance(kind, type)
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


# A hint and what JSON holds are of any type by nature; the dataclass's own hints check the result.
def _decode(hint: Any, data: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return None if data is None else _decode(_only(hint), data)
    if origin is tuple:
        return tuple(_decode(get_args(hint)[0], item) for item in data)
    if origin is not None:  # a mapping of plain JSON
        return dict(data)
    if hint is datetime:
        return datetime.fromisoformat(data)
    if isinstance(hint, type) and is_dataclass(hint):
        return decode(hint, data)
    return hint(data)


def _only(hint: Any) -> Any:
    [kind] = [part for part in get_args(hint) if part is not types.NoneType]
    return kind
