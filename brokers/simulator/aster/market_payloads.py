"""Market data as the simulated Aster answers and streams it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from brokers.simulator.aster.clock import DAY_MS, bucket_end
from brokers.simulator.aster.contracts import Contract
from brokers.simulator.aster.market import INTEREST
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
    Int64Array2D,
)
from brokers.simulator.aster.venue import MARK_SCALE, PerpetualVenue

Payload = dict[str, Any]
EIGHT = "0.8f"
_REFERENCES = (("binance", "0.45000000"), ("okex", "0.30000000"), ("bybit", "0.25000000"))


def levels(venue: PerpetualVenue, row: int, first: int, count: int) -> list[list[str]]:
    """Return price and quantity of the best levels of a side, the first column being ``first``."""
    board, contract = venue.market.board, venue.market.contracts[row]
    prices = board.depth_price[row, first : first + count].tolist()
    sizes = board.depth_quantity[row, first : first + count].tolist()
    pairs = zip(prices, sizes, strict=True)
    return [[contract.price_text(p), contract.quantity_text(q)] for p, q in pairs if p > 0 and q > 0]


def sides(venue: PerpetualVenue, row: int, count: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return the best bids and the best offers."""
    depth = venue.market.board.depth
    return levels(venue, row, 0, min(count, depth)), levels(venue, row, depth, min(count, depth))


def candles(contract: Contract, rows: Int64Array2D, interval: str) -> list[list[object]]:
    """Return candles of trades."""
    price, quantity, value = contract.price_text, contract.quantity_text, contract.value_text
    return [
        [
            r[START], price(r[OPEN]), price(r[HIGH]), price(r[LOW]), price(r[CLOSE]), quantity(r[VOLUME]),
            bucket_end(r[START], interval), value(r[TURNOVER]), r[TRADES], quantity(r[TAKER_VOLUME]),
            value(r[TAKER_TURNOVER]), "0",
        ]
        for r in rows.tolist()
    ]  # fmt: skip


def mark_candles(rows: Int64Array2D, interval: str) -> list[list[object]]:
    """Return candles of mark or index prices: they have no volume."""
    return [
        [r[START], *(_scaled(r[column]) for column in (OPEN, HIGH, LOW, CLOSE)), "0", bucket_end(r[START], interval),
         "0", r[TRADES], "0", "0", "0"]
        for r in rows.tolist()
    ]  # fmt: skip


def _scaled(value: int) -> str:
    return f"{Decimal(value) / MARK_SCALE:.8f}"


def premium(venue: PerpetualVenue, row: int) -> Payload:
    """Return mark, index and funding of a contract."""
    marks, contract = venue.market.marks, venue.market.contracts[row]
    index = float(marks.index[row])
    return {
        "symbol": contract.symbol,
        "markPrice": f"{venue.engine.mark(contract.symbol):f}",
        "indexPrice": f"{index:{EIGHT}}",
        "estimatedSettlePrice": f"{index:{EIGHT}}",
        "lastFundingRate": f"{float(marks.rate[row]):{EIGHT}}",
        "nextFundingTime": venue.custody.next_ms(row),
        "interestRate": f"{INTEREST:{EIGHT}}",
        "time": venue.now_ms,
    }


def day(venue: PerpetualVenue, row: int) -> Payload:
    """Return the last 24 hours of a contract."""
    contract, rows = venue.market.contracts[row], venue.day(row)
    last = int(venue.market.board.last[row])
    first = int(rows[0, OPEN]) if len(rows) else last
    volume, turnover = (int(rows[:, column].sum()) for column in (VOLUME, TURNOVER))
    count = int(rows[:, TRADES].sum())
    tape = venue.tape[row]
    last_id = tape[-1][0] if tape else 0
    return {
        "symbol": contract.symbol,
        "priceChange": contract.price_text(last - first),
        "priceChangePercent": f"{(last / first - 1) * 100:.3f}",
        "weightedAvgPrice": f"{contract.price(round(turnover / volume) if volume else last):f}",
        "prevClosePrice": contract.price_text(first),
        "lastPrice": contract.price_text(last),
        "lastQty": contract.quantity_text(tape[-1][2] if tape else 0),
        "openPrice": contract.price_text(first),
        "highPrice": contract.price_text(int(rows[:, HIGH].max()) if len(rows) else last),
        "lowPrice": contract.price_text(int(rows[:, LOW].min()) if len(rows) else last),
        "volume": contract.quantity_text(volume),
        "quoteVolume": contract.value_text(turnover),
        "openTime": venue.now_ms - DAY_MS,
        "closeTime": venue.now_ms,
        "firstId": max(last_id - count, 0),
        "lastId": last_id,
        "count": count,
    }


def last_price(venue: PerpetualVenue, row: int) -> Payload:
    contract = venue.market.contracts[row]
    return {
        "symbol": contract.symbol,
        "price": contract.price_text(int(venue.market.board.last[row])),
        "time": venue.now_ms,
    }


def best(venue: PerpetualVenue, row: int) -> Payload:
    """Return best bid and offer; a side without one says 0."""
    bids, asks = sides(venue, row, 1)
    bid, ask = (side[0] if side else ["0", "0"] for side in (bids, asks))
    return {
        "symbol": venue.market.contracts[row].symbol,
        "bidPrice": bid[0],
        "bidQty": bid[1],
        "askPrice": ask[0],
        "askQty": ask[1],
        "time": venue.now_ms,
    }


def trades(contract: Contract, rows: Iterable[tuple[int, int, int, int, bool]]) -> list[Payload]:
    """Return trades of the tape."""
    return [
        {
            "id": number,
            "price": contract.price_text(price),
            "qty": contract.quantity_text(quantity),
            "quoteQty": contract.value_text(price * quantity),
            "time": at_ms,
            "isBuyerMaker": buyer_made,
        }
        for number, price, quantity, at_ms, buyer_made in rows
    ]


def aggregate_trade(contract: Contract, trade: tuple[int, int, int, int, bool]) -> Payload:
    """Return a trade as aggTrades lists it; every trade of the tape is an aggregate of its own."""
    number, price, quantity, at_ms, buyer_made = trade
    return {
        "a": number,
        "p": contract.price_text(price),
        "q": contract.quantity_text(quantity),
        "f": number,
        "l": number,
        "T": at_ms,
        "m": buyer_made,
    }


def funding_terms(venue: PerpetualVenue, contract: Contract) -> Payload:
    return {
        "symbol": contract.symbol,
        "interestRate": f"{INTEREST:{EIGHT}}",
        "time": venue.now_ms,
        "fundingIntervalHours": contract.funding_hours,
        "fundingFeeCap": 0.02,
        "fundingFeeFloor": -0.02,
    }


def index_makeup(venue: PerpetualVenue, contract: Contract) -> Payload:
    """Return which exchanges make up the index: invented shares."""
    references = [{"exchange": name, "symbol": contract.symbol, "weight": weight} for name, weight in _REFERENCES]
    return {"symbol": contract.symbol, "time": venue.now_ms, "references": references}


def past_funding(contract: Contract, row: int, at_ms: int, seed: int) -> Payload:
    """Return the made rate of a funding before the market began, the same for the same seed."""
    rng = np.random.default_rng([seed, 74, row, at_ms // 3_600_000])
    rate = float(np.clip(contract.premium / 8 + 0.0001 + 0.00008 * rng.standard_normal(), -0.02, 0.02))
    return {"symbol": contract.symbol, "fundingRate": f"{rate:{EIGHT}}", "fundingTime": at_ms}
