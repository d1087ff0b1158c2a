"""What an account sets at the simulated Aster over REST: leverage, margin, modes, transfers."""

from __future__ import annotations

from decimal import Decimal

from brokers.simulator.aster import events
from brokers.simulator.aster.calls import Call, route
from brokers.simulator.aster.ledger import TRANSFER
from brokers.simulator.aster.orders import AsterRefusal
from brokers.simulator.aster.site import MarginMove

SUCCESS = {"code": 200, "msg": "success"}
STP_MODES = frozenset({"EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"})


def leverage(call: Call) -> object:
    contract, wanted = call.contract(), call.fields.need_whole("leverage")
    call.account.set_leverage(contract, wanted)
    engine = call.site.venue.engine
    engine.events.append((call.user, events.leverage_update(contract.symbol, wanted, call.site.venue.now_ms)))
    return {
        "leverage": wanted,
        "maxNotionalValue": str(contract.most_notional(wanted)),
        "symbol": contract.symbol,
    }


def margin_type(call: Call) -> object:
    wanted = call.fields.need("marginType")
    if wanted not in {"ISOLATED", "CROSSED"}:
        raise AsterRefusal(-1130, "Data sent for parameter 'marginType' is not valid.")
    call.account.set_isolated(call.contract(), isolated=wanted == "ISOLATED")
    return SUCCESS


def position_margin(call: Call) -> object:
    """Add to (type 1) or take from (type 2) an isolated position's margin."""
    contract, amount, kind = call.contract(), call.fields.exact("amount"), call.fields.need_whole("type")
    side = call.fields.get("positionSide", "BOTH")
    if amount <= 0:
        raise AsterRefusal(-4055, "Amount must be positive.")
    if kind not in {1, 2}:
        raise AsterRefusal(-1130, "Data sent for parameter 'type' is not valid.")
    if call.account.is_hedged == (side == "BOTH"):
        raise AsterRefusal(-4061, "Order's position side does not match user's setting.")
    signed = amount if kind == 1 else -amount
    position, venue = call.account.position(contract, side), call.site.venue
    call.account.move_margin(position, signed, venue.engine.mark)
    call.site.margin_moves.append(
        MarginMove(account=call.user, symbol=contract.symbol, side=side, amount=signed, market_ms=venue.now_ms)
    )
    payload = events.account_update(
        call.account, [position], venue.engine.mark, at_ms=venue.now_ms, reason="MARGIN_TRANSFER"
    )
    venue.engine.events.append((call.user, payload))
    return {"amount": float(amount), "code": 200, "msg": "Successfully modify position margin.", "type": kind}


def margin_history(call: Call) -> object:
    symbol, limit = call.contract().symbol, call.fields.limit(500, 500)
    moves = [m for m in call.site.margin_moves if (m.account, m.symbol) == (call.user, symbol)]
    return [
        {
            "amount": f"{abs(move.amount):f}",
            "asset": "USDT",
            "symbol": symbol,
            "time": move.market_ms,
            "type": 1 if move.amount > 0 else 2,
            "positionSide": move.side,
        }
        for move in moves[-limit:]
    ]


def position_mode(call: Call) -> object:
    return {"dualSidePosition": call.account.is_hedged}


def set_position_mode(call: Call) -> object:
    call.fields.need("dualSidePosition")
    call.account.set_hedged(hedged=call.fields.truth("dualSidePosition"))
    return _modes_changed(call)


def assets_mode(call: Call) -> object:
    return {"multiAssetsMargin": call.account.joins_assets}


def set_assets_mode(call: Call) -> object:
    call.fields.need("multiAssetsMargin")
    call.account.joins_assets = call.fields.truth("multiAssetsMargin")
    return _modes_changed(call)


def stp_mode(call: Call) -> object:
    return {"stpMode": call.account.stp_mode}


def set_stp_mode(call: Call) -> object:
    wanted = call.fields.need("stpMode")
    if wanted not in STP_MODES:
        raise AsterRefusal(-1130, "Data sent for parameter 'stpMode' is not valid.")
    call.account.stp_mode = wanted
    return SUCCESS


def transfer(call: Call) -> object:
    """Move USDT from or to the spot wallet, whose own books are not kept here."""
    amount, kind = call.fields.exact("amount"), call.fields.need("kindType")
    if call.fields.need("asset") != "USDT":
        raise AsterRefusal(-1108, "Invalid asset.")
    if amount <= 0:
        raise AsterRefusal(-4055, "Amount must be positive.")
    if kind not in {"FUTURE_SPOT", "SPOT_FUTURE"}:
        raise AsterRefusal(-1130, "Data sent for parameter 'kindType' is not valid.")
    signed: Decimal = amount if kind == "SPOT_FUTURE" else -amount
    engine, at = call.site.venue.engine, call.site.moment()
    if -signed > call.account.available(engine.mark):
        raise AsterRefusal(-2018, "Balance is insufficient.")
    engine.move_money(call.account, TRANSFER, signed, at)
    reason = "DEPOSIT" if signed > 0 else "WITHDRAW"
    payload = events.account_update(
        call.account, [], engine.mark, at_ms=call.site.venue.now_ms, reason=reason, change=signed
    )
    engine.events.append((call.user, payload))
    return {"tranId": engine.ledger.incomes[-1].seq, "status": "SUCCESS"}


def _modes_changed(call: Call) -> object:
    payload = events.modes_update(call.account, call.site.venue.now_ms)
    call.site.venue.engine.events.append((call.user, payload))
    return SUCCESS


ROUTES = (
    route("POST", "leverage", leverage),
    route("POST", "marginType", margin_type),
    route("POST", "positionMargin", position_margin),
    route("GET", "positionMargin/history", margin_history),
    route("GET", "positionSide/dual", position_mode, 30),
    route("POST", "positionSide/dual", set_position_mode),
    route("GET", "multiAssetsMargin", assets_mode, 30),
    route("POST", "multiAssetsMargin", set_assets_mode),
    route("GET", "stpMode", stp_mode, 30, versions=("v3",)),
    route("POST", "stpMode", set_stp_mode, versions=("v3",)),
    route("POST", "asset/wallet/transfer", transfer, 5),
)
