"""Kite's calculators: the only routes whose bodies are JSON."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from brokers.domain.charges import ChargeNote
from brokers.domain.errors import DataError
from brokers.simulator.kite_http import Response, json_body, ok, route
from brokers.simulator.kite_requests import Request, paise_of, whole_number
from brokers.simulator.kite_sessions import App
from brokers.simulator.margins import NO_CHARGES, Margin, Planned, basket_of, charges_of, margin_of
from brokers.simulator.orders import Refusal

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite

Json = dict[str, Any]
MOST = 200


def margins_orders(site: "KiteSite", request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return what each order would hold by itself."""
    rows = [_planned(site, data, "price") for data in _list(request)]
    return ok([_row(row, _margin(site, app, row, with_positions=True)) for row in rows])


def margins_basket(site: "KiteSite", request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return what the orders would hold together, before and after the benefit of their spreads."""
    with_positions = request.get("consider_positions", "true").lower() == "true"
    rows = [_planned(site, data, "price") for data in _list(request)]
    margins = [_margin(site, app, row, with_positions=with_positions) for row in rows]
    initial, final = basket_of(zip(rows, margins, strict=True))
    return ok(
        {
            "initial": _total(initial),
            "final": _total(final),
            "orders": [_row(row, margin) for row, margin in zip(rows, margins, strict=True)],
            "charges": _charges(initial.charges, kind=""),
        }
    )


def charges_orders(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return what each executed order would cost."""
    notes = []
    for data in _list(request):
        planned = _planned(site, data, "average_price")
        if planned.price <= 0:
            raise Refusal("Invalid `average_price`: it cannot be zero.")
        named = ("transaction_type", "tradingsymbol", "exchange", "variety", "product", "order_type", "quantity")
        notes.append(
            {
                **{name: data.get(name) for name in named},
                "price": planned.price / 100,
                "charges": _charges(_charged(site, planned)),
            }
        )
    return ok(notes)


def _margin(site: "KiteSite", app: App, planned: Planned, *, with_positions: bool) -> Margin:
    account = site.venue.engine.accounts[app.user_id]
    opening = planned.quantity
    if with_positions:
        opening = account.opening_quantity(planned.listing, planned.product, planned.side, planned.quantity)
    _charged(site, planned)
    return margin_of(planned, opening=opening, day=site.venue.market.session.day)


def _charged(site: "KiteSite", planned: Planned) -> ChargeNote:
    try:
        return charges_of(planned, day=site.venue.market.session.day)
    except DataError as error:
        raise Refusal(str(error)) from error


def _planned(site: "KiteSite", data: Mapping[str, Any], price_name: str) -> Planned:
    engine = site.venue.engine
    row = engine.row_of(str(data.get("exchange", "")), str(data.get("tradingsymbol", "")))
    listing, side = engine.board.listings[row], str(data.get("transaction_type", ""))
    product, quantity = str(data.get("product", "")), whole_number(data.get("quantity", 0), "quantity")
    products = {"NRML", "MIS"} if listing.is_derivative else {"CNC", "MIS"}
    if side not in {"BUY", "SELL"} or product not in products or quantity <= 0 or listing.is_index:
        raise Refusal("Invalid `transaction_type`, `product`, `quantity` or instrument.")
    price = paise_of(data.get(price_name) or 0, price_name)
    # An order without a price of its own is taken at the last one.
    if not price and price_name == "price":
        price = paise_of(data.get("trigger_price") or 0, "trigger_price") or int(engine.board.last[row])
    return Planned(listing=listing, side=side, quantity=quantity, product=product, price=price)


def _list(request: Request) -> list[Mapping[str, Any]]:
    rows = json_body(request)
    if not isinstance(rows, list) or not rows or len(rows) > MOST or not all(isinstance(r, Mapping) for r in rows):
        raise Refusal(f"The body is a JSON list of one to {MOST} orders.")
    return rows


def _row(planned: Planned, margin: Margin) -> Json:
    value = planned.price * planned.quantity
    names = {"tradingsymbol": planned.listing.symbol, "exchange": planned.listing.exchange}
    leverage = value / margin.total if margin.total else 0
    return _figures(margin, {"type": "equity", **names}, leverage, _charges(margin.charges))


def _total(margin: Margin) -> Json:
    names = {"type": "", "tradingsymbol": "", "exchange": ""}
    return _figures(margin, names, 0, _charges(NO_CHARGES, kind=""))


def _figures(margin: Margin, names: Json, leverage: float, charges: Json) -> Json:
    return {
        **names,
        "span": margin.span / 100,
        "exposure": margin.exposure / 100,
        "option_premium": margin.premium / 100,
        "additional": 0,
        "bo": 0,
        "cash": 0,
        "var": margin.value_at_risk / 100,
        "pnl": {"realised": 0, "unrealised": 0},
        "leverage": leverage,
        "charges": charges,
        "total": margin.total / 100,
    }


def _charges(note: ChargeNote, *, kind: str = "stt") -> Json:
    return {
        "transaction_tax": float(note.transaction_tax),
        "transaction_tax_type": kind,
        "exchange_turnover_charge": float(note.exchange),
        "sebi_turnover_charge": float(note.sebi),
        "brokerage": float(note.brokerage),
        "stamp_duty": float(note.stamp),
        "gst": {"igst": float(note.gst), "cgst": 0, "sgst": 0, "total": float(note.gst)},
        "total": float(note.total),
    }


ROUTES = (
    route("POST", "/margins/orders", margins_orders),
    route("POST", "/margins/basket", margins_basket),
    route("POST", "/charges/orders", charges_orders),
)
