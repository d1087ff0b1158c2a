"""Frozen dataclasses to JSON and back, by their own type hints.

Decimals and times become strings (RFC 3339, UTC, microseconds), enums their values. What a type
does not declare is refused: a journal row that cannot be read stops recovery.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from brokers.domain.errors import DataError
from execution.domain.commands import Json

T = TypeVar("T")
Writer = Callable[[Any], Json]
Reader = Callable[[Any], Any]
_PLAIN = frozenset({types.NoneType, bool, int, float, str})


def encode(value: object) -> Json:
    """Return `value` as JSON-ready data."""
    return _WRITERS[type(value)](value)


def decode(kind: type[T], data: Json) -> T:
    """Return the dataclass that `encode` turned into `data`; raise DataError when it cannot be."""
    return cast("T", _reader(cast("Hashable", kind))(data))


@lru_cache(maxsize=256)  # the facts of one event bear the same few times
def rfc3339(at: datetime) -> str:
    """Return an aware time in UTC with microseconds."""
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds").replace("+00:00", "Z")


class _Writers(dict[type, Writer]):
    """Every act of the desk is written and read back, so how to do it is worked out once for each type."""

    def __missing__(self, kind: type) -> Writer:
        writer = self[kind] = _writer(kind)
        return writer


_WRITERS = _Writers()


def _writer(kind: type) -> Writer:
    if issubclass(kind, Enum):
        return {member: str(member.value) for member in kind}.__getitem__
    if kind is types.NoneType or issubclass(kind, bool | int | float | str):
        return _as_it_is
    if issubclass(kind, Decimal):
        return str
    if issubclass(kind, datetime):
        return rfc3339
    if issubclass(kind, tuple | list):
        return lambda items: [encode(item) for item in items]
    if issubclass(kind, Mapping):
        return lambda mapping: {str(key): encode(item) for key, item in mapping.items()}
    if is_dataclass(kind):
        return _dataclass_writer(tuple(field.name for field in fields(kind)))
    raise DataError(f"{kind.__name__} has no place in the journal", code="journal.type")


# A hint and what JSON holds are of any type by nature; the dataclass's own hints check the result.
@cache
def _reader(hint: Any) -> Reader:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        known = _reader(_only(hint))
        return lambda data: None if data is None else known(data)
    if origin is tuple:
        item = _reader(get_args(hint)[0])
        return lambda data: tuple(item(part) for part in data)
    if origin is not None:  # a mapping of plain JSON
        return dict
    if hint is datetime:
        return datetime.fromisoformat
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass_reader(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {member.value: member for member in hint}.__getitem__
    return cast("Reader", hint)


def _dataclass_reader(kind: type) -> Reader:
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}

    def read(data: Json) -> Any:
        if not isinstance(data, dict):
            raise DataError(f"{kind.__name__} is written as an object", code="journal.shape")
        if not data.keys() <= readers.keys():
            raise DataError(f"{kind.__name__} has no {sorted(data.keys() - readers.keys())}", code="journal.field")
        try:
            return kind(**{name: readers[name](item) for name, item in data.items()})
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{kind.__name__} cannot be read: {error}", code="journal.value") from error

    return read


def _dataclass_writer(names: tuple[str, ...]) -> Writer:
    if len(names) < 2:  # of one attribute a getter gives no tuple
        return lambda value: {name: encode(getattr(value, name)) for name in names}
    parts, writers = attrgetter(*names), _WRITERS

    def write(value: Any) -> Json:
        return {
            name: item if (kind := type(item)) in _PLAIN else writers[kind](item)
            for name, item in zip(names, parts(value), strict=True)
        }

    return write


def _as_it_is(value: Json) -> Json:
    return value


def _only(hint: Any) -> Any:
    [kind] = [part for part in get_args(hint) if part is not types.NoneType]
    return kind
