"""The rules of the gate: each objects in one sentence with both numbers, or keeps silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from brokers.domain.calendar import Phase
from brokers.domain.clock import IST
from brokers.domain.figures import in_words, price_in_words, quantity_in_words
from brokers.domain.instruments import OPTION_KINDS
from brokers.domain.orders import OrderIntent, Side
from risk.domain.exposure import ZERO, RiskView, closable, holder_of, underlying_of
from risk.domain.limit_rules import (
    cash_share,
    circuit,
    delta_notional,
    drawdown,
    entry_window,
    instrument_allowed,
    known_equity,
    margin,
    min_hold,
    open_orders,
    order_rate,
    reentry_cooldown,
    scenario_loss,
    spread,
    trade_count,
    value_at_risk,
)
from risk.domain.limits import Limits
from risk.domain.market_rules import (
    ban_period,
    freeze_quantity,
    from_holdings,
    known_lot,
    lots_in,
    mis_blocked,
    surveillance,
    trade_to_trade,
)
from risk.domain.perpetual_rules import (
    account_mode,
    delisting,
    least_notional,
    least_quantity,
    mark_trigger,
    usdt_par,
)

Rule: TypeAlias = Callable[[OrderIntent, RiskView, Limits], str | None]


def daily_loss(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object once the day's net loss, open positions marked and charges paid, reached its limit."""
    loss = -view.pnl_today_net_quote
    if loss >= limits.max_daily_loss_quote:
        return f"lost {in_words(loss)} today net of charges, limit {in_words(limits.max_daily_loss_quote)}"
    return None


def unknown_outcome(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object while an order of the same underlying or deployment may or may not have been placed."""
    underlying = underlying_of(view.instrument)
    for order in view.pending:
        same_basket = intent.deployment_id is not None and order.deployment_id == intent.deployment_id
        if order.is_unknown and (order.underlying == underlying or same_basket):
            return f"the outcome of {order.client_id} in {order.instrument} is unknown, so entries wait for it"
    return None


def session_phase(_intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object outside the continuous session and after its entry cut-off."""
    if view.closed_because:
        return view.closed_because
    if view.phase is not Phase.CONTINUOUS:
        phase = view.phase.replace("_", " ")
        return f"entries need the continuous session, at {view.market_at.astimezone(IST):%H:%M} the phase is {phase}"
    if view.entry_cutoff_at is not None and view.market_at >= view.entry_cutoff_at:
        now = f"{view.market_at.astimezone(IST):%H:%M}"
        return f"it is {now}, entries end at {view.entry_cutoff_at.astimezone(IST):%H:%M}"
    return None


def tradable(_intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to what is quoted but cannot be traded."""
    if not view.instrument.is_tradable:
        return f"{view.instrument.key} is an index and cannot be traded"
    return None


def written_option(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to selling an option to open beyond what its holder's own cover bounds: premium does not bound its loss."""
    if view.instrument.kind not in OPTION_KINDS or intent.side is not Side.SELL or intent.quantity <= view.covered:
        return None
    if view.covered > ZERO:
        sold, covered = quantity_in_words(intent.quantity), quantity_in_words(view.covered)
        return f"{view.instrument.key}: {sold} would be sold to open, and what is held with it covers {covered}"
    return f"{view.instrument.key} would be sold to open, and a written option's loss has no bound here"


def stale_quote(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object when there is no recent price to judge the order by."""
    if view.quote is None:
        return f"no quote of {view.instrument.key} has been received"
    if view.quote.last_price <= 0:
        return f"{view.instrument.key} has no price to judge an order by: {in_words(view.quote.last_price)}"
    if view.quote.is_cached:
        return f"the price of {view.instrument.key} is from before the desk listened, a new one is awaited"
    if view.quote.is_stale or view.quote.age_s > limits.max_quote_age_s:
        age = in_words(view.quote.age_s)
        return f"the quote of {view.instrument.key} is {age} s old, limit {in_words(limits.max_quote_age_s)} s"
    return None


def whole_lots(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to a quantity that is no whole number of lots, or of steps where the venue trades parts of a unit."""
    if lots_in(view, intent.quantity) != intent.quantity:
        step = view.instrument.quantity_step
        if step is not None:
            return f"quantity {quantity_in_words(intent.quantity)} is not a multiple of the step of {quantity_in_words(step)}"
        lot = view.instrument.lot_size or view.standing.lot_size
        return f"quantity {in_words(intent.quantity)} is not a multiple of the lot of {lot}"
    return None


def price_band(intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object to a price too far from the last one: a slipped digit, or a stale idea."""
    if view.quote is None or view.quote.last_price <= 0:
        return None  # stale_quote speaks of that
    last = view.quote.last_price
    for price in (intent.price, intent.trigger_price):
        if price is not None and abs(price - last) > last * limits.price_band_fraction:
            away = in_words(abs(price - last) / last * 100)
            allowed = in_words(limits.price_band_fraction * 100)
            return f"price {price_in_words(price)} is {away} % from the last {price_in_words(last)}, limit {allowed} %"
    return None


def reduces_only(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to an exit larger than what is still closable."""
    free = closable(view, holder_of(intent), intent.side)
    if intent.quantity > free:
        return (
            f"{intent.side.lower()} of {quantity_in_words(intent.quantity)} to exit, closable {quantity_in_words(free)}"
        )
    return None


# The loss limit speaks first: after a bad day the reader of the journal should see that. Then
# whatever stops every entry (an unknown outcome, the clock, the instrument itself), then what
# makes figures untrustworthy, then the order's own form, then its pace. Size speaks last, because
# only its objection can be met by a smaller order.
ENTRY_RULES: tuple[tuple[str, Rule], ...] = (
    ("daily_loss", daily_loss),
    ("drawdown", drawdown),
    ("unknown_outcome", unknown_outcome),
    ("session_phase", session_phase),
    ("entry_window", entry_window),
    ("tradable", tradable),
    ("instrument_allowed", instrument_allowed),
    ("account_mode", account_mode),
    ("delisting", delisting),
    ("usdt_par", usdt_par),
    ("ban_period", ban_period),
    ("surveillance", surveillance),
    ("trade_to_trade", trade_to_trade),
    ("mis_blocked", mis_blocked),
    ("holdings", from_holdings),
    ("written_option", written_option),
    ("stale_quote", stale_quote),
    ("known_lot", known_lot),
    ("whole_lots", whole_lots),
    ("price_band", price_band),
    ("circuit", circuit),
    ("spread", spread),
    ("mark_trigger", mark_trigger),
    ("min_hold", min_hold),
    ("reentry_cooldown", reentry_cooldown),
    ("trade_count", trade_count),
    ("open_orders", open_orders),
    ("order_rate", order_rate),
    ("known_equity", known_equity),
    ("margin", margin),
    ("cash_share", cash_share),
    ("scenario_loss", scenario_loss),
    ("delta_notional", delta_notional),
    ("value_at_risk", value_at_risk),
)

# Of them, what protects from growing: an order that by its effect can only reduce a position is not asked, so that no limit
# can keep anybody in one. The rest is about the market and about a sane order.
GROWTH_RULES = frozenset(
    {
        "daily_loss",
        "drawdown",
        "entry_window",
        "instrument_allowed",
        "written_option",
        "circuit",
        "spread",
        "min_hold",
        "reentry_cooldown",
        "trade_count",
        "open_orders",
        "order_rate",
        "known_equity",
        "margin",
        "cash_share",
        "scenario_loss",
        "delta_notional",
        "value_at_risk",
    }
)

# Which limit a rule speaks of, where levels may set it.
LIMIT_OF = {
    "order_value": "max_order_value_quote",
    "order_quantity": "max_order_quantity",
    "position_value": "max_position_value_quote",
    "position_quantity": "max_position_quantity",
    "underlying_value": "max_underlying_value_quote",
    "gross_exposure": "max_gross_exposure_quote",
    "net_exposure": "max_net_exposure_quote",
    "open_orders": "max_open_orders",
    "trade_count": "max_trades_per_day",
    "price_band": "price_band_fraction",
    "stale_quote": "max_quote_age_s",
    "spread": "max_spread_fraction",
    "circuit": "circuit_gap_fraction",
    "min_hold": "min_hold_s",
    "reentry_cooldown": "reentry_cooldown_s",
    "entry_window": "entry_windows_ist",
    "instrument_allowed": "instruments_allowed",
}

# What is too small for the venue: asked last, because a size rule may have made the order smaller.
LEAST_RULES: tuple[tuple[str, Rule], ...] = (
    ("least_quantity", least_quantity),
    ("least_notional", least_notional),
)

# An exit that can only reduce passes every other rule: a loss, a switch or a stale quote must
# never keep the desk in a position.
EXIT_RULES: tuple[tuple[str, Rule], ...] = (("reduce_only", reduces_only),)

# What the venue would refuse whole goes out in parts: the rest follows when the first part is done.
PART_RULES: tuple[tuple[str, Rule], ...] = (
    ("freeze_quantity", freeze_quantity),
    ("holdings", from_holdings),
)
