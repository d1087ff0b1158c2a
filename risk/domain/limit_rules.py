"""The rules of limits that an account may have: each objects in one sentence with both numbers, or keeps silent.

A limit that was not set is silent. One that was set and cannot be judged, because a fact is not there, objects. None of them
is asked of an order that can only reduce a position.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from brokers.domain.clock import IST
from brokers.domain.figures import in_words, price_in_words
from brokers.domain.orders import OrderIntent
from risk.domain.exposure import RiskView, held_by, holder_of
from risk.domain.facts import NavView
from risk.domain.limits import Limits

TWO = Decimal(2)
_TRADES_UNKNOWN = "the day's trades are not known, so {} cannot be judged"


def drawdown(intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object once the account's unit value stands as far below its peak as it may; money in or out does not move it."""
    limit = limits.max_drawdown_fraction
    if limit is None:
        return None
    nav = nav_of(intent, view, limits)
    if nav is None:
        return "the account's unit value is not known, so its drawdown cannot be judged"
    fallen = nav.drawdown_fraction
    if fallen < limit:
        return None
    return f"the account stands {_percent(fallen)} % below its peak, limit {_percent(limit)} %"


def entry_window(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object outside the times of day in which entries are allowed."""
    windows = limits.entry_windows_ist
    now = view.market_at.astimezone(IST).time()
    if windows is None or any(window.holds(now) for window in windows):
        return None
    return f"it is {now:%H:%M}, entries are allowed {', '.join(map(str, windows)) or 'at no time'}"


def instrument_allowed(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object to an instrument that is not on the list."""
    allowed = limits.instruments_allowed
    if allowed is None or view.instrument.key in allowed:
        return None
    return f"{view.instrument.key} is not among the {len(allowed)} instruments allowed"


def spread(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object where buying and selling at once would cost too much, and where nobody makes a price."""
    limit = limits.max_spread_fraction
    if limit is None:
        return None
    bid, ask = (view.quote.bid, view.quote.ask) if view.quote else (None, None)
    if not bid or not ask or bid <= 0 or ask < bid:
        return f"{view.instrument.key} has no price on both sides, so its spread cannot be judged"
    wide = (ask - bid) / ((ask + bid) / TWO)
    if wide <= limit:
        return None
    return f"the spread of {view.instrument.key} is {_percent(wide)} %, limit {_percent(limit)} %"


def circuit(intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object to a price so near the day's circuit that a way out may soon be missing."""
    gap = limits.circuit_gap_fraction
    if gap is None:
        return None
    if view.circuit is None or view.quote is None:
        return f"the circuit limits of {view.instrument.key} are not known"
    room = gap * view.quote.last_price
    lower, upper = view.circuit.lower, view.circuit.upper
    for price in (intent.price, intent.trigger_price, view.quote.last_price):
        if price is not None and not lower + room <= price <= upper - room:
            band = f"{price_in_words(lower)} to {price_in_words(upper)}"
            return f"price {price_in_words(price)} is within {_percent(gap)} % of the circuit of {band}"
    return None


def min_hold(intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object to turning a position round before it was held long enough; closing it is no concern of this."""
    least = limits.min_hold_s
    if least is None:
        return None
    if view.trades is None:
        return _TRADES_UNKNOWN.format("the least hold")
    if held_by(view, holder_of(intent)) * intent.side.sign >= 0:
        return None
    added_at = view.trades.of(holder_of(intent)).added_at
    if added_at is None or view.market_at - added_at >= timedelta(seconds=least):
        return None
    return f"{intent.instrument} was added to {_seconds(view, added_at)} s ago, least hold {least} s: only orders that reduce it"


def reentry_cooldown(intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object to an entry too soon after the same holder's last exit from the instrument."""
    pause = limits.reentry_cooldown_s
    if pause is None:
        return None
    if view.trades is None:
        return _TRADES_UNKNOWN.format("the pause after an exit")
    reduced_at = view.trades.of(holder_of(intent)).reduced_at
    if reduced_at is None or view.market_at - reduced_at >= timedelta(seconds=pause):
        return None
    return f"{intent.instrument} was exited {_seconds(view, reduced_at)} s ago, pause before the next entry {pause} s"


def trade_count(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object when the day's trades are used up: orders that opened or added, and those that still may."""
    limit = limits.max_trades_per_day
    if limit is None:
        return None
    if view.trades is None:
        return _TRADES_UNKNOWN.format("their number")
    orders = view.trades.orders(view.only_deployment)
    done = len(orders) + sum(1 for row in view.pending if not row.reduce_only and row.client_id not in orders)
    return f"{done} trades today with what is pending, limit {limit}" if done >= limit else None


def open_orders(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object when as many orders are open as may be; those of exits count too."""
    limit = limits.max_open_orders
    if limit is None or len(view.pending) < limit:
        return None
    return f"{len(view.pending)} orders are open, limit {limit}"


def order_rate(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object when the second's, the minute's or the day's orders are used up."""
    if view.orders_last_second >= limits.max_orders_per_second:
        return f"{view.orders_last_second} orders in the last second, limit {limits.max_orders_per_second}"
    per_minute, sent = limits.max_orders_per_minute, view.orders_last_minute
    if per_minute is not None and sent is None:
        return "the orders of the last minute are not known"
    if per_minute is not None and sent is not None and sent >= per_minute:
        return f"{sent} orders in the last minute, limit {per_minute}"
    if view.orders_today >= limits.max_orders_per_day:
        return f"{view.orders_today} orders today, limit {limits.max_orders_per_day}"
    return None


def known_equity(intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object under a leverage limit to an account whose worth is not known, or that is worth nothing."""
    if limits.max_leverage is None:
        return None
    equity = equity_of(intent, view, limits)
    if equity is None:
        return "the account's equity is not known, so its leverage cannot be judged"
    return None if equity > 0 else f"the account's equity is {in_words(equity)}, which carries nothing"


def margin(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object where the book with the order would use more margin than the funds allow."""
    limit = limits.max_margin_fraction
    if limit is None:
        return None
    if view.margin is None:
        return "the order's margin is not known"
    allowed = view.margin.funds_quote * limit
    if view.margin.after_quote <= allowed:
        return None
    how = " by our own estimate" if view.margin.is_estimate else ""
    return f"margin with the order {in_words(view.margin.after_quote)}{how}, limit {in_words(allowed)}"


def cash_share(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object where too little of the margin would be covered by cash (half of it in India's F&O)."""
    share = limits.min_cash_fraction
    if share is None:
        return None
    if view.margin is None:
        return "the order's margin is not known"
    needed = view.margin.after_quote * share
    if needed <= view.margin.cash_quote:
        return None
    return f"{_percent(share)} % of the margin in cash is {in_words(needed)}, cash {in_words(view.margin.cash_quote)}"


def scenario_loss(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object to an order that deepens the worst scenario beyond its limit."""
    limit, stress = limits.max_scenario_loss_quote, view.stress
    if limit is None or stress is None:
        return _unknown("the scenarios of the portfolio are", limit)
    return _deepened("the worst scenario loses", stress.worst_before_quote, stress.worst_after_quote, limit)


def value_at_risk(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object to an order that raises the value at risk beyond its limit."""
    limit, stress = limits.max_var_quote, view.stress
    if limit is None or stress is None:
        return _unknown("the value at risk of the portfolio is", limit)
    return _deepened("the value at risk is", stress.var_before_quote, stress.var_after_quote, limit)


def delta_notional(_intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
    """Object to an order that turns the portfolio further one way than its limit."""
    limit, stress = limits.max_delta_notional_quote, view.stress
    if limit is None or stress is None:
        return _unknown("the delta of the portfolio is", limit)
    before, after = abs(stress.delta_notional_before_quote), abs(stress.delta_notional_after_quote)
    return _deepened("the delta notional is", before, after, limit)


def nav_of(intent: OrderIntent, view: RiskView, limits: Limits) -> NavView | None:
    """Return the unit value of the order's book: as the view tells it, or as it was last seen and has moved since."""
    seen = limits.worth.get(intent.book)
    if view.nav is not None or seen is None or not seen.is_known_at(view.market_at):
        return view.nav
    return seen.nav_with(view.pnl_today_net_quote, market_at=view.market_at)


def equity_of(intent: OrderIntent, view: RiskView, limits: Limits) -> Decimal | None:
    """Return what the order's book is worth, likewise."""
    seen = limits.worth.get(intent.book)
    if view.equity_quote is not None or seen is None or not seen.is_known_at(view.market_at):
        return view.equity_quote
    return seen.equity_with(view.pnl_today_net_quote, market_at=view.market_at)


def _unknown(what: str, limit: Decimal | None) -> str | None:
    """Object where a limit was set and its fact is missing."""
    return None if limit is None else f"{what} not known"


def _deepened(what: str, before: Decimal, after: Decimal, limit: Decimal) -> str | None:
    # what makes a bad figure better is never stopped
    if after <= limit or after <= before:
        return None
    return f"{what} {in_words(after)} with the order ({in_words(before)} without), limit {in_words(limit)}"


def _percent(fraction: Decimal) -> str:
    return in_words(fraction * 100)


def _seconds(view: RiskView, since: datetime) -> str:
    return in_words(Decimal(round((view.market_at - since).total_seconds())))
