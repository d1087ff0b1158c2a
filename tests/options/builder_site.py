"""A followed NIFTY for the builder: listed contracts, chains worked out from made quotes, and what is asked of them."""

import json
from datetime import date
from decimal import Decimal

import pytest

from brokers.domain.errors import NotFound
from brokers.models import ListedInstrument
from options import builder_market
from options.live import LiveChain
from tests.options.chains import NOW, a_chain

STRIKES = [23_000.0 + 100.0 * count for count in range(21)]
NEAR, FAR = date(2026, 8, 25), date(2026, 9, 22)
TEMPLATES, LEGS = "/api/options/builder/templates", "/api/options/builder/legs"
EVALUATE, MARGIN, SAVED = (
    "/api/options/builder/evaluate",
    "/api/options/builder/margin",
    "/api/options/builder/saved",
)


def symbol(strike, kind, expiry=NEAR):
    return f"NIFTY{expiry:%y%b%d}{strike:.0f}{kind}".upper()


def key(strike, kind, expiry=NEAR):
    return f"NFO:{symbol(strike, kind, expiry)}"


def live(expiry=NEAR, **changes):
    days = (expiry - NOW.date()).days
    given = {"spot": 23_990.0, "days": days, **changes}
    chain = a_chain(**({} if "quotes" in given else {"strikes": STRIKES}), **given)
    return LiveChain(
        underlying="NIFTY",
        expiry=expiry,
        chain=chain,
        exchange="NFO",
        lot_size=65,
        instruments={(strike, kind): key(strike, kind, expiry) for strike in STRIKES for kind in ("CE", "PE")},
        as_of=NOW,
        age_s=0.4,
        said=(),
    )


@pytest.fixture
def nifty_listed(db):
    rows = [
        ListedInstrument(
            venue="kite",
            exchange="NFO",
            symbol=symbol(strike, kind, expiry),
            token=number,
            kind=kind,
            name="NIFTY",
            segment="NFO-OPT",
            expiry=expiry,
            strike=Decimal(strike),
            tick_size=Decimal("0.05"),
            lot_size=65,
            listed_on=NOW.date(),
        )
        for number, (expiry, strike, kind) in enumerate(
            (expiry, strike, kind) for expiry in (NEAR, FAR) for strike in STRIKES for kind in ("CE", "PE")
        )
    ]
    ListedInstrument.objects.bulk_create(rows)


@pytest.fixture
def follow(nifty_listed, monkeypatch):
    """Let these chains be what every desk follows."""

    def followed(*chains, known=("NIFTY",)):
        def latest(user, underlying):
            if underlying not in known:
                raise NotFound("not followed", code="chain.not_tracked", field="underlying")
            return tuple(one for one in chains if one.underlying == underlying)

        monkeypatch.setattr(builder_market, "latest_chains", latest)

    followed(live(), live(FAR))
    return followed


def condor():
    wanted = [("BUY", 23_400, "PE"), ("SELL", 23_600, "PE"), ("SELL", 24_400, "CE"), ("BUY", 24_600, "CE")]
    return [{"instrument": key(strike, kind), "side": side, "lots": 1} for side, strike, kind in wanted]


def body(legs=None, **more):
    return {"underlying": "NIFTY", "legs": condor() if legs is None else legs, **more}


def refusal(response, status=400):
    assert response.status_code == status, response.content
    return response.json()["error"]


def has_no_nan(answer):
    json.dumps(answer, allow_nan=False)
    return True


def one_leg(strike=24_000, kind="CE", side="BUY", expiry=NEAR):
    return [{"instrument": key(strike, kind, expiry), "side": side, "lots": 1}]
