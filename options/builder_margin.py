"""What a combination would block: the venue's calculator where the account has one that answers, else an own estimate."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from accounts.models import User
from brokers.domain.errors import WindhoverError
from brokers.domain.margins import BasketMargin
from brokers.domain.orders import Book, OrderIntent, OrderType, Product, Purpose
from brokers.margin_calculator import basket_margin
from brokers.models import TradingAccount, Venue
from brokers.selectors import accounts_visible
from options.builder import estimate_of, margin_document
from options.builder_pricing import Priced
from options.builder_rows import price_of, text


def margin_answer(user: User, found: Priced, *, account: TradingAccount | None, product: Product) -> dict[str, Any]:
    """Ask the venue what the combination would block, saying so; an own estimate with the reason where it does not answer."""
    asked = account or accounts_visible(user).filter(venue=Venue.KITE, is_enabled=True).first()
    if asked is None:
        return margin_document(estimate_of(found), "No account with a margin calculator is connected.")
    try:
        said = basket_margin(account=asked, orders=_orders(found, str(asked.id), product))
    except WindhoverError as problem:
        return margin_document(estimate_of(found), f"The venue's calculator was asked: {problem.message}.")
    return _document(said, asked, estimate_of(found).premium_paid)


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
