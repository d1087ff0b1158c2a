"""`/ws/oi`: open interest of every followed underlying each two seconds, and one chain as it changes."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import date
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async

from accounts.sockets import caller_of
from brokers.consumers import HubConsumer
from brokers.domain.errors import WindhoverError
from brokers.fanout import frame
from options.desk_line import INTEREST, WATCHED_S, watch
from options.selectors import chain_topic_for, interest_accounts

WATCH_AGAIN_S = WATCHED_S / 3


class InterestConsumer(HubConsumer):
    """Sends the topics of the caller's own accounts: market data is licensed to the one on whose key it came."""

    watching: asyncio.Task[None] | None = None
    refused: str = ""
    # the chain that was asked for: an account, and the topic's name
    chosen: tuple[str, str] | None = None

    async def connect(self) -> None:
        """Let in whom the database knows; while somebody reads a chain, its desk is told so."""
        await super().connect()
        if self.hub is None:
            return
        if self.refused:
            self.offer_hub_state(frame("event", topic="chain", data={"refused": self.refused}))
        if self.chosen is not None:
            self.watching = asyncio.create_task(self._watch(*self.chosen), name="watch")

    async def disconnect(self, code: int) -> None:
        """Stop working for this reader."""
        if self.watching is not None:
            self.watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.watching
        await super().disconnect(code)

    async def _watch(self, account_id: str, topic: str) -> None:
        while True:
            await asyncio.to_thread(watch, account_id, topic)
            await asyncio.sleep(WATCH_AGAIN_S)

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _visible_topics(self) -> list[str] | None:
        user = caller_of(self.scope)
        if user is None:
            return None
        query = parse_qs(self.scope.get("query_string", b"").decode())
        wanted = query.get("account", [])
        accounts = [one for one in interest_accounts(user) if not wanted or one in wanted]
        names = [f"{account}/{INTEREST}" for account in accounts]
        if self.chosen is None and "underlying" in query:
            self.chosen, self.refused = _chain(user, query)
        if self.chosen is not None and self.chosen[0] in accounts:
            names.append("/".join(self.chosen))
        return names


def _chain(user: Any, query: dict[str, list[str]]) -> tuple[tuple[str, str] | None, str]:
    """Return the topic of the chain that a query names, or why there is none."""
    try:
        expiry = date.fromisoformat(query["expiry"][0]) if "expiry" in query else None
        return chain_topic_for(user, query["underlying"][0], expiry), ""
    except WindhoverError as error:
        return None, error.message
    except ValueError:
        return None, "The expiry is no date; write YYYY-MM-DD."
