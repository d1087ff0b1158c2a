"""Kite's mutual fund routes over a small invented list; what once placed orders is disabled, as at Kite."""

import csv
import io
import re
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from brokers.simulator.kite_http import Response, ok, route
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import Refusal
from brokers.simulator.sessions import previous_trading_days

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite

Json = dict[str, Any]
DISABLED = "Mutual fund orders cannot be placed, modified or cancelled through the API."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fund:
    """One invented scheme; the fields are the columns of the venue's list."""

    tradingsymbol: str
    amc: str
    name: str
    purchase_allowed: int = 1
    redemption_allowed: int = 1
    minimum_purchase_amount: float = 500.0
    purchase_amount_multiplier: float = 1.0
    minimum_additional_purchase_amount: float = 100.0
    minimum_redemption_quantity: float = 0.001
    redemption_quantity_multiplier: float = 0.001
    dividend_type: str = "growth"
    scheme_type: str = "equity"
    plan: str = "direct"
    settlement_type: str = "T2"
    last_price: float


_AMC = "SIMULATED_MF"
FUNDS = (
    Fund(tradingsymbol="INF000S01011", amc=_AMC, name="Simulated Large Cap Fund - Direct Plan", last_price=212.4318),
    Fund(
        tradingsymbol="INF000S01029",
        amc=_AMC,
        name="Simulated Liquid Fund - Direct Plan",
        scheme_type="liquid",
        settlement_type="T1",
        last_price=3_104.7723,
    ),
    Fund(
        tradingsymbol="INF000S01037",
        amc=_AMC,
        name="Simulated Balanced Fund - Direct Plan",
        dividend_type="payout",
        scheme_type="balanced",
        last_price=48.6105,
    ),
)
UNITS, COST, INSTALMENT = 118.271, 190.02, 2_500.0
ORDER_ID, SIP_ID = "7d0c2f2e-5a51-4b57-8a55-3a1a3b9b0c01", "700000000000001"


def instruments(site: "KiteSite", _request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return the list of funds."""
    text, day = io.StringIO(), _price_day(site)
    writer = csv.DictWriter(text, [*asdict(FUNDS[0]), "last_price_date"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**asdict(fund), "last_price_date": day} for fund in FUNDS)
    return Response(body=text.getvalue().encode(), content_type="text/csv")


def holdings(site: "KiteSite", _request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return the units held."""
    fund = FUNDS[0]
    row = {
        "folio": "1000000001",
        "fund": fund.name,
        "tradingsymbol": fund.tradingsymbol,
        "average_price": COST,
        "last_price": fund.last_price,
        "last_price_date": _price_day(site),
        "pledged_quantity": 0,
        "pnl": round(UNITS * (fund.last_price - COST), 4),
        "quantity": UNITS,
    }
    return ok([row])


def orders(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the orders of the last seven days."""
    return ok([_order(site, app)])


def order(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return one order."""
    if match["order_id"] != ORDER_ID:
        raise Refusal("The order was not found.", "GeneralException", 404)
    return ok(_order(site, app))


def sips(site: "KiteSite", _request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return the instalment plans."""
    return ok([_sip(site)])


def sip(site: "KiteSite", _request: Request, _app: App, match: re.Match[str]) -> Response:
    """Return one instalment plan."""
    if match["sip_id"] != SIP_ID:
        raise Refusal("The SIP was not found.", "GeneralException", 404)
    return ok({**_sip(site), "fund_source": "pool"})


def disabled(_site: "KiteSite", _request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Refuse what the venue no longer offers."""
    raise Refusal(DISABLED, "GeneralException", 410)


def _order(site: "KiteSite", app: App) -> Json:
    fund, day = FUNDS[2], previous_trading_days(site.venue.market.session.day, 1)[0]
    return {
        "status": "COMPLETE",
        "purchase_type": "FRESH",
        "folio": "1000000002",
        "order_timestamp": f"{day} 11:04:12",
        "average_price": fund.last_price,
        "exchange_order_id": "100000001",
        "last_price": fund.last_price,
        "tradingsymbol": fund.tradingsymbol,
        "settlement_id": "1000001",
        "transaction_type": "BUY",
        "order_id": ORDER_ID,
        "amount": INSTALMENT,
        "tag": None,
        "placed_by": app.user_id,
        "exchange_timestamp": str(day),
        "variety": "regular",
        "last_price_date": str(day),
        "status_message": "",
        "fund": fund.name,
        "quantity": round(INSTALMENT / fund.last_price, 3),
    }


def _sip(site: "KiteSite") -> Json:
    fund, day = FUNDS[0], site.venue.market.session.day
    begun = day - timedelta(days=35)
    return {
        "status": "ACTIVE",
        "sip_reg_num": None,
        "created": f"{begun} 10:12:27",
        "dividend_type": fund.dividend_type,
        "instalment_amount": INSTALMENT,
        "fund": fund.name,
        "instalments": -1,
        "next_instalment": str(day + timedelta(days=25)),
        "transaction_type": "BUY",
        "trigger_price": 0,
        "step_up": {},
        "tradingsymbol": fund.tradingsymbol,
        "tag": "",
        "frequency": "monthly",
        "last_instalment": f"{day - timedelta(days=5)} 10:12:27",
        "pending_instalments": -1,
        "instalment_day": 5,
        "sip_type": "sip",
        "completed_instalments": 2,
        "sip_id": SIP_ID,
    }


def _price_day(site: "KiteSite") -> str:
    return str(previous_trading_days(site.venue.market.session.day, 1)[0])


_ORDER = r"/mf/orders/(?P<order_id>[\w-]+)"
_SIP = r"/mf/sips/(?P<sip_id>[\w-]+)"
ROUTES = (
    route("GET", "/mf/instruments", instruments),
    route("GET", "/mf/holdings", holdings),
    route("GET", "/mf/orders", orders),
    route("GET", _ORDER, order),
    route("GET", "/mf/sips", sips),
    route("GET", _SIP, sip),
    *(route("POST", path, disabled) for path in ("/mf/orders", "/mf/sips")),
    *(route("DELETE", path, disabled) for path in (_ORDER, _SIP)),
    route("PUT", _SIP, disabled),
)
