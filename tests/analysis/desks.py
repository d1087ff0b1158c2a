"""A desk with candles and a client, for tests of the analysis over the API."""

from datetime import UTC, datetime
from decimal import Decimal

from rest_framework.test import APIClient

from analysis.alerts import alert_add
from analysis.candles import candles_take
from analysis.domain.candle_files import Candle
from analysis.domain.daily import date_of
from analysis.models import ListMember
from analysis.services import scan_ask, scan_run
from tests.analysis.candles import walk
from tests.people import a_key, bearer

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def client_of(user):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=bearer(a_key(user))["Authorization"])
    return client


def an_alert(account, **changes):
    return alert_add(
        **{
            "account": account,
            "instrument": "NSE:RELIANCE",
            "direction": "above",
            "level": Decimal(100),
            "by": account.owner,
            "at": NOW,
            **changes,
        }
    )


def candles_of_series(symbol, series):
    return [
        Candle(symbol=symbol, day=date_of(day), open=o, high=h, low=low, close=c, volume=v)
        for day, o, h, low, c, v in zip(
            series.day, series.open, series.high, series.low, series.close, series.volume, strict=True
        )
    ]


def stored(symbols=("A", "B", "C"), bars=300, *, source="test", **members):
    """Store walks of these symbols and lists of these members."""
    rows = [
        one for seed, symbol in enumerate(symbols) for one in candles_of_series(symbol, walk(symbol, seed, bars=bars))
    ]
    candles_take(exchange="NSE", candles=rows, source=source, at=NOW)
    for universe, names in members.items():
        ListMember.objects.bulk_create(
            ListMember(universe=universe, instrument=f"NSE:{name}", sector="METAL") for name in names
        )


def scanned(desk, universe=None, at=NOW):
    """Scan a list for a desk and return the finished run."""
    run = scan_ask(desk=desk, universe=universe, by=None, at=at)
    scan_run(run_id=run.id)
    run.refresh_from_db()
    return run
