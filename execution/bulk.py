"""Many rows of one model at once, without what Django builds for each of their values.

`bulk_create` makes an expression of every value of every row. When ten orders arise at once, that is most of the time
until their intents are durable. The statement here is the same, and the model's fields still say how each value is
written for the database in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models.constants import OnConflict


def insert(
    rows: Sequence[models.Model],
    *,
    unique: tuple[str, ...] = (),
    update: tuple[str, ...] = (),
    ignore_conflicts: bool = False,
) -> None:
    """Insert rows of one model; one that is there by its `unique` columns gets the `update` columns, or stays."""
    if not rows:
        return
    model = type(rows[0])
    fields = _fields(model)
    conflict = OnConflict.UPDATE if update else OnConflict.IGNORE if ignore_conflicts else None
    values = [[field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(_statement(connection.vendor, model, conflict, unique, update), values)


@cache
def _fields(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    return tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))


@cache
def _statement(
    _vendor: str,
    model: type[models.Model],
    conflict: OnConflict | None,
    unique: tuple[str, ...],
    update: tuple[str, ...],
) -> str:
    quote, fields = connection.ops.quote_name, _fields(model)
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    begin = connection.ops.insert_statement(on_conflict=conflict)
    end = connection.ops.on_conflict_suffix_sql(fields, conflict, _columns(model, update), _columns(model, unique))
    return f"{begin} {quote(model._meta.db_table)} ({columns}) VALUES ({places}) {end}".rstrip()


def _columns(model: type[models.Model], names: tuple[str, ...]) -> list[str]:
    return [str(model._meta.get_field(name).column) for name in names]  # type: ignore[union-attr]
