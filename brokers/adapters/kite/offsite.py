"""Orders that the user places in the browser, at the broker's own page: no session, no address, no permit of ours.

The desk sends nothing here: it draws a form, and whatever comes of it is an order placed elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from brokers.adapters.kite import protocol
from brokers.domain.errors import Invalid
from brokers.domain.instruments import Instrument
from brokers.domain.orders import ApprovedOrder
from brokers.domain.terms import Variety

BASKET_URL = "https://kite.zerodha.com/connect/basket"
MOST_ORDERS = 10
_NUMBERS = ("quantity", "price", "trigger_price", "market_protection")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserForm:
    """A form that a page posts to `url`."""

    url: str
    fields: Mapping[str, str]


def basket(api_key: str, orders: Sequence[tuple[ApprovedOrder, Instrument]]) -> BrowserForm:
    """Lay approved orders out for the broker's page, where the user looks them over and places them."""
    if not 0 < len(orders) <= MOST_ORDERS:
        raise Invalid(f"a basket holds 1 to {MOST_ORDERS} orders", code="basket.count", field="orders")
    rows = [_row(order, instrument) for order, instrument in orders]
    return BrowserForm(url=BASKET_URL, fields={"api_key": api_key, "data": json.dumps(rows)})


def _row(order: ApprovedOrder, instrument: Instrument) -> dict[str, object]:
    row: dict[str, object] = dict(protocol.order_fields(order.intent, instrument))
    for name in _NUMBERS:
        if name in row:
            row[name] = protocol.json_number(Decimal(str(row[name])))
    return row | {"variety": Variety.REGULAR.value, "tag": order.client_id}
