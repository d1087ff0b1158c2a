"""A symbol's rules as Aster lists them, and orders brought onto their grid by exact arithmetic.

A bound or step of 0 turns its rule off. `pricePrecision` and `quantityPrecision` are not the grid: they disagree with
the tick for most symbols. Source: exchangeInfo filters of Aster's futures API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from brokers.domain.errors import DataError, Invalid
from brokers.domain.orders import Side

TRADING = "TRADING"
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Allowed values: lowest, lowest + step, … up to highest; a zero part does not apply."""

    lowest: Decimal
    highest: Decimal
    step: Decimal

    def floor(self, value: Decimal) -> Decimal:
        """Return the nearest allowed value not above `value`; bounds are for `objection` to name."""
        return self._snapped(value, ROUND_FLOOR)

    def ceiling(self, value: Decimal) -> Decimal:
        """Return the nearest allowed value not below `value`."""
        return self._snapped(value, ROUND_CEILING)

    def objection(self, value: Decimal) -> str | None:
        """Return why this value is not allowed, with both numbers, or None."""
        if self.lowest and value < self.lowest:
            return f"{value} is below the smallest allowed, {self.lowest}"
        if self.highest and value > self.highest:
            return f"{value} is above the largest allowed, {self.highest}"
        if self.step and (value - self.lowest) % self.step:
            return f"{value} is no multiple of {self.step}"
        return None

    def _snapped(self, value: Decimal, rounding: str) -> Decimal:
        if not self.step:
            return value
        steps = ((value - self.lowest) / self.step).to_integral_value(rounding=rounding)
        return self.lowest + steps * self.step


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """What the exchange demands of orders in one symbol."""

    symbol: str
    status: str
    base: str
    quote: str
    margin_asset: str
    price: Grid
    quantity: Grid
    market_quantity: Grid
    smallest_notional: Decimal
    # of the mark price; 0 turns the side off
    highest_price_share: Decimal
    lowest_price_share: Decimal
    most_orders: int
    most_trigger_orders: int
    trigger_protect: Decimal
    order_types: frozenset[str]

    @property
    def is_trading(self) -> bool:
        return self.status == TRADING


def quantised_price(rules: SymbolRules, side: Side, price: Decimal) -> Decimal:
    """Return the price on the tick, to the passive side: down for a buy, up for a sell.

    The result lies inside the symbol's bounds; a price that is not above 0 raises Invalid.
    """
    _require_positive(price, "price")
    grid = rules.price
    snapped = grid.floor(price) if side is Side.BUY else grid.ceiling(price)
    lowest = grid.lowest or grid.step
    highest = grid.floor(grid.highest) if grid.highest else snapped
    return plain(min(max(snapped, lowest), highest))


def quantised_quantity(rules: SymbolRules, quantity: Decimal, *, is_market: bool = False) -> Decimal:
    """Return the quantity rounded down to the step and cut at the largest allowed; 0 when it is below the smallest."""
    _require_positive(quantity, "quantity")
    grid = rules.market_quantity if is_market else rules.quantity
    wanted = min(quantity, grid.highest) if grid.highest else quantity
    snapped = grid.floor(wanted) if wanted >= grid.lowest else ZERO
    return plain(snapped)


def order_objection(
    rules: SymbolRules,
    *,
    side: Side,
    quantity: Decimal,
    price: Decimal | None,
    mark_price: Decimal,
    reduce_only: bool,
) -> str | None:
    """Return why the exchange would refuse this order, with both numbers, or None; a market order has no price."""
    if not rules.is_trading and not reduce_only:
        return f"{rules.symbol} is {rules.status}, only {TRADING} symbols take orders"
    quantity_grid = rules.market_quantity if price is None else rules.quantity
    found = quantity_grid.objection(quantity)
    if found:
        return f"quantity {found}"
    if price is not None:
        found = rules.price.objection(price) or _outside_band(rules, side, price, mark_price)
        if found:
            return f"price {found}"
    notional = quantity * (mark_price if price is None else price)
    if notional < rules.smallest_notional and not reduce_only:
        return f"notional {plain(notional)} is below the smallest allowed, {rules.smallest_notional}"
    return None


def rules_of(row: Mapping[str, Any]) -> SymbolRules:
    """Read one symbol of exchangeInfo; raise DataError naming what is missing."""
    filters = {str(item.get("filterType")): item for item in row.get("filters", ())}
    try:
        lot = _grid(filters["LOT_SIZE"], "minQty", "maxQty", "stepSize")
        market = filters.get("MARKET_LOT_SIZE")
        band = filters.get("PERCENT_PRICE", {})
        return SymbolRules(
            symbol=str(row["symbol"]),
            status=str(row["status"]),
            base=str(row["baseAsset"]),
            quote=str(row["quoteAsset"]),
            margin_asset=str(row.get("marginAsset", row["quoteAsset"])),
            price=_grid(filters["PRICE_FILTER"], "minPrice", "maxPrice", "tickSize"),
            quantity=lot,
            market_quantity=_grid(market, "minQty", "maxQty", "stepSize") if market else lot,
            smallest_notional=Decimal(str(filters.get("MIN_NOTIONAL", {}).get("notional", 0))),
            highest_price_share=Decimal(str(band.get("multiplierUp", 0))),
            lowest_price_share=Decimal(str(band.get("multiplierDown", 0))),
            most_orders=int(filters.get("MAX_NUM_ORDERS", {}).get("limit", 0)),
            most_trigger_orders=int(filters.get("MAX_NUM_ALGO_ORDERS", {}).get("limit", 0)),
            trigger_protect=Decimal(str(row.get("triggerProtect", 0))),
            # the documents print OrderType, the wire has orderTypes
            order_types=frozenset(map(str, row.get("orderTypes") or row.get("OrderType") or ())),
        )
    except (KeyError, ArithmeticError, ValueError, TypeError) as error:
        raise DataError(
            f"symbol {row.get('symbol')!r} of the exchange's list cannot be read: {error!r}", code="aster.symbol"
        ) from None


def plain(value: Decimal) -> Decimal:
    """Return the same number without an exponent or trailing zeros: 1E+2 becomes 100."""
    trimmed = value.normalize()
    return trimmed.quantize(Decimal(1)) if trimmed.as_tuple().exponent > 0 else trimmed  # type: ignore[operator]


def _outside_band(rules: SymbolRules, side: Side, price: Decimal, mark_price: Decimal) -> str | None:
    highest, lowest = mark_price * rules.highest_price_share, mark_price * rules.lowest_price_share
    if side is Side.BUY and rules.highest_price_share and price > highest:
        return f"{price} is above {rules.highest_price_share} of the mark price, {plain(highest)}"
    if side is Side.SELL and rules.lowest_price_share and price < lowest:
        return f"{price} is below {rules.lowest_price_share} of the mark price, {plain(lowest)}"
    return None


def _grid(row: Mapping[str, Any], lowest: str, highest: str, step: str) -> Grid:
    grid = Grid(lowest=Decimal(str(row[lowest])), highest=Decimal(str(row[highest])), step=Decimal(str(row[step])))
    if min(grid.lowest, grid.highest, grid.step) < 0:
        raise ValueError(f"{row.get('filterType')} has a negative bound")
    return grid


def _require_positive(value: Decimal, field: str) -> None:
    if not value.is_finite() or value <= 0:
        raise Invalid(f"{field} must be above 0, not {value}", code=f"order.{field}", field=field)
