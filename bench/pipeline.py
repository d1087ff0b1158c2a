"""From a tick to an intent in the real engine, and from a tick to an order's bytes with the journal on.

The engine's part: fifty shares, one frame of all of them each market second, one strategy deciding on each share's
minute bars. Every sixtieth frame ends fifty bars; fifty decisions and about ten orders through the gate come of it, a
position in each of some twenty-five shares is held meanwhile. `all frames` is the mean over whole minutes, bar ends and
their orders included; the processor's time is counted, which is the clock's on an idle machine, since nothing waits.

Nothing of the kind exists to compare with: the cases have no peers, and their ratio is null.
"""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from bench.journalled import journalled_cases
from bench.market import INSTRUMENTS, SYMBOLS, history, market_time, quotes
from bench.measure import Case, Topic
from brokers.adapters.paper.venue import PaperVenue
from brokers.domain.india import CHARGES, INDIA
from brokers.domain.orders import Book
from execution.domain.commands import Command, LoadHistory, PlaceOrder
from execution.domain.desk import EngineConfig
from execution.domain.engine import Engine
from execution.domain.events import (
    Act,
    Event,
    FeedChanged,
    HistoryLoaded,
    Link,
    MarketFrame,
    OperatorAct,
    OrderSeen,
    SendOutcome,
    SendResult,
    TakenOver,
    TradeSeen,
)
from risk.domain.limits import Limits
from strategies.registry import strategy_for

PACKAGES = ("numpy", "django")
RUNS = 5
MARKET_SECONDS = 1_200
FRAMES_PER_BAR = 60
ENDS = MARKET_SECONDS // FRAMES_PER_BAR
LIMITS = Limits(
    max_daily_loss_quote=Decimal(10_000_000),
    max_order_value_quote=Decimal(500_000),
    max_gross_exposure_quote=Decimal(100_000_000),
    max_position_value_quote=Decimal(1_000_000),
    max_orders_per_second=1_000,
    max_orders_per_day=100_000,
    price_band_fraction=Decimal("0.05"),
    max_quote_age_s=Decimal(30),
)


def measure() -> Topic:
    """Measure the engine alone, then the whole way with a durable journal."""
    return Topic(name="pipeline", cases=[*_engine_cases(), *journalled_cases()], packages=PACKAGES)


@dataclass(slots=True)
class _Run:
    """One desk on paper that trades every share; only the engine's own time is counted."""

    engine: Engine
    paper: PaperVenue
    now: datetime = field(default_factory=lambda: market_time(0))
    intents: int = 0
    # the venue's answers are given between frames, outside the measured time
    waiting: list[Command] = field(default_factory=list)

    def take(self, event: Event) -> None:
        self.waiting += self.engine.handle(event)

    def answer(self) -> None:
        while self.waiting:
            commands, self.waiting = self.waiting, []
            for command in commands:
                self._answer(command)

    def _answer(self, command: Command) -> None:
        if isinstance(command, LoadHistory):
            bars = history(command.instrument)
            self.take(
                HistoryLoaded(
                    at=self.now, deployment_id=command.deployment_id, instrument=command.instrument, bars=bars
                )
            )
        elif isinstance(command, PlaceOrder):
            self.intents += 1
            instrument = self.engine_instruments[command.order.intent.instrument]
            receipt = _done(self.paper.place(command.order, instrument, lambda: None))
            self.take(
                SendOutcome(
                    at=self.now,
                    client_id=command.order.client_id,
                    result=SendResult.CONFIRMED,
                    venue_order_id=receipt.venue_order_id,
                )
            )
            for update in self.paper.drain():
                self.take(OrderSeen(at=self.now, order=update.order, book=Book.PAPER))
                if update.trade is not None:
                    self.take(TradeSeen(at=self.now, trade=update.trade, book=Book.PAPER))

    @property
    def engine_instruments(self) -> dict[str, Any]:
        return {instrument.key: instrument for instrument in INSTRUMENTS}


class _MarketTime:
    """The paper book's clock: the run's own time."""

    def __init__(self) -> None:
        self.at = market_time(0)

    def now(self) -> datetime:
        return self.at

    def boot_ns(self) -> int:
        return int(self.at.timestamp() * 1e9)

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits here, and {seconds} s were asked for")


def _engine_cases() -> list[Case]:
    whole, quiet, closing, shares = [], [], [], []
    for _ in range(RUNS):
        times, intents = _timed_run()
        ends = [taken for number, taken in enumerate(times) if number % FRAMES_PER_BAR == 0]
        others = [taken for number, taken in enumerate(times) if number % FRAMES_PER_BAR]
        whole.append(sum(times) / len(times) / SYMBOLS)
        quiet.append(statistics.median(others) / SYMBOLS)
        closing.append(statistics.median(ends) / 1_000)
        shares.append(intents)
    if min(shares) < SYMBOLS:
        raise AssertionError("the strategies did not trade, so nothing was measured")
    return [
        _case("tick to intent, all frames", "us/tick", whole),
        _case("tick to intent, between bars", "us/tick", quiet),
        _case("frame that ends 50 bars", "ms/frame", closing),
        _case("orders of a frame that ends 50 bars", "orders/frame", [count / ENDS for count in shares]),
    ]


def _case(name: str, unit: str, values: list[float]) -> Case:
    return Case(name=name, unit=unit, ours=statistics.median(values), peers={}, higher_is_better=False)


def _timed_run() -> tuple[list[float], int]:
    """Return the microseconds of each frame, and how many orders came of them."""
    run, clock = _begun()
    times = []
    for second in range(1, MARKET_SECONDS + 1):
        run.now = clock.at = market_time(second)
        columns = quotes(second, received_at=run.now)
        event = MarketFrame(at=run.now, columns=columns)
        started = time.thread_time_ns()
        run.take(event)
        times.append((time.thread_time_ns() - started) / 1e3)
        run.paper.on_quotes(columns)
        run.answer()
    # the first frame's place in its bar: second 60, 120, ... end bars, and only whole minutes are counted
    return times[FRAMES_PER_BAR - 1 : MARKET_SECONDS - 1], run.intents


def _begun() -> tuple[_Run, _MarketTime]:
    instruments = {instrument.key: instrument for instrument in INSTRUMENTS}
    clock = _MarketTime()
    engine = Engine(
        EngineConfig(
            account_id=str(uuid.UUID(int=1)),
            account_code="AB12",
            desk_id="desk",
            venue="kite",
            instruments=instruments,
            calendar=INDIA,
            charges=CHARGES,
            limits=LIMITS,
            strategy_for=strategy_for,
        )
    )
    run = _Run(engine, PaperVenue(clock=clock, instruments=INSTRUMENTS))
    run.take(TakenOver(at=run.now, lease_token=1, incarnation="A"))
    run.take(FeedChanged(at=run.now, state=Link.CONNECTED))
    columns = quotes(0, received_at=run.now)
    run.paper.on_quotes(columns)
    run.take(MarketFrame(at=run.now, columns=columns))
    run.take(OperatorAct(at=run.now, command_id="start", kind=Act.DEPLOYMENT_START, payload=_deployment()))
    run.answer()
    return run, clock


def _deployment() -> dict[str, object]:
    return {
        "deployment_id": str(uuid.UUID(int=2)),
        "strategy": "ema-crossover",
        "instruments": [instrument.key for instrument in INSTRUMENTS],
        "params": {"fast": 5, "slow": 13, "direction": "long", "order_value_quote": "100000"},
        "mode": Book.PAPER.value,
        "label": "Bench",
    }


def _done(call: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        call.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the paper book waited for something")
