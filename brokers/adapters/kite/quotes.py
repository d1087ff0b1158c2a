"""Quotes on demand: full, the day's range, or the last price; an instrument without data is absent from the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from brokers.adapters.kite import protocol
from brokers.adapters.kite.calls import Ask, ask
from brokers.adapters.kite.reading import Fields, row_of
from brokers.domain.errors import Invalid
from brokers.domain.orders import Side
from brokers.domain.quotes import DayPrices, DayQuote, DepthLevel, FullQuote, LastQuote, TriggerRange

TRIGGER_RANGE = "/instruments/trigger_range"

Found = TypeVar("Found")


def full(keys: Sequence[str]) -> list[Ask[dict[str, FullQuote]]]:
    """Ask for everything, in as many calls as the limits demand."""
    return [ask(request, full_quotes_of) for request in protocol.quotes(keys, "full")]


def day(keys: Sequence[str]) -> list[Ask[dict[str, DayQuote]]]:
    """Ask for the last price and the day's range."""
    return [ask(request, day_quotes_of) for request in protocol.quotes(keys, "ohlc")]


def last(keys: Sequence[str]) -> list[Ask[dict[str, LastQuote]]]:
    """Ask for the last price."""
    return [ask(request, last_quotes_of) for request in protocol.quotes(keys, "ltp")]


def trigger_ranges(side: Side, keys: Sequence[str]) -> Ask[dict[str, TriggerRange]]:
    """Ask where a cover order's stop may lie (not in Kite's public reference)."""
    if not 0 < len(keys) <= protocol.QUOTES_PER_CALL:
        raise Invalid(f"ask for 1 to {protocol.QUOTES_PER_CALL} instruments", code="quote.count", field="keys")
    path = f"{TRIGGER_RANGE}/{side.value.lower()}"
    return ask(protocol.reading(path, *(("i", key) for key in keys)), trigger_ranges_of)


def full_quotes_of(data: object) -> dict[str, FullQuote]:
    """Read full quotes by instrument."""
    return _by_key(data, _full)


def day_quotes_of(data: object) -> dict[str, DayQuote]:
    """Read day ranges by instrument."""
    return _by_key(data, _day)


def last_quotes_of(data: object) -> dict[str, LastQuote]:
    """Read last prices by instrument."""
    return _by_key(data, _last)


def trigger_ranges_of(data: object) -> dict[str, TriggerRange]:
    """Read trigger ranges by instrument."""
    return _by_key(data, _range)


def _by_key(data: object, read: Callable[[str, Fields], Found]) -> dict[str, Found]:
    return {str(key): read(str(key), Fields(row)) for key, row in row_of(data).items() if row}


def _last(key: str, row: Fields) -> LastQuote:
    return LastQuote(
        instrument=key,
        instrument_token=row.whole("instrument_token"),
        last_price=row.positive("last_price"),
        extra=row.rest(),
    )


def _day(key: str, row: Fields) -> DayQuote:
    return DayQuote(
        instrument=key,
        instrument_token=row.whole("instrument_token"),
        last_price=row.positive("last_price"),
        day=_prices(row.maybe("ohlc")),
        extra=row.rest(),
    )


def _full(key: str, row: Fields) -> FullQuote:
    depth = row.inner("depth")
    return FullQuote(
        instrument=key,
        instrument_token=row.whole("instrument_token"),
        last_price=row.positive("last_price"),
        day=_prices(row.maybe("ohlc")),
        quoted_at=row.at("timestamp"),
        traded_at=row.at("last_trade_time"),
        last_quantity=row.number("last_quantity"),
        buy_quantity=row.number("buy_quantity"),
        sell_quantity=row.number("sell_quantity"),
        volume=row.number("volume"),
        average_price=row.positive("average_price"),
        open_interest=row.number("oi"),
        open_interest_high=row.number("oi_day_high"),
        open_interest_low=row.number("oi_day_low"),
        net_change=row.number("net_change"),
        lower_circuit=row.positive("lower_circuit_limit"),
        upper_circuit=row.positive("upper_circuit_limit"),
        bids=tuple(map(_level, depth.each("buy"))),
        asks=tuple(map(_level, depth.each("sell"))),
        extra=row.rest(),
    )


def _range(key: str, row: Fields) -> TriggerRange:
    return TriggerRange(
        instrument=key,
        instrument_token=row.whole("instrument_token"),
        lower=row.number("lower"),
        upper=row.number("upper"),
        percent=row.number("percentage"),
        extra=row.rest(),
    )


def _prices(row: Fields | None) -> DayPrices | None:
    if row is None:
        return None
    return DayPrices(
        open=row.number("open"), high=row.number("high"), low=row.number("low"), previous_close=row.number("close")
    )


def _level(row: Fields) -> DepthLevel:
    return DepthLevel(price=row.number("price"), quantity=row.number("quantity"), orders=row.whole("orders"))
