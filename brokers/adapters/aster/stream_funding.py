"""Funding that the stream announces, read from the venue's income: only there does a payment have its id and contract."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from brokers.domain.errors import DataError, NeedsLogin, VenueError
from brokers.domain.perpetual_terms import VenueFunding
from brokers.ports import FeedDoubt, FeedEvent, FeedFunding

# a payment may stand in the income a moment after it was announced
ASKED_AFTER_S = (2.0, 5.0, 15.0, 30.0)
LOOK_BACK = timedelta(minutes=10)
NEAR = timedelta(minutes=2)


class FundingNews:
    """Asks for announced payments until they are there; each is told once."""

    def __init__(self, funding: Callable[[datetime], Awaitable[Sequence[VenueFunding]]]) -> None:
        self._funding = funding
        self._told: set[str] = set()
        self._announced_at: datetime | None = None
        self._due_at: datetime | None = None
        self._asked = 0

    def announce(self, at: datetime, now: datetime) -> None:
        """Take note that a payment was made."""
        self._announced_at = at
        self._asked = 0
        self._due_at = now + timedelta(seconds=ASKED_AFTER_S[0])

    def is_due(self, now: datetime) -> bool:
        return self._due_at is not None and now >= self._due_at

    async def ask(self, now: datetime) -> list[FeedEvent]:
        """Return what is new; after the last vain question, a doubt. Raise NeedsLogin for a dead session."""
        announced_at = self._announced_at
        if announced_at is None:
            return []
        try:
            payments = await self._funding(announced_at - LOOK_BACK)
        except NeedsLogin:
            raise
        except (VenueError, DataError):
            payments = []
        new = [payment for payment in payments if payment.payment_id not in self._told]
        self._told.update(payment.payment_id for payment in new)
        told: list[FeedEvent] = [FeedFunding(payment=payment) for payment in new]
        self._asked += 1
        if any(abs(payment.paid_at - announced_at) <= NEAR for payment in payments):
            self._due_at = None
        elif self._asked < len(ASKED_AFTER_S):
            self._due_at = now + timedelta(seconds=ASKED_AFTER_S[self._asked])
        else:
            self._due_at = None
            told.append(FeedDoubt(reason="A funding payment was announced, and the venue's income does not show it."))
        return told
