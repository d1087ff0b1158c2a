"""Market data as Aster's REST endpoints give it. Prices and sizes are exact; times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from brokers.adapters.aster.filters import SymbolRules, rules_of
from brokers.adapters.aster.wire import Wire, WireRow, exact, flag, identifier, list_of, moment, price_or_none, row_of
from brokers.domain.errors import DataError

Level = tuple[Decimal, Decimal]


def levels(value: Any) -> tuple[Level, ...]:
    """Return (price, quantity) pairs, best first as sent; quantity 0 removes a level."""
    return tuple((exact(price), exact(quantity)) for price, quantity, *_ in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit(WireRow):
    """One ceiling: `limit` of REQUEST_WEIGHT (per address) or ORDERS (per account) in a window."""

    kind: Annotated[str, Wire("rateLimitType", str)]
    interval: Annotated[str, Wire("interval", str)]
    interval_count: Annotated[int, Wire("intervalNum", int)]
    limit: Annotated[int, Wire("limit", int)]

    @property
    def seconds(self) -> int:
        """Return the window's length; an unknown unit raises DataError."""
        try:
            return self.interval_count * {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86400}[self.interval]
        except KeyError:
            raise DataError(f"a rate limit per {self.interval!r} is not known", code="aster.rate_limit") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeList:
    """What the exchange lists: ceilings, and the rules of each symbol that could be read."""

    rate_limits: tuple[RateLimit, ...]
    symbols: Mapping[str, SymbolRules]
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthSnapshot(WireRow):
    last_update_id: Annotated[int, Wire("lastUpdateId", int)]
    bids: Annotated[tuple[Level, ...], Wire("bids", levels)]
    asks: Annotated[tuple[Level, ...], Wire("asks", levels)]
    sent_at: Annotated[datetime | None, Wire("E", moment)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTrade(WireRow):
    trade_id: Annotated[str, Wire("id", identifier)]
    price: Annotated[Decimal, Wire("price", exact)]
    quantity: Annotated[Decimal, Wire("qty", exact)]
    traded_at: Annotated[datetime | None, Wire("time", moment)]
    is_buyer_maker: Annotated[bool, Wire("isBuyerMaker", flag)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateTrade(WireRow):
    trade_id: Annotated[str, Wire("a", identifier)]
    price: Annotated[Decimal, Wire("p", exact)]
    quantity: Annotated[Decimal, Wire("q", exact)]
    traded_at: Annotated[datetime | None, Wire("T", moment)]
    is_buyer_maker: Annotated[bool, Wire("m", flag)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kline:
    """A candle: opened and closed at whole intervals; volumes in base and quote."""

    opened_at: datetime
    closed_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPrice(WireRow):
    """Mark, index and funding of a symbol; the rate is a fraction per funding interval."""

    symbol: Annotated[str, Wire("symbol", str)]
    mark_price: Annotated[Decimal, Wire("markPrice", exact)]
    index_price: Annotated[Decimal, Wire("indexPrice", exact)]
    funding_rate: Annotated[Decimal, Wire("lastFundingRate", exact)]
    next_funding_at: Annotated[datetime | None, Wire("nextFundingTime", moment)]
    measured_at: Annotated[datetime | None, Wire("time", moment)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRate(WireRow):
    symbol: Annotated[str, Wire("symbol", str)]
    rate: Annotated[Decimal, Wire("fundingRate", exact)]
    funded_at: Annotated[datetime | None, Wire("fundingTime", moment)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingTerms(WireRow):
    """How often a symbol pays funding, in hours, and between which rates; symbols differ."""

    symbol: Annotated[str, Wire("symbol", str)]
    interval_hours: Annotated[int, Wire("fundingIntervalHours", int)]
    cap: Annotated[Decimal | None, Wire("fundingFeeCap", exact)] = None
    floor: Annotated[Decimal | None, Wire("fundingFeeFloor", exact)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTicker(WireRow):
    symbol: Annotated[str, Wire("symbol", str)]
    last_price: Annotated[Decimal, Wire("lastPrice", exact)]
    open_price: Annotated[Decimal, Wire("openPrice", exact)]
    high_price: Annotated[Decimal, Wire("highPrice", exact)]
    low_price: Annotated[Decimal, Wire("lowPrice", exact)]
    volume: Annotated[Decimal, Wire("volume", exact)]
    quote_volume: Annotated[Decimal, Wire("quoteVolume", exact)]
    closed_at: Annotated[datetime | None, Wire("closeTime", moment)]
    trades: Annotated[int, Wire("count", int)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTicker(WireRow):
    symbol: Annotated[str, Wire("symbol", str)]
    price: Annotated[Decimal, Wire("price", exact)]
    measured_at: Annotated[datetime | None, Wire("time", moment)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BestPrices(WireRow):
    """Best bid and ask; None on a side that is empty."""

    symbol: Annotated[str, Wire("symbol", str)]
    bid: Annotated[Decimal | None, Wire("bidPrice", price_or_none)]
    bid_quantity: Annotated[Decimal, Wire("bidQty", exact)]
    ask: Annotated[Decimal | None, Wire("askPrice", price_or_none)]
    ask_quantity: Annotated[Decimal, Wire("askQty", exact)]
    measured_at: Annotated[datetime | None, Wire("time", moment)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPart(WireRow):
    exchange: Annotated[str, Wire("exchange", str)]
    symbol: Annotated[str, Wire("symbol", str)]
    weight: Annotated[Decimal, Wire("weight", exact)]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexMakeup(WireRow):
    symbol: Annotated[str, Wire("symbol", str)]
    parts: Annotated[tuple[IndexPart, ...], Wire("references", list_of(IndexPart))]


def exchange_list(body: Any) -> ExchangeList:
    """Read exchangeInfo; a symbol that cannot be read is named and left out, so that one cannot hide the rest."""
    symbols: dict[str, SymbolRules] = {}
    unreadable: list[str] = []
    try:
        rows, limits = body["symbols"], body["rateLimits"]
    except (KeyError, TypeError):
        raise DataError("the exchange's list has no symbols", code="venue.unreadable") from None
    for row in rows:
        try:
            rules = rules_of(row)
            symbols[rules.symbol] = rules
        except (DataError, AttributeError):
            unreadable.append(str(row.get("symbol") if isinstance(row, Mapping) else row)[:40])
    return ExchangeList(
        rate_limits=tuple(row_of(RateLimit, limit) for limit in limits),
        symbols=symbols,
        unreadable=tuple(unreadable),
    )


def klines(body: Any, *, now: datetime) -> tuple[Kline, ...]:
    """Return the candles that have closed by `now`; the last one the exchange sends is still running."""
    try:
        rows = [_kline(row) for row in body]
    except (ArithmeticError, IndexError, TypeError, ValueError):
        raise DataError("a candle of the exchange cannot be read", code="venue.unreadable") from None
    return tuple(row for row in rows if row.closed_at < now)


def _kline(row: Any) -> Kline:
    opened_at, closed_at = moment(row[0]), moment(row[6])
    if opened_at is None or closed_at is None:
        raise ValueError(row[0])
    return Kline(
        opened_at=opened_at,
        closed_at=closed_at,
        open=exact(row[1]),
        high=exact(row[2]),
        low=exact(row[3]),
        close=exact(row[4]),
        volume=exact(row[5]),
        quote_volume=exact(row[7]),
        trades=int(row[8]),
    )
