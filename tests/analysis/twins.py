"""Each indicator once more, in plain Python and straight from its formula: slow, readable, independent."""

import math

NAN = math.nan
NOTHING = 1e-14  # below this TA-Lib takes a sum of movements for none


def sma(values, period):
    full = [sum(values[i - period + 1 : i + 1]) / period for i in range(period - 1, len(values))]
    return [NAN] * min(period - 1, len(values)) + full


def ema(values, period, start=0):
    """Seeded at `start + period - 1` with the mean of the values from `start`."""
    result = [NAN] * len(values)
    for i in range(start + period - 1, len(values)):
        if i == start + period - 1:
            result[i] = sum(values[start : i + 1]) / period
        else:
            result[i] = result[i - 1] + 2 / (period + 1) * (values[i] - result[i - 1])
    return result


def true_ranges(high, low, close):
    return [NAN][: len(close)] + [
        max(high[i] - low[i], abs(high[i] - close[i - 1]), abs(low[i] - close[i - 1])) for i in range(1, len(close))
    ]


def wilder(values, period, start):
    """Wilder's average, seeded with the mean of `period` values from `start`."""
    result = [NAN] * len(values)
    for i in range(start + period - 1, len(values)):
        if i == start + period - 1:
            result[i] = sum(values[start : i + 1]) / period
        else:
            result[i] = ((period - 1) * result[i - 1] + values[i]) / period
    return result


def atr(high, low, close, period):
    return wilder(true_ranges(high, low, close), period, 1)


def changed(values, period):
    """Give what Wilder's averages say went up, and what went down."""
    changes = [NAN][: len(values)] + [values[i] - values[i - 1] for i in range(1, len(values))]
    return wilder([max(c, 0.0) for c in changes], period, 1), wilder([max(-c, 0.0) for c in changes], period, 1)


def rsi(values, period):
    return [
        NAN if math.isnan(u) else 100 * u / (u + d) if u + d > NOTHING else 0.0
        for u, d in zip(*changed(values, period), strict=True)
    ]


def macd(values, fast, slow, signal):
    fast, slow = min(fast, slow), max(fast, slow)
    quick, steady = ema(values, fast, slow - fast), ema(values, slow)
    line = [a - b for a, b in zip(quick, steady, strict=True)]
    average = ema(line, signal, slow - 1) if signal > 1 else list(line)
    line = [NAN if math.isnan(s) else m for m, s in zip(line, average, strict=True)]
    return line, average, [m - s for m, s in zip(line, average, strict=True)]


def movements(high, low):
    up, down = [NAN][: len(high)], [NAN][: len(high)]
    for i in range(1, len(high)):
        rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
        up.append(rise if rise > fall and rise > 0 else 0.0)
        down.append(fall if fall > rise and fall > 0 else 0.0)
    return up, down


def wilder_sum(values, period):
    """Wilder's running total: the first `period - 1` values summed, then each step drops one share of it."""
    result = [NAN] * len(values)
    if len(values) >= period:
        total = sum(values[1:period])
        for i in range(period, len(values)):
            total = total - total / period + values[i]
            result[i] = total
    return result


def directional(high, low, close, period):
    up, down = movements(high, low)
    ranges = wilder_sum(true_ranges(high, low, close), period)
    plus, minus = wilder_sum(up, period), wilder_sum(down, period)

    def share(moved):
        return [
            NAN if math.isnan(r) else 100 * m / r if r > NOTHING else 0.0 for m, r in zip(moved, ranges, strict=True)
        ]

    return share(plus), share(minus)


def adx(high, low, close, period):
    plus, minus = directional(high, low, close, period)
    result = [NAN] * len(close)
    strength = [100 * abs(p - m) / (p + m) if p + m > NOTHING else None for p, m in zip(plus, minus, strict=True)]
    for i in range(2 * period - 1, len(close)):
        if i == 2 * period - 1:
            result[i] = sum(s for s in strength[period : 2 * period] if s is not None) / period
        elif strength[i] is None:
            result[i] = result[i - 1]
        else:
            result[i] = ((period - 1) * result[i - 1] + strength[i]) / period
    return result


def regression_slope(values, period):
    result = [NAN] * len(values)
    middle = (period - 1) / 2
    for i in range(period - 1, len(values)):
        window = values[i - period + 1 : i + 1]
        mean = sum(window) / period
        above = sum((x - middle) * (y - mean) for x, y in enumerate(window))
        result[i] = above / sum((x - middle) ** 2 for x in range(period))
    return result


def stochastic(high, low, close, period, *, smooth, signal):
    raw = [NAN] * len(close)
    for i in range(period - 1, len(close)):
        top, bottom = max(high[i - period + 1 : i + 1]), min(low[i - period + 1 : i + 1])
        raw[i] = 100 * (close[i] - bottom) / (top - bottom) if top > bottom else 0.0
    k = shifted_sma(raw, smooth, period - 1)
    d = shifted_sma(k, signal, period + smooth - 2)
    return [NAN if math.isnan(b) else a for a, b in zip(k, d, strict=True)], d


def shifted_sma(values, period, start):
    head = min(start, len(values))
    return [NAN] * head + sma(values[head:], period)


def typical(high, low, close):
    return [(h + l + c) / 3 for h, l, c in zip(high, low, close, strict=True)]  # noqa: E741 - high, low, close


def cci(high, low, close, period):
    prices = typical(high, low, close)
    result = [NAN] * len(prices)
    for i in range(period - 1, len(prices)):
        window = prices[i - period + 1 : i + 1]
        mean = sum(window) / period
        deviation = sum(abs(price - mean) for price in window) / period
        result[i] = (prices[i] - mean) / (0.015 * deviation) if round(deviation, 9) else 0.0
    return result


def mfi(high, low, close, volume, period):
    prices = typical(high, low, close)
    result = [NAN] * len(prices)
    for i in range(period, len(prices)):
        up = down = 0.0
        for j in range(i - period + 1, i + 1):
            flow = prices[j] * volume[j]
            moved = round(prices[j] - prices[j - 1], 9)
            up += flow if moved > 0 else 0.0
            down += flow if moved < 0 else 0.0
        result[i] = 100 * up / (up + down) if up + down >= 1.0 else 0.0
    return result


def obv(close, volume):
    result = []
    for i, units in enumerate(volume):
        if i == 0:
            result.append(units)
        else:
            change = close[i] - close[i - 1]
            result.append(result[-1] + math.copysign(units, change) if change else result[-1])
    return result


def volume_ratio(volume, period):
    result = [NAN] * min(period, len(volume))
    for i in range(period, len(volume)):
        usual = sum(volume[i - period : i]) / period
        result.append(volume[i] / usual if usual else NAN)
    return result


def vwap(high, low, close, volume, session):
    prices, result = typical(high, low, close), []
    for i, own in enumerate(session):
        rows = [j for j in range(i + 1) if session[j] == own and volume[j] > 0]
        units = sum(volume[j] for j in rows)
        result.append(sum(prices[j] * volume[j] for j in rows) / units if units else NAN)
    return result


def bollinger(values, period, deviations):
    middle, reach = sma(values, period), [NAN] * len(values)
    for i in range(period - 1, len(values)):
        window = values[i - period + 1 : i + 1]
        reach[i] = deviations * math.sqrt(sum((value - middle[i]) ** 2 for value in window) / period)
    return (
        [m + r for m, r in zip(middle, reach, strict=True)],
        middle,
        [m - r for m, r in zip(middle, reach, strict=True)],
    )


def extremes(values, period, choose):
    head = min(period - 1, len(values))
    return [NAN] * head + [choose(values[i - period + 1 : i + 1]) for i in range(period - 1, len(values))]


def donchian(high, low, period):
    upper, lower = extremes(high, period, max), extremes(low, period, min)
    return upper, [(u + v) / 2 for u, v in zip(upper, lower, strict=True)], lower


def keltner(high, low, close, period, *, atr_period, ranges):
    middle, reach = ema(close, period), atr(high, low, close, atr_period)
    up = [m + ranges * r for m, r in zip(middle, reach, strict=True)]
    down = [m - ranges * r for m, r in zip(middle, reach, strict=True)]
    return up, middle, down


def ichimoku(high, low, conversion, base, span):
    fast, slow, long = (donchian(high, low, period)[1] for period in (conversion, base, span))
    count = len(high)
    span_a = [(fast[i - base] + slow[i - base]) / 2 if i >= base else NAN for i in range(count)]
    return fast, slow, span_a, [long[i - base] if i >= base else NAN for i in range(count)]


def supertrend(high, low, close, period, ranges):
    reach = [ranges * value for value in atr(high, low, close, period)]
    line, direction = [NAN] * len(close), [NAN] * len(close)
    upper = lower = None
    up = False
    for i in range(period, len(close)):
        middle = (high[i] + low[i]) / 2
        if upper is None or middle + reach[i] < upper or close[i - 1] > upper:
            upper = middle + reach[i]
        if lower is None or middle - reach[i] > lower or close[i - 1] < lower:
            lower = middle - reach[i]
        if up and close[i] < lower:
            up = False
        elif not up and close[i] > upper:
            up = True
        line[i], direction[i] = (lower, 1.0) if up else (upper, -1.0)
    return line, direction


def strength(close):
    back = {bars: close[-1] / close[-1 - bars] - 1 for bars in (63, 126, 189, 252)}
    return 0.4 * back[63] + 0.2 * (back[126] + back[189] + back[252])
