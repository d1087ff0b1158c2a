"""Websocket addresses."""

from __future__ import annotations

from typing import Any, cast

from django.urls import path, re_path

from execution.consumers import DashboardConsumer, LiveConsumer
from options.consumers import InterestConsumer


async def nothing_here(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI's signature
    """Refuse a websocket at an address that has none."""
    await receive()
    await send({"type": "websocket.close", "code": 4404})


websocket_urlpatterns: list[Any] = [
    path("ws/dashboard", DashboardConsumer.as_asgi()),
    path("ws/live", LiveConsumer.as_asgi()),
    path("ws/oi", InterestConsumer.as_asgi()),
    # Django's stubs know views alone; Channels takes any ASGI application.
    re_path("", cast("Any", nothing_here)),
]
