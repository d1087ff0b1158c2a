"""What a person decides of the exceptions inbox: each once, journalled with the person's name and reason."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from brokers.domain.errors import Invalid, NotFound
from brokers.domain.orders import Book, Product
from execution.domain.choices import shown_by
from execution.domain.desk import Desk
from execution.domain.lifecycle import OrderRecord
from execution.domain.pursuit import pursue_all, settled
from execution.domain.records import DiscrepancyFound, OpeningPosition, PositionsOpened
from execution.domain.running import subscribe
from execution.domain.unknown import prove_absent

Payload = Mapping[str, Any]
Missing = Mapping[tuple[str, Product], Decimal]  # what the venue holds and the books do not, signed
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
    """Take what the venue alone holds of an instrument into the books, under nobody's name and at its price of now.

    The price is the feed's, else the venue's of the last read. Raises NotFound where that read showed no difference,
    and Invalid where the books hold anything of it, where it may still change by itself, or where the figure that the
    person saw (`quantity`) is not what the entry and the last two reads say.
    """
    instrument = str(payload["instrument"])
    reason = _reason(payload)
    missing = {key: -excess for key, excess in desk.excess.items() if key[0] == instrument and excess}
    if not missing or ("position", instrument) not in desk.state.discrepancies:
        raise NotFound(f"journal and venue do not differ in {instrument}", field="instrument")
    objection = _why_not_adopting(desk, instrument, missing) or _why_not_as_shown(desk, instrument, missing, payload)
    if objection is not None:
        raise Invalid(objection)
    [(key, quantity)] = missing.items()
    row = _opening(desk, key, quantity)
    desk.record(PositionsOpened(positions=(row,)))
    del desk.excess[key]
    desk.resolve("position", instrument, f"adopted by {_by(payload)}: {reason}")
    if desk.market.track({instrument}):
        subscribe(desk)
    pursue_all(desk)
    return f"adopted of {instrument}: {row.quantity:+f} {row.product} at {row.average_price:f}"


def _opening(desk: Desk, key: tuple[str, Product], quantity: Decimal) -> OpeningPosition:
    instrument, product = key
    price = desk.market.fair(instrument) or desk.venue_prices.get(key)
    if price is None:
        raise Invalid(f"no price of {instrument} is known: adopt it while its market is open")
    return OpeningPosition(
        instrument=instrument, product=product, quantity=quantity, average_price=price, day_average=price
    )


def _why_not_adopting(desk: Desk, instrument: str, missing: Missing) -> str | None:
    if not desk.is_reconciled:
        return "the venue's books have not been read yet"
    if instrument not in desk.config.instruments:
        return f"{instrument} is not known to this desk"
    if Product.DELIVERY in {product for _, product in missing}:
        return "shares for delivery are holdings: the broker's own statement settles them"
    if any(p.key.instrument == instrument for p in desk.state.positions.open(Book.LIVE)):
        return f"the books hold {instrument} already: adopting would change what that position has cost"
    working = [o for o in desk.state.open_orders() if o.intent.book is Book.LIVE and o.intent.instrument == instrument]
    if working:
        return f"{working[0].client_id} still works in {instrument}: wait for its end"
    return None


def _why_not_as_shown(desk: Desk, instrument: str, missing: Missing, payload: Payload) -> str | None:
    """Object to a figure that the person did not see, or that one read alone has shown."""
    if len(missing) > 1:
        return f"{instrument} differs in several products: the entry shows one of them only"
    told = desk.state.discrepancies[("position", instrument)][0]
    shown = shown_by(told)
    [((_, product), quantity)] = missing.items()
    is_told = shown is not None and (shown.product, shown.venue) == (product, quantity)
    if not is_told or desk.suspicions.get(("position", instrument)) != told:
        return f"{instrument} has changed at the venue since it was told: accept the entry, and it is told anew"
    if str(payload.get("product")) != product or Decimal(str(payload.get("quantity") or 0)) != quantity:
        return f"the entry shows {quantity:+f} {product} of {instrument}: that is not what was to be adopted"
    return None


def _reason(payload: Payload) -> str:
    reason = str(payload.get("reason") or "").strip()
    if not reason:
        raise Invalid("accepting a difference needs a reason", field="reason")
    return reason


def _by(payload: Payload) -> str:
    return str(payload.get("by") or "the operator")
