"""A basket whose last leg never fills, under each policy; shares stand for options, so that nothing but the basket's own
order of legs keeps what is sold covered."""

from __future__ import annotations

import asyncio
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

from execution.domain.baskets import AT_WORK
from execution.models import Discrepancy
from tests.simulation import exchange
from tests.simulation.judge import Breach, replayed

if TYPE_CHECKING:
    from tests.simulation.world import World

COVER, WRITTEN, NEVER = "INFY", "RELIANCE", "TCS"
DEADLINE_S = 20
# the deadline, what an unknown outcome takes, and a takeover on the way
ENDED_S = 260.0
FLAT_WITHIN_S = 75.0


async def basket(world: World) -> None:
    """A leg rests unfilled: at the deadline what was sold is bought back, and then its cover sold."""
    _send(world, "unwind")
    for symbol in (COVER, WRITTEN, NEVER):
        world.judge.must_be_flat(symbol, DEADLINE_S + FLAT_WITHIN_S)
    await asyncio.sleep(DEADLINE_S)
    await world.until(lambda: _is_over(world) and _is_flat(world), ENDED_S)


async def basket_held(world: World) -> None:
    """The same, left as it is: a person is told, and takes it back."""
    _send(world, "hold")
    await asyncio.sleep(DEADLINE_S)
    if not await world.until(lambda: _is_over(world), ENDED_S):
        return
    is_told = Discrepancy.objects.filter(account=world.account, kind="basket_held", resolved_at=None).exists()
    state = replayed(world.account_id)
    if any(one.state == "held" for one in state.baskets.values()) and not is_told:
        world.judge.object(Breach.NAKED, "a basket was left incomplete, and nobody was told")
    world.ask("exit_all", {"book": "live"}, "take-back")
    for symbol in (COVER, WRITTEN, NEVER):
        world.judge.must_be_flat(symbol, FLAT_WITHIN_S)
    await world.until(lambda: _is_flat(world), FLAT_WITHIN_S)


def _send(world: World, policy: str) -> None:
    never = Decimal(exchange.PRICES[NEVER]) / 100 * Decimal("1.02")  # within the price band, and never offered
    legs = [
        _leg(WRITTEN, "SELL", 10),
        _leg(COVER, "BUY", 15),
        {**_leg(NEVER, "SELL", 5), "type": "LIMIT", "price": f"{never:.1f}"},
    ]
    payload = {
        "basket_id": str(uuid.UUID(int=world.rng.getrandbits(128), version=4)),
        "name": "Pair",
        "policy": policy,
        "mode": "live",
        "asked_at": world.now().isoformat(),
        "deadline_s": DEADLINE_S,
        "legs": legs,
        "instruments": [leg["instrument"] for leg in legs],
    }
    world.ask("basket_send", payload, "basket")


def _leg(symbol: str, side: str, quantity: int) -> dict[str, str]:
    leg = {"instrument": f"NSE:{symbol}", "side": side, "quantity": str(quantity)}
    return {**leg, "type": "MARKET", "product": "MIS"}


def _is_over(world: World) -> bool:
    baskets = replayed(world.account_id).baskets.values()
    return bool(baskets) and not any(one.state in AT_WORK for one in baskets)


def _is_flat(world: World) -> bool:
    return not any(world.held(symbol) for symbol in (COVER, WRITTEN, NEVER))
