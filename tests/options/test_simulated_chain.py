"""From the simulator's own packets to a worked-out chain: the market's seed to the desk's figures, over Kite's wire format."""

import time
from datetime import date, datetime
from datetime import time as clock
from decimal import Decimal
from uuid import uuid4

import numpy as np
import orjson
import pytest

from brokers.adapters.kite.decode import decode_frame
from brokers.domain.clock import IST
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.simulator.kite_packets import MODES, Frames
from brokers.simulator.market import SyntheticMarket
from options.desk_line import chain_topic
from options.domain.expiries import Fixing
from options.following import Followed, Wish
from options.listed import Subject, spot_key
from tests.options.frames import NOW, RATE

DAY = date(2026, 11, 20)
FULL, QUOTE = MODES.index("full"), MODES.index("quote")


def listed(one):
    kind = InstrumentKind.INDEX if one.is_index else InstrumentKind(one.kind)
    return Instrument(
        exchange=one.exchange,
        symbol=one.symbol,
        token=one.token,
        kind=kind,
        name=one.name,
        tick_size=Decimal(one.tick) / 100,
        lot_size=one.lot,
        segment=one.segment,
        expiry=one.expiry,
        strike=Decimal(one.strike) / 100 if one.is_option else None,
    )


def followed(market, underlying):
    options = tuple(listed(one) for one in market.board.listings if one.name == underlying and one.is_option)
    index = market.board.listings[market.board.row_of_key[tuple(spot_key(underlying).split(":"))]]
    days = sorted({one.expiry for one in options})
    subject = Subject(
        underlying=underlying,
        spot=listed(index),
        options=options,
        fixings={day: Fixing(at=datetime.combine(day, clock(15, 15), IST), averaging_s=1_800.0) for day in days},
    )
    return Followed(Wish(tracked_id=uuid4(), underlying=underlying, expiries=3), subject, rate=RATE)


def hear(one, market, *, mode=FULL):
    """Send every instrument as the venue does when somebody subscribes, and let the desk decode it."""
    rows = np.arange(len(market.board.listings))
    message = Frames(market.board).message(rows, np.full(rows.size, mode, dtype=np.int8))
    one.take(decode_frame(message, time.time_ns(), with_depth=True), NOW)


@pytest.fixture(scope="module")
def market():
    made = SyntheticMarket(day=DAY, rng=np.random.default_rng(7), step_seconds=1.0)
    for _ in range(60):
        made.advance()
    return made


@pytest.mark.parametrize(("underlying", "strikes"), [("NIFTY", 149), ("BANKNIFTY", 103), ("SENSEX", 131)])
def test_a_chain_of_the_simulator_is_whole(market, underlying, strikes):
    one = followed(market, underlying)
    hear(one, market)
    one.work_out(market.now_ns)

    near = one.found[0]
    chain = near.chain
    atm = int(np.argmin(np.abs(chain.strike - chain.forward.price)))
    middle = slice(atm - 10, atm + 11)
    assert near.said == []
    assert abs(chain.strike.size - strikes) < 6
    assert chain.is_liquid[:, middle].all()
    assert np.isfinite(chain.volatility[middle]).all()
    assert 0.05 < chain.atm_volatility < 0.4
    assert chain.forward.price == pytest.approx(chain.market.spot, rel=0.01)
    assert np.nansum(chain.quotes.open_interest) > 1_000_000


def test_quotes_from_before_the_first_stamp_give_way_to_stamped_ones(market):
    """A subscription is first answered without the exchange's time; its market may be days behind the machine's clock."""
    one = followed(market, "NIFTY")
    hear(one, market, mode=QUOTE)

    hear(one, market)
    one.work_out(market.now_ns)

    assert one.found[0].said == []
    assert np.isfinite(one.found[0].chain.quotes.bid).any()


def test_a_topic_of_a_whole_simulated_chain_is_json_of_modest_size(market):
    one = followed(market, "SENSEX")
    hear(one, market)
    one.work_out(market.now_ns)
    topic = chain_topic("SENSEX", one.found[0].expiry.isoformat())

    text = orjson.dumps(one.topic_state(one.topics(frozenset({topic}))[topic]))

    assert b"NaN" not in text
    assert len(text) < 100_000
