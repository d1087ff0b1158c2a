"""Kite's JSON and CSV bodies: rupees as floats, Indian times, keys as in the official samples."""

import csv
import hashlib
import io
from dataclasses import asdict
from typing import Any

from brokers.simulator.board import DEPTH, Board
from brokers.simulator.orders import Fill, Order, OrderEvent, Refusal, Status
from brokers.simulator.portfolio import Account
from brokers.simulator.rules import circuit_limits
from brokers.simulator.sessions import SECOND_NS, stamp

Json = dict[str, Any]
INSTRUMENT_HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange\n"
)
EXCHANGES = ["NSE", "BSE", "NFO", "BFO"]
PRODUCTS = ["CNC", "NRML", "MIS"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]


def success(data: object) -> Json:
    """Return the envelope of an answer."""
    return {"status": "success", "data": data}


def failure(refusal: Refusal) -> Json:
    """Return the envelope of an error."""
    return {"status": "error", "message": refusal.message, "error_type": refusal.error_type, "data": None}


def slice_error(refusal: Refusal) -> Json:
    """Return the error of one slice, as it stands among the others."""
    return {"code": refusal.http, "error_type": refusal.error_type, "message": refusal.message, "data": None}


def profile(user_id: str) -> Json:
    """Return `/user/profile`."""
    return {
        "user_id": user_id,
        "user_type": "individual",
        "email": f"{user_id.lower()}@example.com",
        "user_name": f"Demo {user_id}",
        "user_shortname": user_id,
        "broker": "ZERODHA",
        "exchanges": EXCHANGES,
        "products": PRODUCTS,
        "order_types": ORDER_TYPES,
        "avatar_url": None,
        "meta": {"demat_consent": "physical"},
    }


def session(user_id: str, api_key: str, access_token: str, login_ns: int) -> Json:
    """Return the answer to a token exchange."""
    return {
        **profile(user_id),
        "api_key": api_key,
        "access_token": access_token,
        "public_token": hashlib.sha256(access_token.encode()).hexdigest()[:32],
        "enctoken": "",
        "refresh_token": "",
        "silo": "",
        "login_time": stamp(login_ns),
    }


def margins(account: Account, board: Board) -> Json:
    """Return the equity segment; the commodity one is empty."""
    unrealised = sum(
        position.profit(int(board.last[board.row_of_key[key[0], key[1]]])) - position.realised
        for key, position in account.positions.items()
    )
    net = account.available / 100
    used = account.blocked / 100
    premium = sum(p.quantity * p.average for p in account.open() if p.listing.is_option and p.quantity > 0) / 100
    utilised = dict.fromkeys(
        ("exposure", "payout", "holding_sales", "turnover", "liquid_collateral", "stock_collateral", "delivery"), 0
    )
    return {
        "enabled": True,
        "net": net,
        "available": {
            "adhoc_margin": 0,
            "cash": account.cash / 100,
            "opening_balance": account.cash / 100,
            "live_balance": net,
            "collateral": 0,
            "intraday_payin": 0,
        },
        "utilised": {
            **utilised,
            "debits": used - account.realised / 100,
            "m2m_realised": account.realised / 100,
            "m2m_unrealised": unrealised / 100,
            "option_premium": premium,
            "span": used - premium,
        },
    }


def no_margins() -> Json:
    """Return a segment that is not enabled."""
    available = ("adhoc_margin", "cash", "opening_balance", "live_balance", "collateral", "intraday_payin")
    utilised = (
        "debits exposure m2m_realised m2m_unrealised option_premium payout span holding_sales turnover "
        "liquid_collateral stock_collateral delivery"
    )
    return {
        "enabled": False,
        "net": 0,
        "available": dict.fromkeys(available, 0),
        "utilised": dict.fromkeys(utilised.split(), 0),
    }


def order_row(order: Order) -> Json:
    """Return one row of the order book or of an order's history."""
    average = order.filled_value / order.filled / 100 if order.filled else 0
    cancelled = order.cancelled if order.status is Status.CANCELLED else 0
    pending = 0 if order.status is Status.REJECTED else order.quantity - order.filled
    exchange_at = stamp(order.exchange_ns) if order.exchange_ns is not None else None
    return {
        "account_id": order.account,
        "placed_by": order.account,
        "order_id": order.order_id,
        "exchange_order_id": order.exchange_order_id if exchange_at else None,
        "parent_order_id": order.parent_order_id,
        "status": str(order.status),
        "status_message": order.status_message,
        "status_message_raw": order.status_message_raw,
        "order_timestamp": stamp(order.placed_ns),
        "exchange_update_timestamp": stamp(order.updated_ns) if exchange_at else None,
        "exchange_timestamp": exchange_at,
        "variety": order.variety,
        "modified": order.modified,
        "exchange": order.listing.exchange,
        "tradingsymbol": order.listing.symbol,
        "instrument_token": order.listing.token,
        "order_type": order.order_type,
        "transaction_type": order.side,
        "validity": order.validity,
        "validity_ttl": order.validity_ttl,
        "product": order.product,
        "quantity": order.quantity,
        "disclosed_quantity": order.disclosed_quantity,
        "price": order.price / 100,
        "trigger_price": order.trigger_price / 100,
        "average_price": average,
        "filled_quantity": order.filled,
        "pending_quantity": pending,
        "cancelled_quantity": cancelled,
        "market_protection": 0,
        "meta": {"iceberg": asdict(order.leg)} if order.leg else {},
        "tag": order.tag,
        "tags": list(order.tags) or None,
        "guid": None,
        **({"auction_number": order.auction_number} if order.auction_number else {}),
    }


def order_update(event: OrderEvent, *, app_id: int, api_secret: str) -> Json:
    """Return the socket's and the postback's order payload, signed as a postback is."""
    row = order_row(event.order)
    for name in ("account_id", "modified", "tags", "validity_ttl", "auction_number"):
        row.pop(name, None)
    signed = f"{row['order_id']}{row['order_timestamp']}{api_secret}"
    return {
        **row,
        "status": str(event.status),
        "user_id": event.account,
        "app_id": app_id,
        "unfilled_quantity": event.order.remaining,
        "checksum": hashlib.sha256(signed.encode()).hexdigest(),
    }


def trade_row(fill: Fill) -> Json:
    """Return one execution."""
    at = stamp(fill.market_ns)
    return {
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "exchange": fill.exchange,
        "tradingsymbol": fill.symbol,
        "instrument_token": fill.token,
        "product": fill.product,
        "average_price": fill.price / 100,
        "quantity": fill.quantity,
        "exchange_order_id": fill.exchange_order_id,
        "transaction_type": fill.side,
        "fill_timestamp": at,
        "order_timestamp": at[11:],
        "exchange_timestamp": at,
    }


def trigger_range(board: Board, row: int, side: str) -> Json:
    """Return where the stop of a cover order may lie: on the losing side of the price, inside the band."""
    last = int(board.last[row])
    low, high = circuit_limits(board.listings[row], last=last, close=int(board.close[row]))
    lower, upper = (low, last) if side == "buy" else (last, high)
    return {"instrument_token": int(board.token[row]), "lower": lower / 100, "upper": upper / 100}


def full_profile(user_id: str, login_ns: int) -> Json:
    """Return `/user/profile/full`, with what is private masked as the venue masks it."""
    short = profile(user_id)
    masked = {"twofa_type": "totp", "phone": "*0000", "pan": "*000A", "dp_ids": ["0000000000000000"], "tags": []}
    return {
        **{name: value for name, value in short.items() if name != "meta"},
        **masked,
        "bank_accounts": [{"name": "SIMULATED BANK", "branch": "", "account": "*0000"}],
        "password_timestamp": stamp(0),
        "twofa_timestamp": stamp(login_ns),
        "meta": {"poa": "physical", "silo": "", "account_blocks": []},
    }


def ltp(board: Board, row: int) -> Json:
    """Return `/quote/ltp` of one instrument."""
    return {"instrument_token": int(board.token[row]), "last_price": int(board.last[row]) / 100}


def ohlc(board: Board, row: int) -> Json:
    """Return `/quote/ohlc` of one instrument; ``close`` is the previous day's."""
    return {**ltp(board, row), "ohlc": {name: _price(board, name, row) for name in ("open", "high", "low", "close")}}


def quote(board: Board, row: int) -> Json:
    """Return `/quote` of one instrument."""
    low, high = circuit_limits(board.listings[row], last=int(board.last[row]), close=int(board.close[row]))
    sizes = board.depth_quantity[row]
    traded_s = int(board.last_trade_s[row])
    return {
        "instrument_token": int(board.token[row]),
        "timestamp": stamp(int(board.quoted_s[row]) * SECOND_NS),
        "last_trade_time": stamp(traded_s * SECOND_NS) if traded_s else None,
        "last_price": _price(board, "last", row),
        "last_quantity": int(board.last_quantity[row]),
        "buy_quantity": int(sizes[:DEPTH].sum()),
        "sell_quantity": int(sizes[DEPTH:].sum()),
        "volume": int(board.volume[row]),
        "average_price": int(board.turnover[row]) / max(int(board.volume[row]), 1) / 100,
        "oi": int(board.oi[row]),
        "oi_day_high": int(board.oi_high[row]),
        "oi_day_low": int(board.oi_low[row]),
        "net_change": 0,
        "lower_circuit_limit": low / 100,
        "upper_circuit_limit": high / 100,
        "ohlc": ohlc(board, row)["ohlc"],
        "depth": {"buy": _levels(board, row, 0), "sell": _levels(board, row, DEPTH)},
    }


def _levels(board: Board, row: int, first: int) -> list[Json]:
    return [
        {
            "price": int(board.depth_price[row, level]) / 100,
            "quantity": int(board.depth_quantity[row, level]),
            "orders": int(board.depth_orders[row, level]),
        }
        for level in range(first, first + DEPTH)
    ]


def _price(board: Board, name: str, row: int) -> float:
    return int(getattr(board, name)[row]) / 100


def instruments_csv(board: Board, exchange: str | None) -> bytes:
    """Return the instrument dump of one exchange or of all."""
    text = io.StringIO()
    text.write(INSTRUMENT_HEADER)
    writer = csv.writer(text, lineterminator="\n")
    for listing in board.listings:
        if exchange is None or listing.exchange == exchange:
            writer.writerow(
                (
                    listing.token,
                    listing.token // 256,
                    listing.symbol,
                    listing.name,
                    "0",
                    listing.expiry or "",
                    listing.strike / 100,
                    listing.tick / 100,
                    listing.lot,
                    listing.kind,
                    listing.segment,
                    listing.exchange,
                )
            )
    return text.getvalue().encode()
