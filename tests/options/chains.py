"""Chains that say only what matters: sound quotes of known options, to be broken one cell at a time."""

from datetime import UTC, datetime, timedelta

import numpy as np

from options.domain.chain import Market, work_out
from options.domain.expiries import Fixing
from options.domain.pricing import on_forward, value
from options.domain.quotes import ChainQuotes

NOW = datetime(2026, 8, 18, 5, 0, tzinfo=UTC)
FORWARD = 24_000.0
RATE = 0.06


def smile(strike, forward=FORWARD):
    log = np.log(strike / forward)
    return 0.13 - 0.25 * log + 1.5 * log * log


def some_quotes(*, strikes=None, days=7.0, forward=FORWARD, half_spread=0.05, volatility=smile, **changes):
    strike = np.arange(22_500.0, 25_550.0, 50.0) if strikes is None else np.asarray(strikes, dtype=np.float64)
    years = days / 365
    both = np.concatenate((strike, strike))
    discount = np.exp(-RATE * years)
    is_call = np.arange(both.size) < strike.size
    terms = on_forward(forward=forward, strike=both, years=years, discount=discount, is_call=is_call)
    middle = value(terms, volatility(both)).price.reshape(2, -1)
    zeros = np.zeros_like(middle)
    cells = {
        "bid": middle - half_spread,
        "ask": middle + half_spread,
        "last_price": middle.copy(),
        "open_interest": zeros + 6500.0,
        "volume": zeros + 650.0,
        "age_s": zeros.copy(),
        "trade_age_s": zeros.copy(),
    }
    return ChainQuotes(strike=strike, **{**cells, **changes})


def a_chain(*, days=7.0, spot=None, quotes=None, now=NOW, **changes):
    found = some_quotes(days=days, **changes) if quotes is None else quotes
    return work_out(found, fixing=Fixing(at=NOW + timedelta(days=days)), market=Market(now=now, rate=RATE, spot=spot))
