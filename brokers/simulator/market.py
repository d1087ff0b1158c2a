"""The made market: correlated stocks, indices computed from them, futures, and a full option chain."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt

from brokers.simulator.board import Board, Int64Array1D, Prints, Step, quote_around
from brokers.simulator.index_chains import IndexChains, outward
from brokers.simulator.listings import Listing, with_distinct_tokens
from brokers.simulator.sessions import (
    SECOND_NS,
    Session,
    next_trading_day,
    session_on,
    trading_day_on_or_before,
    years_to_expiry,
)
from brokers.simulator.smile import RATE_ANNUAL, black76, smile_vol, term_vol
from brokers.simulator.universe import INDEX_LEVELS, SECTORS, STOCKS, Universe, build_universe
from brokers.simulator.wide import Wide, listed_beside

Float64Array1D = npt.NDArray[np.float64]

DAY_SECONDS = 22_500
TRADING_SECONDS_A_YEAR = 252 * DAY_SECONDS
MARKET_VOL, SECTOR_VOL = 0.12, 0.08
# The share of instruments whose quoted sizes change in a step though their price stood still.
LIVELY = 0.35
FUTURE_LOTS_PER_DAY = (110_000.0, 42_000.0, 2_500.0)
OPTION_LOTS_PER_DAY = 700_000.0
EXPIRY_SHARE = (1.0, 0.28, 0.12)
_BETA = np.array([s.beta for s in STOCKS])
_SECTOR = np.array([SECTORS.index(s.sector) for s in STOCKS])
_IDIO_VOL = np.sqrt(
    np.maximum(np.array([s.vol_annual for s in STOCKS]) ** 2 - (_BETA * MARKET_VOL) ** 2 - SECTOR_VOL**2, 0.06**2)
)
_SHARES = np.array([float(s.shares_per_day) for s in STOCKS])
_BASE = np.array([s.price * 100.0 for s in STOCKS])


def index_weights() -> npt.NDArray[np.float64]:
    """Return the constituents' weights, one row each for NIFTY 50, NIFTY BANK and SENSEX."""
    weight = np.array([s.weight for s in STOCKS])
    bank = np.array([s.sector == "BANK" for s in STOCKS])
    sensex = np.array([s.in_sensex for s in STOCKS])
    rows = np.stack([weight, weight * bank, weight * sensex])
    return np.asarray(rows / rows.sum(axis=1, keepdims=True), dtype=np.float64)


def volume_shape(progress: float) -> float:
    """Return the intraday volume multiplier at a fraction of the session: a U with mean one."""
    return 0.45 + 1.65 * (2.0 * progress - 1.0) ** 2


def variance_shape(progress: float) -> float:
    """Return the intraday variance multiplier at a fraction of the session: highest at the open."""
    return 0.62 + 0.84 * (2.0 * progress - 1.0) ** 2 + 0.2 * (0.5 - progress)


class SyntheticMarket:
    """A seeded market that moves only when told to; the same calls give the same market."""

    def __init__(
        self,
        *,
        day: date,
        rng: np.random.Generator,
        step_seconds: float,
        instruments: int = 0,
        lively: float = LIVELY,
    ) -> None:
        self.rng = rng
        # How many listings there shall be; fewer than the market's own means just those.
        self.instruments = instruments
        self.lively = lively
        self.wide: Wide | None = None
        self.step_ns = int(step_seconds * SECOND_NS)
        self.price = _BASE.copy()
        self.atm_vol = INDEX_LEVELS["INDIA VIX"] / 100.0
        self.basis = np.zeros(3)
        self.finished = False
        self._weights = index_weights()
        self._levels = np.array([INDEX_LEVELS[name] * 100.0 for name in ("NIFTY 50", "NIFTY BANK", "SENSEX")])
        self.universe: Universe
        self.chains: IndexChains
        self._strike: Float64Array1D
        self._is_call: npt.NDArray[np.bool_]
        self._expiry_group: Int64Array1D
        self._last_board: Board | None = None
        self._open_day(day, trading_day_on_or_before(date.fromordinal(day.toordinal() - 1)))

    def next_at_ns(self) -> int | None:
        """Return when the next step is due, or nothing once the session is over."""
        due = self.now_ns + self.step_ns
        return due if due < self.session.last_s * SECOND_NS else None

    def open_next_day(self) -> bool:
        """Begin the next trading day; a made market always has one."""
        self._last_board = self.board
        self._open_day(next_trading_day(self.session.day), self.session.day)
        return True

    def advance(self) -> Step:
        """Move every instrument by one step and publish quotes and trades on the board."""
        self.now_ns += self.step_ns
        at_s = self.now_ns // SECOND_NS
        seconds = self.step_ns / SECOND_NS
        self._move_prices(seconds)
        fair = self._fair_values(self.now_ns / SECOND_NS)
        cash_open = at_s < self.session.cash_close_s
        touched = self._quote(fair, cash_open=cash_open)
        prints = self._trade(fair, seconds, cash_open=cash_open)
        self.board.print_trades(prints, at_s)
        self._build_open_interest(prints)
        touched[prints.rows] = True
        rows = np.flatnonzero(touched)
        self.board.quoted_s[rows] = at_s
        return Step(at_s=at_s, prints=prints, touched=rows)

    def _progress(self) -> float:
        elapsed = self.now_ns / SECOND_NS - self.session.open_s
        return min(max(elapsed / (self.session.last_s - self.session.open_s), 0.0), 1.0)

    def _move_prices(self, seconds: float) -> None:
        scale = np.sqrt(variance_shape(self._progress()) * seconds / TRADING_SECONDS_A_YEAR)
        z = self.rng.standard_normal(5 + len(SECTORS) + len(STOCKS))
        market = MARKET_VOL * z[0] * scale
        sector = SECTOR_VOL * z[5 : 5 + len(SECTORS)] * scale
        own = _IDIO_VOL * z[5 + len(SECTORS) :] * scale
        self.price *= np.exp(_BETA * market + sector[_SECTOR] + own)
        # Fear rises when prices fall, and fades over some hours.
        pull = (INDEX_LEVELS["INDIA VIX"] / 100.0 - self.atm_vol) * seconds / (4 * DAY_SECONDS)
        self.atm_vol = min(max(self.atm_vol - 0.9 * market + pull + 0.15 * z[1] * scale, 0.07), 0.6)
        self.basis += -self.basis * min(seconds / 600.0, 1.0) + 2e-5 * z[2:5] * min(np.sqrt(seconds), 4.0)

    def _fair_values(self, at_s: float) -> Float64Array1D:
        universe, fair = self.universe, np.empty(len(self.universe.listings))
        self.index_level = self._levels * (self._weights @ (self.price / _BASE))
        fair[universe.indices] = [*self.index_level, self.atm_vol * 10_000.0]
        fair[universe.stocks] = self.price
        fair[universe.futures] = self.index_level * np.exp(RATE_ANNUAL * self._future_years(at_s)) * (1.0 + self.basis)
        years = np.array([years_to_expiry(at_s, expiry) for expiry in universe.expiries])
        forward = self.index_level[0] * np.exp(RATE_ANNUAL * years) * (1.0 + self.basis[0])
        term = term_vol(self.atm_vol, years)
        group = self._expiry_group
        vol = smile_vol(forward[group], self._strike, years[group], term[group])
        fair[universe.options] = black76(forward[group], self._strike, years[group], vol, self._is_call)
        fair[self.chains.rows] = self.chains.fair(self.index_level, self.basis, at_s, self.atm_vol)
        if self.wide is not None:
            fair[self.wide.rows] = self.wide.fair(fair, at_s, self.atm_vol)
        return fair

    def _future_years(self, at_s: float) -> Float64Array1D:
        return np.array([years_to_expiry(at_s, expiry) for expiry in self._future_expiries])

    def _quote(self, fair: Float64Array1D, *, cash_open: bool) -> npt.NDArray[np.bool_]:
        board = self.board
        tick = board.tick
        half = np.maximum(0.35 * tick, self._spread * fair)
        bid = np.floor((fair - half) / tick).astype(np.int64) * tick
        offer = np.maximum(np.ceil((fair + half) / tick).astype(np.int64) * tick, bid + tick)
        np.maximum(bid, 0, out=bid)
        sizes = self.rng.integers(1, 24, size=(len(fair), 10))
        lively = self.rng.random(len(fair)) < self.lively
        moved = (bid != board.depth_price[:, 0]) | (offer != board.depth_price[:, 5]) | lively
        quoted = moved & ~board.is_index & (board.is_derivative | cash_open)
        rows = np.flatnonzero(quoted)
        quote_around(board, rows, bid[rows], offer[rows], sizes[rows] * self._depth_lots[rows, None])
        # A level eaten by an order is filled up again even where the price stood still.
        return np.asarray(quoted, dtype=np.bool_)

    def _trade(self, fair: Float64Array1D, seconds: float, *, cash_open: bool) -> Prints:
        board = self.board
        rate = self._lots_per_second * volume_shape(self._progress()) * seconds
        lots = self.rng.poisson(rate * np.exp(0.6 * self.rng.standard_normal(len(fair)) - 0.18))
        bought = self.rng.random(len(fair)) < 0.5
        price = np.where(bought | (board.depth_price[:, 0] == 0), board.depth_price[:, 5], board.depth_price[:, 0])
        value = np.round(fair / board.tick).astype(np.int64) * board.tick
        price = np.where(board.is_index, value, price)
        happens = ((lots > 0) | (board.is_index & (value != board.last))) & (board.is_derivative | cash_open)
        rows = np.flatnonzero(happens & (price > 0))
        return Prints(
            rows=rows,
            price=price[rows],
            quantity=(lots * board.lot)[rows],
            aggressor=np.where(bought, 1, -1)[rows],
        )

    def _build_open_interest(self, prints: Prints) -> None:
        derivative = self.board.is_derivative[prints.rows]
        rows, lot = prints.rows[derivative], self.board.lot[prints.rows[derivative]]
        # More positions are opened than closed while the day lasts; the surplus is what builds.
        share = 0.09 + 0.16 * self.rng.standard_normal(len(rows))
        change = np.round(prints.quantity[derivative] * share / lot).astype(np.int64) * lot
        self.board.set_open_interest(rows, np.maximum(self.board.oi[rows] + change, 0))

    def _open_day(self, day: date, last_day: date) -> None:
        self.session: Session = session_on(day)
        self.now_ns = self.session.open_s * SECOND_NS
        self.index_level = self._levels * (self._weights @ (self.price / _BASE))
        levels = {name: int(level) for name, level in zip(INDEX_LEVELS, self.index_level, strict=False)}
        listed = self._last_board.listings if self._last_board else ()
        self.universe = build_universe(day, [int(p) for p in self.price], levels, listed)
        self._chain(day, levels, listed)
        self._widen(day)
        self._read_universe()
        close = self._fair_values(float(session_on(last_day).derivatives_close_s))
        tick = np.array([listing.tick for listing in self.universe.listings], dtype=np.int64)
        rounded = np.maximum(np.round(close / tick).astype(np.int64), 1) * tick
        self.board = Board(self.universe.listings, rounded)
        self._open_positions()
        self._gap()

    def _chain(self, day: date, levels: dict[str, int], listed: Sequence[Listing]) -> None:
        own = self.universe.listings
        self.chains = IndexChains(day, len(own), levels, listed)
        self.universe = replace(self.universe, listings=with_distinct_tokens([*own, *self.chains.listings]))

    def _widen(self, day: date) -> None:
        own = self.universe.listings
        self.wide = listed_beside(day, len(own), self.instruments - len(own))
        if self.wide is not None:
            self.universe = replace(self.universe, listings=with_distinct_tokens([*own, *self.wide.listings]))

    def _gap(self) -> None:
        z = self.rng.standard_normal(1 + len(STOCKS))
        self.price *= np.exp(_BETA * 0.003 * z[0] + 0.004 * z[1:])

    def _read_universe(self) -> None:
        universe = self.universe
        options = universe.listings[universe.options]
        self._strike = np.array([float(listing.strike) for listing in options])
        self._is_call = np.array([listing.kind == "CE" for listing in options])
        place = {expiry: n for n, expiry in enumerate(universe.expiries)}
        self._expiry_group = np.array([place[listing.expiry] for listing in options if listing.expiry is not None])
        futures = universe.listings[universe.futures]
        self._future_expiries = [listing.expiry for listing in futures if listing.expiry is not None]
        self._set_liquidity()

    def _set_liquidity(self) -> None:
        universe, count = self.universe, len(self.universe.listings)
        away = np.abs(self._strike / self.index_level[0] - 1.0) * 100.0
        share = np.array(EXPIRY_SHARE)[self._expiry_group]
        # Round hundreds draw more interest than the fifties between them.
        round_number = np.where(self._strike % 10_000 == 0, 1.0, 0.45)
        crowd = share * round_number * np.exp(-((away / 2.2) ** 1.15))
        self._crowd = crowd / crowd.sum()
        lots = np.zeros(count)
        lots[universe.stocks] = _SHARES
        lots[universe.futures] = FUTURE_LOTS_PER_DAY
        lots[universe.options] = OPTION_LOTS_PER_DAY * self._crowd
        lots[self.chains.rows] = self.chains.lots_per_day()
        if self.wide is not None:
            lots[self.wide.rows] = self.wide.lots_per_day()
        self._lots_per_second: Float64Array1D = lots / DAY_SECONDS
        self._spread = np.full(count, 0.00004)
        self._spread[universe.futures] = 0.00002
        self._spread[universe.options] = 0.0025 + 0.0012 * away
        self._spread[self.chains.rows] = 0.0035 + 0.0012 * self.chains.away_percent
        depth = np.ones(count, dtype=np.int64)
        depth[universe.stocks] = np.maximum(_SHARES / 60_000, 2).astype(np.int64)
        depth[universe.options] = 1 + (self._crowd * 900).astype(np.int64)
        depth[self.chains.rows] = 1 + (self.chains.lots_per_day() / 800.0).astype(np.int64)
        self._depth_lots: Int64Array1D = depth

    def _open_positions(self) -> None:
        universe, board = self.universe, self.board
        lots = np.zeros(len(universe.listings))
        lots[universe.futures] = np.array(FUTURE_LOTS_PER_DAY) * 1.8
        tilt = outward(self._strike / self.index_level[0], self._is_call)
        lots[universe.options] = OPTION_LOTS_PER_DAY * self._crowd * 1.3 * tilt + 3.0
        lots[self.chains.rows] = self.chains.open_lots()
        if self.wide is not None:
            lots[self.wide.rows] = np.where(self.wide.is_stock, 0.0, 6_000.0)
        rows = np.flatnonzero(lots > 0)
        board.set_open_interest(rows, lots[rows].astype(np.int64) * board.lot[rows])
        if (last := self._last_board) is not None:
            carried = [(row, last.row_of_token[t]) for t, row in board.row_of_token.items() if t in last.row_of_token]
            now, then = np.array(carried).T
            board.oi[now] = board.oi_high[now] = board.oi_low[now] = last.oi[then]
