"""The market streams of the simulated Aster: what each says after a step, and how often by the market's clock."""

from __future__ import annotations

import re
from typing import Any, Protocol

from brokers.simulator.aster.clock import INTERVALS_MS, bucket_end
from brokers.simulator.aster.contracts import Contract
from brokers.simulator.aster.market import Tick
from brokers.simulator.aster.market_payloads import aggregate_trade, best, day, premium, sides
from brokers.simulator.aster.minutes import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    START,
    TAKER_TURNOVER,
    TAKER_VOLUME,
    TRADES,
    TURNOVER,
    VOLUME,
)
from brokers.simulator.aster.orders import PerpetualOrder
from brokers.simulator.aster.venue import PerpetualVenue

Event = dict[str, Any]
_DEPTH = re.compile(r"depth(5|10|20)?(?:@(100|500)ms)?")
_MARK = re.compile(r"markPrice(@1s)?")


class Feed(Protocol):
    """One stream; several connections may listen to it."""

    def events(self, venue: PerpetualVenue, tick: Tick) -> list[Any]:
        """Return what the stream says after a step: nothing, an event or several, for arrays a list."""
        ...


class Beat:
    """Tells when so much market time has gone by."""

    def __init__(self, every_ms: int) -> None:
        self._every_ms = every_ms
        self._last_ms = 0

    def is_due(self, now_ms: int) -> bool:
        if now_ms - self._last_ms < self._every_ms:
            return False
        self._last_ms = now_ms
        return True


class AggregateTrades:
    def __init__(self, row: int) -> None:
        self._row = row

    def events(self, venue: PerpetualVenue, tick: Tick) -> list[Event]:
        count = sum(row == self._row for row, *_ in tick.trades)
        contract = venue.market.contracts[self._row]
        head = {"e": "aggTrade", "E": venue.now_ms, "s": contract.symbol}
        return [{**head, **aggregate_trade(contract, one)} for one in venue.tape[self._row][-count:]] if count else []


class BestPrices:
    """Best bid and offer of some contracts, whenever they changed."""

    def __init__(self, rows: list[int]) -> None:
        self._rows = rows
        self._last: dict[int, tuple[str, ...]] = {}

    def events(self, venue: PerpetualVenue, tick: Tick) -> list[Event]:
        found = []
        for row in self._rows:
            now = best(venue, row)
            figures = (now["bidPrice"], now["bidQty"], now["askPrice"], now["askQty"])
            if self._last.get(row) == figures:
                continue
            self._last[row] = figures
            found.append(
                {
                    "e": "bookTicker", "u": int(venue.update_id[row]), "E": venue.now_ms, "T": venue.now_ms,
                    "s": now["symbol"], **dict(zip("bBaA", figures, strict=True)),
                }
            )  # fmt: skip
        return found


class MarkPrices:
    """Mark, index and funding of some contracts; as an array where the stream is of all."""

    def __init__(self, rows: list[int], every_ms: int, *, as_array: bool) -> None:
        self._rows, self._as_array = rows, as_array
        self._beat = Beat(every_ms)

    def events(self, venue: PerpetualVenue, tick: Tick) -> list[Any]:
        if not self._beat.is_due(venue.now_ms):
            return []
        found = [self._event(venue, row) for row in self._rows]
        return [found] if self._as_array else found

    @staticmethod
    def _event(venue: PerpetualVenue, row: int) -> Event:
        now = premium(venue, row)
        return {
            "e": "markPriceUpdate", "E": venue.now_ms, "s": now["symbol"], "p": now["markPrice"],
            "i": now["indexPrice"], "P": now["estimatedSettlePrice"], "r": now["lastFundingRate"],
            "T": now["nextFundingTime"],
        }  # fmt: skip


class DayFigures:
    """The last 24 hours of some contracts, in full or as the mini ticker."""

    def __init__(self, rows: list[int], every_ms: int, *, mini: bool, as_array: bool) -> None:
        self._rows, self._mini, self._as_array = rows, mini, as_array
        self._beat = Beat(every_ms)

    def events(self, venue: PerpetualVenue, tick: Tick) -> list[Any]:
        if not self._beat.is_due(venue.now_ms):
            return []
        found = [self._event(venue, row) for row in self._rows]
        return [found] if self._as_array else found

    def _event(self, venue: PerpetualVenue, row: int) -> Event:
        d = day(venue, row)
        prices = {"c": d["lastPrice"], "o": d["openPrice"], "h": d["highPrice"], "l": d["lowPrice"]}
        amounts = {"v": d["volume"], "q": d["quoteVolume"]}
        if self._mini:
            return {"e": "24hrMiniTicker", "E": venue.now_ms, "s": d["symbol"], **prices, **amounts}
        return {
            "e": "24hrTicker", "E": venue.now_ms, "s": d["symbol"], "p": d["priceChange"],
            "P": d["priceChangePercent"], "w": d["weightedAvgPrice"], **prices, "Q": d["lastQty"], **amounts,
            "O": d["openTime"], "C": d["closeTime"], "F": d["firstId"], "L": d["lastId"], "n": d["count"],
        }  # fmt: skip


class Candles:
    """The running candle of a contract; the one that closed is said once more, as closed."""

    def __init__(self, row: int, interval: str) -> None:
        self._row, self._interval = row, interval
        self._beat = Beat(250)
        self._running = 0

    def events(self, venue: PerpetualVenue, tick: Tick) -> list[Event]:
        if not self._beat.is_due(venue.now_ms):
            return []
        rows = venue.candles(
            venue.minutes, self._row, self._interval, first_ms=None, last_ms=venue.now_ms, limit=2
        ).tolist()
        if not rows:
            return []
        found = []
        if self._running and rows[-1][START] != self._running and len(rows) > 1:
            found.append(self._event(venue, rows[-2], closed=True))
        self._running = rows[-1][START]
        return [*found, self._event(venue, rows[-1], closed=False)]

    def _event(self, venue: PerpetualVenue, r: list[int], *, closed: bool) -> Event:
        contract: Contract = venue.market.contracts[self._row]
        price, quantity, value = contract.price_text, contract.quantity_text, contract.value_text
        newest = venue.tape[self._row][-1][0] if venue.tape[self._row] else 0
        candle = {
            "t": r[START], "T": bucket_end(r[START], self._interval), "s": contract.symbol, "i": self._interval,
            "f": max(newest - r[TRADES], 0), "L": newest, "o": price(r[OPEN]), "c": price(r[CLOSE]),
            "h": price(r[HIGH]), "l": price(r[LOW]), "v": quantity(r[VOLUME]), "n": r[TRADES], "x": closed,
            "q": value(r[TURNOVER]), "V": quantity(r[TAKER_VOLUME]), "Q": value(r[TAKER_TURNOVER]), "B": "0",
        }  # fmt: skip
        return {"e": "kline", "E": venue.now_ms, "s": contract.symbol, "k": candle}


class PartialDepth:
    """The best levels of a contract as a whole."""

    def __init__(self, row: int, levels: int, every_ms: int) -> None:
        self._row, self._levels = row, levels
        self._beat = Beat(every_ms)
        self._last_id = 0

    def events(self, venue: PerpetualVenue, tick: Tick) -> list[Event]:
        if not self._beat.is_due(venue.now_ms):
            return []
        bids, asks = sides(venue, self._row, self._levels)
        event = _depth_event(venue, self._row, self._last_id, bids, asks)
        self._last_id = event["u"]
        return [event]


class DepthDifferences:
    """What changed of a contract's book since the last event: absolute quantities, "0" for a level that is gone.

    Each event begins where the last ended, and every snapshot falls within the event that follows it.
    """

    def __init__(self, row: int, every_ms: int, venue: PerpetualVenue) -> None:
        self._row = row
        self._beat = Beat(every_ms)
        self._last_id = int(venue.update_id[row])
        self._bids, self._asks = _books(venue, row)

    def events(self, venue: PerpetualVenue, tick: Tick) -> list[Event]:
        now_id = int(venue.update_id[self._row])
        if now_id == self._last_id or not self._beat.is_due(venue.now_ms):
            return []
        now = _books(venue, self._row)
        bids, asks = (_changed(old, new) for old, new in zip((self._bids, self._asks), now, strict=True))
        event = _depth_event(venue, self._row, self._last_id, bids, asks)
        self._bids, self._asks, self._last_id = now[0], now[1], now_id
        return [event]


class ForcedOrders:
    """Liquidations and deleveragings of some contracts."""

    def __init__(self, rows: list[int]) -> None:
        self._rows = rows

    def events(self, venue: PerpetualVenue, tick: Tick) -> list[Event]:
        return [_forced(venue, order) for order in venue.custody.forced if order.row in self._rows]


def feed_of(name: str, venue: PerpetualVenue) -> Feed | None:
    """Return the feed of a stream's name; None for one that does not exist, which then says nothing."""
    rows = [row for row, contract in enumerate(venue.market.contracts) if contract.is_trading]
    if name.startswith("!"):
        return _feed_of_all(name, rows)
    symbol, _, kind = name.partition("@")
    row = next((row for row in rows if venue.market.contracts[row].symbol.lower() == symbol), None)
    if row is None:
        return None
    return _feed_of_one(kind, row, venue)


def _feed_of_all(name: str, rows: list[int]) -> Feed | None:
    feeds: dict[str, Feed] = {
        "!bookTicker": BestPrices(rows),
        "!markPrice@arr": MarkPrices(rows, 3_000, as_array=True),
        "!markPrice@arr@1s": MarkPrices(rows, 1_000, as_array=True),
        "!miniTicker@arr": DayFigures(rows, 1_000, mini=True, as_array=True),
        "!ticker@arr": DayFigures(rows, 1_000, mini=False, as_array=True),
        "!forceOrder@arr": ForcedOrders(rows),
    }
    return feeds.get(name)


def _feed_of_one(kind: str, row: int, venue: PerpetualVenue) -> Feed | None:
    if found := _DEPTH.fullmatch(kind):
        every_ms = int(found[2] or 250)
        return PartialDepth(row, int(found[1]), every_ms) if found[1] else DepthDifferences(row, every_ms, venue)
    if found := _MARK.fullmatch(kind):
        return MarkPrices([row], 1_000 if found[1] else 3_000, as_array=False)
    if kind.startswith("kline_") and kind.removeprefix("kline_") in INTERVALS_MS:
        return Candles(row, kind.removeprefix("kline_"))
    feeds: dict[str, Feed] = {
        "aggTrade": AggregateTrades(row),
        "bookTicker": BestPrices([row]),
        "miniTicker": DayFigures([row], 500, mini=True, as_array=False),
        "ticker": DayFigures([row], 500, mini=False, as_array=False),
        "forceOrder": ForcedOrders([row]),
    }
    return feeds.get(kind)


def _depth_event(venue: PerpetualVenue, row: int, last_id: int, bids: list[list[str]], asks: list[list[str]]) -> Event:
    now_ms, symbol = venue.now_ms, venue.market.contracts[row].symbol
    return {
        "e": "depthUpdate", "E": now_ms, "T": now_ms, "s": symbol, "U": last_id + 1, "u": int(venue.update_id[row]),
        "pu": last_id, "b": bids, "a": asks,
    }  # fmt: skip


def _books(venue: PerpetualVenue, row: int) -> tuple[dict[str, str], dict[str, str]]:
    bids, asks = sides(venue, row, venue.market.board.depth)
    return {price: quantity for price, quantity in bids}, {price: quantity for price, quantity in asks}  # noqa: C416


def _changed(old: dict[str, str], new: dict[str, str]) -> list[list[str]]:
    gone = [[price, "0"] for price in old if price not in new]
    return gone + [[price, quantity] for price, quantity in new.items() if old.get(price) != quantity]


def _forced(venue: PerpetualVenue, order: PerpetualOrder) -> Event:
    contract = order.contract
    price, quantity = contract.price_text(order.shown_price), contract.quantity_text(order.quantity)
    row = {
        "s": contract.symbol, "S": order.side, "o": order.kind, "f": order.time_in_force, "q": quantity, "p": price,
        "ap": price, "X": order.status.value, "l": quantity, "z": quantity, "T": order.updated_ms,
    }  # fmt: skip
    return {"e": "forceOrder", "E": venue.now_ms, "o": row}
