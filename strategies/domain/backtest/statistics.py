"""What a backtest's result says in figures, on daily returns whatever its bars are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite, sqrt
from typing import Protocol, TypedDict

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import NANOSECONDS, Bars, Float64Array1D, Int64Array1D
from strategies.domain.backtest.drawdowns import Drawdown, drawdowns
from strategies.domain.backtest.engine import Fills, Trades, date_of, day_numbers
from strategies.domain.backtest.terms import Terms

TRADING_DAYS, EVERY_DAY = 252, 365
_YEAR_NS = 365.25 * 86_400 * NANOSECONDS


class Traded(Protocol):
    """What can be measured: a backtest of one instrument, or of several over the same times."""

    @property
    def bars(self) -> Bars: ...
    @property
    def terms(self) -> Terms: ...
    @property
    def equity_quote(self) -> Float64Array1D: ...
    @property
    def fills(self) -> Fills: ...
    @property
    def final_quote(self) -> float: ...
    def trades(self) -> Trades: ...
    def held_units(self) -> Float64Array1D: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """The equity at the end of each day of bars, idle days included, and each day's return; shape (days,)."""

    days: list[date]
    equity_quote: Float64Array1D
    returns: Float64Array1D


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The usual figures; fractions are 0.01 for one per cent, None is what is not defined.

    `sharpe` and `sortino` are annual, from daily returns after charges less the risk-free rate; `sharpe_daily`,
    `skew` and `kurtosis` (3 for a normal one) are of the same returns, unannualised. `exposure_fraction` is the
    share of bars that ended with a position, `turnover` the value traded a year over the mean equity.
    """

    total_return: float
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    sharpe_daily: float | None
    skew: float | None
    kurtosis: float | None
    days: int
    max_drawdown: float
    drawdowns: tuple[Drawdown, ...]
    trades: int
    win_rate: float | None
    expectancy_quote: float | None
    profit_factor: float | None
    average_win_quote: float | None
    average_loss_quote: float | None
    exposure_fraction: float
    turnover: float
    costs_quote: float
    monthly: Mapping[tuple[int, int], float]


def statistics_of(result: Traded, *, days_per_year: int = TRADING_DAYS, risk_free: float = 0.0) -> Statistics:
    """Work out the figures; `days_per_year` is 252 where the market rests and 365 where it never does.

    Raises Invalid for another number, or a risk-free rate that is none.
    """
    if days_per_year not in (TRADING_DAYS, EVERY_DAY):
        raise Invalid("a year has 252 trading days, or 365", code="statistics.days", field="days_per_year")
    if not (isfinite(risk_free) and -1.0 < risk_free < 1.0):
        raise Invalid(f"a risk-free rate is a fraction a year, not {risk_free}", field="risk_free")
    daily = daily_of(result)
    capital = result.terms.capital_quote
    falls = drawdowns(daily.equity_quote, capital, daily.days, daily.days[0])
    deepest = falls[0].depth_fraction if falls else 0.0
    growth = cagr(result)
    excess = daily.returns - risk_free / days_per_year
    sharpe_daily = _ratio(_mean(excess), deviation(daily.returns))
    trades = result.trades()
    return Statistics(
        total_return=result.final_quote / capital - 1.0,
        cagr=growth,
        volatility=_times(deviation(daily.returns), sqrt(days_per_year)),
        sharpe=_times(sharpe_daily, sqrt(days_per_year)),
        sortino=_times(_ratio(_mean(excess), _downside(excess)), sqrt(days_per_year)),
        calmar=_ratio(growth, deepest),
        sharpe_daily=sharpe_daily,
        skew=standardised_moment(daily.returns, 3),
        kurtosis=standardised_moment(daily.returns, 4),
        days=len(daily.days),
        max_drawdown=deepest,
        drawdowns=tuple(falls),
        **_of_trades(trades),
        exposure_fraction=float(np.count_nonzero(result.held_units()) / len(result.bars)),
        turnover=_turnover(result),
        costs_quote=float(result.fills.cost_quote.sum()),
        monthly=_monthly(daily, capital),
    )


def daily_of(result: Traded) -> Daily:
    """Take the equity at each day's last close; a day's return is over the day before, the first one's over the capital."""
    number = day_numbers(result.bars.start_ns, result.terms.zone)
    last = np.append(np.flatnonzero(np.diff(number)), number.size - 1)
    equity = result.equity_quote[last]
    before = np.concatenate(([result.terms.capital_quote], equity[:-1]))
    # nothing can be earned on an equity that is gone
    returns = np.divide(equity, before, out=np.ones_like(equity), where=before > 0.0) - 1.0
    return Daily(days=[date_of(int(day)) for day in number[last]], equity_quote=equity, returns=returns)


def cagr(result: Traded) -> float | None:
    r"""Return the annual growth; None where everything was lost or the time is less than a day.

    Notes
    -----
    .. math:: (E_n / E_0)^{1 / y} - 1

    with y the years of 365.25 days from the first bar's start to the last one's end.
    """
    start_ns: Int64Array1D = result.bars.start_ns
    years = (int(start_ns[-1] - start_ns[0]) + result.bars.interval_s * NANOSECONDS) / _YEAR_NS
    ratio = result.final_quote / result.terms.capital_quote
    if ratio <= 0.0 or years < 1.0 / 366:
        return None
    growth: float = ratio ** (1.0 / years) - 1.0
    return growth if isfinite(growth) else None


def deviation(returns: Float64Array1D) -> float | None:
    """Return the sample's standard deviation; None below two returns or where they are all the same."""
    if returns.size < 2:
        return None
    spread = float(returns.std(ddof=1))
    return spread if spread > 1e-12 else None


def standardised_moment(returns: Float64Array1D, order: int) -> float | None:
    r"""Return the mean of :math:`((r - \bar r) / \sigma)^k` with the population's deviation; None where nothing varies."""
    if deviation(returns) is None:
        return None
    centred = returns - returns.mean()
    return float(np.mean(centred**order) / np.mean(centred**2) ** (order / 2))


class _OfTrades(TypedDict):
    trades: int
    win_rate: float | None
    expectancy_quote: float | None
    profit_factor: float | None
    average_win_quote: float | None
    average_loss_quote: float | None


def _of_trades(trades: Trades) -> _OfTrades:
    profit = trades.profit_quote[trades.exit_bar >= 0]
    wins, losses = profit[profit > 0.0], profit[profit <= 0.0]
    return {
        "trades": int(profit.size),
        "win_rate": _ratio(float(wins.size), float(profit.size)),
        "expectancy_quote": _mean(profit),
        "profit_factor": _ratio(float(wins.sum()), float(-losses.sum())),
        "average_win_quote": _mean(wins),
        "average_loss_quote": _mean(losses),
    }


def _turnover(result: Traded) -> float:
    traded = float(np.sum(np.abs(result.fills.units) * result.fills.price))
    span_ns = int(result.bars.start_ns[-1] - result.bars.start_ns[0]) + result.bars.interval_s * NANOSECONDS
    mean = float(result.equity_quote.mean())
    return traded / mean / (span_ns / _YEAR_NS) if mean > 0.0 else 0.0


def _monthly(daily: Daily, capital: float) -> dict[tuple[int, int], float]:
    ends = {(day.year, day.month): float(equity) for day, equity in zip(daily.days, daily.equity_quote, strict=True)}
    before, months = capital, {}
    for month, equity in ends.items():
        months[month] = equity / before - 1.0 if before > 0.0 else 0.0
        before = equity
    return months


def _downside(excess: Float64Array1D) -> float | None:
    return sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2))) if excess.size > 1 else None


def _mean(values: Float64Array1D) -> float | None:
    return float(values.mean()) if values.size else None


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below is not None and below > 0.0 else None


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
