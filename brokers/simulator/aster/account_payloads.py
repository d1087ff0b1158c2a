"""Balances, positions and settings as the simulated Aster answers them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from brokers.simulator.aster.accounts import ZERO, PerpetualAccount, Position
from brokers.simulator.aster.contracts import Contract
from brokers.simulator.aster.events import amount_text, entry_text, money
from brokers.simulator.aster.ledger import Income

Payload = dict[str, Any]
Marks = Callable[[str], Decimal]


def balance(account: PerpetualAccount, mark: Marks) -> list[Payload]:
    """Return the balances, one row per asset."""
    available = money(account.available(mark))
    return [
        {
            "accountAlias": account.user[2:8],
            "asset": "USDT",
            "balance": money(account.wallet),
            "crossWalletBalance": money(account.cross_wallet),
            "crossUnPnl": money(account.cross_unrealised(mark)),
            "availableBalance": available,
            "maxWithdrawAmount": available,
            "marginAvailable": True,
            "updateTime": account.updated_ms,
        }
    ]


def _margins(account: PerpetualAccount, mark: Marks) -> dict[str, str]:
    positions, orders = account.positions_margin(mark), account.order_margin()
    return {
        "initialMargin": money(positions + orders),
        "maintMargin": money(account.maintenance(mark)),
        "walletBalance": money(account.wallet),
        "unrealizedProfit": money(account.unrealised(mark)),
        "marginBalance": money(account.wallet + account.unrealised(mark)),
        "positionInitialMargin": money(positions),
        "openOrderInitialMargin": money(orders),
        "crossWalletBalance": money(account.cross_wallet),
        "crossUnPnl": money(account.cross_unrealised(mark)),
    }


def summary(account: PerpetualAccount, contracts: tuple[Contract, ...], mark: Marks) -> Payload:
    """Return the whole account: totals, assets, a row for every contract."""
    margins, available = _margins(account, mark), money(account.available(mark))
    totals = {f"total{name[0].upper()}{name[1:]}": value for name, value in margins.items()}
    ends = {"availableBalance": available, "maxWithdrawAmount": available}
    asset = {"asset": "USDT", **margins, **ends, "marginAvailable": True, "updateTime": account.updated_ms}
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": account.trader.may_withdraw,
        "updateTime": 0,
        **totals,
        **ends,
        "assets": [asset],
        "positions": [_summed(account, position, mark) for position in _all(account, contracts)],
    }


def _summed(account: PerpetualAccount, position: Position, mark: Marks) -> Payload:
    contract, setting = position.contract, account.setting(position.contract)
    price = mark(contract.symbol)
    initial = account.initial_margin(position, price)
    orders = account.order_margin(contract.symbol) if position.side == "BOTH" else ZERO
    return {
        "symbol": contract.symbol,
        "initialMargin": money(initial + orders),
        "maintMargin": money(contract.maintenance(position.notional(price))),
        "unrealizedProfit": money(position.unrealised(price)),
        "positionInitialMargin": money(initial),
        "openOrderInitialMargin": money(orders),
        "leverage": str(setting.leverage),
        "isolated": setting.is_isolated,
        "entryPrice": entry_text(position),
        "maxNotional": str(contract.most_notional(setting.leverage)),
        "positionSide": position.side,
        "positionAmt": amount_text(position),
        "notional": money(position.quantity * price),
        "isolatedWallet": money(position.isolated),
        "updateTime": position.updated_ms,
    }


def risk(account: PerpetualAccount, contracts: tuple[Contract, ...], mark: Marks) -> list[Payload]:
    """Return positions with their liquidation prices: one row a contract, in hedge mode one a side."""
    return [_risk(account, position, mark) for position in _all(account, contracts)]


def _risk(account: PerpetualAccount, position: Position, mark: Marks) -> Payload:
    contract, setting = position.contract, account.setting(position.contract)
    price, end = mark(contract.symbol), account.liquidation_price(position, mark)
    return {
        "entryPrice": entry_text(position),
        "marginType": "isolated" if setting.is_isolated else "cross",
        "isAutoAddMargin": "false",
        "isolatedMargin": money(position.isolated + position.unrealised(price) if position.isolated else ZERO),
        "leverage": str(setting.leverage),
        "liquidationPrice": f"{end:.{contract.price_decimals + 2}f}" if end else "0",
        "markPrice": f"{price:f}",
        "maxNotionalValue": str(contract.most_notional(setting.leverage)),
        "positionAmt": amount_text(position),
        "symbol": contract.symbol,
        "unRealizedProfit": money(position.unrealised(price)),
        "positionSide": position.side,
        "updateTime": position.updated_ms,
    }


def _all(account: PerpetualAccount, contracts: tuple[Contract, ...]) -> list[Position]:
    sides = ("LONG", "SHORT") if account.is_hedged else ("BOTH",)
    return [account.position(contract, side) for contract in contracts for side in sides]


def income(row: Income) -> Payload:
    """Return one change of the wallet."""
    return {
        "symbol": row.symbol,
        "incomeType": row.kind,
        "income": money(row.amount),
        "asset": "USDT",
        "info": row.info,
        "time": row.market_ms,
        "tranId": str(row.seq),
        "tradeId": row.trade_id,
    }


def brackets(contract: Contract) -> Payload:
    """Return a contract's margin brackets."""
    rows = [
        {
            "bracket": one.number,
            "initialLeverage": one.leverage,
            "notionalCap": one.cap,
            "notionalFloor": one.floor,
            "maintMarginRatio": float(one.ratio),
            "cum": float(one.amount) if one.amount % 1 else int(one.amount),
        }
        for one in contract.brackets
    ]
    return {"symbol": contract.symbol, "brackets": rows}


def quantile(account: PerpetualAccount, contract: Contract, mark: Marks) -> Payload:
    """Return how near each side of a contract is to being deleveraged: 0 to 4, by profit and leverage."""
    positions = {p.side: p for p in account.held() if p.contract.symbol == contract.symbol}
    sides = ("LONG", "SHORT") if account.is_hedged else ("BOTH",)
    ranks = {side: _rank(account, positions.get(side), mark) for side in sides}
    words = {"LONG": 0, "SHORT": 0, "HEDGE": 0} if account.is_hedged else {"LONG": 0, "SHORT": 0, "BOTH": 0}
    return {"symbol": contract.symbol, "adlQuantile": {**words, **ranks}}


def _rank(account: PerpetualAccount, position: Position | None, mark: Marks) -> int:
    if position is None:
        return 0
    price = mark(position.contract.symbol)
    gained = position.unrealised(price) / position.notional(price) * account.setting(position.contract).leverage
    return min(max(int(gained * 4), 0), 4)
