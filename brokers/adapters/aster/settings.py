"""Writes that set an account up: leverage, margin, modes, the stream's key. None of them places an order.

What is already so is refused by the exchange with a word of its own; here that counts as done.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from brokers.adapters.aster import requests
from brokers.adapters.aster.account import LeverageSet, listen_key_of
from brokers.adapters.aster.calls import Act, act_done, act_row
from brokers.domain.errors import Invalid
from brokers.domain.perpetual_terms import MarginMode, PositionSide

_MARGIN_WORDS = {MarginMode.CROSSED: "CROSSED", MarginMode.ISOLATED: "ISOLATED"}


class SelfTrade(StrEnum):
    """Which of two orders of one account that meet expires."""

    TAKER = "EXPIRE_TAKER"
    MAKER = "EXPIRE_MAKER"
    BOTH = "EXPIRE_BOTH"


class Way(StrEnum):
    """Between which of the owner's own wallets money moves."""

    TO_SPOT = "FUTURE_SPOT"
    FROM_SPOT = "SPOT_FUTURE"


def leverage(symbol: str, times: int) -> Act[LeverageSet]:
    """Set a symbol's leverage; the answer names the largest notional that goes with it."""
    return act_row(requests.set_leverage(symbol, times), LeverageSet)


def margin_mode(symbol: str, mode: MarginMode) -> Act[None]:
    """Set a symbol's margin crossed or isolated; refused while something is held or open in it."""
    return act_done(requests.set_margin_type(symbol, _MARGIN_WORDS[mode]))


def add_margin(symbol: str, amount: Decimal, side: PositionSide = PositionSide.BOTH) -> Act[None]:
    """Set more aside for an isolated position."""
    return act_done(requests.add_margin(symbol, amount, position_side=_hedged(side)))


def reduce_margin(symbol: str, amount: Decimal, side: PositionSide = PositionSide.BOTH) -> Act[None]:
    """Take some of an isolated position's margin back; its liquidation price comes nearer."""
    return act_done(requests.reduce_margin(symbol, amount, position_side=_hedged(side)))


def position_mode(*, is_hedge: bool) -> Act[None]:
    """Set hedge or one-way mode for the whole account."""
    return act_done(requests.signed_write("positionSide/dual", 1, dualSidePosition=is_hedge))


def multi_assets(*, is_on: bool) -> Act[None]:
    """Let all assets carry the margin together, or each its own."""
    return act_done(requests.signed_write("multiAssetsMargin", 1, multiAssetsMargin=is_on))


def self_trade(mode: SelfTrade) -> Act[None]:
    """Say what becomes of two orders of the account that meet; V3 alone takes it."""
    return act_done(requests.signed_write("stpMode", 1, stpMode=mode.value))


def transfer(amount: Decimal, asset: str, way: Way, transfer_id: str) -> Act[None]:
    """Move money between the owner's own futures and spot wallets; the id makes a repeat harmless for seven days."""
    if amount <= 0:
        raise Invalid(f"a transfer is above 0, not {amount}", code="aster.transfer", field="amount")
    request = requests.signed_write(
        "asset/wallet/transfer", 5, amount=amount, asset=asset, clientTranId=transfer_id, kindType=way.value
    )
    return act_done(request)


def maker_protection(
    symbol: str,
    *,
    window_ms: int,
    frozen_ms: int,
    quantity: Decimal | None = None,
    value: Decimal | None = None,
    net: Decimal | None = None,
) -> Act[None]:
    """Let the exchange stop a maker's orders for a while once so much was filled within a window; V3 alone takes it."""
    request = requests.signed_write(
        "mmp", 1, symbol=symbol, windowTimeInMilliseconds=window_ms, frozenTimeInMilliseconds=frozen_ms,
        qtyLimit=quantity, valueLimit=value, deltaLimit=net,
    )  # fmt: skip
    return act_done(request)


def end_maker_protection(symbol: str) -> Act[None]:
    """Take a maker's protection away."""
    return act_done(requests.signed_delete("mmp", 1, symbol=symbol))


def reset_maker_protection(symbol: str) -> Act[None]:
    """Let a maker's orders in again before its frozen time is over."""
    return act_done(requests.signed_write("mmpReset", 1, symbol=symbol))


def noop() -> Act[None]:
    """Do nothing, under a nonce of its own; V3 alone takes it."""
    return act_done(requests.signed_write("noop", 1))


def stream_key() -> Act[str]:
    """Make the key of the user stream, or get the one that lives, for another hour."""
    return Act(request=requests.stream_key("POST"), read=listen_key_of)


def extend_stream_key(key: str) -> Act[None]:
    """Give the key of the user stream another hour; it is the account's, so the exchange needs no name for it."""
    if not key:
        raise Invalid("there is no stream key to extend", code="aster.stream_key", field="key")
    return act_done(requests.stream_key("PUT"))


def end_stream_key() -> Act[None]:
    """End the user stream."""
    return act_done(requests.stream_key("DELETE"))


def _hedged(side: PositionSide) -> str | None:
    return None if side is PositionSide.BOTH else side.value
