"""Candles: the day's minutes kept as they trade, past days made from the seed, and their aggregation."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from brokers.simulator.board import Board, Step
from brokers.simulator.listings import UNDERLYING_INDEX, Listing
from brokers.simulator.market import MARKET_VOL, OPTION_LOTS_PER_DAY
from brokers.simulator.sessions import IST, Session, previous_trading_days, session_on, years_to_expiry
from brokers.simulator.smile import RATE_ANNUAL, black76, smile_vol, term_vol
from brokers.simulator.universe import INDEX_LEVELS, STOCKS

Int64Array1D = npt.NDArray[np.int64]
Float64Array1D = npt.NDArray[np.float64]

INTERVAL_MINUTES = {
    "minute": 1,
    "3minute": 3,
    "5minute": 5,
    "10minute": 10,
    "15minute": 15,
    "30minute": 30,
    "60minute": 60,
    "day": 0,
}
POINTS_A_MINUTE = 4
MAX_DAYS_BACK = 2_500
OPTION_DAYS_BACK = 30
MARKET_DAY_VOL = MARKET_VOL / np.sqrt(252.0)
_STOCK = {stock.symbol: stock for stock in STOCKS}
_INDEX_BETA = {"NIFTY 50": 1.0, "NIFTY BANK": 1.08, "SENSEX": 0.99, "INDIA VIX": -4.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """Equal-length columns of candles: start in epoch seconds, prices in paise, units."""

    start_s: Int64Array1D
    open: Int64Array1D
    high: Int64Array1D
    low: Int64Array1D
    close: Int64Array1D
    volume: Int64Array1D
    oi: Int64Array1D

    def between(self, first_s: int, last_s: int) -> "Candles":
        """Return the candles that start within both inclusive bounds."""
        keep = (self.start_s >= first_s) & (self.start_s <= last_s)
        return _columns(*(column[keep] for column in _rows(self)))


def _rows(candles: Candles) -> tuple[Int64Array1D, ...]:
    return candles.start_s, candles.open, candles.high, candles.low, candles.close, candles.volume, candles.oi


def _columns(*columns: npt.NDArray[np.generic]) -> Candles:
    start, open_, high, low, close, volume, oi = (column.astype(np.int64) for column in columns)
    return Candles(start_s=start, open=open_, high=high, low=low, close=close, volume=volume, oi=oi)


def no_candles() -> Candles:
    """Return empty columns."""
    return _columns(*(np.empty(0, dtype=np.int64) for _ in range(7)))


def join(parts: list[Candles]) -> Candles:
    """Return the parts one after another."""
    if not parts:
        return no_candles()
    return _columns(*(np.concatenate(column) for column in zip(*(_rows(part) for part in parts), strict=True)))


def aggregate(minutes: Candles, session: Session, interval_minutes: int) -> Candles:
    """Return one session's minutes as longer candles counted from the open; 0 makes the day's one.

    A day candle is stamped at the day's midnight, the others at their start.
    """
    if not len(minutes.start_s) or interval_minutes == 1:
        return minutes
    span = interval_minutes * 60 or 86_400
    bucket = (minutes.start_s - session.open_s) // span
    first = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    last = np.append(first[1:], len(bucket)) - 1
    midnight = session.open_s - (9 * 60 + 15) * 60
    start = session.open_s + bucket[first] * span if interval_minutes else np.array([midnight])
    return _columns(
        start,
        minutes.open[first],
        np.maximum.reduceat(minutes.high, first),
        np.minimum.reduceat(minutes.low, first),
        minutes.close[last],
        np.add.reduceat(minutes.volume, first),
        minutes.oi[last],
    )


class MinuteStore:
    """One day's minute candles of every instrument, filled step by step from the tape."""

    def __init__(self, board: Board, session: Session) -> None:
        self.session = session
        self.row_of_token = board.row_of_token
        # An hour before the open too: recordings hold pre-open values.
        self.first_s = session.open_s - 3_600
        minutes = (session.last_s - self.first_s) // 60 + 1
        self._values = np.zeros((minutes, 6, len(board.listings)), dtype=np.int32)

    def add(self, board: Board, step: Step) -> None:
        """Fold one step's trades into the running minute."""
        rows, price = step.prints.rows, step.prints.price
        open_, high, low, close, volume, oi = self._values[(step.at_s - self.first_s) // 60]
        fresh = open_[rows] == 0
        open_[rows] = np.where(fresh, price, open_[rows])
        high[rows] = np.maximum(high[rows], price)
        low[rows] = np.where(fresh, price, np.minimum(low[rows], price))
        close[rows] = price
        volume[rows] += step.prints.quantity
        oi[rows] = board.oi[rows]

    def minutes(self, token: int) -> Candles:
        """Return the instrument's minutes so far, the running one included; no trade, no candle."""
        row = self.row_of_token.get(token)
        if row is None:
            return no_candles()
        traded = np.flatnonzero(self._values[:, 0, row])
        return _columns(self.first_s + 60 * traded, *self._values[traded, :, row].T)


class MadeHistory:
    """Past days of the made market, the same for the same seed, ending at the base prices."""

    def __init__(self, *, seed: int, anchor: date) -> None:
        self.seed = seed
        self._days = {day: n for n, day in enumerate(previous_trading_days(anchor, MAX_DAYS_BACK))}

    def days(self, listing: Listing, first: date, last: date) -> list[date]:
        """Return the made days in the range, oldest first; options have existed for a few weeks only."""
        if _spot(listing) not in _STOCK and _spot(listing) not in INDEX_LEVELS:
            return []
        limit = OPTION_DAYS_BACK if listing.is_option else MAX_DAYS_BACK
        days = list(self._days)[:limit]
        return sorted(day for day in days if first <= day <= last)

    def minutes(self, listing: Listing, day: date) -> Candles:
        """Return one past day's minutes of the instrument."""
        session = session_on(day)
        close_s = session.derivatives_close_s if listing.is_derivative else session.cash_close_s
        count = (close_s - session.open_s) // 60
        path = self._path(listing, day)[: count * POINTS_A_MINUTE]
        ticks = (np.maximum(np.round(path / listing.tick), 1) * listing.tick).reshape(count, POINTS_A_MINUTE)
        volume = self._volumes(listing, day, count)
        start = session.open_s + 60 * np.arange(count)
        oi = self._open_interest(listing, day, count)
        columns = (start, ticks[:, 0], ticks.max(axis=1), ticks.min(axis=1), ticks[:, -1], volume, oi)
        traded = (volume > 0) | listing.is_index
        return _columns(*(column[traded] for column in columns))

    def _path(self, listing: Listing, day: date) -> Float64Array1D:
        if not listing.is_derivative:
            return self._cash_path(listing.symbol, day)
        spot = self._cash_path(_spot(listing), day)
        at_s = session_on(day).open_s + (60 / POINTS_A_MINUTE) * np.arange(len(spot))
        expiry = listing.expiry or day
        years = np.maximum(years_to_expiry(0.0, expiry) - at_s / (365.0 * 86_400.0), 1e-6)
        forward = spot * np.exp(RATE_ANNUAL * years)
        if listing.kind == "FUT":
            return np.asarray(forward, dtype=np.float64)
        strike = np.full(len(spot), float(listing.strike))
        vol = smile_vol(forward, strike, years, term_vol(INDEX_LEVELS["INDIA VIX"] / 100.0, years))
        return black76(forward, strike, years, vol, np.full(len(spot), listing.kind == "CE"))

    def _cash_path(self, symbol: str, day: date) -> Float64Array1D:
        """Return the price path in paise: a bridge from the last close, through a gap, to the day's close."""
        session, place = session_on(day), self._days[day]
        points = (session.last_s - session.open_s) // 60 * POINTS_A_MINUTE
        cash = (session.cash_close_s - session.open_s) // 60 * POINTS_A_MINUTE
        move = float(self._day_returns(symbol)[place])
        gap = 0.25 * move
        shape = np.sqrt(0.62 + 0.84 * np.linspace(-1.0, 1.0, points) ** 2)
        noise = self._rng(symbol, day.toordinal()).standard_normal(points) * shape
        wander = np.cumsum(noise) * self._day_vol(symbol) * 0.8 / np.sqrt(points)
        progress = np.minimum(np.arange(1, points + 1) / cash, 1.0)
        # Pinned at the cash close; what derivatives trade after it returns to the same value.
        wander -= wander[cash - 1] * progress
        after = np.arange(1, points - cash + 1) / max(points - cash, 1)
        wander[cash:] -= wander[-1] * after
        return np.asarray(self._close_before(symbol, place) * np.exp(gap + (move - gap) * progress + wander))

    def _close_before(self, symbol: str, place: int) -> float:
        stock = _STOCK.get(symbol)
        base = stock.price if stock else INDEX_LEVELS[symbol]
        return base * 100.0 * float(np.exp(-self._day_returns(symbol)[: place + 1].sum()))

    def _day_vol(self, symbol: str) -> float:
        stock = _STOCK.get(symbol)
        annual = stock.vol_annual if stock else MARKET_VOL * abs(_INDEX_BETA[symbol])
        return float(annual / np.sqrt(252.0))

    @lru_cache(maxsize=128)  # noqa: B019 -- one history lives as long as its server
    def _day_returns(self, symbol: str) -> Float64Array1D:
        """Return log returns by day, the newest first, correlated through the market's own."""
        market = self._rng("market", 0).standard_normal(MAX_DAYS_BACK) * MARKET_DAY_VOL
        stock = _STOCK.get(symbol)
        beta = stock.beta if stock else _INDEX_BETA[symbol]
        rest = np.sqrt(max(self._day_vol(symbol) ** 2 - (beta * MARKET_DAY_VOL) ** 2, 0.0))
        own = self._rng(symbol, 0).standard_normal(MAX_DAYS_BACK) * rest
        return np.asarray(beta * market + own + 0.0002 * np.sign(beta), dtype=np.float64)

    def _volumes(self, listing: Listing, day: date, count: int) -> Int64Array1D:
        if listing.is_index:
            return np.zeros(count, dtype=np.int64)
        rng = self._rng(listing.symbol, -day.toordinal())
        stock = _STOCK.get(listing.symbol)
        lots = float(stock.shares_per_day) if stock else 60_000.0
        if listing.is_option:
            away = abs(listing.strike / (INDEX_LEVELS["NIFTY 50"] * 100.0) - 1.0) * 100.0
            lots = OPTION_LOTS_PER_DAY / 100 * float(np.exp(-((away / 2.2) ** 1.15)))
        shape = 0.45 + 1.65 * np.linspace(-1.0, 1.0, count) ** 2
        made = rng.poisson(lots / count * shape * np.exp(0.4 * rng.standard_normal(count) - 0.08))
        return np.asarray(made * max(listing.lot, 1), dtype=np.int64)

    def _open_interest(self, listing: Listing, day: date, count: int) -> Int64Array1D:
        if not listing.is_derivative:
            return np.zeros(count, dtype=np.int64)
        start = 2_000 + int(self._rng(listing.symbol, day.toordinal()).integers(0, 6_000))
        lots = start + np.arange(count) * start // (6 * count)
        return np.asarray(lots * max(listing.lot, 1), dtype=np.int64)

    def _rng(self, symbol: str, number: int) -> np.random.Generator:
        words = np.frombuffer(symbol.encode().ljust(-(-len(symbol.encode()) // 4) * 4), dtype=np.uint32)
        return np.random.default_rng([self.seed, number % 2**32, *words.tolist()])


def _spot(listing: Listing) -> str:
    """Return the symbol of the stock or index that a listing is or derives from."""
    return UNDERLYING_INDEX.get(listing.name, listing.name) if listing.is_derivative else listing.symbol


def candle_stamp(start_s: int) -> str:
    """Return a candle's start in the venue's form, ``2026-11-20T09:15:00+0530``."""
    return datetime.fromtimestamp(start_s, IST).strftime("%Y-%m-%dT%H:%M:%S%z")
