"""The made market of perpetuals: the same for the same seed, open at every hour, with terms that hold together."""

import ast
import json
import re
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from brokers.simulator import aster
from brokers.simulator.aster.clock import DAY_MS, INTERVALS_MS, MS_NS, bucket_end, bucket_start
from brokers.simulator.aster.contracts import CONTRACTS, exchange_row
from brokers.simulator.aster.market import FUNDING_BAND, INTEREST, MadePerpetuals, funding_rate
from brokers.simulator.aster.minutes import CLOSE, HIGH, LOW, OPEN, START, VOLUME, MadePast, aggregate
from tests.brokers.simulator.aster_site import Caller, an_aster, run
from tests.reference import reference_file

# a Saturday, when nothing trades in India
START_NS = 1_795_219_200 * 10**9


def a_market(seed=7, step_seconds=1.0):
    return MadePerpetuals(start_ns=START_NS, rng=np.random.default_rng(seed), step_seconds=step_seconds)


def test_the_same_seed_makes_the_same_market_and_another_another():
    def tape(seed):
        market = a_market(seed)
        return [market.advance().trades for _ in range(50)], market.marks.mark.tolist()

    assert tape(7) == tape(7)
    assert tape(7) != tape(8)


def test_it_trades_at_every_hour_of_every_day():
    market = a_market(step_seconds=60.0)
    traded = np.zeros((3, 24), dtype=int)

    for _ in range(3 * 24 * 60):
        tick = market.advance()
        day, hour = divmod((tick.at_ns - START_NS) // (3_600 * 10**9), 24)
        traded[min(day, 2), hour] += len(tick.trades)

    assert (traded > 0).all()


def test_books_are_in_ticks_never_crossed_and_prices_stay_near_the_mark():
    market = a_market()
    for _ in range(200):
        market.advance()
        board, rows = market.board, np.arange(5)
        bids, asks = board.depth_price[rows, :20], board.depth_price[rows, 20:]
        assert (bids[:, 0] < asks[:, 0]).all()
        assert (np.diff(bids) < 0).all()
        assert (np.diff(asks) > 0).all()
        assert not (np.concatenate([bids, asks], axis=1) % board.tick[rows, None]).any()
        assert (board.depth_quantity[rows] > 0).all()

    units = np.array([float(contract.price_unit) for contract in CONTRACTS])
    assert np.allclose((board.last * units)[:5], market.marks.mark[:5], rtol=0.005)


def test_a_contract_that_settles_neither_quotes_nor_trades():
    market = a_market()
    told = [trade for _ in range(200) for trade in market.advance().trades]

    assert 5 not in {trade[0] for trade in told}
    assert not market.board.depth_price[5].any()


def test_the_rate_is_interest_where_the_premium_is_near_it_and_follows_it_beyond():
    premium = np.array([INTEREST, INTEREST + FUNDING_BAND, -0.0003, 0.0011, 0.5, -0.5])

    assert funding_rate(premium).tolist() == pytest.approx([0.0001, 0.0001, 0.0001, 0.0006, 0.02, -0.02])


def test_past_days_join_on_to_the_present_and_repeat_themselves():
    pasts = [MadePast(CONTRACTS, seed=7, anchor_ms=START_NS // MS_NS) for _ in range(2)]
    first, last = START_NS // MS_NS - 3 * DAY_MS, START_NS // MS_NS - 1

    for row, contract in enumerate(CONTRACTS[:5]):
        rows, again = (past.between(row, first, last) for past in pasts)
        assert (rows == again).all()
        assert len(rows) == 3 * 1_440
        assert (np.diff(rows[:, START]) == 60_000).all()
        assert (rows[:, LOW] <= rows[:, [OPEN, CLOSE]].min(axis=1)).all()
        assert (rows[:, HIGH] >= rows[:, [OPEN, CLOSE]].max(axis=1)).all()
        assert abs(float(contract.price(int(rows[-1, CLOSE]))) / float(contract.start_price) - 1) < 0.01


@pytest.mark.parametrize("interval", list(INTERVALS_MS))
def test_longer_candles_hold_what_their_minutes_hold(interval):
    minutes = MadePast(CONTRACTS, seed=7, anchor_ms=START_NS // MS_NS).between(
        0, START_NS // MS_NS - 40 * DAY_MS, START_NS // MS_NS
    )

    rows = aggregate(minutes, interval)

    assert rows[:, VOLUME].sum() == minutes[:, VOLUME].sum()
    assert (rows[:, HIGH].max(), rows[:, LOW].min()) == (minutes[:, HIGH].max(), minutes[:, LOW].min())
    assert [bucket_start(int(start), interval) for start in rows[:, START]] == rows[:, START].tolist()
    ends = [bucket_end(int(start), interval) + 1 for start in rows[:, START]]
    assert ends[:-1] == rows[1:, START].tolist()


async def test_candles_run_from_the_made_past_into_the_present_without_a_gap():
    site, _, clock = an_aster("--speed", "60")
    run(site, clock, 40)

    rows = (await Caller(site).open("klines", symbol="BTCUSDT", interval="1m", limit="60")).json()

    assert [later[0] - earlier[0] for earlier, later in pairwise(rows)] == [60_000] * 59
    assert rows[-1][0] <= site.aster.venue.now_ms <= rows[-1][6]


async def test_a_window_of_candles_begins_at_its_start_and_holds_its_limit():
    site, _, clock = an_aster()
    run(site, clock, 2)
    now = site.aster.venue.now_ms
    ask = {"symbol": "ETHUSDT", "interval": "5m", "startTime": str(now - 7_200_000), "limit": "10"}

    rows = (await Caller(site).open("klines", **ask)).json()
    bounded = (await Caller(site).open("klines", **ask, endTime=str(now - 6_600_000))).json()

    assert len(rows) == 10
    assert rows[0][0] >= now - 7_200_000 > rows[0][0] - 300_000
    assert bounded == [row for row in rows if row[0] <= now - 6_600_000]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.base)
def test_brackets_join_without_a_step_and_filters_are_whole_ticks(contract):
    for lower, upper in pairwise(contract.brackets):
        at = Decimal(lower.cap)
        assert at * lower.ratio - lower.amount == at * upper.ratio - upper.amount
        assert lower.leverage > upper.leverage
    price = next(row for row in exchange_row(contract)["filters"] if row["filterType"] == "PRICE_FILTER")
    assert Decimal(contract.start_price) % Decimal(price["tickSize"]) == 0


@pytest.mark.reference
def test_every_refusal_has_a_number_and_the_words_of_the_documents():
    documented = {
        row["code"]: row["messages"]
        for row in json.loads(reference_file("errors/codes.json", folder="aster").read_text())
    }
    # expected of the API family, though not in its list; and one endpoint's own words for -1000
    beyond = {(-4116, "ClientOrderId is duplicated."), (-1000, "Invalid symbol.")}

    for code, text in _refusals():
        said = any(
            re.fullmatch(re.escape(words).replace("%s", ".+").replace("%b", ".+"), text or "")
            for words in documented.get(code, ())
        )
        assert said or (code, text) in beyond or (text is None and code in documented), (code, text)


def _refusals():
    """Every number the simulator refuses with, and its words where they are fixed."""
    for path in sorted(Path(aster.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AsterRefusal":
                number, words = node.args[:2]
                if isinstance(number, ast.UnaryOp):
                    yield ast.literal_eval(number), words.value if isinstance(words, ast.Constant) else None
