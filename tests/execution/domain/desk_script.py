"""A desk in memory: the real engine, a small venue that does what the script says, stepped time.

Nothing happens by itself but what `obedient` answers; a test may instead give every answer.
Every command list is checked against the engine's promises as it comes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from brokers.domain.india import CHARGES, INDIA
from brokers.domain.instruments import Instrument
from brokers.domain.orders import (
    Book,
    OrderStatus,
    Side,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from execution.domain.commands import (
    Alert,
    CancelOrder,
    Command,
    CommandDone,
    LoadHistory,
    ModifyOrder,
    PlaceOrder,
    ReadBooks,
    Record,
    Schedule,
)
from execution.domain.desk import EngineConfig
from execution.domain.engine import Engine
from execution.domain.events import (
    BooksRead,
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
    TimerFired,
    TradeSeen,
    Write,
)
from execution.domain.lifecycle import OrderRecord
from strategies.domain.params import StrategyParams, param
from strategies.domain.strategy import SignalStrategy
from tests.builders import (
    ACCOUNT,
    DEPLOYMENT,
    INFY,
    NIFTY,
    RELIANCE,
    TEN_O_CLOCK,
    a_trade,
    a_venue_order,
    a_venue_position,
    some_bars,
    some_columns,
    some_limits,
)


class Threshold(SignalStrategy):
    """Long above 100, short below 90, flat between."""

    slug = "threshold"
    title = "Threshold"

    class Params(StrategyParams):
        warmup: int = param(2, ge=1, le=500, help="bars before the first decision")

    params: Params

    def warmup_bars(self):
        return self.params.warmup

    def exposure(self, bars):
        if (bars.close == 13.0).any():
            raise RuntimeError("thirteen")
        return np.where(bars.close > 100.0, 1.0, np.where(bars.close < 90.0, -1.0, 0.0))

    def reason(self, bars):
        return f"closed at {bars.close[-1]:g}"


def strategy_for(slug):
    from strategies.registry import strategy_for as registered

    return Threshold if slug == Threshold.slug else registered(slug)


@dataclass
class Venue:
    """A venue's books; orders fill, rest or vanish as the test decides."""

    orders: dict[str, VenueOrder] = field(default_factory=dict)
    trades: list[VenueTrade] = field(default_factory=list)
    carried: dict[str, Decimal] = field(default_factory=dict)

    def take(self, command: PlaceOrder, at: datetime) -> VenueOrder:
        intent = command.order.intent
        row = a_venue_order(
            venue_order_id=f"V{len(self.orders) + 1}",
            side=intent.side,
            quantity=intent.quantity,
            price=intent.price,
            instrument=intent.instrument,
            tags=(command.order.client_id,),
            placed_at=at,
            product=intent.product,
        )
        self.orders[row.venue_order_id] = row
        return row

    def fill(self, venue_order_id: str, quantity, price, at: datetime) -> tuple[VenueOrder, VenueTrade]:
        row = self.orders[venue_order_id]
        done = row.filled_quantity + Decimal(quantity)
        status = OrderStatus.FILLED if done >= row.quantity else OrderStatus.PARTIALLY_FILLED
        row = replace(row, filled_quantity=done, pending_quantity=row.quantity - done, status=status)
        self.orders[venue_order_id] = row
        trade = a_trade(
            trade_id=f"T{len(self.trades) + 1}",
            venue_order_id=venue_order_id,
            side=row.side,
            quantity=quantity,
            price=price,
            instrument=row.instrument,
            at=at,
        )
        self.trades.append(trade)
        return row, trade

    def end(self, venue_order_id: str, status: OrderStatus, message: str = "") -> VenueOrder:
        row = replace(self.orders[venue_order_id], status=status, message=message, pending_quantity=Decimal(0))
        self.orders[venue_order_id] = row
        return row

    def positions(self) -> tuple[VenuePosition, ...]:
        held = dict(self.carried)
        for trade in self.trades:
            held[trade.instrument] = held.get(trade.instrument, Decimal(0)) + trade.quantity * trade.side.sign
        return tuple(a_venue_position(quantity, instrument=name) for name, quantity in held.items())


class DeskScript:
    def __init__(
        self,
        *,
        book: Book = Book.LIVE,
        obedient: bool = True,
        config: dict[str, object] | None = None,
        limits: dict[str, object] | None = None,
        instruments: Iterable[Instrument] = (RELIANCE, INFY, NIFTY),
        at: datetime = TEN_O_CLOCK,
    ) -> None:
        self.book = book
        self.obedient = obedient
        given: dict[str, object] = {"venue": "kite", "calendar": INDIA, **(config or {})}
        self.config = EngineConfig(
            account_id=ACCOUNT,
            account_code="AB12",
            desk_id="desk",
            instruments={i.key: i for i in instruments},
            charges=CHARGES,
            limits=some_limits(**(limits or {})),
            strategy_for=strategy_for,
            **given,  # type: ignore[arg-type]
        )
        self.engine = Engine(self.config)
        self.venue = Venue()
        self.now = at
        self.journal: list[Record] = []
        self.commands: list[Command] = []
        self.timers: dict[str, datetime] = {}
        self.reads_wanted = 0
        self.history = (95.0, 95.0)
        self.price = {RELIANCE.key: 95.0}
        self.token = 0

    # --- time and events

    def run(self, event: Event) -> list[Command]:
        commands = self.engine.handle(event)
        self.journal += [c for c in commands if isinstance(c, Record)]
        self.commands += commands
        self._check(commands)
        for command in commands:
            self._carry_out(command)
        return commands

    def pass_time(self, seconds: float, *, ticking: bool = True) -> None:
        """Let wall time pass, firing what falls due; quotes stay fresh while `ticking`."""
        end = self.now + timedelta(seconds=seconds)
        while True:
            due = min(((at, name) for name, at in self.timers.items() if at <= end), default=None)
            if due is None:
                break
            self.now, name = max(due[0], self.now), due[1]
            del self.timers[name]
            if ticking:
                self.tick()
            self.run(TimerFired(at=self.now, name=name))
            self.read_books_if_wanted()
        self.now = end
        if ticking:
            self.tick()

    def tick(
        self, price: float | None = None, instrument: Instrument = RELIANCE, *, at: datetime | None = None
    ) -> None:
        if price is not None:
            self.price[instrument.key] = price
        known = [(i, self.price[i.key]) for i in self.config.instruments.values() if i.key in self.price]
        columns = some_columns(*known, at=at or self.now, received_at=self.now)
        self.run(MarketFrame(at=self.now, columns=columns))

    def bar(self, close: float) -> None:
        """Let the current minute end at `close`, and the next one begin."""
        self.tick(close)
        rest = 60 - (self.now - TEN_O_CLOCK).total_seconds() % 60
        self.pass_time(rest)

    # --- the desk's life

    def start(self, *, deployment: bool = True, **params: object) -> DeskScript:
        self.take_over()
        self.run(FeedChanged(at=self.now, state=Link.CONNECTED))
        self.tick()
        self.read_books_if_wanted()
        if deployment:
            self.deploy(**params)
        return self

    def take_over(self, *, unsent: tuple[str, ...] = ()) -> None:
        self.token += 1
        self.run(TakenOver(at=self.now, lease_token=self.token, incarnation="A", unsent=unsent))

    def restart(self, *, unsent: tuple[str, ...] = (), connected: bool = True) -> None:
        """Kill the process: a new engine knows the journal alone."""
        self.engine = Engine(self.config)
        self.engine.restore(self.read_journal())
        self.timers.clear()
        self.take_over(unsent=unsent)
        if connected:
            self.run(FeedChanged(at=self.now, state=Link.CONNECTED))
            self.tick()
        self.read_books_if_wanted()

    def read_journal(self) -> list[Record]:
        """Return the journal as a database gives it back."""
        rows = json.loads(json.dumps([[r.kind, r.at.isoformat(), r.payload] for r in self.journal]))
        return [Record(kind=k, at=datetime.fromisoformat(at), payload=p) for k, at, p in rows]

    def deploy(self, deployment_id: str = DEPLOYMENT, instruments=("NSE:RELIANCE",), **params: object) -> None:
        self.act(
            "deployment_start",
            deployment_id=deployment_id,
            strategy="threshold",
            instruments=list(instruments),
            params={"direction": "both", "order_value_quote": "10000", **params},
            mode=self.book.value,
            label="Threshold",
        )

    def act(self, kind: str, /, command_id: str = "", **payload: object) -> CommandDone:
        command_id = command_id or f"c{len(self.commands)}"
        commands = self.run(OperatorAct(at=self.now, command_id=command_id, kind=kind, payload=payload))
        return next((c for c in commands if isinstance(c, CommandDone)), None)

    # --- the venue's answers

    def read_books_if_wanted(self) -> None:
        while self.reads_wanted and self.obedient:
            self.reads_wanted = 0
            self.read_books()

    def read_books(self, **changes: object) -> list[Command]:
        books: dict[str, object] = {
            "orders": tuple(self.venue.orders.values()),
            "trades": tuple(self.venue.trades),
            "positions": self.venue.positions(),
            "started_at": self.now,
        }
        return self.run(BooksRead(at=self.now, **{**books, **changes}))

    def answer(self, client_id: str, result: SendResult, *, write=Write.PLACE, venue_order_id="", message="") -> None:
        self.run(
            SendOutcome(
                at=self.now,
                client_id=client_id,
                result=result,
                write=write,
                venue_order_id=venue_order_id,
                message=message,
            )
        )

    def accept(self, command: PlaceOrder) -> VenueOrder:
        row = self.venue.take(command, self.now)
        self.answer(command.order.client_id, SendResult.CONFIRMED, venue_order_id=row.venue_order_id)
        self.show(row)
        return row

    def show(self, row: VenueOrder) -> None:
        self.run(OrderSeen(at=self.now, order=row, book=self.book))

    def fill(self, quantity=None, price=None, *, order: OrderRecord | None = None) -> None:
        """Fill the newest working order, wholly unless a quantity is said."""
        order = order or self.working[-1]
        row = self.venue.orders[order.venue_order_id]
        quantity = row.quantity - row.filled_quantity if quantity is None else quantity
        row, trade = self.venue.fill(row.venue_order_id, quantity, price or row.price or "95", self.now)
        self.run(TradeSeen(at=self.now, trade=trade, book=self.book))
        self.show(row)

    def venue_ends(self, status: OrderStatus = OrderStatus.CANCELLED, message: str = "") -> None:
        self.show(self.venue.end(self.working[-1].venue_order_id, status, message))

    # --- what is seen

    @property
    def placed(self) -> list[PlaceOrder]:
        return [c for c in self.commands if isinstance(c, PlaceOrder)]

    @property
    def cancels(self) -> list[CancelOrder]:
        return [c for c in self.commands if isinstance(c, CancelOrder)]

    @property
    def modifies(self) -> list[ModifyOrder]:
        return [c for c in self.commands if isinstance(c, ModifyOrder)]

    @property
    def alerts(self) -> list[str]:
        return [c.sentence for c in self.commands if isinstance(c, Alert)]

    @property
    def orders(self) -> list[OrderRecord]:
        return list(self.engine.state.orders.values())

    @property
    def working(self) -> list[OrderRecord]:
        return [o for o in self.orders if not o.is_final]

    @property
    def held(self) -> Decimal:
        return self.engine.state.positions.net_quantity(RELIANCE.key, self.book)

    @property
    def refusals(self) -> list[str]:
        return [r.payload["rule"] for r in self.journal if r.kind == "refusal"]

    @property
    def inbox(self) -> set[str]:
        return {kind for kind, _ in self.engine.state.discrepancies}

    def loads(self) -> list[LoadHistory]:
        return [c for c in self.commands if isinstance(c, LoadHistory)]

    # --- the engine's promises

    def _check(self, commands: list[Command]) -> None:
        journalled = {c.payload["client_id"] for c in self.journal if c.kind == "intent"}
        for command in commands:
            if isinstance(command, PlaceOrder):
                intent = command.order.intent
                assert command.order.client_id in journalled
                if not intent.reduce_only:
                    assert self.engine.state.switches.objection(intent.deployment_id) is None
                assert [p.order.client_id for p in self.placed].count(command.order.client_id) == 1
        restored = Engine(self.config)
        restored.restore(self.read_journal())
        assert restored.state.fingerprint() == self.engine.state.fingerprint()

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, Schedule):
            self.timers[command.name] = command.at
        elif isinstance(command, ReadBooks):
            self.reads_wanted += 1
        elif isinstance(command, LoadHistory) and self.obedient:
            bars = some_bars(*self.history, instrument=command.instrument, until=self._minute())
            event = HistoryLoaded(
                at=self.now, deployment_id=command.deployment_id, instrument=command.instrument, bars=bars
            )
            self.run(event)
        elif isinstance(command, PlaceOrder) and self.obedient:
            self.accept(command)
        elif isinstance(command, CancelOrder) and self.obedient:
            self.answer(command.client_id, SendResult.CONFIRMED, write=Write.CANCEL)
            self.show(self.venue.end(command.venue_order_id, OrderStatus.CANCELLED))
        elif isinstance(command, ModifyOrder) and self.obedient:
            row = replace(self.venue.orders[command.venue_order_id], price=command.price)
            self.venue.orders[command.venue_order_id] = row
            self.answer(command.client_id, SendResult.CONFIRMED, write=Write.MODIFY)
            self.show(row)

    def _minute(self) -> datetime:
        return self.now.replace(second=0, microsecond=0)


BUY, SELL = Side.BUY, Side.SELL
