"""The order payload of sockets and postbacks is signed as the venue signs it."""

import hashlib
from dataclasses import replace

from brokers.simulator import kite_payloads
from brokers.simulator.orders import OrderEvent, Status
from tests.brokers.simulator.builders import NOW, a_request, an_engine


def test_checksum_covers_id_time_and_secret():
    order = an_engine().place("AB1234", a_request(price=99_980), NOW)
    event = OrderEvent(account="AB1234", status=Status.UPDATE, order=order)

    payload = kite_payloads.order_update(event, app_id=1, api_secret="test_api_secret")

    signed = payload["order_id"] + payload["order_timestamp"] + "test_api_secret"
    assert payload["checksum"] == hashlib.sha256(signed.encode()).hexdigest()
    assert (payload["status"], payload["unfilled_quantity"]) == ("UPDATE", 10)


def test_times_on_the_wire_are_market_times():
    later = replace(NOW, market_ns=NOW.market_ns + 90 * 10**9)

    order = an_engine().place("AB1234", a_request(), later)

    assert kite_payloads.order_row(order)["order_timestamp"] == "2026-11-20 09:16:30"
