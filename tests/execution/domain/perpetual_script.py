"""A desk of perpetual contracts in memory: the scripted venue of `desk_script`, always open, in USDT."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from brokers.domain.calendar import ALWAYS_OPEN
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.money import Currency
from brokers.domain.orders import Book, Product, Side, VenuePosition, VenueTrade
from brokers.domain.perpetual import MarginBracket
from brokers.domain.perpetual_terms import FillSource, MarginMode, PositionSide, VenueFunding
from execution.domain.events import AccountTermsSeen, ContractTermsSeen, FundingSeen, MarketFrame, TradeSeen
from tests.builders import some_columns
from tests.execution.domain.desk_script import DeskScript, Venue

BTC = Instrument(
    exchange="ASTER",
    symbol="BTCUSDT",
    token=71,
    kind=InstrumentKind.PERPETUAL,
    name="BTC",
    tick_size=Decimal("0.1"),
    lot_size=1,
    segment="PERP",
    currency=Currency.USDT,
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.001"),
    min_notional_quote=Decimal(5),
)
# late on a Saturday: every Indian segment is closed, and the venue's day ends within the hour
SATURDAY_NIGHT = datetime(2026, 8, 22, 23, 20, tzinfo=UTC)
BRACKETS = (
    MarginBracket(
        floor=Decimal(0),
        cap=Decimal(5_000),
        maintenance_ratio=Decimal("0.004"),
        maintenance_amount=Decimal(0),
        max_leverage=50,
    ),
    MarginBracket(
        floor=Decimal(5_000),
        cap=Decimal(50_000),
        maintenance_ratio=Decimal("0.01"),
        maintenance_amount=Decimal(30),
        max_leverage=20,
    ),
)


@dataclass
class PerpetualVenue(Venue):
    """Positions as a venue of perpetuals shows them."""

    leverage: int = 10
    mode: MarginMode = MarginMode.CROSSED
    margin: Decimal | None = None
    liquidation: Decimal | None = None
    rows: tuple[VenuePosition, ...] | None = None

    def fill(self, venue_order_id, quantity, price, at):
        row, trade = super().fill(venue_order_id, quantity, price, at)
        trade = self.trades[-1] = replace(trade, product=Product.PERPETUAL)
        return row, trade

    def positions(self) -> tuple[VenuePosition, ...]:
        if self.rows is not None:
            return self.rows
        shown = super().positions()
        return tuple(
            replace(
                row,
                product=Product.PERPETUAL,
                leverage=self.leverage,
                margin_mode=self.mode,
                isolated_margin_quote=self.margin,
                liquidation_price=self.liquidation if row.quantity else None,
                position_side=PositionSide.BOTH,
            )
            for row in shown
        )


class PerpetualScript(DeskScript):
    def __init__(self, *, book: Book = Book.LIVE, at: datetime = SATURDAY_NIGHT, **options: object) -> None:
        config = {"venue": "aster", "calendar": ALWAYS_OPEN, "currency": Currency.USDT, "watch": (BTC.key,)}
        config |= options.pop("config", {})  # type: ignore[arg-type]
        super().__init__(book=book, at=at, config=config, instruments=(BTC,), **options)  # type: ignore[arg-type]
        self.venue = PerpetualVenue()
        self.price = {BTC.key: 95.0}
        self.mark: float | None = None

    def start(self, *, deployment: bool = True, terms: bool = True, **params: object) -> PerpetualScript:
        if terms:
            self.run(AccountTermsSeen(at=self.now, is_hedge=False, is_multi_assets=False))
        params.setdefault("instruments", (BTC.key,))
        super().start(deployment=deployment, **params)
        return self

    def tick(self, price: float | None = None, instrument: Instrument = BTC, *, at: datetime | None = None) -> None:
        if price is not None:
            self.price[instrument.key] = price
        columns = some_columns((BTC, self.price[BTC.key]), at=at or self.now, received_at=self.now)
        if self.mark is not None:
            columns = replace(columns, mark_price=columns.last_price * 0 + self.mark)
        self.run(MarketFrame(at=self.now, columns=columns))

    def contract(self, *, maker: str = "0.0002", taker: str = "0.0004", brackets=BRACKETS) -> None:
        event = ContractTermsSeen(
            at=self.now, instrument=BTC.key, brackets=brackets, maker_fee=Decimal(maker), taker_fee=Decimal(taker)
        )
        self.run(event)

    def funding(self, amount: str, *, payment_id: str = "F1", at: datetime | None = None) -> None:
        payment = VenueFunding(
            payment_id=payment_id,
            instrument=BTC.key,
            amount_quote=Decimal(amount),
            asset="USDT",
            paid_at=at or self.now,
            rate=Decimal("0.0001"),
        )
        self.run(FundingSeen(at=self.now, payment=payment))

    def forced(
        self,
        quantity: str,
        *,
        side: Side = Side.SELL,
        source: FillSource = FillSource.LIQUIDATION,
        trade_id: str = "L1",
        price: str = "80",
        fee: str = "0.5",
        at: datetime | None = None,
    ) -> VenueTrade:
        """Let the exchange itself close a part of what is held."""
        trade = VenueTrade(
            trade_id=trade_id,
            venue_order_id="BTCUSDT:900",
            instrument=BTC.key,
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(price),
            product=Product.PERPETUAL,
            filled_at=at or self.now,
            fee_quote=Decimal(fee),
            source=source,
        )
        self.venue.trades.append(trade)
        self.run(TradeSeen(at=self.now, trade=trade, book=self.book))
        return trade

    @property
    def held(self) -> Decimal:
        return self.engine.state.positions.net_quantity(BTC.key, self.book)

    @property
    def position(self):
        [position] = [p for p in self.engine.state.positions.all() if p.key.book is self.book]
        return position

    def view(self, topic: str):
        return self.engine.views(self.now)[topic]
