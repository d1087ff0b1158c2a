"""Shows a hosted account to the pages: its views five times a second, its curve every market minute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from brokers import hub
from brokers.domain.market import NANOSECONDS
from brokers.domain.orders import Book
from execution.domain.codec import rfc3339
from execution.runtime import store
from execution.runtime.headroom import with_ban, with_minute
from execution.runtime.listening import with_listening
from execution.runtime.session import Session

INTERVAL_S = 0.22
PAISA = Decimal("0.01")
MINUTE_NS = 60 * NANOSECONDS


class Broadcast:
    """Publishes the engine's views as they change; whether anybody receives them is no concern of trading."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._minute = 0
        self._day = ""
        self._curve: dict[str, dict[str, str]] = {}

    async def run(self) -> None:
        """Publish for ever."""
        while True:
            if self._day != self._session.engine.state.venue_day:
                await self._load_curve()
            await self._session.machine.publisher.publish_all(self._states())
            await self._session.machine.clock.sleep(INTERVAL_S)

    def _states(self) -> dict[str, Mapping[str, object]]:
        now = self._session.machine.clock.now()
        views: dict[str, Mapping[str, object]] = dict(self._session.engine.views(now))
        self._note_minute(views["portfolio"], now)
        views["portfolio"] = self._with_cash(views["portfolio"])
        views["feeds"] = with_listening(views["feeds"], self._session.live.listening)
        budget = self._session.live.budget
        views["risk"] = with_minute(views["risk"], budget, now, zone=self._session.calendar.zone)
        views["feeds"] = with_ban(views["feeds"], budget, now)
        if self._session.chains is not None:
            views["inbox"] = {**views["inbox"], **self._session.chains.inbox()}
        if self._session.alert_watch is not None:
            views["inbox"] = {**views["inbox"], **self._session.alert_watch.inbox()}
        views["equity"] = self._curve
        views["signals"] = self._signals()
        views["venue"] = self._session.live.published
        account_id = self._session.facts.account_id
        return {hub.topic_of(account_id, name): state for name, state in views.items()}

    def _note_minute(self, portfolio: Mapping[str, object], now: datetime) -> None:
        minute = self._session.market_ns // MINUTE_NS
        if minute <= self._minute or not self._session.market_ns:
            return
        self._minute = minute
        market_at = datetime.fromtimestamp(minute * 60, tz=now.tzinfo)
        points = [(book, market_at, net) for book in Book if (net := _net_of(portfolio, book)) is not None]
        for book, at, net in points:
            self._add(book, at, net)
        account_id = self._session.facts.account_id
        self._session.spawn(self._session.machine.read(lambda: store.equity_write(account_id, points)))

    def _with_cash(self, portfolio: Mapping[str, object]) -> Mapping[str, object]:
        """Add the venue's own cash, where the engine does not keep it."""
        cash, live = self._session.live.cash, portfolio["live"]
        net = _net_of(portfolio, Book.LIVE)
        if cash is None or net is None or (isinstance(live, dict) and live.get("cash") is not None):
            return portfolio
        shown = {"cash": str(cash.quantize(PAISA)), "equity": str((cash + net).quantize(PAISA))}
        return {**portfolio, **shown, "live": {**live, **shown} if isinstance(live, dict) else live}

    def _signals(self) -> dict[str, object]:
        deployments = self._session.engine.state.deployments
        return {
            f"{rfc3339(record.at)}:{record.payload['deployment_id']}:{record.payload['instrument']}": {
                **record.payload,
                "symbol": record.payload["instrument"],
                "strategy": deployments[str(record.payload["deployment_id"])].spec.strategy
                if record.payload["deployment_id"] in deployments
                else "",
                "at": rfc3339(record.at),
            }
            for record in self._session.signals
        }

    async def _load_curve(self) -> None:
        """Begin the market day's curve with the points that are kept of it."""
        account_id = self._session.facts.account_id
        self._day, self._curve = self._session.engine.state.venue_day, {}
        since, _ = self._session.calendar.bounds_of(date.fromisoformat(self._day))
        points = await self._session.machine.read(lambda: store.equity_of(account_id, since))
        for book, at, net in points:
            self._add(book, at, net)

    def _add(self, book: str, at: datetime, net: Decimal) -> None:
        self._curve[f"{book}:{rfc3339(at)}"] = {"book": str(book), "at": rfc3339(at), "net": str(net)}


def _net_of(portfolio: Mapping[str, object], book: Book) -> Decimal | None:
    split = portfolio.get(book.value)
    if not isinstance(split, dict):
        return None
    today = split.get("pnl_today", {})
    return Decimal(str(today["net"])) if isinstance(today, dict) and "net" in today else None
