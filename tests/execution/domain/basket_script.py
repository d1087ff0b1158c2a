"""A scripted desk with a strip of options, and baskets to send on it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.orders import OrderStatus, Purpose
from execution.domain.baskets import BasketRecord, BasketState, key_of_basket
from execution.domain.commands import PlaceOrder
from tests.execution.domain.desk_script import DeskScript

BASKET = "11111111-2222-4333-8444-555555555555"
KEY = key_of_basket(BASKET)
EXPIRY, LATER = date(2026, 8, 25), date(2026, 9, 29)
LOT = 65


def an_option(strike: int, kind: str = "CE", *, expiry: date = EXPIRY, token: int = 0) -> Instrument:
    return Instrument(
        exchange="NFO",
        symbol=f"NIFTY{expiry:%y%b}{strike}{kind}".upper(),
        token=token or strike * 10 + (kind == "PE") + (expiry != EXPIRY) * 3,
        kind=InstrumentKind(kind),
        name="NIFTY",
        tick_size=Decimal("0.05"),
        lot_size=LOT,
        segment="NFO-OPT",
        expiry=expiry,
        strike=Decimal(strike),
    )


def a_future(*, token: int = 77) -> Instrument:
    return Instrument(
        exchange="NFO",
        symbol="NIFTY26AUGFUT",
        token=token,
        kind=InstrumentKind.FUTURE,
        name="NIFTY",
        tick_size=Decimal("0.05"),
        lot_size=LOT,
        segment="NFO-FUT",
        expiry=EXPIRY,
    )


LOW_CALL, HIGH_CALL = an_option(24000), an_option(24500)
HIGH_PUT, LOW_PUT = an_option(23500, "PE"), an_option(23000, "PE")
LATE_CALL, FUTURE = an_option(24000, expiry=LATER), a_future()
STRIP = (LOW_CALL, HIGH_CALL, HIGH_PUT, LOW_PUT, LATE_CALL, FUTURE)
PRICES = {LOW_CALL: 100.0, HIGH_CALL: 40.0, HIGH_PUT: 90.0, LOW_PUT: 30.0, LATE_CALL: 150.0, FUTURE: 240.0}


def buy(instrument: Instrument, lots: int = 1, **terms: object) -> dict[str, object]:
    return _leg(instrument, "BUY", lots, terms)


def sell(instrument: Instrument, lots: int = 1, **terms: object) -> dict[str, object]:
    return _leg(instrument, "SELL", lots, terms)


def _leg(instrument: Instrument, side: str, lots: int, terms: dict[str, object]) -> dict[str, object]:
    row = {"instrument": instrument.key, "side": side, "quantity": str(lots * LOT), "type": "MARKET", "product": "MIS"}
    return {**row, **terms}


CALL_SPREAD = (sell(LOW_CALL), buy(HIGH_CALL))
CONDOR = (sell(LOW_CALL), buy(HIGH_CALL), sell(HIGH_PUT), buy(LOW_PUT))


class BasketScript(DeskScript):
    """A desk that listens to the strip, without a strategy."""

    def __init__(self, *, listens: bool = True, **given: object) -> None:
        config = given.pop("config", None) or {}
        if listens:
            config = {"watch": tuple(instrument.key for instrument in STRIP), **config}
        super().__init__(instruments=STRIP, config=config, **given)
        self.price = {instrument.key: price for instrument, price in PRICES.items()}

    def start(self, **_: object) -> BasketScript:
        super().start(deployment=False)
        return self

    def send(self, *legs: dict[str, object], policy: str = "unwind", deadline_s: float = 60.0, **changes: object):
        body = {
            "basket_id": BASKET,
            "name": "Bear spread",
            "policy": policy,
            "mode": self.book.value,
            "asked_at": self.now.isoformat(),
            "deadline_s": deadline_s,
            "legs": list(legs),
        }
        command_id = str(changes.pop("command_id", ""))
        return self.act("basket_send", command_id, **{**body, **changes})

    @property
    def basket(self) -> BasketRecord:
        return self.engine.state.baskets[KEY]

    @property
    def state(self) -> BasketState:
        return self.basket.state

    def sent(self, purpose: Purpose = Purpose.ENTRY) -> list[str]:
        """Return what was sent, as side and instrument, in its order."""
        intents = [p.order.intent for p in self.placed if p.order.intent.purpose is purpose]
        return [f"{intent.side} {intent.instrument}" for intent in intents]

    def fill_of(self, instrument: Instrument, quantity: object = None) -> None:
        """Fill the working order in an instrument."""
        order = next(o for o in self.working if o.intent.instrument == instrument.key)
        self.fill(quantity, "100", order=order)

    def fill_working(self) -> None:
        for order in [o for o in self.working if o.venue_order_id]:
            self.fill(order=order)

    def end_of(self, instrument: Instrument, status: OrderStatus, message: str = "") -> None:
        order = next(o for o in self.working if o.intent.instrument == instrument.key)
        self.show(self.venue.end(order.venue_order_id, status, message))

    def held_of(self, instrument: Instrument) -> Decimal:
        return self.engine.state.positions.net_quantity(instrument.key, self.book)

    def placement_of(self, instrument: Instrument) -> PlaceOrder:
        return next(p for p in reversed(self.placed) if p.order.intent.instrument == instrument.key)


def is_covered(desk: BasketScript) -> bool:
    """Tell whether calls and puts written are never more than what is bought of their kind."""
    held = {instrument: desk.held_of(instrument) for instrument in STRIP}
    calls = held[LOW_CALL] + held[HIGH_CALL] + held[LATE_CALL] + held[FUTURE]
    puts = held[HIGH_PUT] + held[LOW_PUT] - held[FUTURE]
    return calls >= 0 and puts >= 0
