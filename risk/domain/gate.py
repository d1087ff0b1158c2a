"""The one door of an order: what passes here, and only that, can be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from brokers.domain.orders import ApprovedOrder, OrderIntent, take_mint
from risk.domain.exposure import ZERO, RiskView, is_entry, worst_price
from risk.domain.limits import Limits
from risk.domain.market_rules import largest_part
from risk.domain.rules import ENTRY_RULES, EXIT_RULES, LEAST_RULES, PART_RULES, SIZE_RULES, Rule, largest_quantity
from risk.domain.switch import Switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No order: the rule that spoke, and its sentence with both numbers."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """A smaller order: the approved one, and why it is smaller."""

    approved: ApprovedOrder
    rule: str
    reason: str


# The mint is given out once in a process. A reload runs this file again in the same namespace,
# where it is already held; a second copy of the module gets none.
_mint: Callable[..., ApprovedOrder]
if "_mint" not in globals():
    _mint = take_mint("risk.domain.gate")


def review(
    intent: OrderIntent,
    *,
    view: RiskView,
    limits: Limits,
    switches: Switches,
    client_id: str,
    at: datetime,
) -> ApprovedOrder | Reduced | Refused:
    """Judge an intent: approve it, approve a smaller lot-rounded entry, or refuse it.

    `view` holds every order of the book that may still fill, so that approved orders must be in
    the next call's view as pending. Exits with `reduce_only` pass all but their own arithmetic; one that
    the venue would not take whole is made smaller, never refused.
    """
    objection = _objection(intent, view, limits, switches, ENTRY_RULES)
    if objection is not None:
        return objection
    oversize, quantity = _fitting(intent, view, limits)
    if oversize is not None and quantity <= 0:
        return oversize
    fitting = replace(intent, quantity=quantity)
    too_small = _first(LEAST_RULES, fitting, view, limits) if is_entry(intent) else None
    if too_small is not None:
        return too_small
    approved = _mint(
        intent=fitting,
        client_id=client_id,
        approved_at=at,
        reserved_quote=_reserved(fitting, view),
        kill_epoch=switches.epoch,
    )
    if oversize is None or quantity == intent.quantity:
        return approved
    return Reduced(approved=approved, rule=oversize.rule, reason=oversize.reason)


def recheck(approved: ApprovedOrder, *, view: RiskView, limits: Limits, switches: Switches) -> Refused | None:
    """Judge an approved order again just before it is sent; None lets it go.

    The order's own reservation in `view` is not counted against it, and its pace was counted when
    it was approved. Any switch moved since then voids an entry.
    """
    intent = approved.intent
    without = view.without(approved.client_id)
    if is_entry(intent) and switches.objection(intent.deployment_id) is None and switches.epoch != approved.kill_epoch:
        return Refused(rule="kill_switch", reason="a kill switch was moved after this order was approved")
    unpaced = tuple(entry for entry in ENTRY_RULES if entry[0] != "order_rate")
    return _objection(intent, without, limits, switches, unpaced + SIZE_RULES)


def _objection(
    intent: OrderIntent,
    view: RiskView,
    limits: Limits,
    switches: Switches,
    entry_rules: Iterable[tuple[str, Rule]],
) -> Refused | None:
    if not is_entry(intent):
        return _first(EXIT_RULES, intent, view, limits)
    # The switch speaks before any rule: whoever pulled it should find it in the journal.
    engaged = switches.objection(intent.deployment_id)
    if engaged is not None:
        return Refused(rule="kill_switch", reason=engaged)
    return _first(entry_rules, intent, view, limits)


def _fitting(intent: OrderIntent, view: RiskView, limits: Limits) -> tuple[Refused | None, Decimal]:
    """Return what objects to the quantity, and the largest quantity to which nothing objects."""
    if is_entry(intent):
        oversize = _first(SIZE_RULES, intent, view, limits)
        return oversize, intent.quantity if oversize is None else largest_quantity(intent, view, limits)
    oversize = _first(PART_RULES, intent, view, limits)
    return oversize, intent.quantity if oversize is None else largest_part(intent, view)


def _first(rules: Iterable[tuple[str, Rule]], intent: OrderIntent, view: RiskView, limits: Limits) -> Refused | None:
    for name, rule in rules:
        reason = rule(intent, view, limits)
        if reason is not None:
            return Refused(rule=name, reason=reason)
    return None


def _reserved(intent: OrderIntent, view: RiskView) -> Decimal:
    if not is_entry(intent):
        return ZERO
    return worst_price(intent, view.quote) * intent.quantity
