"""What must be set once per database rather than once per connection."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import pre_migrate


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Windhover"

    def ready(self) -> None:
        """Let every migrate begin by setting the journal mode, and tasks be sent through this project's application."""
        import_module("config.celery")
        # Not for this app alone: Django sends the signal for apps with models only.
        pre_migrate.connect(_write_ahead, dispatch_uid="config.write_ahead")


def _write_ahead(*, using: str, **_: Any) -> None:
    connection = connections[using]
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode=WAL")
