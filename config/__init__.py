"""The project; Celery finds its application here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["celery"]


def __getattr__(name: str) -> Celery:
    # `celery -A config` asks for this attribute; a plain import would load Django before its settings are chosen
    if name in {"celery", "app"}:
        from config.celery import app

        return app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
