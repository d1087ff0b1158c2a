"""The demo's daily candles, made from a seed: no price of them was ever paid.

The simulated exchange's stocks are among them, so that what a scan finds can be deployed there; their last close is the
price at which that exchange opens. The others bear names of their own, ending in DEMO. A common factor moves all
stocks, a factor of each sector its own, and every stock follows one of a few courses, so that grades, stages, triggers
and movers differ. What a real list holds is there too: a split, a bonus, newcomers that are too young for the checks,
a suspended stock, a changed name, a day without volume, and a member that no candle was ever stored of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from analysis.domain.adjustments import ActionKind, CorporateAction, Rename
from analysis.domain.candle_files import Candle
from analysis.domain.universe import Membership
from brokers.domain.market import Float64Array1D
from brokers.simulator.sessions import previous_trading_days, trading_day_on_or_before
from brokers.simulator.universe import SECTORS, STOCKS

SEED = 20261121
BARS = 560
EXCHANGE = "NSE"
EVERYONE, LARGE = "Demo market", "Demo large stocks"
TICK = 0.05
_MADE = (
    "ARUVI", "BELUR", "CHENAB", "DAMODAR", "ELLORA", "FALGU", "GIRNAR", "HAMPI", "INDUS", "JHELUM", "KOSI", "LONAR",
    "MAHI", "NETRA", "OMKAR", "PENNAR", "QUTUB", "RAVI", "SATPURA", "TAPTI", "UMIAM", "VINDHYA", "WARDHA", "YAMUNA",
)  # fmt: skip
# sector, beta, daily volatility and shares a day are drawn for these; the rest of their fate is chosen
SPLIT, BONUS, SUSPENDED, RENAMED, SILENT = "ARUVI", "BELUR", "CHENAB", "DAMODAR", "ELLORA"
NEWCOMERS = {"FALGU": 40, "GIRNAR": 130, "HAMPI": 230}
NEVER_TRADED, FORMER = "ZANSKAR", "SONAR"
_SPLIT_AGO, _BONUS_AGO, _SUSPENDED_AGO, _RENAMED_AGO = 150, 90, 25, 70
_SECTOR_WORDS = {
    "BANK": "Banks",
    "FIN": "Financial services",
    "IT": "Information technology",
    "ENERGY": "Energy",
    "AUTO": "Automobiles",
    "FMCG": "Consumer staples",
    "PHARMA": "Health care",
    "METAL": "Metals",
    "INFRA": "Infrastructure",
    "CONSUMER": "Consumer goods",
}


class Course(NamedTuple):
    """A stock's own drift a day: long ago, and in its last `turn` days; `calm` multiplies its last moves."""

    before: float
    lately: float
    turn: int
    calm: float = 1.0


COURSES: tuple[tuple[Course, float], ...] = (
    (Course(0.0006, 0.0012, 120), 0.14),  # leads
    (Course(0.0004, 0.0004, 250), 0.16),  # climbs
    (Course(0.0009, -0.0002, 45, 0.45), 0.12),  # climbed and rests
    (Course(-0.0003, -0.0001, 250, 0.8), 0.18),  # goes nowhere
    (Course(-0.0014, 0.0020, 60), 0.12),  # recovers
    (Course(0.0008, -0.0030, 70), 0.12),  # breaks down
    (Course(-0.0008, -0.0014, 200), 0.16),  # declines
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoMarket:
    """Everything that is stored of the demo's market, by the doors of real files."""

    candles: tuple[Candle, ...]
    members: tuple[Membership, ...]
    large: tuple[Membership, ...]
    actions: tuple[CorporateAction, ...]
    renames: tuple[Rename, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stock:
    symbol: str
    sector: str
    beta: float
    volatility: float
    shares: float
    last_price: float | None


def demo_days(today: date) -> list[date]:
    """Return the days of the demo's candles, oldest first: those before the simulated exchange's own day."""
    return previous_trading_days(trading_day_on_or_before(today), BARS)[::-1]


def demo_market(today: date) -> DemoMarket:
    """Make the market as it stood before a day; the same day gives the same market."""
    days, random = demo_days(today), np.random.default_rng(SEED)
    market, sectors = _factors(random)
    candles: list[Candle] = []
    stocks = _stocks(random)
    for stock in stocks:
        columns = _columns(stock, market + sectors[stock.sector], random)
        candles += _candles(stock.symbol, days, columns)
    return DemoMarket(
        candles=tuple(candles),
        members=tuple(_members(stocks, days)),
        large=tuple(_membership(stock, days[0]) for stock in stocks if stock.last_price is not None),
        actions=tuple(_actions(days)),
        renames=(Rename(old=_key(_demo(FORMER)), new=_key(_demo(RENAMED)), on=days[-_RENAMED_AGO]),),
    )


def _stocks(random: np.random.Generator) -> list[_Stock]:
    listed = [
        _Stock(
            symbol=one.symbol,
            sector=one.sector,
            beta=one.beta,
            volatility=one.vol_annual / np.sqrt(252.0),
            shares=float(one.shares_per_day),
            last_price=one.price,
        )
        for one in STOCKS
    ]
    made = [
        _Stock(
            symbol=_demo(name),
            sector=str(random.choice(SECTORS)),
            beta=float(random.uniform(0.4, 1.5)),
            volatility=float(random.uniform(0.014, 0.026)),
            shares=float(random.integers(2, 60)) * 1e5,
            last_price=None,
        )
        for name in _MADE
    ]
    return listed + made


def _factors(random: np.random.Generator) -> tuple[Float64Array1D, dict[str, Float64Array1D]]:
    """Make the common returns: a rise, a correction and a recovery, and each sector's own drift."""
    drift = np.repeat([0.0005, -0.0012, -0.0002], [300, 110, BARS - 410])
    noise = random.standard_normal(BARS)
    market = drift + 0.0065 * (noise - noise.mean())
    sectors = {name: random.normal(0.0, 0.0004) + 0.0045 * random.standard_normal(BARS) for name in sorted(SECTORS)}
    return market, sectors


def _columns(stock: _Stock, common: Float64Array1D, random: np.random.Generator) -> list[Float64Array1D]:
    """Make open, high, low, close and volume of a stock's days as if it had never been split."""
    shares = [share for _, share in COURSES]
    course = COURSES[int(random.choice(len(COURSES), p=np.array(shares) / sum(shares)))][0]
    calm = np.where(np.arange(BARS) >= BARS - course.turn, course.calm, 1.0)
    # tails as fat as a stock's: Student's t of four degrees, scaled to a deviation of one
    own = random.standard_t(4, BARS) / np.sqrt(2.0) * stock.volatility * 0.75 * calm
    drift = np.where(np.arange(BARS) >= BARS - course.turn, course.lately, course.before)
    move = stock.beta * common * calm + drift + own
    news = random.random(BARS) < 0.03
    move = move + np.where(news, random.choice([-1.0, 1.0], BARS) * random.uniform(0.03, 0.07, BARS), 0.0)
    path = np.exp(np.cumsum(move))
    last = stock.last_price or float(np.exp(random.uniform(np.log(60.0), np.log(3_000.0))))
    close = path * (last / path[-1])
    before = np.r_[close[0], close[:-1]]
    gap = 0.3 * move + 0.2 * stock.volatility * random.standard_normal(BARS)
    open_ = before * np.exp(np.where(np.arange(BARS) == 0, 0.0, gap))
    reach = stock.volatility * calm * 0.5
    high = np.maximum(open_, close) * np.exp(np.abs(random.standard_normal(BARS)) * reach)
    low = np.minimum(open_, close) * np.exp(-np.abs(random.standard_normal(BARS)) * reach)
    surprise = 1.0 + 0.6 * np.abs(move) / stock.volatility + np.where(news, 2.5, 0.0)
    volume = stock.shares * 0.6 * surprise * np.exp(0.3 * random.standard_normal(BARS)) * np.sqrt(calm)
    return [open_, high, low, close, volume]


def _candles(symbol: str, days: list[date], columns: list[Float64Array1D]) -> list[Candle]:
    """Turn columns into raw candles, with the fate that was chosen for the stock."""
    name = symbol.removesuffix("DEMO")
    open_, high, low, close, volume = (column.copy() for column in columns)
    for split, ago, factor in ((SPLIT, _SPLIT_AGO, 5.0), (BONUS, _BONUS_AGO, 2.0)):
        if name == split:
            for column in (open_, high, low, close):
                column[: BARS - ago] *= factor
            volume[: BARS - ago] /= factor
    if name == SILENT:
        open_[-1] = high[-1] = low[-1] = close[-1] = close[-2]
        volume[-1] = 0.0
    prices = [np.maximum(np.round(column / TICK), 1.0) * TICK for column in (open_, high, low, close)]
    first = BARS - NEWCOMERS.get(name, BARS)
    last = BARS - (_SUSPENDED_AGO if name == SUSPENDED else 0)
    return [
        Candle(
            symbol=_demo(FORMER) if name == RENAMED and place < BARS - _RENAMED_AGO else symbol,
            day=days[place],
            **_bar(*(round(float(column[place]), 2) for column in prices)),
            volume=float(np.floor(volume[place])),
        )
        for place in range(first, last)
    ]


def _bar(open_: float, high: float, low: float, close: float) -> dict[str, float]:
    return {"open": open_, "high": max(open_, high, close), "low": min(open_, low, close), "close": close}


def _members(stocks: list[_Stock], days: list[date]) -> list[Membership]:
    members = [_membership(stock, days[-NEWCOMERS.get(stock.symbol.removesuffix("DEMO"), BARS)]) for stock in stocks]
    never = Membership(symbol=_key(_demo(NEVER_TRADED)), since=days[-1] - timedelta(days=7), sector="Metals")
    return [*members, never]


def _membership(stock: _Stock, since: date) -> Membership:
    return Membership(symbol=_key(stock.symbol), since=since, sector=_SECTOR_WORDS[stock.sector])


def _actions(days: list[date]) -> list[CorporateAction]:
    return [
        CorporateAction(symbol=_key(_demo(name)), ex_date=days[-ago], factor=factor, kind=ActionKind.SHARES)
        for name, ago, factor in ((SPLIT, _SPLIT_AGO, 5.0), (BONUS, _BONUS_AGO, 2.0))
    ]


def _demo(name: str) -> str:
    return f"{name}DEMO"


def _key(symbol: str) -> str:
    return f"{EXCHANGE}:{symbol}"
