"""Breaches in shadow: for every limit an order just over it, judged by the account's own settings and never sent.

The book, the market and the order are made up so that nothing but the limit stands in the way. What the gate answers is
the proof that the limit is alive; an answer that lets the order pass whole is an alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from brokers.domain.calendar import Phase
from brokers.domain.clock import IST
from brokers.domain.instruments import Instrument, InstrumentKind, split_key
from brokers.domain.orders import Book, Fill, OrderIntent, OrderType, Product, Purpose, Side
from risk.domain.exposure import ZERO, Holding, PendingOrder, QuoteView, RiskView, symbol_of
from risk.domain.gate import Reduced, Refused, review
from risk.domain.history import DayTrades
from risk.domain.levels import Bound, Figure, Level
from risk.domain.limit_words import WORDS, level_named
from risk.domain.limits import Limits
from risk.domain.switch import Switches
from risk.domain.worth import UnitValue

ONE = Decimal(1)
# so low that an order of whole units comes within a hundredth of any limit of money
PRICE = Decimal("0.01")
EQUITY = Decimal(1000)
NOWHERE = "NSE:SHADOW"
NOON = time(12, 0)
JUST_OVER = Decimal("1.0001")
# more made-up orders than this say nothing that fewer do not
MOST_ORDERS = 10_000


class Outcome(StrEnum):
    """What became of an order that a limit forbids."""

    REFUSED = "refused"
    REDUCED = "reduced"
    OTHER = "other"  # another rule spoke first, so this limit was not reached
    PASSED = "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowResult:
    """One limit's breach: where the limit is set, what became of the order, and the rule and sentence that said so."""

    name: str
    level: Level
    target: str
    outcome: Outcome
    rule: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """One made-up order with what the gate is shown; harmless until a breach changes it."""

    instrument: str
    deployment_id: str | None
    at: datetime
    quantity: Decimal = ONE
    price: Decimal = PRICE
    last: Decimal = PRICE
    bid: Decimal = PRICE
    ask: Decimal = PRICE
    side: Side = Side.BUY
    age_s: Decimal = ZERO
    pnl: Decimal = ZERO
    holdings: tuple[Holding, ...] = ()
    pending: tuple[PendingOrder, ...] = ()
    fills: tuple[Fill, ...] = ()
    paced: Mapping[str, int] = field(default_factory=dict)
    # the unit's value as it was last seen, and the day's P&L at that moment
    nav: Decimal = ONE
    seen_pnl: Decimal = ZERO


def breaches(limits: Limits, *, at: datetime) -> tuple[ShadowResult, ...]:
    """Try a breach of every limit that is the tightest of its levels, and of those of each strategy and instrument."""
    return tuple(result for bound, base in _bounds(limits, at) if (result := _tried(bound, base, limits)) is not None)


def _bounds(limits: Limits, at: datetime) -> Iterator[tuple[Bound, _Try]]:
    shared = limits.over(deployment_id=None, instrument=NOWHERE)
    for bound in shared.origin.values():
        yield bound, _base(limits, None, None, at)
    for level in limits.levels:
        deployment_id = level.target if level.level is Level.STRATEGY else None
        key = level.target if level.level is Level.INSTRUMENT else None
        if deployment_id is None and key is None:
            continue
        bounding = limits.over(deployment_id=deployment_id, instrument=key or NOWHERE)
        for bound in (*bounding.origin.values(), *bounding.own_origin.values()):
            if bound.level is level.level and bound.target == level.target:
                yield bound, _base(limits, deployment_id, key, at)


def _base(limits: Limits, deployment_id: str | None, key: str | None, at: datetime) -> _Try:
    """Return an order that no limit forbids: of what may be traded, at a time of day at which entries are allowed."""
    asked = limits.over(deployment_id=deployment_id, instrument=key or NOWHERE).limits
    allowed = min(asked.instruments_allowed) if asked.instruments_allowed else NOWHERE
    opens = asked.entry_windows_ist[0].start if asked.entry_windows_ist else NOON
    return _Try(instrument=key or allowed, deployment_id=deployment_id, at=_at_time(at, opens))


def _at_time(at: datetime, of_day: time) -> datetime:
    return datetime.combine(at.astimezone(IST).date(), of_day, tzinfo=IST)


def _tried(bound: Bound, base: _Try, limits: Limits) -> ShadowResult | None:
    """Judge the breach of one limit; None where none can be made up."""
    breach = _BREACHES.get(bound.name)
    made = breach(base, bound.value) if breach is not None else None
    if made is None:
        return None
    outcome, rule, sentence = _judged(bound, made, limits)
    return ShadowResult(
        name=bound.name, level=bound.level, target=bound.target, outcome=outcome, rule=rule, sentence=sentence
    )


def _judged(bound: Bound, made: _Try, limits: Limits) -> tuple[Outcome, str, str]:
    valued = replace(limits, worth={Book.PAPER: _unit(made)})
    decision = review(
        _intent(made), view=_view(made), limits=valued, switches=Switches(), client_id="shadow", at=made.at
    )
    if isinstance(decision, Refused):
        outcome = Outcome.REFUSED if _is_of(bound, decision.rule, decision.reason) else Outcome.OTHER
        return outcome, decision.rule, decision.reason
    if not isinstance(decision, Reduced):
        return Outcome.PASSED, "", f"an order of {made.quantity} passed whole"
    own = next((clamp for clamp in decision.clamps if _is_of(bound, clamp.rule, clamp.reason)), None)
    if own is None or decision.approved.intent.quantity > own.allowed:
        return Outcome.OTHER, decision.rule, decision.reason
    return Outcome.REDUCED, own.rule, own.reason


def _is_of(bound: Bound, rule: str, reason: str) -> bool:
    return WORDS[bound.name].is_of(rule, reason) and level_named(reason) is bound.level


def _intent(made: _Try) -> OrderIntent:
    return OrderIntent(
        account_id="shadow",
        book=Book.PAPER,
        instrument=made.instrument,
        side=made.side,
        quantity=made.quantity,
        order_type=OrderType.LIMIT,
        price=made.price,
        product=Product.INTRADAY,
        purpose=Purpose.ENTRY,
        reason="a breach in shadow",
        decided_at=made.at,
        deployment_id=made.deployment_id,
    )


def _view(made: _Try) -> RiskView:
    trades = DayTrades(Book.PAPER).follow(
        list(made.fills), lambda _: sum((row.quantity for row in made.holdings), ZERO)
    )
    return RiskView(
        instrument=_instrument(made.instrument),
        holdings=made.holdings,
        pending=made.pending,
        pnl_today_net_quote=made.pnl,
        orders_last_second=made.paced.get("second", 0),
        orders_last_minute=made.paced.get("minute", 0),
        orders_today=made.paced.get("day", 0),
        quote=QuoteView(last_price=made.last, bid=made.bid, ask=made.ask, age_s=made.age_s),
        phase=Phase.CONTINUOUS,
        market_at=made.at,
        trades=trades,
    )


def _unit(made: _Try) -> UnitValue:
    """Return the book's worth as a desk is told it, beside the limits."""
    ends = _at_time(made.at, time()) + timedelta(days=1)
    return UnitValue(nav=made.nav, equity_quote=EQUITY, net_quote=made.seen_pnl, day_ends_at=ends)


def _instrument(key: str) -> Instrument:
    exchange, symbol = split_key(key)
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        token=1,
        kind=InstrumentKind.EQUITY,
        name=symbol,
        tick_size=PRICE,
        lot_size=1,
        segment=exchange,
    )


Breach = Callable[[_Try, Figure], _Try | None]


def _worth(made: _Try, limit: Figure) -> _Try:
    return replace(made, quantity=_number(limit) // PRICE + 1)


def _units(made: _Try, limit: Figure) -> _Try:
    return replace(made, quantity=_number(limit) // ONE + 1)


def _levered(made: _Try, limit: Figure) -> _Try:
    return _worth(made, _number(limit) * EQUITY)


def _lost(made: _Try, limit: Figure) -> _Try:
    # lost before the book was last seen, so that its unit does not fall by it too
    return replace(made, pnl=-_number(limit), seen_pnl=-_number(limit))


def _fallen(made: _Try, limit: Figure) -> _Try:
    return replace(made, nav=ONE - _number(limit))


def _opened(made: _Try, limit: Figure) -> _Try | None:
    # of exits, which are open orders and no trades
    return _with_orders(made, limit, reduce_only=True)


def _traded(made: _Try, limit: Figure) -> _Try | None:
    return _with_orders(made, limit, reduce_only=False)


def _with_orders(made: _Try, limit: Figure, *, reduce_only: bool) -> _Try | None:
    count = int(_number(limit))
    if count > MOST_ORDERS:
        return None
    order = PendingOrder(
        client_id="shadow",
        instrument=NOWHERE,
        underlying=symbol_of(NOWHERE),
        side=Side.BUY,
        quantity=ONE,
        price_quote=ZERO,
        product=Product.INTRADAY,
        purpose=Purpose.ENTRY,
        reduce_only=reduce_only,
        deployment_id=made.deployment_id,
    )
    return replace(made, pending=tuple(replace(order, client_id=f"shadow {place}") for place in range(count)))


def _paced(stretch: str) -> Breach:
    def breach(made: _Try, limit: Figure) -> _Try:
        return replace(made, paced={stretch: int(_number(limit))})

    return breach


def _priced(made: _Try, limit: Figure) -> _Try:
    return replace(made, price=made.last * (ONE + _number(limit) * JUST_OVER))


def _spread(made: _Try, limit: Figure) -> _Try:
    half = min(_number(limit) * JUST_OVER, ONE) / 2
    return replace(made, bid=made.last * (ONE - half), ask=made.last * (ONE + half))


def _aged(made: _Try, limit: Figure) -> _Try:
    return replace(made, age_s=_number(limit) * JUST_OVER)


def _turned(made: _Try, limit: Figure) -> _Try:
    """Sell twice what was bought a second too short ago: that turns the position round."""
    bought = _fill(made, Side.BUY, ago=timedelta(seconds=int(_number(limit)) - 1))
    held = Holding(
        instrument=made.instrument,
        quantity=ONE,
        mark_quote=made.last,
        product=Product.INTRADAY,
        deployment_id=made.deployment_id,
    )
    return replace(made, side=Side.SELL, quantity=ONE + 1, holdings=(held,), fills=(bought,))


def _left(made: _Try, limit: Figure) -> _Try:
    """Enter again a second too short after the last exit."""
    pause = timedelta(seconds=int(_number(limit)) - 1)
    return replace(
        made, fills=(_fill(made, Side.BUY, ago=pause, number=1), _fill(made, Side.SELL, ago=pause, number=2))
    )


def _fill(made: _Try, side: Side, *, ago: timedelta, number: int = 1) -> Fill:
    return Fill(
        account_id="shadow",
        book=Book.PAPER,
        venue_day=made.at.date().isoformat(),
        instrument=made.instrument,
        venue_order_id=f"shadow {number}",
        trade_id=f"shadow {number}",
        side=side,
        quantity=ONE,
        price=made.last,
        product=Product.INTRADAY,
        filled_at=made.at - ago,
        deployment_id=made.deployment_id,
    )


def _late(made: _Try, limit: Figure) -> _Try:
    """Enter at the end of the last window, which no window holds."""
    assert isinstance(limit, tuple)
    return replace(made, at=_at_time(made.at, max((one.end for one in limit), default=NOON)))


def _elsewhere(made: _Try, limit: Figure) -> _Try | None:
    assert isinstance(limit, frozenset)
    return None if NOWHERE in limit else replace(made, instrument=NOWHERE)


def _number(limit: Figure) -> Decimal:
    assert isinstance(limit, Decimal | int)
    return Decimal(limit)


_BREACHES: Mapping[str, Breach] = {
    "max_daily_loss_quote": _lost,
    "max_drawdown_fraction": _fallen,
    "max_order_value_quote": _worth,
    "max_gross_exposure_quote": _worth,
    "max_net_exposure_quote": _worth,
    "max_position_value_quote": _worth,
    "max_underlying_value_quote": _worth,
    "max_order_quantity": _units,
    "max_position_quantity": _units,
    "max_leverage": _levered,
    "max_open_orders": _opened,
    "max_trades_per_day": _traded,
    "max_orders_per_second": _paced("second"),
    "max_orders_per_minute": _paced("minute"),
    "max_orders_per_day": _paced("day"),
    "price_band_fraction": _priced,
    "max_spread_fraction": _spread,
    "max_quote_age_s": _aged,
    "min_hold_s": _turned,
    "reentry_cooldown_s": _left,
    "entry_windows_ist": _late,
    "instruments_allowed": _elsewhere,
}
