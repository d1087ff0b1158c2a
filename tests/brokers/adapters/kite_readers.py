"""Which reader of the adapter reads which of Kite's sample files; a file without one fails the golden test."""

import base64
import json
from datetime import UTC, datetime

from brokers.adapters.kite import (
    accounts,
    alerts,
    calculators,
    errors,
    gtt,
    mutual_funds,
    orders,
    payloads,
    portfolio,
    postback,
    quotes,
    sessions,
)
from brokers.adapters.kite.decode import decode_frame
from brokers.adapters.kite.history import closed_bars, closed_interest
from brokers.adapters.kite.listing import listing_of_reply
from brokers.ports import Reply
from tests.brokers.adapters.doubles import a_reply

KEY = "the-key"
ALL_TIME = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def read(reader, *, is_write=False):
    """Read the data of an answer as a client would."""
    return lambda body: reader(errors.data_of(a_reply(body), is_write=is_write))


def write(reader):
    return read(reader, is_write=True)


def bare(reader):
    """Read an answer whose sample was stored without Kite's envelope."""
    return lambda body: reader(json.loads(body)["data"])


def csv(reader):
    return lambda body: reader(Reply(status=200, headers={}, body=body))


def floats(reader):
    return lambda body: reader(errors.floats_of(a_reply(body)), "NSE:X", 60, *ALL_TIME)


def framed(body):
    """Wrap one packet, stored as base64 text, in the stream's frame."""
    packet = base64.b64decode(body)
    return decode_frame(b"\x00\x01" + len(packet).to_bytes(2, "big") + packet, 0, with_depth=True)


def whole_frame(body):
    return decode_frame(body, 0, with_depth=True)


def expected_frames(body):
    """Decode the message that an expectation was made of."""
    told = json.loads(body)
    messages = [case["message_hex"] for case in told.get("cases", [told])]
    return [decode_frame(bytes.fromhex(message), 0, with_depth=True) for message in messages]


def tick(body):
    """Read a tick as JSON, which has the names of a quote's fields."""
    row = json.loads(body)
    return quotes.full_quotes_of({str(row["instrument_token"]): row})


READERS = {
    "alerts_create.json": write(alerts.alert_of),
    "alerts_create_ato.json": write(alerts.alert_of),
    "alerts_delete.json": write(lambda data: [data]),
    "alerts_get.json": read(alerts.alerts_of),
    "alerts_get_one.json": read(alerts.alert_of),
    "alerts_history.json": read(alerts.events_of),
    "alerts_modify.json": write(alerts.alert_of),
    "auctions_list.json": read(portfolio.auctions_of),
    "autoslice_response.json": write(orders.sliced_receipt_of),
    "basket_margins.json": read(calculators.basket_margin_of),
    "convert_position.json": write(portfolio.is_done),
    "expected_full.json": expected_frames,
    "expected_js_fullMode_binary.json": expected_frames,
    "expected_js_ltpMode_binary.json": expected_frames,
    "expected_js_quoteMode_binary.json": expected_frames,
    "expected_quote.json": expected_frames,
    "expected_synthetic.json": expected_frames,
    "full_profile.json": read(accounts.full_profile_of),
    "generate_session.json": write(sessions.opened_session_of),
    "gtt_delete_order.json": write(gtt.trigger_id_of),
    "gtt_get_order.json": read(gtt.gtt_of),
    "gtt_get_orders.json": read(gtt.gtts_of),
    "gtt_modify_order.json": write(gtt.trigger_id_of),
    "gtt_place_order.json": write(gtt.trigger_id_of),
    "historical_minute.json": floats(closed_bars),
    "historical_oi.json": floats(closed_interest),
    "holdings.json": read(portfolio.holdings_of),
    "holdings_auth.json": write(lambda data: portfolio.authorisation_of(data, KEY)),
    "holdings_compact.json": read(portfolio.compact_of),
    "holdings_summary.json": read(portfolio.summary_of),
    "instruments_all.csv": csv(listing_of_reply),
    "instruments_nse.csv": csv(listing_of_reply),
    "js_fullMode_binary.packet": whole_frame,
    "js_ltpMode_binary.packet": whole_frame,
    "js_quoteMode_binary.packet": whole_frame,
    "ltp.json": read(quotes.last_quotes_of),
    "margin_commodity.json": read(lambda data: accounts.segment_funds_of("commodity", data)),
    "margins.json": read(accounts.funds_of),
    "margins_equity.json": read(lambda data: accounts.segment_funds_of("equity", data)),
    "mf_holdings.json": read(mutual_funds.holdings_of),
    "mf_instruments.csv": csv(lambda reply: mutual_funds.listing_of(errors.text_of(reply))),
    "mf_order_cancel.json": write(mutual_funds.receipt_of),
    "mf_order_response.json": write(mutual_funds.receipt_of),
    "mf_orders.json": read(mutual_funds.orders_of),
    "mf_orders_info.json": read(mutual_funds.order_of),
    "mf_sip_cancel.json": write(mutual_funds.receipt_of),
    "mf_sip_info.json": read(mutual_funds.plan_of),
    "mf_sip_modify.json": write(mutual_funds.receipt_of),
    "mf_sip_place.json": write(mutual_funds.receipt_of),
    "mf_sips.json": bare(mutual_funds.plans_of),
    "ohlc.json": read(quotes.day_quotes_of),
    "order_cancel.json": write(payloads.receipt_of),
    "order_info.json": read(orders.reports_of),
    "order_margins.json": read(calculators.order_margins_of),
    "order_modify.json": write(payloads.receipt_of),
    "order_response.json": write(payloads.receipt_of),
    "order_trades.json": read(orders.trade_reports_of),
    "orders.json": read(orders.reports_of),
    "positions.json": read(portfolio.position_reports_of),
    "postback.json": postback.read,
    "profile.json": read(accounts.profile_of),
    "quote.json": read(quotes.full_quotes_of),
    "session_logout.json": write(portfolio.is_done),
    "ticker_full.json": tick,
    "ticker_full.packet": framed,
    "ticker_ltp.json": tick,
    "ticker_quote.json": tick,
    "ticker_quote.packet": framed,
    "trades.json": read(orders.trade_reports_of),
    "trigger_range.json": read(quotes.trigger_ranges_of),
    "virtual_contract_note.json": read(calculators.contract_notes_of),
}
