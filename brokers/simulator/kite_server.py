"""The simulated Kite as one plain ASGI application over a venue that a pace drives, an Aster beside it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from brokers.simulator import kite_payloads as payloads
from brokers.simulator.aster.rest import respond as respond_as_aster
from brokers.simulator.aster.site import AsterSite
from brokers.simulator.aster.streams import stream_names
from brokers.simulator.fault_rules import RULES, FaultKind
from brokers.simulator.faults import KITE, Fault, FaultScript
from brokers.simulator.kite_budgets import Budgets
from brokers.simulator.kite_http import Response
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_rest import respond
from brokers.simulator.kite_sessions import App, Sessions
from brokers.simulator.kite_stream import Hub, Receive, Send
from brokers.simulator.order_news import OrderNews
from brokers.simulator.orders import Moment, OrderRequest, Refusal
from brokers.simulator.pace import Pace
from brokers.simulator.sessions import ist
from brokers.simulator.venue import Venue

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
MAX_BODY = 1_000_000
MAX_CONNECTIONS = 3


@dataclass(slots=True, kw_only=True, eq=False)
class KiteSite:
    """Everything one simulated Kite consists of."""

    venue: Venue
    sessions: Sessions
    budgets: Budgets
    pace: Pace
    seed: int
    replay: str | None = None
    faults_allowed: bool = False
    # Whether a sliced order is answered with a plain list in place of a parent and its children.
    slices_as_list: bool = False
    # True until the first subscription arrives: a replay should not run past an empty room.
    held: bool = False
    # the exchange that stands beside this one in the same process
    aster: AsterSite | None = None
    faults: FaultScript = field(default_factory=FaultScript)
    wall_ns: Callable[[], int] = time.time_ns
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    hub: Hub = field(init=False)
    news: OrderNews = field(init=False)
    # Requests to authorise holdings that wait for the depository's page: whose, and how many by ISIN.
    authorisations: dict[str, tuple[str, dict[str, int]]] = field(default_factory=dict)
    later: list[tuple[int, str, OrderRequest, tuple[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hub = Hub(self.monotonic_ns)
        self.news = OrderNews(faults=self.faults, deliver=self.hub.order_update, monotonic_ns=self.monotonic_ns)
        self.venue.engine.faults = self.faults
        self.sessions.market_ns = lambda: self.moment().market_ns
        if self.aster is not None:
            self.aster.share(self.faults)

    def moment(self) -> Moment:
        """Return this instant on both clocks; market time never passes the next step."""
        market = self.venue.market
        due = market.next_at_ns()
        now_ns = market.now_ns
        if due is not None and not self.venue.closed and not self.held:
            now_ns = min(max(self.pace.market_ns(self.monotonic_ns()), now_ns), due)
        return Moment(market_ns=now_ns, wall_ns=self.wall_ns())

    def state(self) -> dict[str, Any]:
        """Return where the run stands, as `/sim/state` shows it."""
        market_ns = self.moment().market_ns
        return {
            "market_time": ist(market_ns).isoformat(),
            "market_ns": market_ns,
            "phase": self.venue.phase,
            "speed": self.pace.speed,
            "steps": self.venue.steps,
            "finished": self.venue.market.finished,
            "held": self.held,
            "replay": self.replay,
            "seed": self.seed,
            "fills": len(self.venue.engine.ledger),
            "sockets": len(self.hub.sockets),
            "budgets": self.budgets.state(),
            "aster": self.aster.state() if self.aster else None,
        }

    def place_later(self, user_id: str, wanted: OrderRequest, seconds: float) -> str:
        """Give an order its id now and bring it to the venue after some wall seconds."""
        self.venue.engine.check(wanted)
        ids = self.venue.engine.ids.order()
        self.later.append((self.wall_ns() + int(seconds * 1e9), user_id, wanted, ids))
        return ids[0]

    def place_due(self) -> None:
        """Bring delayed orders to the venue; one that is refused by now never appears."""
        now_ns = self.wall_ns()
        due = [entry for entry in self.later if entry[0] <= now_ns]
        self.later = [entry for entry in self.later if entry[0] > now_ns]
        for _, user_id, wanted, ids in due:
            try:
                self.venue.varieties.place(user_id, wanted, self.moment(), ids=ids)
            except Refusal:
                continue
        self.announce()

    def announce(self) -> None:
        """Carry on what followed, then send what happened to orders to their users' sockets."""
        self.venue.follow(self.moment())
        events = self.venue.engine.events
        apps = {app.user_id: (number, app) for number, app in enumerate(self.sessions.apps.values(), start=1)}
        while events:
            event = events.popleft()
            number, app = apps[event.account]
            payload = payloads.order_update(event, app_id=number, api_secret=app.api_secret)
            self.news.put(event.account, payload)
        self.news.deliver_due()

    def signed_in(self, request: Request) -> App:
        """Return whose live session a request carries; raises `Refusal`."""
        return self.sessions.user_of_header(request.headers.get("authorization", ""))

    def may_stream(self, app: App) -> bool:
        """Return whether one more connection is allowed: three at most where budgets are enforced."""
        full = self.budgets.enforced and self.hub.count(app.user_id) >= MAX_CONNECTIONS
        return not full and self.faults.take(FaultKind.NO_MARKET_DATA, account=app.user_id) is None

    def add_fault(self, fault: Fault) -> int:
        """Let a fault wait, or carry out an immediate one; return how many it hit by now."""
        if not fault.is_immediate:
            self.faults.add(fault)
            return 0
        hit = self._strike(fault) if KITE in RULES[fault.kind].venues and fault.venue in {"", KITE} else 0
        hit += self.aster.strike(fault) if self.aster else 0
        self.faults.note(fault.kind, hit)
        return hit

    def _strike(self, fault: Fault) -> int:
        if fault.kind is FaultKind.SILENT_SOCKET:
            hit = self.hub.silence(fault.account, fault.seconds)
        elif fault.kind is FaultKind.DROP_SOCKET:
            hit = self.hub.cut(fault.account)
        elif fault.kind is FaultKind.EXCHANGE_CANCEL:
            hit = self.venue.engine.cancel_all(fault.account, self.moment())
        else:
            users = [app.user_id for app in self.sessions.apps.values() if fault.account in {"", app.user_id}]
            hit = sum(self.end_session(user_id) for user_id in users)
        return hit

    def end_session(self, user_id: str) -> bool:
        """End a user's session and connections; False when there was no session."""
        self.hub.disconnect(user_id)
        return self.sessions.kill(user_id)

    def end_dead_sessions(self) -> None:
        """End the sessions that the market's 06:00 has outlived."""
        for user_id in self.sessions.dead_by(self.moment().market_ns):
            self.end_session(user_id)


class KiteApplication:
    """The ASGI callable; ``drop`` ends a client's connection without an answer."""

    def __init__(self, site: KiteSite, drop: Any = None) -> None:
        self.site = site
        self._drop = drop

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request or one websocket."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        request = await _read(scope, receive)
        if not _is_local(request.headers):
            response = Response(status=400, body=b"The simulator answers to this machine alone.")
        else:
            response = self._answer(request)
        if response.lost:
            await self._lose(scope, receive)
            return
        headers = {"content-type": response.content_type, "content-length": str(len(response.body))}
        pairs = [(name.encode(), value.encode()) for name, value in (headers | response.headers).items()]
        await send({"type": "http.response.start", "status": response.status, "headers": pairs})
        await send({"type": "http.response.body", "body": response.body})

    def _answer(self, request: Request) -> Response:
        if self.site.aster is not None and request.path.startswith("/fapi/"):
            response = respond_as_aster(self.site.aster, request)
        else:
            response = respond(self.site, request)
            self.site.announce()
        if self.site.aster is not None:
            self.site.aster.announce()
        return response

    async def _lose(self, scope: dict[str, Any], receive: Receive) -> None:
        if self._drop is not None:
            self._drop(tuple(scope["client"]))
        message = await receive()
        while message["type"] != "http.disconnect":
            message = await receive()

    async def _websocket(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        names = stream_names(scope) if self.site.aster is not None and _is_local(_headers(scope)) else None
        if names is not None:
            await self._stream_aster(self.site.aster, names, scope, receive, send)
            return
        app = self._socket_user(scope)
        if app is None:
            # Closing before accepting answers the handshake with 403, as Kite does.
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        cut = partial(self._drop, tuple(scope["client"])) if self._drop else None
        await self.site.hub.serve(app.user_id, self.site.venue.board, receive, send, cut)

    async def _stream_aster(
        self, aster: AsterSite | None, names: list[str], scope: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        assert aster is not None
        await send({"type": "websocket.accept"})
        cut = partial(self._drop, tuple(scope["client"])) if self._drop else None
        await aster.hub.serve(names, receive, send, combined=scope["path"].rstrip("/") == "/stream", cut=cut)

    def _socket_user(self, scope: dict[str, Any]) -> App | None:
        query = parse_qs(scope["query_string"].decode("utf-8", "replace"))
        key, token = (query.get(name, [""])[0] for name in ("api_key", "access_token"))
        if scope["path"] not in {"/", "/ws"} or not _is_local(_headers(scope)):
            return None
        try:
            app = self.site.sessions.user(key, token)
        except Refusal:
            return None
        return app if self.site.may_stream(app) else None


async def _read(scope: dict[str, Any], receive: Receive) -> Request:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")[: MAX_BODY - len(body)]
        if not message.get("more_body"):
            break
    headers = _headers(scope)
    # Aster's clients may leave the type of a body out
    is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    is_form = is_form or scope["path"].startswith("/fapi/")
    return Request(
        method=scope["method"],
        path=scope["path"].rstrip("/") or "/",
        query=parse_qs(scope["query_string"].decode("utf-8", "replace"), keep_blank_values=True),
        form=parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True) if is_form else {},
        headers=headers,
        body=body,
        query_text=scope["query_string"].decode("utf-8", "replace"),
        client=str((scope.get("client") or ("",))[0]),
    )


def _headers(scope: dict[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _is_local(headers: dict[str, str]) -> bool:
    """Return whether the Host names this machine: a page elsewhere may not steer the simulator."""
    host = headers.get("host", "")
    return host.rpartition(":")[0] in LOCAL_HOSTS or host in LOCAL_HOSTS
