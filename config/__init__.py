"""The project; Celery finds its application here."""

from __future__ import annotations

from typing import Any

__all__ = ["celery"]


def __getattr__(name: str) -> Any:
    # `celery -A config` asks for this attribute; a plain import would load Django before its settings are chosen
    if name in {"celery", "app"}:
        from config.celery import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
