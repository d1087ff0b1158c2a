"""Kite's bodies of positions and holdings."""

from collections.abc import Iterable
from typing import Any

from brokers.simulator.board import Board
from brokers.simulator.portfolio import Account, Holding, Position
from brokers.simulator.sessions import stamp

Json = dict[str, Any]


def positions(account: Account, board: Board) -> Json:
    """Return net and day positions; those without trades today are missing from ``day``."""
    net, day = [], []
    for key, position in account.positions.items():
        last = int(board.last[board.row_of_key[key[0], key[1]]])
        net.append(position_row(position, last))
        if position.day_buy or position.day_sell:
            today = Position(
                listing=position.listing,
                product=position.product,
                day_buy=position.day_buy,
                day_buy_value=position.day_buy_value,
                day_sell=position.day_sell,
                day_sell_value=position.day_sell_value,
            )
            day.append(position_row(today, last))
    return {"net": net, "day": day}


def position_row(position: Position, last: int) -> Json:
    """Return one position; ``m2m`` counts the carried part from yesterday's close."""
    (bought, cost), (sold, proceeds) = position.buys, position.sells
    carried, price = position.carried, position.carried_price
    step = position.close_price - price
    buy_m2m = cost + max(carried, 0) * step
    sell_m2m = proceeds + max(-carried, 0) * step
    profit = position.profit(last) / 100
    return {
        "tradingsymbol": position.listing.symbol,
        "exchange": position.listing.exchange,
        "instrument_token": position.listing.token,
        "product": position.product,
        "quantity": position.quantity,
        "overnight_quantity": carried,
        "multiplier": 1,
        "average_price": _average(position) / 100,
        "close_price": position.close_price / 100,
        "last_price": last / 100,
        "value": (proceeds - cost) / 100,
        "pnl": profit,
        "m2m": (sell_m2m - buy_m2m + position.quantity * last) / 100,
        "unrealised": profit,
        "realised": 0,
        **_side("buy", bought, cost),
        "buy_m2m": buy_m2m / 100,
        **_side("sell", sold, proceeds),
        "sell_m2m": sell_m2m / 100,
        **_side("day_buy", position.day_buy, position.day_buy_value),
        **_side("day_sell", position.day_sell, position.day_sell_value),
    }


def _average(position: Position) -> float:
    quantity, value = position.buys if position.quantity > 0 else position.sells
    return value / quantity if position.quantity else 0


def _side(name: str, quantity: int, value: int) -> Json:
    price = value / quantity / 100 if quantity else 0
    return {f"{name}_quantity": quantity, f"{name}_price": price, f"{name}_value": value / 100}


def holding_row(holding: Holding, board: Board, row: int) -> Json:
    """Return one holding at the last price."""
    last, close = int(board.last[row]), int(board.close[row])
    return {
        "tradingsymbol": holding.symbol,
        "exchange": "NSE",
        "instrument_token": int(board.token[row]),
        "isin": holding.isin,
        "product": "CNC",
        "price": 0,
        "quantity": holding.quantity,
        "used_quantity": holding.used,
        "t1_quantity": 0,
        "realised_quantity": holding.quantity,
        "authorised_quantity": holding.authorised,
        "authorised_date": stamp(0),
        "authorisation": {},
        "opening_quantity": holding.quantity,
        "short_quantity": 0,
        "collateral_quantity": 0,
        "collateral_type": "",
        "discrepancy": False,
        "average_price": holding.average / 100,
        "last_price": last / 100,
        "close_price": close / 100,
        "pnl": holding.quantity * (last - holding.average) / 100,
        "day_change": (last - close) / 100,
        "day_change_percentage": (last - close) / close * 100,
        "mtf": {"quantity": 0, "used_quantity": 0, "average_price": 0, "value": 0, "initial_margin": 0},
    }


def auction_row(holding: Json, number: str) -> Json:
    """Return a holding as it can be sold in an auction."""
    absent = {"used_quantity", "authorisation", "short_quantity", "mtf"}
    return {**{name: value for name, value in holding.items() if name not in absent}, "auction_number": number}


def holdings_summary(held: Iterable[tuple[Holding, int]], board: Board) -> Json:
    """Return `/portfolio/holdings/summary` from the holdings and their rows on the board."""
    rows = [(h.quantity, h.average, int(board.last[row]), int(board.close[row])) for h, row in held]
    invested = sum(quantity * average for quantity, average, _, _ in rows) / 100
    value = sum(quantity * last for quantity, _, last, _ in rows) / 100
    before = sum(quantity * close for quantity, _, _, close in rows) / 100
    return {
        "total_pnl": value - invested,
        "total_pnl_percent": (value - invested) * 100 / invested if invested else 0,
        "today_pnl": value - before,
        "today_pnl_percent": (value - before) * 100 / before if before else 0,
        "invested_amount": invested,
        "current_value": value,
    }
