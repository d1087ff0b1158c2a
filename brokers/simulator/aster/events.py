"""What the user stream of the simulated Aster says, in the venue's own keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from brokers.simulator.aster.accounts import ZERO, PerpetualAccount, Position
from brokers.simulator.aster.orders import PerpetualFill, PerpetualOrder

Payload = dict[str, object]


def order_update(
    order: PerpetualOrder, at_ms: int, step: str, fill: PerpetualFill | None = None, *, shown: str = ""
) -> Payload:
    """Return ORDER_TRADE_UPDATE; ``step`` is what happened, ``shown`` a status other than the order's own."""
    contract = order.contract
    row: Payload = {
        "s": contract.symbol,
        "c": order.client_id,
        "S": order.side,
        "o": order.kind,
        "f": order.time_in_force,
        "q": contract.quantity_text(order.quantity),
        "p": price_text(order, order.shown_price),
        "ap": average_text(order),
        "sp": price_text(order, order.stop_price),
        "x": step,
        "X": shown or order.status.value,
        "i": order.order_id,
        "l": fill.quantity if fill else "0",
        "z": contract.quantity_text(order.filled) if order.filled else "0",
        "L": fill.price if fill else "0",
        "N": "USDT",
        "n": fill.fee if fill else "0",
        "T": at_ms,
        "t": fill.trade_id if fill else 0,
        "b": "0",
        "a": "0",
        "m": fill.is_maker if fill else False,
        "R": order.reduce_only,
        "wt": working_type(order),
        "ot": order.first_kind,
        "ps": order.position_side,
        "cp": order.close_position,
        "rp": fill.realised if fill else "0",
    }
    if order.first_kind == "TRAILING_STOP_MARKET":
        row |= {"AP": price_text(order, order.activation_price), "cr": rate_text(order)}
    return {"e": "ORDER_TRADE_UPDATE", "E": at_ms, "T": at_ms, "o": row}


def account_update(
    account: PerpetualAccount,
    positions: Iterable[Position],
    mark: Callable[[str], Decimal],
    *,
    at_ms: int,
    reason: str,
    change: Decimal = ZERO,
) -> Payload:
    """Return ACCOUNT_UPDATE: the wallet, and the positions that changed; ``change`` leaves out profit and fees."""
    balance = {"a": "USDT", "wb": money(account.wallet), "cw": money(account.cross_wallet), "bc": money(change)}
    rows = [_position(account, position, mark(position.contract.symbol)) for position in positions]
    return {"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms, "a": {"m": reason, "B": [balance], "P": rows}}


def _position(account: PerpetualAccount, position: Position, mark: Decimal) -> Payload:
    return {
        "s": position.contract.symbol,
        "pa": amount_text(position),
        "ep": entry_text(position),
        "cr": money(position.accumulated),
        "up": money(position.unrealised(mark)),
        "mt": "isolated" if account.is_isolated(position) else "cross",
        "iw": money(position.isolated),
        "ps": position.side,
    }


def leverage_update(symbol: str, leverage: int, at_ms: int) -> Payload:
    """Return ACCOUNT_CONFIG_UPDATE for a symbol's leverage."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": at_ms, "T": at_ms, "ac": {"s": symbol, "l": leverage}}


def modes_update(account: PerpetualAccount, at_ms: int) -> Payload:
    """Return ACCOUNT_CONFIG_UPDATE for the account's modes."""
    modes = {"j": account.joins_assets, "f": False, "d": account.is_hedged}
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": at_ms, "T": at_ms, "ai": modes}


def margin_call(
    account: PerpetualAccount, positions: Iterable[Position], mark: Callable[[str], Decimal], at_ms: int
) -> Payload:
    """Return MARGIN_CALL: positions that come near their liquidation."""
    rows = [
        {
            "s": position.contract.symbol,
            "ps": position.side,
            "pa": amount_text(position),
            "mt": "ISOLATED" if account.is_isolated(position) else "CROSSED",
            "iw": money(position.isolated),
            "mp": f"{mark(position.contract.symbol):f}",
            "up": money(position.unrealised(mark(position.contract.symbol))),
            "mm": money(position.contract.maintenance(position.notional(mark(position.contract.symbol)))),
        }
        for position in positions
    ]
    return {"e": "MARGIN_CALL", "E": at_ms, "cw": money(account.cross_wallet), "p": rows}


def listen_key_expired(at_ms: int) -> Payload:
    return {"e": "listenKeyExpired", "E": at_ms}


def money(amount: Decimal) -> str:
    """Return USDT with eight digits, as the venue writes balances."""
    return f"{amount:.8f}"


def price_text(order: PerpetualOrder, price: int) -> str:
    """Return a price of an order, "0" where it has none."""
    return order.contract.price_text(price) if price else "0"


def average_text(order: PerpetualOrder) -> str:
    """Return the mean price of an order's fills, with one digit more than a price has."""
    if not order.filled:
        return "0.00000"
    mean = Decimal(order.filled_value) / order.filled * order.contract.price_unit
    return f"{mean:.{max(order.contract.price_decimals + 3, 5)}f}"


def amount_text(position: Position) -> str:
    return f"{position.quantity:.{position.contract.quantity_decimals}f}"


def entry_text(position: Position) -> str:
    return f"{position.entry:.{position.contract.price_decimals + 8}f}"


def rate_text(order: PerpetualOrder) -> str:
    """Return a trailing stop's rate in percent."""
    return f"{order.rate * 100:.1f}"


def working_type(order: PerpetualOrder) -> str:
    return "MARK_PRICE" if order.on_mark else "CONTRACT_PRICE"
