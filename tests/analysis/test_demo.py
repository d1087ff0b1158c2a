"""The demo's made market: the same every time, plausible, through the doors of real files, and never outside the demo."""

from datetime import date, timedelta
from unittest.mock import patch

import numpy as np
import pytest
from celery.exceptions import Retry

from accounts.models import Outbox
from analysis import tasks
from analysis.candles import DEMO_SOURCE, candles_of, study_series
from analysis.demo import demo_fill, demo_fill_ask, demo_is_up
from analysis.demo_market import BARS, EVERYONE, LARGE, SEED, demo_days, demo_market
from analysis.models import CandleYear, ListMember
from analysis.scan_models import ScanRun
from analysis.services import scan_run
from brokers.domain.errors import Invalid
from brokers.simulator.universe import STOCKS
from tests.analysis.desks import NOW
from tests.people import a_desk, an_account

TODAY = date(2026, 11, 21)


@pytest.fixture(autouse=True)
def _no_broker():
    with patch("accounts.outbox.outbox_send"):
        yield


@pytest.fixture(scope="module")
def market():
    return demo_market(TODAY)


@pytest.fixture
def filled(db, settings):
    settings.WINDHOVER_DEMO = True
    desk = a_desk()
    assert demo_fill(at=NOW)
    for run in ScanRun.objects.all():
        scan_run(run_id=run.id)
    return desk


def test_the_same_day_gives_the_same_market(market):
    assert demo_market(TODAY) == market
    assert SEED == 20261121


def test_every_candle_holds_its_open_and_close_and_lies_on_a_trading_day(market):
    days = set(demo_days(TODAY))

    assert len(days) == BARS
    assert all(one.low <= min(one.open, one.close) <= max(one.open, one.close) <= one.high for one in market.candles)
    assert {one.day for one in market.candles} == days
    assert min(one.low for one in market.candles) > 0


def test_the_exchanges_stocks_close_where_it_opens(market):
    last_day = demo_days(TODAY)[-1]
    last = {one.symbol: one.close for one in market.candles if one.day == last_day}

    assert all(last[stock.symbol] == pytest.approx(stock.price, abs=0.051) for stock in STOCKS)


def test_the_other_names_cannot_be_taken_for_real_ones(market):
    listed = {stock.symbol for stock in STOCKS}

    assert all(one.symbol.endswith("DEMO") for one in market.candles if one.symbol not in listed)


def test_a_scan_of_it_grades_differently_and_leaves_nobody_out(filled):
    run = ScanRun.objects.get(universe=EVERYONE)
    grades, stages = run.summary["grades"], run.summary["stages"]
    told = {row["symbol"] for row in run.results} | {one["symbol"] for one in run.remarks}

    assert all(grades[grade] >= 3 for grade in ("A+", "A", "B", "D"))
    assert all(stages[stage] >= 3 for stage in ("1", "2", "3", "4"))
    assert {one["cause"] for one in run.remarks} == {"no_candles", "not_traded", "too_short", "zero_volume"}
    assert told == set(ListMember.objects.filter(universe=EVERYONE).values_list("instrument", flat=True))
    assert len({trigger["name"] for row in run.results for trigger in row["triggers"]}) >= 12
    assert (run.source, run.caveat) == (DEMO_SOURCE, "")
    assert {row["symbol"] for row in run.results if row["change"] > 0.02}
    assert {row["symbol"] for row in run.results if row["change"] < -0.01}


def test_split_and_bonus_leave_no_jump_in_what_is_studied(filled):
    raw, (studied, renames) = candles_of(), study_series()

    for name in ("NSE:ARUVIDEMO", "NSE:BELURDEMO"):
        assert np.abs(np.diff(np.log(raw[name].close))).max() > np.log(1.8)
        assert np.abs(np.diff(np.log(studied[name].close))).max() < 0.25
    assert renames[0].new == "NSE:DAMODARDEMO"
    assert len(studied["NSE:DAMODARDEMO"]) == BARS


def test_filling_it_again_the_same_day_changes_nothing(filled):
    before = set(CandleYear.objects.values_list("instrument", "year", "digest"))

    assert not demo_fill(at=NOW)
    assert set(CandleYear.objects.values_list("instrument", "year", "digest")) == before
    assert ListMember.objects.filter(universe=LARGE).count() == len(STOCKS)


def test_another_day_remakes_it_whole(filled):
    assert demo_fill(at=NOW + timedelta(days=5))

    days = [int(row.days) for row in CandleYear.objects.filter(instrument="NSE:TCS")]
    assert sum(days) == BARS


@pytest.mark.django_db
def test_outside_the_demo_nothing_is_made(settings):
    settings.WINDHOVER_DEMO = False

    with pytest.raises(Invalid, match="demo alone"):
        demo_fill(at=NOW)
    assert not CandleYear.objects.exists()


@pytest.mark.django_db
def test_the_worker_waits_until_prices_are_shown(settings):
    settings.WINDHOVER_DEMO = True
    account = an_account(a_desk())
    demo_fill_ask(at=NOW)
    frame = {f"{account.id}/quotes": {"data": {"NSE:TCS": {}}}}

    with patch("analysis.demo.snapshots", return_value={}):
        assert not demo_is_up()
        with pytest.raises(Retry):
            tasks.demo_fill_task.apply(throw=True, kwargs=Outbox.objects.get().arguments)
    assert not CandleYear.objects.exists()
    with patch("analysis.demo.snapshots", return_value=frame), patch("analysis.tasks.demo_fill") as fill:
        tasks.demo_fill_task(**Outbox.objects.get().arguments)
    fill.assert_called_once()
