"""What the venue says when nothing is wrong with it: one body for every reader of the adapter."""

import json
import struct

ORDER = {
    "order_id": "1914227164488687616", "parent_order_id": None, "exchange": "NSE", "tradingsymbol": "INFY",
    "transaction_type": "BUY", "product": "MIS", "order_type": "LIMIT", "status": "OPEN", "status_message": None,
    "quantity": 10, "filled_quantity": 3, "pending_quantity": 7, "cancelled_quantity": 0, "price": 1510.55,
    "trigger_price": 0, "average_price": 1510.5, "tag": "W1AB0001", "tags": ["W1AB0001"],
    "order_timestamp": "2026-11-20 09:16:00", "exchange_update_timestamp": "2026-11-20 09:16:01",
}  # fmt: skip
TRADE = {
    "trade_id": "77", "order_id": "1914227164488687616", "exchange": "NSE", "tradingsymbol": "INFY",
    "transaction_type": "BUY", "product": "MIS", "quantity": 3, "average_price": 1510.5,
    "fill_timestamp": "2026-11-20 09:16:01", "exchange_timestamp": "2026-11-20 09:16:01",
}  # fmt: skip
POSITION = {
    "exchange": "NFO", "tradingsymbol": "NIFTY26NOVFUT", "product": "NRML", "quantity": -75, "average_price": 24_100.0,
    "last_price": 24_050.5, "realised": 0, "unrealised": 3712.5,
}  # fmt: skip
SEGMENT = {"net": 99_725.05, "available": {"live_balance": 99_725.05}, "utilised": {"debits": 0.0}}
QUOTE = {
    "instrument_token": 408065,
    "last_price": 1510.5,
    "ohlc": {"open": 1500, "close": 1499.5},
    "depth": {"buy": []},
}
SESSION = {"user_id": "AB1234", "access_token": "the-token", "login_time": "2026-11-20 09:00:00"}
CANDLES = {"candles": [["2026-11-20T09:15:00+0530", 1.5, 2, 1, 1.75, 100], ["2026-11-20T09:16:00+0530", 2, 2, 1, 1, 7]]}
INSTRUMENTS = (
    b"instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,"
    b"segment,exchange\n"
    b'408065,1594,INFY,"INFOSYS, LTD",0,,0,0.05,1,EQ,NSE,NSE\n'
    b"256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE\n"
    b"9604354,37517,NIFTY26NOV24000CE,NIFTY,0,2026-11-26,24000,0.05,75,CE,NFO-OPT,NFO\n"
)
REFUSAL = b'{"status":"error","message":"Insufficient funds","error_type":"MarginException","data":null}'


def answer(data):
    return json.dumps({"status": "success", "data": data}).encode()


BODIES = {
    "place": answer({"order_id": "1914227164488687616"}),
    "modify": answer({"order_id": "1914227164488687616"}),
    "cancel": answer({"order_id": "1914227164488687616"}),
    "orders": answer([ORDER, {**ORDER, "status": "COMPLETE", "tags": None}]),
    "trades": answer([TRADE, TRADE]),
    "positions": answer({"net": [POSITION], "day": [POSITION]}),
    "holdings": answer([{"tradingsymbol": "INFY", "quantity": 3}]),
    "margins": answer({"equity": SEGMENT, "commodity": SEGMENT}),
    "profile": answer({"user_id": "AB1234", "user_name": "A B"}),
    "quotes": answer({"NSE:INFY": QUOTE}),
    "history": answer(CANDLES),
    "instruments": INSTRUMENTS,
    "end_session": answer(data=True),
    "session": answer(SESSION),
}
TEXTS = [
    json.dumps({"type": "order", "id": "", "data": ORDER}).encode(),
    json.dumps({"type": "order", "data": {**ORDER, "status": "COMPLETE", "filled_quantity": 10}}).encode(),
    json.dumps({"type": "error", "data": "too many tokens"}).encode(),
    json.dumps({"type": "message", "data": {"text": "maintenance"}}).encode(),
]


def _frame(*lengths):
    def body(number, length):
        words = [(1_000 + number) << 8 | 1, *range(10_000, 10_000 + length // 4 - 1)]
        return struct.pack(f">{length // 4}I", *words)

    packets = [body(number, length) for number, length in enumerate(lengths)]
    return struct.pack(">H", len(packets)) + b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)


FRAMES = [
    b"\x00",
    _frame(8), _frame(28), _frame(32), _frame(44), _frame(184),
    _frame(184, 44, 8), _frame(*[184] * 12), _frame(*[44] * 9), _frame(*[184, 44, 32, 28, 8] * 4),
]  # fmt: skip
