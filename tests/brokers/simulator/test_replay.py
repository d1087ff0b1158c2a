"""Recordings: read strictly, replayed completely and in order."""

import numpy as np
import pytest

from brokers.marketdata.replay import ReplayUnreadable, default_start, read_recording
from brokers.simulator.candles import aggregate
from brokers.simulator.options import OptionInvalid
from brokers.simulator.recorded import RecordedMarket
from brokers.simulator.sessions import stamp
from tests.brokers.simulator.recordings import BARS, CHAIN, TICKS, recording
from tests.brokers.simulator.site import a_client, a_site, an_order
from tests.reference import reference_file

BARS_FILE = "nse_intraday/dhan_5min_nifty50_and_index_2026-07-13_17.parquet"
CHAIN_FILE = "nse_options/nifty_chain_1min_nse_2026-08-18.parquet"


def a_market(path):
    return RecordedMarket(recording=read_recording(path), rng=np.random.default_rng(1))


def tape(market):
    """Every print as (time, symbol, paise, quantity), over all days."""
    printed = []
    while not market.finished:
        while market.next_at_ns() is not None:
            step = market.advance()
            rows = zip(
                step.prints.rows.tolist(), step.prints.price.tolist(), step.prints.quantity.tolist(), strict=True
            )
            at = stamp(step.at_s * 10**9)[5:]
            printed += [(at, market.board.listings[row].symbol, price, quantity) for row, price, quantity in rows]
        market.open_next_day()
    return printed


def test_bar_becomes_open_nearer_extreme_other_extreme_close(tmp_path):
    printed = tape(a_market(recording(tmp_path, BARS)))

    assert [row for row in printed if row[1] == "INFY"][:8] == [
        ("07-13 09:15:00", "INFY", 100_000, 100),
        ("07-13 09:16:40", "INFY", 99_500, 100),
        ("07-13 09:18:20", "INFY", 101_000, 100),
        ("07-13 09:19:59", "INFY", 100_500, 100),
        ("07-13 09:20:00", "INFY", 100_500, 100),
        ("07-13 09:21:40", "INFY", 100_600, 100),
        ("07-13 09:23:20", "INFY", 99_000, 100),
        ("07-13 09:24:59", "INFY", 99_200, 101),
    ]
    assert len(printed) == 16
    assert read_recording(recording(tmp_path, BARS)).synthetic_ticks


def test_chain_counts_in_units_and_names_contracts_as_the_venue_does(tmp_path):
    market = a_market(recording(tmp_path, CHAIN))

    printed = tape(market)

    board = market.board
    call, put = board.row_of_key["NFO", "NIFTY2681824000CE"], board.row_of_key["NFO", "NIFTY26AUG24000PE"]
    assert ("08-18 10:01:00", "NIFTY 50", 2_411_000, 0) in printed
    assert ("08-18 10:01:00", "NIFTY2681824000CE", 12_500, 4 * 65) in printed
    assert (board.volume[call], board.oi[call]) == (14 * 65, 110 * 65)
    # An unchanged contract is quoted again but did not trade.
    assert [row for row in printed if row[1] == "NIFTY26AUG24000PE"] == [
        ("08-18 10:00:00", "NIFTY26AUG24000PE", 6_000, 0)
    ]
    assert (board.best_bid(put), board.best_offer(put)) == (5_995, 6_005)


def test_ticks_are_replayed_as_they_came(tmp_path):
    assert tape(a_market(recording(tmp_path, TICKS))) == [
        ("02-20 09:30:00", "NIFTY 50", 2_540_000, 0),
        ("02-20 09:30:07", "NIFTY 50", 2_540_100, 0),
    ]


def test_next_day_knows_the_last_close(tmp_path):
    market = a_market(recording(tmp_path, BARS))
    while market.next_at_ns() is not None:
        market.advance()

    assert market.open_next_day()

    row = market.board.row_of_key["NSE", "INFY"]
    assert (market.board.close[row], market.board.volume[row]) == (99_200, 0)


def test_unreadable_recordings_are_named_in_one_sentence(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a table")
    cases = {
        tmp_path / "absent.parquet": "does not exist",
        text: "cannot be read as Parquet",
        recording(tmp_path, "SELECT 1 AS a, 2 AS b", "a.parquet"): r"The columns of .* \(a, b\) are none of the known",
        recording(tmp_path, BARS.replace("1010.0", "10.0"), "b.parquet"): "contradict themselves",
        recording(tmp_path, BARS.replace("09:", "19:"), "c.parquet"): "outside Indian market hours",
        recording(tmp_path, TICKS.replace("25401.0", "NULL"), "d.parquet"): None,
        recording(tmp_path, f"SELECT * FROM ({TICKS}) WHERE ltp < 0", "e.parquet"): "no rows",
        recording(tmp_path, BARS.replace("1005.0, 400", "NULL, 400"), "f.parquet"): "empty values in close",
    }
    for path, words in cases.items():
        if words is None:
            assert len(read_recording(path).price) == 1
            continue
        with pytest.raises(ReplayUnreadable, match=words) as refused:
            read_recording(path)
        assert "\n" not in str(refused.value)


def test_bad_recording_or_start_is_refused_before_anything_runs(tmp_path):
    path = str(recording(tmp_path, BARS))

    with pytest.raises(OptionInvalid, match="does not exist"):
        a_site("--replay", str(tmp_path / "absent.parquet"))
    with pytest.raises(OptionInvalid, match="after the recording's last tick"):
        a_site("--replay", path, "--replay-from", "2027-01-01")
    with pytest.raises(OptionInvalid, match="not an ISO date"):
        a_site("--replay", path, "--replay-from", "soon")


async def test_what_lies_before_the_start_is_served_as_history(tmp_path):
    site, _ = a_site("--replay", str(recording(tmp_path, BARS)))
    client = a_client(site)
    token = site.venue.board.listings[site.venue.board.row_of_key["NSE", "INFY"]].token
    params = {"from": "2026-07-13", "to": "2026-07-14 15:30:00"}

    answer = await client.get(f"/instruments/historical/{token}/5minute", params=params)

    assert answer.json()["data"]["candles"] == [
        ["2026-07-13T09:15:00+0530", 1000.0, 1010.0, 995.0, 1005.0, 400],
        ["2026-07-13T09:20:00+0530", 1005.0, 1006.0, 990.0, 992.0, 401],
    ]
    assert (site.held, site.venue.market.session.day.isoformat()) == (True, "2026-07-14")


async def test_orders_trade_on_recorded_prices(tmp_path):
    site, _ = a_site("--replay", str(recording(tmp_path, BARS)), "--replay-from", "2026-07-13T09:16:00")
    client = a_client(site)
    form = an_order(tradingsymbol="INFY", price="1000")
    resting = (await client.post("/orders/regular", data={**form, "price": "996"})).json()["data"]["order_id"]

    site.venue.advance(0)
    history = (await client.get(f"/orders/{resting}")).json()["data"]

    (fill,) = (await client.get("/sim/ledger")).json()["fills"]
    assert history[-1]["status"] == "COMPLETE"
    assert (fill["price_paise"], fill["quantity"]) == (99_600, 10)


@pytest.mark.reference
def test_real_bars_come_back_as_the_candles_they_were():
    site, _ = a_site("--replay", str(reference_file(BARS_FILE)))
    venue = site.venue
    recorded = read_recording(reference_file(BARS_FILE))
    while not venue.market.finished:
        while venue.market.next_at_ns() is not None:
            venue.advance(0)
        venue.open_next_day()

    store = venue._stores[max(venue._stores)]
    token = next(listing.token for listing in venue.board.listings if listing.symbol == "RELIANCE")
    day = aggregate(store.minutes(token), store.session, 5)

    assert len(day.open) == 75
    assert venue.steps == len(np.unique(recorded.at_s)) == 1_500
    number = [item.symbol for item in recorded.instruments].index("RELIANCE")
    mine = (recorded.instrument == number) & (recorded.day == recorded.day[-1])
    assert day.volume.sum() == recorded.volume[mine].max()
    assert day.close[-1] == recorded.price[mine][-1]


@pytest.mark.reference
def test_real_chain_is_replayed_whole():
    path = reference_file(CHAIN_FILE)
    recorded = read_recording(path)
    market = a_market(path)
    steps = ticks = 0
    while market.next_at_ns() is not None:
        step = market.advance()
        steps, ticks = steps + 1, ticks + len(step.touched)

    assert (steps, ticks) == (288, len(recorded.at_s))
    assert stamp(default_start(recorded) * 10**9) == "2026-08-18 12:23:00"
    assert ("NFO", "NIFTY26AUG24200CE") in market.board.row_of_key
    assert ("NFO", "NIFTY2681824200CE") in market.board.row_of_key
    assert market.board.last[market.board.row_of_key["NSE", "NIFTY 50"]] > 2_400_000


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        ("ticks/nifty_sensex_strangle_20s_2026-02-20.parquet", {("NSE", "NIFTY 50"), ("BSE", "SENSEX")}),
        ("nse_options/index_chains_5min_kite_2026-01-27_to_2026-02-05.parquet", {("NSE", "NIFTY BANK")}),
        ("nse_options/stock_chains_kite_8_stocks_2026-01-29.parquet", {("NSE", "BAJFINANCE")}),
    ],
)
def test_other_recorded_shapes_are_replayed_whole(name, symbols):
    market = a_market(reference_file(name))

    printed = tape(market)

    assert symbols <= set(market.board.row_of_key)
    assert len(printed) > 1_000
    assert market.finished
