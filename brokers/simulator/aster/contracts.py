"""What the simulated Aster lists: perpetual contracts with made-up terms in the venue's own shape.

Prices and quantities are kept as whole numbers of the contract's smallest units, so that the matching core
counts exactly; text and Decimal are made where they leave. A tick may be several price units: what
``pricePrecision`` allows is not what the tick allows, as at the real venue.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from functools import cached_property

from brokers.simulator.listings import Listing

TRADING, SETTLING = "TRADING", "SETTLING"
PERPETUAL_UNTIL_MS = 4_133_404_800_000
ORDER_TYPES = ("LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "RPI", "HIDDEN")
MOST_ORDERS, MOST_STOPS = 200, 10
MIN_NOTIONAL = Decimal(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """One range of notional: its highest leverage, maintenance ratio, and the amount that joins it to the one below."""

    number: int
    leverage: int
    floor: int
    cap: int
    ratio: Decimal
    amount: Decimal


@dataclass(frozen=True, kw_only=True)
class Contract:
    """One perpetual: how it is counted, what it may do, and the made market's start values."""

    symbol: str
    base: str
    name: str
    price_decimals: int
    tick: int
    quantity_decimals: int
    most: int
    most_market: int
    start_price: str
    vol_annual: float
    beta: float
    trades_per_second: float
    lots_per_trade: float
    funding_hours: int = 8
    # where the contract's premium over its index pulls to
    premium: float = 0.0001
    band: str = "0.0500"
    take_bound: str = "0.05"
    status: str = TRADING
    steps: tuple[tuple[int, int, str], ...] = ()
    liquidation_fee: Decimal = Decimal("0.025")
    trigger_protect: str = "0.0500"

    @cached_property
    def price_unit(self) -> Decimal:
        """Return what one price unit is worth in USDT."""
        return Decimal(1).scaleb(-self.price_decimals)

    @cached_property
    def quantity_unit(self) -> Decimal:
        """Return what one quantity unit is in the base asset; it is the step of both lot filters."""
        return Decimal(1).scaleb(-self.quantity_decimals)

    @cached_property
    def brackets(self) -> tuple[Bracket, ...]:
        """Return the margin brackets, lowest first."""
        rows: list[Bracket] = []
        floor, last, amount = 0, Decimal(0), Decimal(0)
        for number, (leverage, cap, ratio) in enumerate(self.steps, start=1):
            rate = Decimal(ratio)
            amount += floor * (rate - last)
            rows.append(
                Bracket(number=number, leverage=leverage, floor=floor, cap=cap, ratio=rate, amount=amount.normalize())
            )
            floor, last = cap, rate
        return tuple(rows)

    @property
    def is_trading(self) -> bool:
        return self.status == TRADING

    def price(self, units: int) -> Decimal:
        """Return price units as USDT."""
        return units * self.price_unit

    def quantity(self, units: int) -> Decimal:
        """Return quantity units as the base asset."""
        return units * self.quantity_unit

    def price_text(self, units: int) -> str:
        return f"{self.price(units):f}"

    def quantity_text(self, units: int) -> str:
        return f"{self.quantity(units):f}"

    def value_text(self, units: int) -> str:
        """Return a turnover of price units times quantity units as USDT."""
        return f"{Decimal(units).scaleb(-self.price_decimals - self.quantity_decimals):f}"

    def price_units(self, price: Decimal) -> int:
        """Return a price as units, cut to whole ones."""
        return int((price / self.price_unit).to_integral_value(ROUND_DOWN))

    def listing(self, row: int) -> Listing:
        """Return the contract as the board lists it."""
        return Listing(
            token=row,
            exchange="ASTER",
            symbol=self.symbol,
            name=self.base,
            kind="PERP",
            segment="PERP",
            tick=self.tick,
            lot=1,
        )

    def most_notional(self, leverage: int) -> int:
        """Return the largest notional that this leverage may carry."""
        return max(bracket.cap for bracket in self.brackets if bracket.leverage >= leverage)

    @property
    def most_leverage(self) -> int:
        return self.brackets[0].leverage

    def maintenance(self, notional: Decimal) -> Decimal:
        """Return the least margin that a notional needs."""
        holding = (bracket for bracket in self.brackets if notional <= bracket.cap)
        bracket = next(holding, self.brackets[-1])
        return notional * bracket.ratio - bracket.amount


_LARGE = ((125, 50_000, "0.004"), (100, 500_000, "0.005"), (50, 8_000_000, "0.01"), (20, 50_000_000, "0.025"),
          (5, 200_000_000, "0.10"))  # fmt: skip
_MIDDLE = ((75, 10_000, "0.0065"), (50, 100_000, "0.01"), (25, 1_000_000, "0.02"), (10, 10_000_000, "0.05"))
_SMALL = ((25, 5_000, "0.02"), (10, 50_000, "0.05"), (5, 500_000, "0.10"))

CONTRACTS = (
    Contract(
        symbol="BTCUSDT", base="BTC", name="Bitcoin", price_decimals=1, tick=1, quantity_decimals=3, most=1_000_000,
        most_market=120_000, start_price="91234.5", vol_annual=0.48, beta=1.0, trades_per_second=3.0,
        lots_per_trade=60.0, band="0.0200", take_bound="0.02", steps=_LARGE,
    ),
    # the tick is five price units: rounding to pricePrecision alone is refused
    Contract(
        symbol="ETHUSDT", base="ETH", name="Ethereum", price_decimals=2, tick=5, quantity_decimals=3,
        most=10_000_000, most_market=2_000_000, start_price="3012.35", vol_annual=0.66, beta=1.15,
        trades_per_second=2.2, lots_per_trade=900.0, band="0.0300", take_bound="0.03", steps=_LARGE,
    ),
    Contract(
        symbol="SOLUSDT", base="SOL", name="Solana", price_decimals=3, tick=10, quantity_decimals=2,
        most=100_000_000, most_market=5_000_000, start_price="138.470", vol_annual=0.85, beta=1.3,
        trades_per_second=1.4, lots_per_trade=1_500.0, premium=-0.0009, steps=_MIDDLE,
    ),
    Contract(
        symbol="BNBUSDT", base="BNB", name="BNB", price_decimals=2, tick=1, quantity_decimals=2, most=1_000_000,
        most_market=200_000, start_price="871.26", vol_annual=0.55, beta=0.8, trades_per_second=0.9,
        lots_per_trade=160.0, steps=_MIDDLE,
    ),
    Contract(
        symbol="红隼USDT", base="红隼", name="红隼", price_decimals=5, tick=10, quantity_decimals=0, most=20_000_000,
        most_market=1_000_000, start_price="0.04210", vol_annual=1.6, beta=1.2, trades_per_second=0.5,
        lots_per_trade=2_500.0, funding_hours=4, premium=0.0011, band="0.1500", take_bound="0.15", steps=_SMALL,
    ),
    Contract(
        symbol="OLDUSDT", base="OLD", name="", price_decimals=5, tick=10, quantity_decimals=0, most=225_000,
        most_market=500, start_price="0.17300", vol_annual=0.0, beta=0.0, trades_per_second=0.0, lots_per_trade=1.0,
        funding_hours=4, status=SETTLING, steps=_SMALL,
    ),
)  # fmt: skip


def exchange_row(contract: Contract) -> dict[str, object]:
    """Return one symbol of exchangeInfo."""
    onboard = 1_627_628_400_000
    return {
        "symbol": contract.symbol,
        "pair": contract.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": PERPETUAL_UNTIL_MS if contract.is_trading else 1_782_864_000_000,
        "onboardDate": onboard,
        "status": contract.status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": contract.base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": contract.price_decimals,
        "quantityPrecision": contract.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "symbolType": 0,
        "tradingMode": 0,
        "name": contract.name,
        "channel": "",
        "sequenceNo": 0,
        "twapMinNotional": "1000",
        "settlePlan": 0,
        "triggerProtect": contract.trigger_protect,
        "liquidationFee": f"{contract.liquidation_fee:.6f}",
        "marketTakeBound": contract.take_bound,
        "createTime": onboard,
        "filters": _filters(contract),
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
    }


def _filters(contract: Contract) -> list[dict[str, object]]:
    step, band = f"{contract.quantity_unit:f}", Decimal(contract.band)
    tick = contract.price_text(contract.tick)
    lot = {"stepSize": step, "minQty": step}
    return [
        {"minPrice": tick, "maxPrice": "1000000", "filterType": "PRICE_FILTER", "tickSize": tick},
        {**lot, "filterType": "LOT_SIZE", "maxQty": contract.quantity_text(contract.most)},
        {**lot, "filterType": "MARKET_LOT_SIZE", "maxQty": contract.quantity_text(contract.most_market)},
        {"limit": MOST_ORDERS, "filterType": "MAX_NUM_ORDERS"},
        {"limit": MOST_STOPS, "filterType": "MAX_NUM_ALGO_ORDERS"},
        {"notional": f"{MIN_NOTIONAL}", "filterType": "MIN_NOTIONAL"},
        {
            "multiplierDown": f"{1 - band:.4f}",
            "multiplierUp": f"{1 + band:.4f}",
            "ltMultiplierDown": "0",
            "multiplierDecimal": "4",
            "filterType": "PERCENT_PRICE",
            "ltMultiplierUp": "0",
        },
    ]
