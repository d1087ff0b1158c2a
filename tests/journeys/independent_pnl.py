"""A second opinion on a day's P&L, from the exchange's ledger and the published charge tables.

Nothing of the product is imported. Cash is counted trade by trade in exact fractions; what is
still held is valued at the exchange's last price; charges come straight from the table.
"""

import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path


def net_pnl(ledger: list[dict], charge_table: dict, last_prices: dict[str, str]) -> str:
    """Return the net P&L of the ledger's rows in rupees, to the paisa."""
    cash = Fraction(0)
    held: dict[str, int] = defaultdict(int)
    for row in ledger:
        signed = row["quantity"] if row["side"] == "BUY" else -row["quantity"]
        cash -= signed * Fraction(row["price_paise"], 100)
        held[f"{row['exchange']}:{row['tradingsymbol']}"] += signed
    worth = sum(quantity * Fraction(last_prices[name]) for name, quantity in held.items() if quantity)
    return _paise(cash + worth - charges(ledger, charge_table))


def charges(ledger: list[dict], table: dict) -> Fraction:
    """Return what a contract note with these trades charges."""
    orders: dict[str, list[dict]] = defaultdict(list)
    for row in ledger:
        orders[row["order_id"]].append(row)
    brokerage = tax = exchange = sebi = stamp = Fraction(0)
    for rows in orders.values():
        turnover = sum(row["quantity"] * Fraction(row["price_paise"], 100) for row in rows)
        rates = _rates(rows[0], table)
        is_buy = rows[0]["side"] == "BUY"
        brokerage += _round(_brokerage(rates, turnover), 100)
        tax += turnover * (rates["tax_buy"] if is_buy else rates["tax_sell"])
        exchange += turnover * rates["exchange"]
        sebi += turnover * _percent(table["sebi_pct"])
        stamp += turnover * rates["stamp"] if is_buy else 0
    gst = (brokerage + exchange + sebi) * _percent(table["gst_pct"])
    return _round(tax, 1) + sum(_round(line, 100) for line in (brokerage, exchange, sebi, stamp, gst))


def charge_table_on(facts: Path, day: str) -> dict:
    """Return the published table in force on an ISO date; only the current era is a full table."""
    tables = [t for t in json.loads(facts.read_text())["charges"] if "gst_pct" in t]
    return max((t for t in tables if t["effective_from"] <= day), key=lambda t: t["effective_from"])


def _rates(row: dict, table: dict) -> dict:
    symbol, exchange, product = row["tradingsymbol"], row["exchange"], row["product"]
    if exchange in ("NFO", "BFO"):
        name = "futures" if symbol.endswith("FUT") else "options"
    else:
        name = "equity_intraday" if product == "MIS" else "equity_delivery"
    entry, venue = table[name], {"NFO": "NSE", "BFO": "BSE"}.get(exchange, exchange)
    stt = entry["stt"]
    return {
        "name": name,
        "tax_buy": _percent(stt.get("buy_pct", 0)),
        "tax_sell": _percent(stt.get("sell_pct", stt.get("sell_pct_of_premium", 0))),
        "exchange": _percent(entry.get("exchange_pct", entry.get("exchange_pct_of_premium"))[venue]),
        "stamp": _percent(entry["stamp_buy_pct"]),
    }


def _brokerage(rates: dict, turnover: Fraction) -> Fraction:
    if rates["name"] == "equity_delivery":
        return Fraction(0)
    if rates["name"] == "options":
        return Fraction(20)
    return min(turnover * Fraction(3, 10_000), Fraction(20))


def _percent(value: float) -> Fraction:
    return Fraction(str(value)) / 100


def _round(value: Fraction, per_rupee: int) -> Fraction:
    """Round half up to 1/per_rupee of a rupee."""
    steps = value * per_rupee + Fraction(1, 2)
    return Fraction(steps.numerator // steps.denominator, per_rupee)


def _paise(value: Fraction) -> str:
    paise = int(_round(value, 100) * 100) if value >= 0 else -int(_round(-value, 100) * 100)
    sign = "-" if paise < 0 else ""
    return f"{sign}{abs(paise) // 100}.{abs(paise) % 100:02d}"
