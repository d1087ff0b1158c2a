"""What a person decides of the exceptions inbox: each once, journalled with the person's name and reason."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from brokers.domain.errors import Invalid, NotFound
from brokers.domain.orders import Book, Product
from execution.domain.desk import Desk
from execution.domain.lifecycle import OrderRecord
from execution.domain.pursuit import pursue_all, settled
from execution.domain.records import DiscrepancyFound, OpeningPosition, PositionsOpened
from execution.domain.running import subscribe
from execution.domain.unknown import prove_absent

Payload = Mapping[str, Any]
# every read of the books shows these anew for as long as they last: accepted, each is told again only when it changes
STANDING = frozenset({"position", "missing_order", "unreadable"})
# the guardian writes its note while no desk is there to journal it
UNJOURNALLED = frozenset({"guardian"})


def named_order(desk: Desk, payload: Payload) -> OrderRecord:
    """Return the order that a command names; raise NotFound for one that is not in the books."""
    found = desk.state.orders.get(str(payload["client_id"]))
    if found is None:
        raise NotFound(f"there is no order {payload['client_id']}", field="client_id")
    return found


def resolve(desk: Desk, payload: Payload) -> str:
    """Accept a difference as it is, with a reason."""
    kind, subject = str(payload["kind"]), str(payload["subject"])
    if (kind, subject) not in desk.state.discrepancies and kind not in UNJOURNALLED:
        raise NotFound(f"the inbox holds no {kind} of {subject}")
    sentence = f"accepted by {_by(payload)}: {_reason(payload)}"
    fact = DiscrepancyFound(kind=kind, subject=subject, sentence=sentence, resolved=True, accepted=kind in STANDING)
    desk.record(fact)
    return "resolved"


def settle_order(desk: Desk, payload: Payload) -> str:
    """Take a person's word that an order in doubt was never placed; one that shows later is LATE."""
    order = named_order(desk, payload)
    if not order.is_doubtful or payload.get("verdict") != "not_placed":
        raise Invalid(f"{order.client_id} is {order.status}: only an order in doubt is settled, as not_placed")
    prove_absent(desk, order, f"settled by {_by(payload)}: {payload.get('reason') or 'no reason given'}")
    settled(desk, desk.state.order(order.client_id))
    return "settled as not placed"


def adopt(desk: Desk, payload: Payload) -> str:
    """Take what the venue holds of an instrument into the books, under nobody's name and at its price of now.

    The price is the feed's, else the venue's of the last read. Raises NotFound where that read showed no difference,
    and Invalid where it may still change by itself, or where the books do not count that product as a position.
    """
    instrument = str(payload["instrument"])
    reason = _reason(payload)
    missing = {key: -excess for key, excess in desk.excess.items() if key[0] == instrument and excess}
    if not missing or ("position", instrument) not in desk.state.discrepancies:
        raise NotFound(f"journal and venue do not differ in {instrument}", field="instrument")
    objection = _why_not_adopting(desk, instrument, {product for _, product in missing})
    if objection is not None:
        raise Invalid(objection)
    rows = tuple(
        _opening(desk, key, quantity) for key, quantity in sorted(missing.items(), key=lambda item: item[0][1])
    )
    desk.record(PositionsOpened(positions=rows))
    for key in missing:
        del desk.excess[key]
    desk.resolve("position", instrument, f"adopted by {_by(payload)}: {reason}")
    if desk.market.track({instrument}):
        subscribe(desk)
    pursue_all(desk)
    taken = ", ".join(f"{row.quantity:+f} {row.product} at {row.average_price:f}" for row in rows)
    return f"adopted of {instrument}: {taken}"


def _opening(desk: Desk, key: tuple[str, Product], quantity: Decimal) -> OpeningPosition:
    instrument, product = key
    price = desk.market.fair(instrument) or desk.venue_prices.get(key) or _held_at(desk, instrument, product)
    if price is None:
        raise Invalid(f"no price of {instrument} is known: adopt it while its market is open")
    return OpeningPosition(
        instrument=instrument, product=product, quantity=quantity, average_price=price, day_average=price
    )


def _held_at(desk: Desk, instrument: str, product: Product) -> Decimal | None:
    """Return what our own position cost, where the venue holds none to be valued by."""
    held = desk.state.positions.open(Book.LIVE)
    prices = (p.average_price for p in held if (p.key.instrument, p.key.product) == (instrument, product))
    return next(prices, None)


def _why_not_adopting(desk: Desk, instrument: str, products: set[Product]) -> str | None:
    if not desk.is_reconciled:
        return "the venue's books have not been read yet"
    if instrument not in desk.config.instruments:
        return f"{instrument} is not known to this desk"
    if Product.DELIVERY in products:
        return "shares for delivery are holdings: the broker's own statement settles them"
    working = [o for o in desk.state.open_orders() if o.intent.book is Book.LIVE and o.intent.instrument == instrument]
    if working:
        return f"{working[0].client_id} still works in {instrument}: wait for its end"
    return None


def _reason(payload: Payload) -> str:
    reason = str(payload.get("reason") or "").strip()
    if not reason:
        raise Invalid("accepting a difference needs a reason", field="reason")
    return reason


def _by(payload: Payload) -> str:
    return str(payload.get("by") or "the operator")
