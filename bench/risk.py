"""The gate with every rule on, and the scenario grid, over 200 positions.

`gate` is one review of an order that passes all rules: a book of 200 positions, 40 of them options, and 20 open orders, every
limit set, at account, desk, strategy and instrument level. Each review gets a view that was never asked anything, as after
every frame of prices; `again` is the second pass just before the bytes. `grid` revalues 200 option positions in 21 prices,
9 volatilities and 3 days. Before anything is timed, cells of the grid are held against the pricing of the options room.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as day_time
from decimal import Decimal

import numpy as np

from bench.measure import Case, Topic, seconds_per_call
from brokers.domain.calendar import Phase
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.orders import ApprovedOrder, Book, Fill, OrderIntent, OrderType, Product, Purpose, Side
from options.domain.pricing import on_forward, value
from risk.domain.exposure import Holding, PendingOrder, QuoteView, RiskView
from risk.domain.facts import CircuitView, MarginView, NavView, StressView
from risk.domain.gate import recheck, review
from risk.domain.history import DayTrades
from risk.domain.levels import Level, LevelLimits, Window
from risk.domain.limits import Limits
from risk.domain.portfolio import STANDARD_AXES, Line, Portfolio, greeks_of, portfolio_of, scenario_grid
from risk.domain.switch import Switches
from risk.domain.value_at_risk import History, historical

POSITIONS, OPTIONS, OPEN_ORDERS, FILLS = 200, 40, 20, 200
REVIEWS = 3_000
NOW = datetime(2026, 8, 18, 5, 0, tzinfo=UTC)
KEY, DEPLOYMENT, DAYS = "NSE:S7", "D1", 250
MUCH, SHARE = Decimal(10**9), Decimal("0.5")


def measure() -> Topic:
    """Time the gate call by call, and the grid as a whole."""
    portfolio = a_portfolio(POSITIONS)
    require_equal(portfolio)
    history = a_history(portfolio)
    cases = [*_gate_cases(), *_portfolio_cases(portfolio, history)]
    return Topic(name="risk", cases=cases, packages=("numba", "numpy"))


def _gate_cases() -> list[Case]:
    limits, intent, view = some_limits(), an_intent(), a_view()
    approved = _reviewed(intent, view, limits)
    first = _microseconds(lambda fresh: _reviewed(intent, fresh, limits))
    second = _microseconds(lambda fresh: recheck(approved, view=fresh, limits=limits, switches=Switches()))
    return [
        _case(f"{name}, {point}", "us", float(np.percentile(times, share)))
        for name, times in (("gate", first), ("gate again", second))
        for point, share in (("p50", 50), ("p99", 99))
    ]


def _portfolio_cases(portfolio: Portfolio, history: History) -> list[Case]:
    seconds = {
        "grid 21 x 9 x 3": seconds_per_call({"ours": lambda: scenario_grid(portfolio)})["ours"],
        "Greeks": seconds_per_call({"ours": lambda: greeks_of(portfolio)})["ours"],
        f"VaR of {DAYS} days": seconds_per_call({"ours": lambda: historical(portfolio, history)})["ours"],
    }
    return [_case(f"{name}, {POSITIONS} options", "ms", taken * 1e3) for name, taken in seconds.items()]


def _case(name: str, unit: str, ours: float) -> Case:
    return Case(name=name, unit=unit, ours=ours, peers={}, higher_is_better=False)


def _microseconds(call: Callable[[RiskView], object]) -> list[float]:
    """Time a call on views that were never asked anything; the collector runs between calls, as it does in the desk."""
    times = []
    for number in range(REVIEWS):
        fresh = a_view()
        if number % 500 == 0:
            gc.collect()
        began = time.perf_counter_ns()
        call(fresh)
        times.append((time.perf_counter_ns() - began) / 1e3)
    return times


def _reviewed(intent: OrderIntent, view: RiskView, limits: Limits) -> ApprovedOrder:
    decision = review(intent, view=view, limits=limits, switches=Switches(), client_id="W1", at=NOW)
    if not isinstance(decision, ApprovedOrder):
        raise AssertionError(f"the gate did not let the order pass whole: {decision}")  # noqa: TRY004 - its verdict, no type
    return decision


def require_equal(portfolio: Portfolio) -> None:
    """Raise AssertionError where a cell of the grid is not what the options room prices."""
    grid, book, axes = scenario_grid(portfolio), portfolio.options, STANDARD_AXES
    for s, v, d in ((0, 0, 0), (20, 8, 2), (10, 4, 1)):
        left = book.years - axes.passed_years[d]
        terms = on_forward(
            forward=book.forward * axes.factor[s],
            strike=book.strike,
            years=left,
            discount=np.exp(-book.rate * left),
            is_call=book.sign > 0,
        )
        there = value(terms, book.volatility + axes.shift[v]).price
        expected = float(book.quantity @ (there - book.worth))
        if not np.isclose(grid.total[s, v, d], expected, rtol=1e-9):
            raise AssertionError(f"cell {s}, {v}, {d}: {grid.total[s, v, d]}, the options room says {expected}")


def a_portfolio(count: int) -> Portfolio:
    """Build option positions on three underlyings, seeded."""
    random = np.random.default_rng(20260818)
    spots = {"NIFTY": 24_000.0, "BANKNIFTY": 52_000.0, "FINNIFTY": 23_000.0}
    names = list(spots)
    lines = []
    for number in range(count):
        name = names[number % 3]
        strike = round(spots[name] * (1.0 + random.uniform(-0.06, 0.06)) / 50) * 50.0
        lines.append(
            Line(
                instrument=f"NFO:{name}{number}",
                underlying=name,
                quantity=float(random.choice([-75, 75]) * random.integers(1, 10)),
                price=spots[name],
                strike=strike,
                is_call=bool(random.random() < 0.5),
                years=float(random.choice([6, 13, 34])) / 365.0,
                volatility=float(random.uniform(0.1, 0.2)),
                rate=0.065,
            )
        )
    return portfolio_of(lines)


def a_history(portfolio: Portfolio) -> History:
    """Build a year of days, seeded."""
    random = np.random.default_rng(7)
    shape = (len(portfolio.underlyings), DAYS)
    return History(
        underlyings=portfolio.underlyings,
        returns=random.normal(0.0, 0.01, shape),
        volatility_changes=random.normal(0.0, 0.01, shape),
    )


def some_limits() -> Limits:
    """Set every limit, none of which speaks."""
    desk = LevelLimits(level=Level.DESK, values={"max_order_value_quote": MUCH, "max_spread_fraction": SHARE})
    strategy = LevelLimits(
        level=Level.STRATEGY,
        target=DEPLOYMENT,
        values={"max_gross_exposure_quote": MUCH, "max_net_exposure_quote": MUCH, "max_trades_per_day": 10_000},
    )
    instrument = LevelLimits(level=Level.INSTRUMENT, target=KEY, values={"max_position_quantity": MUCH})
    return Limits(
        max_daily_loss_quote=MUCH,
        max_order_value_quote=MUCH,
        max_gross_exposure_quote=MUCH,
        max_position_value_quote=MUCH,
        max_orders_per_second=1_000,
        max_orders_per_day=100_000,
        price_band_fraction=SHARE,
        max_quote_age_s=Decimal(60),
        max_net_exposure_quote=MUCH,
        max_underlying_value_quote=MUCH,
        max_order_quantity=MUCH,
        max_position_quantity=MUCH,
        max_orders_per_minute=10_000,
        max_open_orders=1_000,
        max_trades_per_day=10_000,
        max_spread_fraction=SHARE,
        min_hold_s=1,
        reentry_cooldown_s=1,
        entry_windows_ist=(Window(start=day_time(9, 15), end=day_time(15, 30)),),
        instruments_allowed=frozenset(f"NSE:S{number}" for number in range(POSITIONS)),
        max_drawdown_fraction=SHARE,
        max_leverage=Decimal(100),
        max_margin_fraction=Decimal(1),
        min_cash_fraction=SHARE,
        circuit_gap_fraction=Decimal("0.01"),
        max_scenario_loss_quote=MUCH,
        max_delta_notional_quote=MUCH,
        max_var_quote=MUCH,
        levels=(desk, strategy, instrument),
    )


def an_intent() -> OrderIntent:
    """Buy ten more of what is held."""
    return OrderIntent(
        account_id="A1",
        book=Book.LIVE,
        instrument=KEY,
        side=Side.BUY,
        quantity=Decimal(10),
        order_type=OrderType.LIMIT,
        product=Product.INTRADAY,
        purpose=Purpose.ENTRY,
        reason="the bench asks",
        decided_at=NOW,
        price=Decimal("100.05"),
        deployment_id=DEPLOYMENT,
    )


def a_view() -> RiskView:
    """Build a book's view with every fact."""
    return RiskView(
        instrument=_INSTRUMENT,
        holdings=_HOLDINGS,
        pending=_PENDING,
        pnl_today_net_quote=Decimal(-1),
        orders_last_second=1,
        orders_today=10,
        quote=QuoteView(last_price=Decimal(100), bid=Decimal("99.95"), ask=Decimal("100.05"), age_s=Decimal("0.5")),
        phase=Phase.CONTINUOUS,
        market_at=NOW,
        orders_last_minute=3,
        trades=_TRADES,
        equity_quote=Decimal(10_000_000),
        nav=NavView(units=Decimal(1)),
        margin=MarginView(used_quote=Decimal(1), after_quote=Decimal(2), cash_quote=Decimal(100)),
        circuit=CircuitView(lower=Decimal(80), upper=Decimal(120)),
        stress=StressView(
            worst_before_quote=Decimal(1),
            worst_after_quote=Decimal(2),
            var_before_quote=Decimal(1),
            var_after_quote=Decimal(2),
            delta_notional_before_quote=Decimal(1),
            delta_notional_after_quote=Decimal(2),
        ),
    )


def _held(number: int) -> Holding:
    is_option = number < OPTIONS
    return Holding(
        instrument=f"NFO:NIFTY{number}CE" if is_option else f"NSE:S{number - OPTIONS}",
        quantity=Decimal(75 if number % 2 else -75),
        mark_quote=Decimal("101.35"),
        product=Product.CARRY if is_option else Product.INTRADAY,
        deployment_id=f"D{number % 4}",
        underlying="NIFTY" if is_option else f"S{number - OPTIONS}",
    )


def _open(number: int) -> PendingOrder:
    return PendingOrder(
        client_id=f"P{number}",
        instrument=f"NSE:S{number}",
        underlying=f"S{number}",
        side=Side.BUY,
        quantity=Decimal(10),
        price_quote=Decimal(100),
        product=Product.INTRADAY,
        purpose=Purpose.ENTRY,
        deployment_id=f"D{number % 4}",
    )


def _fill(number: int) -> Fill:
    return Fill(
        account_id="A1",
        book=Book.LIVE,
        venue_day="2026-08-18",
        instrument=f"NSE:S{number % 50}",
        venue_order_id=f"V{number}",
        trade_id=f"T{number}",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(100),
        product=Product.INTRADAY,
        filled_at=NOW - timedelta(minutes=10),
        client_id=f"W{number}",
        deployment_id=f"D{number % 4}",
    )


_INSTRUMENT = Instrument(
    exchange="NSE",
    symbol="S7",
    token=1,
    kind=InstrumentKind.EQUITY,
    name="S7",
    tick_size=Decimal("0.05"),
    lot_size=1,
    segment="NSE",
)
_HOLDINGS = tuple(_held(number) for number in range(POSITIONS))
_PENDING = tuple(_open(number) for number in range(OPEN_ORDERS))
_TRADES = DayTrades(Book.LIVE).follow([_fill(number) for number in range(FILLS)], lambda _: Decimal(100))
