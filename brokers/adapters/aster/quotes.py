"""Questions about the market, which nobody signs: books, trades, candles, marks, funding, tickers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from brokers.adapters.aster import market, requests
from brokers.adapters.aster.calls import Ask, ask_row, ask_rows
from brokers.adapters.aster.market import (
    AggregateTrade,
    BestPrices,
    DayTicker,
    DepthSnapshot,
    ExchangeList,
    FundingRate,
    FundingTerms,
    IndexMakeup,
    Kline,
    MarketTrade,
    MarkPrice,
    PriceTicker,
)
from brokers.adapters.aster.requests import Security
from brokers.adapters.aster.wire import moment
from brokers.domain.errors import DataError, Invalid

MOST_TRADES = 1000
MOST_CANDLES = 1500


def ping() -> Ask[None]:
    """Ask whether anybody is there."""
    return Ask(request=requests.market("ping", 1), read=lambda _: None)


def server_time() -> Ask[datetime]:
    """Ask for the exchange's time."""
    return Ask(request=requests.server_time(), read=_time_of)


def exchange_list() -> Ask[ExchangeList]:
    """Ask for every symbol with its rules, and for the ceilings."""
    return Ask(request=requests.exchange_info(), read=market.exchange_list)


def depth(symbol: str, limit: int = 1000) -> Ask[DepthSnapshot]:
    return ask_row(requests.depth(symbol, limit), DepthSnapshot)


def recent_trades(symbol: str, limit: int = 500) -> Ask[tuple[MarketTrade, ...]]:
    return ask_rows(requests.market("trades", 1, symbol=symbol, limit=_limit(limit)), MarketTrade)


def old_trades(symbol: str, *, from_id: str | None = None, limit: int = 500) -> Ask[tuple[MarketTrade, ...]]:
    """Ask for older trades; V1 wants to know whose key asks."""
    request = requests.market(
        "historicalTrades", 20, security=Security.MARKET, symbol=symbol, limit=_limit(limit), fromId=from_id
    )
    return ask_rows(request, MarketTrade)


def aggregate_trades(
    symbol: str,
    *,
    from_id: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 500,
) -> Ask[tuple[AggregateTrade, ...]]:
    """Ask for trades joined by price and taker; start and end together lie less than an hour apart."""
    if start is not None and end is not None and not 0 < (end - start).total_seconds() < 3600:
        raise Invalid("aggregate trades are asked for in less than an hour", code="aster.range", field="end")
    request = requests.market(
        "aggTrades", 20, symbol=symbol, fromId=from_id, startTime=start, endTime=end, limit=_limit(limit)
    )
    return ask_rows(request, AggregateTrade)


def candles(
    symbol: str, interval: str, *, start: datetime, end: datetime, now: datetime, limit: int = MOST_CANDLES
) -> Ask[tuple[Kline, ...]]:
    """Ask for the candles of contract prices that have closed by `now`."""
    request = requests.klines(symbol, interval, start=start, end=end, limit=limit)
    return Ask(request=request, read=_closed_by(now))


def index_candles(pair: str, interval: str, *, start: datetime, end: datetime, now: datetime) -> Ask[tuple[Kline, ...]]:
    """Ask for closed candles of the index; their volumes mean nothing."""
    return _other_candles("indexPriceKlines", interval, start, end, now, pair=pair)


def mark_candles(
    symbol: str, interval: str, *, start: datetime, end: datetime, now: datetime
) -> Ask[tuple[Kline, ...]]:
    """Ask for closed candles of the mark price; their volumes mean nothing."""
    return _other_candles("markPriceKlines", interval, start, end, now, symbol=symbol)


def mark_price(symbol: str) -> Ask[MarkPrice]:
    return ask_row(requests.mark_prices(symbol), MarkPrice)


def mark_prices() -> Ask[tuple[MarkPrice, ...]]:
    """Ask for mark, index and funding of every symbol."""
    return ask_rows(requests.mark_prices(), MarkPrice)


def funding_rates(symbol: str, *, start: datetime | None = None, limit: int = 1000) -> Ask[tuple[FundingRate, ...]]:
    return ask_rows(requests.funding_rates(symbol, start=start, limit=limit), FundingRate)


def funding_terms() -> Ask[tuple[FundingTerms, ...]]:
    """Ask how often each symbol pays funding: they differ, and change."""
    return ask_rows(requests.funding_terms(), FundingTerms)


def day_ticker(symbol: str) -> Ask[DayTicker]:
    return ask_row(requests.day_tickers(symbol), DayTicker)


def day_tickers() -> Ask[tuple[DayTicker, ...]]:
    return ask_rows(requests.day_tickers(), DayTicker)


def last_price(symbol: str) -> Ask[PriceTicker]:
    return ask_row(requests.market("ticker/price", 1, symbol=symbol), PriceTicker)


def last_prices() -> Ask[tuple[PriceTicker, ...]]:
    return ask_rows(requests.market("ticker/price", 2), PriceTicker)


def best_price(symbol: str) -> Ask[BestPrices]:
    return ask_row(requests.best_prices(symbol), BestPrices)


def best_prices() -> Ask[tuple[BestPrices, ...]]:
    return ask_rows(requests.best_prices(), BestPrices)


def index_makeup(symbol: str) -> Ask[IndexMakeup]:
    """Ask which prices make an index; V3 alone answers."""
    return ask_row(requests.market("indexreferences", 1, symbol=symbol), IndexMakeup)


def marks_of(rows: tuple[MarkPrice, ...]) -> Mapping[str, Decimal]:
    """Return mark prices by symbol."""
    return {row.symbol: row.mark_price for row in rows}


def _time_of(body: Any) -> datetime:
    try:
        at = moment(body["serverTime"])
    except (KeyError, TypeError, ValueError, OverflowError):
        at = None
    if at is None:
        raise DataError("the exchange did not tell its time", code="venue.unreadable")
    return at


def _other_candles(
    name: str, interval: str, start: datetime, end: datetime, now: datetime, **whose: Any
) -> Ask[tuple[Kline, ...]]:
    wanted: dict[str, Any] = {"interval": interval, "startTime": start, "endTime": end, "limit": MOST_CANDLES}
    request = requests.market(name, requests.kline_weight(MOST_CANDLES), **wanted, **whose)
    return Ask(request=request, read=_closed_by(now))


def _closed_by(now: datetime) -> Callable[[Any], tuple[Kline, ...]]:
    return partial(market.klines, now=now)


def _limit(limit: int) -> int:
    if not 1 <= limit <= MOST_TRADES:
        raise Invalid(f"limit is 1 to {MOST_TRADES}, not {limit}", code="aster.limit", field="limit")
    return limit
