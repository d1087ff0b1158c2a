import itertools
from decimal import Decimal

import numpy as np
import pytest

from brokers.adapters.paper.venue import PaperVenue
from brokers.domain.instruments import InstrumentKind
from brokers.domain.market import QuoteColumns, ns_of
from tests.brokers.adapters.doubles import START, SteppingClock, an_instrument
from tests.contracts.venue_contract import Bench, VenueContract

NAN = np.array([float("nan")])


class PaperBench(Bench):
    """Paper on a market of our own that trembles by one tick."""

    def __init__(self):
        instrument = an_instrument()
        index = an_instrument("NIFTY 50", token=256265, tick="0", kind=InstrumentKind.INDEX)
        super().__init__(PaperVenue(clock=SteppingClock(), instruments=[instrument, index]), instrument, index)
        self._moves = itertools.cycle([0.0, 0.05, 0.0, -0.05])
        self._show(1400.0)

    async def last(self):
        return Decimal(1400)

    async def step(self):
        self._show(1400.0 + next(self._moves))

    def _show(self, last):
        depth = np.zeros((1, 10, 3))
        depth[0, 0], depth[0, 5] = (3, last - 0.05, 1), (3, last + 0.05, 1)
        self.venue.on_quotes(
            QuoteColumns(
                token=np.array([self.instrument.token]),
                last_price=np.array([last]),
                bid=np.array([last - 0.05]),
                ask=np.array([last + 0.05]),
                volume=NAN,
                open_interest=NAN,
                day_open=NAN,
                day_high=NAN,
                day_low=NAN,
                previous_close=NAN,
                exchange_ns=np.array([ns_of(START)]),
                received_ns=ns_of(START),
                depth=depth,
            )
        )


class TestPaper(VenueContract):
    @pytest.fixture
    async def bench(self):
        return PaperBench()
