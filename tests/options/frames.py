"""Frames of a whole chain: listed options of some expiries, and what a ticker says of all of them at once."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np

from brokers.domain.clock import IST
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.market import QuoteColumns, ns_of
from options.domain.expiries import Fixing
from options.domain.pricing import on_forward, value
from options.listed import Subject

NOW = datetime(2026, 8, 18, 5, 0, tzinfo=UTC)
TODAY = date(2026, 8, 18)
EXPIRIES = (date(2026, 8, 25), date(2026, 9, 1), date(2026, 9, 29))
STRIKES = tuple(range(23_000, 25_050, 50))
RATE = 0.065
SPOT = 24_000.0
LOT = 65
INDEX = Instrument(
    exchange="NSE",
    symbol="NIFTY 50",
    token=256265,
    kind=InstrumentKind.INDEX,
    name="NIFTY 50",
    tick_size=Decimal(0),
    lot_size=0,
    segment="INDICES",
)


def some_options(*, underlying="NIFTY", exchange="NFO", expiries=EXPIRIES, strikes=STRIKES):
    return tuple(
        Instrument(
            exchange=exchange,
            symbol=f"{underlying}{expiry:%y%m%d}{strike}{kind.value}",
            token=1_000_000 + 100_000 * month + 2 * (strike // 10) + (kind is InstrumentKind.PUT),
            kind=kind,
            name=underlying,
            tick_size=Decimal("0.05"),
            lot_size=LOT,
            segment=f"{exchange}-OPT",
            expiry=expiry,
            strike=Decimal(strike),
        )
        for month, expiry in enumerate(expiries)
        for strike in strikes
        for kind in (InstrumentKind.CALL, InstrumentKind.PUT)
    )


def a_fixing(expiry):
    return Fixing(at=datetime.combine(expiry, time(15, 15), IST), averaging_s=1_800.0)


def a_subject(*, spot=INDEX, options=None, **listed):
    options = some_options(**listed) if options is None else options
    days = sorted({one.expiry for one in options})
    return Subject(underlying="NIFTY", spot=spot, options=tuple(options), fixings={day: a_fixing(day) for day in days})


def a_frame(options, *, at=NOW, spot=SPOT, volatility=0.13, interest=6_500.0, volume=650.0, half_spread=0.05):
    """Every option quoted around its Black-76 price, and the index where a spot is given."""
    strike = np.array([float(one.strike) for one in options])
    is_call = np.array([one.kind is InstrumentKind.CALL for one in options])
    years = np.array([a_fixing(one.expiry).variance_years(at) for one in options])
    carried = np.array([a_fixing(one.expiry).years(at) for one in options])
    level = SPOT if spot is None else spot
    terms = on_forward(
        forward=level * np.exp(RATE * carried),
        strike=strike,
        years=np.maximum(years, 1e-9),
        discount=np.exp(-RATE * carried),
        is_call=is_call,
    )
    middle = np.maximum(value(terms, np.full(strike.size, volatility)).price, half_spread)
    return columns(
        [one.token for one in options] + ([] if spot is None else [INDEX.token]),
        at=at,
        last=[*middle, *([] if spot is None else [spot])],
        bid=[*(middle - half_spread), *([] if spot is None else [0.0])],
        ask=[*(middle + half_spread), *([] if spot is None else [0.0])],
        interest=[*np.broadcast_to(interest, strike.size), *([] if spot is None else [np.nan])],
        volume=[*np.broadcast_to(volume, strike.size), *([] if spot is None else [np.nan])],
    )


def columns(tokens, *, at, last, bid, ask, interest, volume):
    count = len(tokens)
    nothing = np.full(count, np.nan)
    return QuoteColumns(
        token=np.array(tokens, dtype=np.int64),
        last_price=np.array(last, dtype=np.float64),
        volume=np.array(volume, dtype=np.float64),
        open_interest=np.array(interest, dtype=np.float64),
        bid=np.array(bid, dtype=np.float64),
        ask=np.array(ask, dtype=np.float64),
        day_open=nothing,
        day_high=nothing,
        day_low=nothing,
        previous_close=nothing,
        exchange_ns=np.full(count, ns_of(at), dtype=np.int64),
        received_ns=ns_of(at),
    )


def later(**passed):
    return NOW + timedelta(**passed)
