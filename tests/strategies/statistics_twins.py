"""The figures of a backtest once more, in plain Python and straight from their definitions."""

import math
from datetime import UTC, datetime, timedelta
from statistics import NormalDist


def plain_days(result):
    """Return (day, equity at its last close) in India, one by one."""
    ends = {}
    for start_ns, equity in zip(result.bars.start_ns.tolist(), result.equity_quote.tolist(), strict=True):
        day = (datetime.fromtimestamp(start_ns // 10**9, tz=UTC) + timedelta(hours=5, minutes=30)).date()
        ends[day] = equity
    return list(ends.items())


def plain_returns(result):
    before, returns = result.terms.capital_quote, []
    for _, equity in plain_days(result):
        returns.append(equity / before - 1)
        before = equity
    return returns


def plain_sharpe(returns, days_per_year, risk_free=0.0):
    mean = sum(returns) / len(returns)
    variance = sum((one - mean) ** 2 for one in returns) / (len(returns) - 1)
    return (mean - risk_free / days_per_year) / math.sqrt(variance) * math.sqrt(days_per_year)


def plain_sortino(returns, days_per_year, risk_free=0.0):
    excess = [one - risk_free / days_per_year for one in returns]
    downside = math.sqrt(sum(min(one, 0) ** 2 for one in excess) / len(excess))
    return sum(excess) / len(excess) / downside * math.sqrt(days_per_year)


def plain_drawdown(result):
    """Return depth, peak day, trough day and the day of recovery of the deepest fall."""
    days = plain_days(result)
    peak, peak_on = result.terms.capital_quote, days[0][0]
    deepest = (0.0, None, None, None)
    for place, (day, equity) in enumerate(days):
        if equity >= peak:
            peak, peak_on = equity, day
        elif 1 - equity / peak > deepest[0]:
            back = next((later for later, value in days[place:] if value >= peak), None)
            deepest = (1 - equity / peak, peak_on, day, back)
    return deepest


def plain_deflated(returns, trials, deviation):
    count = len(returns)
    mean = sum(returns) / count
    central = [sum((one - mean) ** order for one in returns) / count for order in (2, 3, 4)]
    skew, kurtosis = central[1] / central[0] ** 1.5, central[2] / central[0] ** 2
    sharpe = mean / math.sqrt(central[0] * count / (count - 1))
    inverse = NormalDist().inv_cdf
    euler = 0.57721566490153286
    best = (1 - euler) * inverse(1 - 1 / trials) + euler * inverse(1 - 1 / (trials * math.e)) if trials > 1 else 0.0
    error = math.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2)
    return NormalDist().cdf((sharpe - deviation * best) * math.sqrt(count - 1) / error)
