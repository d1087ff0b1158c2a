"""Carries a write out at a venue, once, and tells the engine how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

import structlog

from brokers.domain.errors import Ambiguous, Invalid, NeedsLogin, Rejected, Retryable, WindhoverError
from brokers.domain.instruments import Instrument
from brokers.domain.orders import ApprovedOrder, Book, Purpose, VenueOrder
from brokers.ports import Budget, Clock, Receipt, Venue
from execution.domain.commands import CancelOrder, ModifyOrder, PlaceOrder
from execution.domain.events import SendOutcome, SendResult, Write
from execution.runtime.permit import Permit, PermitRefused

log = structlog.get_logger(__name__)

# where a write goes: asked at the last moment, because a login may die while the write waits
Door = Callable[[], tuple[Venue, Budget | None]]


class Marks(Protocol):
    """What a send log does for the sender."""

    def mark(self, client_id: str) -> None: ...


class _Gateway:
    """The last check of one write; whether it was ever reached tells whether a byte may have left."""

    __slots__ = ("_check", "is_reached")

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self.is_reached = False

    def __call__(self) -> None:
        self.is_reached = True
        self._check()


class Sender:
    """One account's writes to its venues; every outcome goes through `report`."""

    def __init__(
        self,
        *,
        clock: Clock,
        permit: Permit,
        marks: Marks,
        objection: Callable[[ApprovedOrder], str | None],
        report: Callable[[SendOutcome], None],
        on_needs_login: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._permit = permit
        self._marks = marks
        self._objection = objection
        self._report = report
        self._on_needs_login = on_needs_login

    async def place(self, command: PlaceOrder, *, instrument: Instrument, door: Door) -> None:
        """Send an approved order; its outcome is confirmed, rejected, not sent or ambiguous."""
        order = command.order

        def check() -> None:
            self._permit.require_order(order, send_by=command.send_by, objection=self._objection)
            self._marks.mark(order.client_id)

        async def call(before_write: _Gateway) -> Receipt:
            venue, budget = door()
            is_urgent = order.intent.purpose is not Purpose.ENTRY
            async with self.turn(budget, "order", urgent=is_urgent, send_by=command.send_by):
                return await venue.place(order, instrument, before_write)

        await self._carry_out(order.client_id, Write.PLACE, order.intent.book, call, check)

    async def cancel(self, command: CancelOrder, *, door: Door) -> None:
        """Send a cancellation; how it ends is read from the order's state."""

        def check() -> None:
            self._permit.require_by(command.send_by)

        async def call(before_write: _Gateway) -> Receipt:
            venue, budget = door()
            async with self.turn(budget, "cancel", urgent=True, send_by=command.send_by):
                return await venue.cancel(command.venue_order_id, before_write)

        await self._carry_out(command.client_id, Write.CANCEL, command.book, call, check)

    async def modify(self, command: ModifyOrder, *, order: VenueOrder, door: Door) -> None:
        """Send new prices; how it ends is read from the order's state."""

        def check() -> None:
            self._permit.require_by(command.send_by)

        async def call(before_write: _Gateway) -> Receipt:
            venue, budget = door()
            async with self.turn(budget, "order", urgent=True, send_by=command.send_by):
                return await venue.modify(
                    order, price=command.price, trigger_price=command.trigger_price, before_write=before_write
                )

        await self._carry_out(command.client_id, Write.MODIFY, command.book, call, check)

    @asynccontextmanager
    async def turn(
        self, budget: Budget | None, kind: str, *, urgent: bool, send_by: datetime, weight: int = 1
    ) -> AsyncIterator[None]:
        """Wait for the budget, at most until a write would be too old, and give the place back after the answer."""
        if budget is None:
            yield
            return
        left_s = max((send_by - self._clock.now()).total_seconds(), 0.0)
        try:
            async with asyncio.timeout(left_s):
                number = await budget.acquire(kind, urgent=urgent, weight=weight)
        except TimeoutError:
            sentence = "its turn did not come while it was young enough; nothing was sent"
            raise PermitRefused(sentence, code="permit.late") from None
        try:
            yield
        finally:
            budget.settle(kind, number)

    async def _carry_out(
        self,
        client_id: str,
        write: Write,
        book: Book,
        call: Callable[[_Gateway], Awaitable[Receipt]],
        check: Callable[[], None],
    ) -> None:
        before_write = _Gateway(check)
        result, venue_order_id, message, code = SendResult.AMBIGUOUS, "", "the write was interrupted", ""
        try:
            receipt = await call(before_write)
            result, venue_order_id, message = SendResult.CONFIRMED, receipt.venue_order_id, ""
        except NeedsLogin as error:
            result, message, code = SendResult.REJECTED, error.message, error.code
            self._on_needs_login(error.message)
        except Rejected as error:
            result, message, code = SendResult.REJECTED, error.message, error.code
        except (Retryable, PermitRefused) as error:
            result, message, code = SendResult.NOT_SENT, error.message, error.code
        except Invalid as error:
            # a request that could not even be built; once its bytes may have left, nothing is certain
            result = SendResult.AMBIGUOUS if before_write.is_reached else SendResult.NOT_SENT
            message, code = error.message, error.code
        except (Ambiguous, WindhoverError) as error:
            result, message, code = SendResult.AMBIGUOUS, error.message, error.code
        finally:
            # an error nobody foresaw leaves the outcome ambiguous, and then ends the session
            log.info("write_ended", client_id=client_id, write=write, book=book, result=result, message=message)
            self._report(
                SendOutcome(
                    at=self._clock.now(),
                    client_id=client_id,
                    result=result,
                    write=write,
                    venue_order_id=venue_order_id,
                    message=message,
                    code=code,
                )
            )
