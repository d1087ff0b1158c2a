"""The one door of an order: what passes here, and only that, can be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache

from brokers.domain.orders import ApprovedOrder, OrderIntent, take_mint
from risk.domain.exposure import ZERO, RiskView, closable, holder_of, is_entry, reduces, worst_price
from risk.domain.levels import SCOPED, Bound, Level
from risk.domain.limits import Bounding, Limits
from risk.domain.market_rules import largest_part, lots_in, most_at_once
from risk.domain.rules import ENTRY_RULES, EXIT_RULES, GROWTH_RULES, LEAST_RULES, LIMIT_OF, PART_RULES, Rule
from risk.domain.size_rules import SIZE_RULES
from risk.domain.switch import Switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No order: the rule that spoke first, its sentence with both numbers, and the level whose limit it was."""

    rule: str
    reason: str
    level: Level = Level.ACCOUNT

    @property
    def code(self) -> str:
        """Return what programs know the refusal by; it never changes."""
        return f"risk.{self.rule}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clamp:
    """One rule that made an order smaller: from how many units to how many, and why."""

    rule: str
    reason: str
    asked: Decimal
    allowed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduced:
    """A smaller order: the approved one, the first rule that spoke, and every rule that made it smaller."""

    approved: ApprovedOrder
    rule: str
    reason: str
    clamps: tuple[Clamp, ...] = ()


# Rules that keep silent while their limit is not set, beside those of LIMIT_OF: they are not asked then.
_LIMIT_NEEDED = LIMIT_OF | {
    "drawdown": "max_drawdown_fraction",
    "known_equity": "max_leverage",
    "leverage": "max_leverage",
    "margin": "max_margin_fraction",
    "cash_share": "min_cash_fraction",
    "scenario_loss": "max_scenario_loss_quote",
    "delta_notional": "max_delta_notional_quote",
    "value_at_risk": "max_var_quote",
}
# Rules that keep silent of an instrument on no list, and of one that is no perpetual contract.
_OF_LISTS = frozenset({"ban_period", "surveillance", "trade_to_trade", "mis_blocked"})
_OF_PERPETUALS = frozenset({"account_mode", "delisting", "usdt_par", "mark_trigger", "bracket"})


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
    the venue would not take whole is made smaller, never refused. An entry that by its effect can only reduce
    is asked what the market asks of every order, and no limit.
    """
    case = _Case.of(intent, view, limits)
    objection = case.objection(switches)
    if objection is not None:
        return objection
    clamps, quantity = case.fitting()
    if clamps and quantity <= 0:
        return Refused(rule=clamps[0].rule, reason=clamps[0].reason, level=case.level_of(clamps[0].rule))
    fitting = replace(intent, quantity=quantity) if clamps else intent
    too_small = _first(LEAST_RULES, fitting, view, case.limits) if case.is_entry else None
    if too_small is not None:
        return too_small
    approved = _mint(
        intent=fitting,
        client_id=client_id,
        approved_at=at,
        reserved_quote=_reserved(fitting, view),
        kill_epoch=switches.epoch,
    )
    if not clamps or quantity == intent.quantity:
        return approved
    return Reduced(approved=approved, rule=clamps[0].rule, reason=clamps[0].reason, clamps=clamps)


def recheck(approved: ApprovedOrder, *, view: RiskView, limits: Limits, switches: Switches) -> Refused | None:
    """Judge an approved order again just before it is sent; None lets it go.

    The order's own reservation in `view` is not counted against it, and its pace was counted when
    it was approved. Any switch moved since then voids an entry.
    """
    intent = approved.intent
    case = _Case.of(intent, view.without(approved.client_id), limits)
    if case.is_entry and switches.objection(intent.deployment_id) is None and switches.epoch != approved.kill_epoch:
        return Refused(rule="kill_switch", reason="a kill switch was moved after this order was approved")
    return case.objection(switches, is_paced=False) or (case.oversize() if case.is_entry else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One intent with what it is judged by; `own` is the strategy's view of itself where it has limits of its own."""

    intent: OrderIntent
    view: RiskView
    bounding: Bounding
    is_entry: bool
    is_reducing: bool
    own: RiskView | None

    @staticmethod
    def of(intent: OrderIntent, view: RiskView, limits: Limits) -> _Case:
        bounding = limits.over(deployment_id=intent.deployment_id, instrument=intent.instrument)
        entry = is_entry(intent)
        return _Case(
            intent=intent,
            view=view,
            bounding=bounding,
            is_entry=entry,
            is_reducing=entry and reduces(intent, view),
            own=view.of_deployment(intent.deployment_id) if entry and bounding.own else None,
        )

    @property
    def limits(self) -> Limits:
        return self.bounding.limits

    @property
    def silent(self) -> frozenset[str]:
        """Return the rules that would object to nothing here, whatever the figures."""
        return _silent(
            self.bounding.unset,
            bool(self.view.standing.restrictions),
            self.view.perpetual is not None,
            self.is_reducing,
        )

    def objection(self, switches: Switches, *, is_paced: bool = True) -> Refused | None:
        """Return the first objection to the order as such, whatever its size."""
        if not self.is_entry:
            return _first(EXIT_RULES, self.intent, self.view, self.limits)
        # The switch speaks before any rule: whoever pulled it should find it in the journal.
        engaged = switches.objection(self.intent.deployment_id)
        if engaged is not None:
            return Refused(rule="kill_switch", reason=engaged)
        silent = self.silent if is_paced else self.silent | {"order_rate"}
        return self._first_of((name, rule) for name, rule in ENTRY_RULES if name not in silent)

    def oversize(self) -> Refused | None:
        """Return the first objection to the order's size."""
        silent = self.silent
        return self._first_of((rule.name, rule.objection) for rule in SIZE_RULES if rule.name not in silent)

    def fitting(self) -> tuple[tuple[Clamp, ...], Decimal]:
        """Return what makes the order smaller, each rule on its own, and the largest quantity that all of them allow."""
        if not self.is_entry:
            return self._part()
        clamps = tuple(self._clamps())
        if not clamps:
            return (), self.intent.quantity
        quantity = lots_in(self.view, max(min(clamp.allowed for clamp in clamps), ZERO))
        # what only reduces passes every limit, so at least that much of an order does
        freed = min(closable(self.view, holder_of(self.intent), self.intent.side), self.intent.quantity)
        return clamps, max(quantity, lots_in(self.view, most_at_once(self.view, freed)))

    def level_of(self, rule: str) -> Level:
        """Return whose limit a rule speaks of."""
        bound = self._bound(self.bounding.origin, rule)
        return bound.level if bound is not None else Level.ACCOUNT

    def _clamps(self) -> Iterable[Clamp]:
        silent, intent = self.silent, self.intent
        for rule in SIZE_RULES:
            if rule.name in silent:
                continue
            for view, limits, origin in self._scopes(rule.name):
                most = rule.most(intent, view, limits)
                if most is not None and intent.quantity > most:
                    reason = _named(rule.sentence(intent, view, limits), self._bound(origin, rule.name))
                    yield Clamp(rule=rule.name, reason=reason, asked=intent.quantity, allowed=most)

    def _part(self) -> tuple[tuple[Clamp, ...], Decimal]:
        oversize = _first(PART_RULES, self.intent, self.view, self.limits)
        if oversize is None:
            return (), self.intent.quantity
        part = largest_part(self.intent, self.view)
        clamp = Clamp(rule=oversize.rule, reason=oversize.reason, asked=self.intent.quantity, allowed=part)
        return (clamp,), part

    def _first_of(self, rules: Iterable[tuple[str, Rule]]) -> Refused | None:
        for name, rule in rules:
            for view, limits, origin in self._scopes(name):
                reason = rule(self.intent, view, limits)
                if reason is not None:
                    bound = self._bound(origin, name)
                    level = bound.level if bound is not None else Level.ACCOUNT
                    return Refused(rule=name, reason=_named(reason, bound), level=level)
        return None

    def _scopes(self, rule: str) -> Sequence[tuple[RiskView, Limits, Mapping[str, Bound]]]:
        bounding = self.bounding
        whole = self.view, bounding.limits, bounding.origin
        if self.own is None or bounding.own is None or LIMIT_OF.get(rule) not in SCOPED:
            return (whole,)
        return whole, (self.own, bounding.own, bounding.own_origin)

    @staticmethod
    def _bound(origin: Mapping[str, Bound], rule: str) -> Bound | None:
        return origin.get(LIMIT_OF.get(rule, ""))


@cache
def _silent(unset: frozenset[str], is_listed: bool, is_perpetual: bool, is_reducing: bool) -> frozenset[str]:
    """Return the rules that need not be asked; what an order that can only reduce is not asked stands in the rules."""
    silent = {rule for rule, limit in _LIMIT_NEEDED.items() if limit in unset}
    if not is_listed:
        silent |= _OF_LISTS
    if not is_perpetual:
        silent |= _OF_PERPETUALS
    if is_reducing:
        silent |= GROWTH_RULES | {rule.name for rule in SIZE_RULES if not rule.of_venue}
    return frozenset(silent)


def _named(reason: str, bound: Bound | None) -> str:
    if bound is None or bound.level is Level.ACCOUNT:
        return reason
    return f"{reason}, set for the {bound.level}"


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
