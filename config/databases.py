"""Database settings from a URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def database_from(url: str) -> dict[str, Any]:
    """Translate sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME into Django's settings."""
    if url.startswith("sqlite:///"):
        return _sqlite(url.removeprefix("sqlite:///"))
    return _postgresql(url)


def _sqlite(path: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            # A transaction that begins as a reader cannot be promoted while another writes; every one begins as a writer.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # Write-ahead logging is set once at migrate (config.apps); four processes that set it together can collide.
            "init_command": "PRAGMA synchronous=NORMAL",
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    # Connections kept per thread leak under ASGI; a pool hands them back.
    options["pool"] = {"min_size": 1, "max_size": 8, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
    }
