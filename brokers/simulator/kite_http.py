"""What every route of the simulated Kite is made of: a request's answer, a handler, a path."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from brokers.simulator import kite_payloads as payloads
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import Refusal

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP answer; a lost one is never sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False


Handler = Callable[["KiteSite", Request, App, re.Match[str]], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and path with the handler and the budget it spends from; open routes need no session."""

    method: str
    path: re.Pattern[str]
    handler: Handler
    budget: str = "other"
    is_open: bool = False


def route(method: str, path: str, handler: Handler, budget: str = "other", *, is_open: bool = False) -> Route:
    """Return a route whose path is a pattern for the whole address."""
    return Route(method=method, path=re.compile(path), handler=handler, budget=budget, is_open=is_open)


def ok(data: object) -> Response:
    """Return an answer in the envelope of success."""
    return Response(body=orjson.dumps(payloads.success(data)))


def plain(data: object, *, status: int = 200) -> Response:
    """Return JSON without an envelope, as the simulator's own routes do."""
    return Response(status=status, body=orjson.dumps(data))


def refused(refusal: Refusal) -> Response:
    """Return the envelope of an error."""
    return Response(status=refusal.http, body=orjson.dumps(payloads.failure(refusal)))


def json_body(request: Request) -> Any:
    """Return the JSON of a request's body; raises `Refusal`."""
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise Refusal("Invalid JSON in the request's body.") from None
