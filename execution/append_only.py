"""Database triggers that refuse to change or delete a journal row, for both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "execution_journalevent"
SENTENCE = "the journal is append-only"

_SQLITE_PROTECT = tuple(
    f"""
    CREATE TRIGGER IF NOT EXISTS journal_refuses_{act.lower()} BEFORE {act} ON {TABLE}
    BEGIN SELECT RAISE(ABORT, '{SENTENCE}'); END
    """
    for act in ("UPDATE", "DELETE")
)
_SQLITE_RELEASE = tuple(f"DROP TRIGGER IF EXISTS journal_refuses_{act}" for act in ("update", "delete"))

_POSTGRESQL_PROTECT = (
    f"""
    CREATE OR REPLACE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{SENTENCE}' USING ERRCODE = 'integrity_constraint_violation'; END $$
    """,
    f"""
    CREATE OR REPLACE TRIGGER journal_refuses_change BEFORE UPDATE OR DELETE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION journal_is_append_only()
    """,
    f"""
    CREATE OR REPLACE TRIGGER journal_refuses_truncate BEFORE TRUNCATE ON {TABLE}
    FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only()
    """,
)
_POSTGRESQL_RELEASE = tuple(
    f"DROP TRIGGER IF EXISTS journal_refuses_{act} ON {TABLE}" for act in ("change", "truncate")
)


def protect(connection: BaseDatabaseWrapper) -> None:
    """Install the triggers; installing them twice changes nothing."""
    _run(connection, sqlite=_SQLITE_PROTECT, postgresql=_POSTGRESQL_PROTECT)


def release(connection: BaseDatabaseWrapper) -> None:
    """Remove the triggers, for a migration backwards and for test databases that are emptied."""
    _run(connection, sqlite=_SQLITE_RELEASE, postgresql=_POSTGRESQL_RELEASE)


def _run(connection: BaseDatabaseWrapper, *, sqlite: tuple[str, ...], postgresql: tuple[str, ...]) -> None:
    statements = postgresql if connection.vendor == "postgresql" else sqlite
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
