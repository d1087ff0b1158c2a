"""What a venue says of orders unasked: hints to read the books, at most one read a second however many come."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from brokers.domain.market import NANOSECONDS
from brokers.registry import hint_of
from execution.runtime import store

if TYPE_CHECKING:
    from execution.runtime.session import Session

BETWEEN_READS_NS = NANOSECONDS
REMEMBERED = 2_000


class Postbacks:
    """Judges the hints that web keeps for a hosted account; web trusts none and opens no secret."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._not_before_ns = 0

    async def heed(self) -> None:
        """Take what waits and read the books once for all of it; within a second of the last read it waits on."""
        session, now_ns = self._session, self._session.machine.clock.boot_ns()
        if session.machine.hints is None or now_ns < self._not_before_ns:
            return
        bodies = await session.machine.hints(session.facts.account_id)
        if not bodies:
            return
        secret = await session.machine.read(lambda: store.api_secret_of(session.facts.account_id))
        news = [self._is_news(body, secret) for body in bodies]
        session.log.info("postbacks", waiting=len(bodies), news=sum(news))
        if any(news):
            self._not_before_ns = now_ns + BETWEEN_READS_NS
            session.live.read_books("the venue says that an order changed")

    def _is_news(self, body: bytes, api_secret: str) -> bool:
        facts = self._session.facts
        hint = hint_of(facts.venue, body, api_secret=api_secret, user_id=facts.venue_user_id)
        if hint is None or hint in self._seen:
            return False
        self._seen[hint] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True
