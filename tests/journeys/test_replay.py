"""A recorded day through the exchange's wire: what the page says was earned is what was earned."""

import json
import time
import urllib.request
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.journeys.independent_pnl import charge_table_on, net_pnl
from tests.journeys.pages import sign_in
from tests.reference import reference_file

pytestmark = [pytest.mark.reference, pytest.mark.browser, pytest.mark.slow]

IST = timezone(timedelta(hours=5, minutes=30))
RECORDINGS = (
    pytest.param("nse_options/nifty_chain_1min_nse_2026-08-18.parquet", "150", id="chain"),
    pytest.param("nse_intraday/dhan_5min_nifty50_and_index_2026-07-13_17.parquet", "800", id="bars"),
)


def get(url, key=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read())


def eventually(wanted, seconds):
    """Ask until the answer is true; return it, or the last one when time is up."""
    deadline = time.monotonic() + seconds
    while not (answer := wanted()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


def market_day(fill):
    return datetime.fromtimestamp(fill["market_ns"] / 1e9, tz=UTC).astimezone(IST).date().isoformat()


def shown(page):
    """Read the page's figure as a plain number."""
    text = page.locator("#pnl-net").inner_text()
    return "".join(c for c in text.replace("−", "-") if c in "-.0123456789")


@pytest.mark.parametrize(("recording", "speed"), RECORDINGS)
def test_the_page_earns_what_the_exchanges_ledger_says(recording, speed, start_desk, open_page, results):
    path = reference_file(recording)
    facts = reference_file("market_facts_2026.json")
    desk = start_desk("--replay", str(path), "--speed", speed)
    page = open_page()
    sign_in(page, desk)
    [account] = [row["id"] for row in get(f"{desk.url}/api/status", desk.key)["accounts"] if row["venue"] == "kite"]
    page.evaluate("account => sessionStorage.setItem('desk-account', account)", account)
    page.reload()
    page.click("#book-live")

    assert eventually(lambda: get(f"{desk.simulator}/sim/state")["finished"], seconds=400), "the replay did not end"
    fills = get(f"{desk.simulator}/sim/ledger")["fills"]
    assert fills
    # the page tells of the market's day, which may be one without a trade
    last_day = (
        datetime.fromisoformat(get(f"{desk.simulator}/sim/state")["market_time"]).astimezone(IST).date().isoformat()
    )
    traded = [fill for fill in fills if market_day(fill) == last_day]
    quotes = get(f"{desk.url}/api/ticks", desk.key)["results"]
    earned = net_pnl(traded, charge_table_on(facts, last_day), {row["symbol"]: row["last_price"] for row in quotes})

    assert eventually(lambda: shown(page) == earned, seconds=20), f"the page says {shown(page)}, the ledger {earned}"
    assert get(f"{desk.url}/api/portfolio?account={account}", desk.key)["live"]["pnl_today"]["net"] == earned
    trades = get(f"{desk.url}/api/trades?limit=500&account={account}", desk.key)["results"]
    assert {trade["strategy"] for trade in trades if trade["book"] == "live"} == {"ema-crossover", "vwap-breakout"}
    page.screenshot(path=results / f"replay-{Path(recording).stem}.png")
