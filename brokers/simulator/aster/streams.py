"""Which streams a websocket's address asks the simulated Aster for."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs


def stream_names(scope: dict[str, Any]) -> list[str] | None:
    """Return the names of the streams asked for, perhaps none; None where the address is not Aster's.

    `/ws/<name>` and `/stream?streams=<name>/<name>` are; so is a bare `/ws`, unless it carries Kite's key.
    """
    path, query = scope["path"].rstrip("/"), parse_qs(scope["query_string"].decode("utf-8", "replace"))
    if path.startswith("/ws/"):
        return [name for name in path.removeprefix("/ws/").split("/") if name]
    if path == "/stream":
        return [name for name in query.get("streams", [""])[0].split("/") if name]
    return [] if path == "/ws" and "api_key" not in query else None
