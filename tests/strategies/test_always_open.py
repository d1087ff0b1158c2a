"""The library's strategies where nothing ever closes: no last bar, no cut-off, the day's own reckoning at midnight UTC."""

from datetime import UTC, date, datetime

import numpy as np

from brokers.domain.calendar import ALWAYS_OPEN, Segment
from brokers.domain.market import ns_of
from strategies.domain import Sessions, judge
from strategies.domain.session import NEVER_NS
from strategies.registry import strategy_made
from tests.strategies.builders import DECIDED_AT, some_bars

SATURDAY = datetime(2026, 8, 22, 23, 50, tzinfo=UTC)
BTC = "ASTER:BTCUSDT"


def open_sessions():
    return Sessions(ALWAYS_OPEN, Segment.EQUITY)


def test_a_session_there_ends_nothing():
    session = open_sessions().on(date(2026, 8, 22))

    assert session.open_ns == ns_of(datetime(2026, 8, 22, tzinfo=UTC))
    assert session.entry_cutoff_ns == session.square_off_ns == session.close_ns == NEVER_NS


def test_a_bar_belongs_to_the_day_of_the_venues_zone():
    sessions = open_sessions()
    before, after = ns_of(SATURDAY), ns_of(datetime(2026, 8, 23, 0, 1, tzinfo=UTC))

    columns = sessions.of(np.array([before, after], dtype=np.int64))

    assert sessions.at(before).open_ns == columns.open_ns[0]
    assert columns.open_ns[1] - columns.open_ns[0] == 86_400 * 1_000_000_000


def test_an_intraday_strategy_goes_on_through_midnight():
    strategy = strategy_made("ema-crossover", {"fast": 2, "slow": 3, "product": "MIS"}, sessions=open_sessions())
    rising = some_bars(np.linspace(100, 130, 30), start_ns=ns_of(SATURDAY), instrument=BTC)

    signal, _ = judge(strategy, rising, deployment_id="D", decided_at=DECIDED_AT)

    assert signal is not None
    assert signal.exposure == 1.0
    assert signal.reason.endswith("at 00:20 UTC")


def test_a_breakout_has_its_vwap_from_midnight_and_no_last_entry():
    strategy = strategy_made("vwap-breakout", {"product": "MIS"}, sessions=open_sessions())
    calm = [100.0 + 0.1 * (i % 2) for i in range(180)]
    bars = some_bars(
        [*calm, 103.0],
        volumes=[*([100.0] * 180), 1_000.0],
        start_ns=ns_of(datetime(2026, 8, 22, 20, 58, tzinfo=UTC)),
        instrument=BTC,
        spread=0.05,
    )

    exposure = strategy.exposure(bars)

    assert bars.start_ns[-1] == ns_of(datetime(2026, 8, 22, 23, 58, tzinfo=UTC))
    assert exposure[-1] == 1.0
