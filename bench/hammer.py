"""Orders as fast as an account's owner may send them: gate, journal, permit, budget and venue are the product's."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bench.budgets import ACCOUNT_ID, INSTRUMENT, REFUSED
from brokers.domain.calendar import Phase
from brokers.domain.orders import ApprovedOrder, Book, OrderIntent, OrderType, Product, Purpose, Side
from brokers.ports import LeaseGrant
from risk.domain.exposure import Holding, QuoteView, RiskView
from risk.domain.gate import Refused, review
from risk.domain.limits import Limits
from risk.domain.switch import Switches

if TYPE_CHECKING:
    from brokers.adapters.budget import PacedBudget
    from brokers.adapters.kite.client import KiteVenue
    from execution.domain.events import SendOutcome
    from execution.journal import Journal
    from execution.runtime.permit import Permit
    from execution.runtime.sender import Sender

SEND_WITHIN_S = 2.0
FAR = Decimal("0.97")
LIMITS = Limits(
    max_daily_loss_quote=Decimal(10**9),
    max_order_value_quote=Decimal(10**9),
    max_gross_exposure_quote=Decimal(10**9),
    max_position_value_quote=Decimal(10**9),
    max_orders_per_second=1_000,
    max_orders_per_day=100_000,
    price_band_fraction=Decimal("0.5"),
    max_quote_age_s=Decimal(60),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """With what an order is sent: a grant of the lease, its permit, a venue and a budget."""

    grant: LeaseGrant
    permit: Permit
    venue: KiteVenue
    budget: PacedBudget
    is_forged: bool = False


@dataclass(slots=True, kw_only=True)
class Hammer:
    """Sends orders far from the market, so that they rest, and cancels them."""

    role: str
    price: Decimal
    clock: Any
    journal: Journal
    number: int = 0

    async def place(self, means: Means, purpose: Purpose, counted: Counter[str]) -> SendOutcome | None:
        """Journal an order and send it; None when the journal refuses an owner who is one no more."""
        from execution.domain.commands import PlaceOrder
        from execution.domain.events import Write
        from execution.domain.records import Intended, Outcome

        approved = self._approved(means.grant, purpose)
        send_by = self.clock.now() + timedelta(seconds=SEND_WITHIN_S)
        intended = Intended(
            client_id=approved.client_id,
            intent=approved.intent,
            venue_day=f"{self.clock.now():%Y-%m-%d}",
            send_by=send_by,
            reserved_quote=approved.reserved_quote,
            kill_epoch=0,
            lease_token=means.grant.token,
        )
        if not await self._journalled(means.grant, intended):
            counted[REFUSED] += 1
            if not means.is_forged:
                return None
        outcomes: list[SendOutcome] = []
        command = PlaceOrder(order=approved, send_by=send_by)
        await self._sender(means, outcomes).place(
            command, instrument=INSTRUMENT, door=lambda: (means.venue, means.budget)
        )
        [outcome] = outcomes
        counted[f"{purpose} {outcome.result} {outcome.code}".strip()] += 1
        said = Outcome(client_id=approved.client_id, write=Write.PLACE, result=outcome.result)
        await self._journalled(means.grant, said)
        return outcome

    async def cancel(self, means: Means, venue_order_id: str, counted: Counter[str]) -> None:
        """Journal a cancellation and send it."""
        from execution.domain.commands import CancelOrder
        from execution.domain.events import Write
        from execution.domain.records import WriteAsked

        client_id = self._next_id(means.grant)
        fact = WriteAsked(client_id=client_id, write=Write.CANCEL, cancel_wanted=True, reason="the bench cancels")
        if not await self._journalled(means.grant, fact):
            return
        outcomes: list[SendOutcome] = []
        send_by = self.clock.now() + timedelta(seconds=SEND_WITHIN_S)
        command = CancelOrder(client_id=client_id, venue_order_id=venue_order_id, book=Book.LIVE, send_by=send_by)
        await self._sender(means, outcomes).cancel(command, door=lambda: (means.venue, means.budget))
        counted[f"cancel {outcomes[0].result}"] += 1

    def _sender(self, means: Means, outcomes: list[SendOutcome]) -> Sender:
        from execution.runtime.sender import Sender

        return Sender(
            clock=self.clock,
            permit=means.permit,
            marks=_NoMarks(),
            objection=lambda _: None,
            report=outcomes.append,
            on_needs_login=lambda _: None,
        )

    def _approved(self, grant: LeaseGrant, purpose: Purpose) -> ApprovedOrder:
        is_entry = purpose is Purpose.ENTRY
        price = INSTRUMENT.price_below(self.price * FAR) if is_entry else INSTRUMENT.price_above(self.price / FAR)
        intent = OrderIntent(
            account_id=ACCOUNT_ID,
            book=Book.LIVE,
            instrument=INSTRUMENT.key,
            side=Side.BUY if is_entry else Side.SELL,
            quantity=Decimal(1),
            order_type=OrderType.LIMIT,
            product=Product.INTRADAY,
            purpose=purpose,
            reason="the bench hammers",
            decided_at=self.clock.now(),
            price=price,
            reduce_only=not is_entry,
        )
        held = Holding(
            instrument=INSTRUMENT.key, quantity=Decimal(1_000), mark_quote=self.price, product=Product.INTRADAY
        )
        view = RiskView(
            instrument=INSTRUMENT,
            holdings=() if is_entry else (held,),
            pending=(),
            pnl_today_net_quote=Decimal(0),
            orders_last_second=0,
            orders_today=0,
            quote=QuoteView(last_price=self.price, bid=None, ask=None, age_s=Decimal(0)),
            phase=Phase.CONTINUOUS,
            market_at=self.clock.now(),
        )
        client_id = self._next_id(grant)
        decision = review(
            intent, view=view, limits=LIMITS, switches=Switches(), client_id=client_id, at=self.clock.now()
        )
        if isinstance(decision, Refused):
            raise AssertionError(decision.reason)  # noqa: TRY004 - the gate's verdict, no wrong type
        return decision if isinstance(decision, ApprovedOrder) else decision.approved

    def _next_id(self, grant: LeaseGrant) -> str:
        self.number += 1
        return f"WA{self.role[:4].upper()}{grant.token:02d}{self.number:06d}"

    async def _journalled(self, grant: LeaseGrant, fact: Any) -> bool:
        from execution.domain.records import record_of
        from execution.journal import Batch, StaleToken

        batch = Batch(account_id=ACCOUNT_ID, token=grant.token, records=(record_of(fact, self.clock.now()),))
        try:
            await asyncio.wrap_future(self.journal.write(batch))
        except StaleToken:
            return False
        return True


class _NoMarks:
    """The send log's place: what a crash leaves behind is not measured here."""

    def mark(self, client_id: str) -> None:
        return
