"""What a combination would block: the venue's calculator where the account has one that answers, else an own estimate."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.core.cache import cache

from accounts.models import User
from accounts.selectors import desks_to_act_on
from brokers.domain.errors import WindhoverError
from brokers.domain.margins import BasketMargin
from brokers.domain.orders import Book, OrderIntent, OrderType, Product, Purpose
from brokers.margin_calculator import basket_margin
from brokers.models import TradingAccount, Venue
from options.builder import estimate_of, margin_document
from options.builder_pricing import Priced
from options.builder_rows import price_of, text

# the venue counts an account's questions, and orders share that count
QUESTION_EVERY_S = 1


def margin_answer(user: User, found: Priced, *, account: TradingAccount | None, product: Product) -> dict[str, Any]:
    """Ask the venue what the combination would block, saying so; an own estimate with the reason where it does not answer."""
    asked, why_not = _own_account(user, account)
    if asked is None:
        return margin_document(estimate_of(found), why_not)
    if not cache.add(f"builder-margin:{asked.pk}", True, QUESTION_EVERY_S):
        return margin_document(estimate_of(found), "The venue's calculator was asked less than a second ago.")
    try:
        said = basket_margin(account=asked, orders=_orders(found, str(asked.id), product))
    except WindhoverError as problem:
        return margin_document(estimate_of(found), f"The venue's calculator was asked: {problem.message}.")
    return _document(said, asked, estimate_of(found).premium_paid)


def _own_account(user: User, named: TradingAccount | None) -> tuple[TradingAccount | None, str]:
    """Return the account to ask, only ever the user's own on a desk where they may act; else None and the reason."""
    own = TradingAccount.objects.filter(owner=user, is_enabled=True, desk__in=desks_to_act_on(user))
    if named is None:
        asked = own.filter(venue=Venue.KITE).order_by("created_at").first()
        return asked, "No account of your own with a margin calculator is connected."
    asked = own.filter(pk=named.pk).first()
    return asked, "The account named is not your own, not in use, or on a desk where you may only look."


def _orders(found: Priced, account_id: str, product: Product) -> Sequence[Any]:
    return [
        (
            OrderIntent(
                account_id=account_id,
                book=Book.PAPER,
                instrument=leg.instrument.key,
                side=leg.side,
                quantity=Decimal(abs(leg.units)),
                order_type=OrderType.LIMIT,
                product=product,
                purpose=Purpose.ENTRY,
                reason="margin calculator",
                decided_at=found.live.chain.market.now,
                price=price_of(leg, picked),
            ),
            leg.instrument,
        )
        for leg, picked in zip(found.legs, found.picked, strict=True)
    ]


def _document(said: BasketMargin, account: TradingAccount, premium_paid: Decimal) -> dict[str, Any]:
    """`final` has the spread's benefit; while the bought legs go first, what they cost comes on top of what it does not hold."""
    final = said.final
    alone = f"Order by order, without the benefit of the spread: {text(said.initial.total)}."
    return {
        "source": "venue",
        "said": f"By the margin calculator of {account}, held positions counted in. {alone}",
        "final": text(final.total),
        "peak": text(final.total + max(premium_paid - final.option_premium, Decimal(0))),
        "scenarios": text(final.span),
        "exposure": text(final.exposure),
        "premium_paid": text(premium_paid),
        "account": str(account.id),
    }
