"""What happens in a run without faults; a script waits for each thing, but never insists on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import time
from typing import Any

from brokers.domain.allowance import ASTER_ALLOWANCE
from brokers.simulator.faults import fault_from
from execution.models import Order, PositionRow
from execution.services import kill_switch_set
from strategies.models import Deployment, DeploymentState
from tests.simulation import baskets
from tests.simulation.doubles import SCANT
from tests.simulation.judge import Breach
from tests.simulation.perpetuals import SYMBOL, AsterSide
from tests.simulation.verdict import pronounce
from tests.simulation.world import Setting, World

Script = Callable[[World], Awaitable[None]]
ENTERED_S = 45.0
# an entry whose fate is unknown is proven absent after two minutes; some more for a takeover
SETTLED_S = 260.0
FLAT_WITHIN_S = 75.0
# after its deadline of 10 s the guardian takes over in a few; one that dies on the way begins anew, or looks again
GUARDED_WITHIN_S = 75.0
RUSHED_S = 90.0  # also where a host lost its power twice on the way
SHORTLY_BEFORE = time(15, 2)  # the desk's own square-off is at 15:05
SHARE = "RELIANCE"


async def enter(world: World) -> None:
    """A signal becomes an order, a fill and a position."""
    world.deploy(SHARE)
    await world.until(lambda: world.held() > 0, ENTERED_S)


async def held_exit(world: World) -> None:
    """A position is entered, its price turns, and the exit that the desk holds for it closes it."""
    await enter(world)
    await asyncio.sleep(1.0)
    world.market.turn(0.01)
    world.judge.must_be_flat(SHARE, FLAT_WITHIN_S)
    await world.until(lambda: world.held() == 0, FLAT_WITHIN_S)


async def exit_position(world: World) -> None:
    """A position is closed while the bids go away and come back lower: the exit must follow the price.

    It is asked for twice: an exit whose fate is unknown must not be sent once more.
    """
    await enter(world)
    _stop(world)  # the fall and the rise after it would be reasons to enter again
    world.market.bid_for = 0
    await asyncio.sleep(1.0)
    _exit(world)
    await asyncio.sleep(3.0)
    world.market.jump(-0.02)
    world.market.bid_for = None
    if not await world.until(lambda: world.held() == 0, 9.0):
        world.ask("exit_all", {"book": "live"}, "close-again")  # as an impatient person does
    await world.until(lambda: world.held() == 0, FLAT_WITHIN_S)


async def cancel_race(world: World) -> None:
    """An entry rests, is cancelled by a person, and is filled in the same moment; then it is closed."""
    world.market.offered = 0
    world.deploy(SHARE)
    await world.until(lambda: world.resting() > 0, ENTERED_S)
    await asyncio.sleep(1.0)
    order = Order.objects.filter(account=world.account, purpose="ENTRY").exclude(venue_order_id="").first()
    world.market.offered = 20
    await asyncio.sleep(world.rng.uniform(0.0, 0.6))
    if order is not None:
        world.ask("cancel_order", {"client_id": order.client_id}, "cancel")
    await world.until(lambda: world.resting() == 0, FLAT_WITHIN_S)
    world.market.offered = None
    await asyncio.sleep(2.5)
    if world.held():
        _exit(world)
        await world.until(lambda: world.held() == 0, FLAT_WITHIN_S)


async def partial_fill(world: World) -> None:
    """An entry is filled in part, given up, and what was filled is closed, in parts too."""
    world.market.offered = 5
    world.deploy(SHARE)
    await world.until(lambda: world.held() > 0, ENTERED_S)
    world.market.offered = 0
    await world.until(lambda: world.resting() == 0, 40.0)
    world.market.bid_for = 3
    await asyncio.sleep(1.0)
    _exit(world)
    await asyncio.sleep(1.5)
    world.market.bid_for = None
    await world.until(lambda: world.held() == 0, FLAT_WITHIN_S)


async def takeover(world: World) -> None:
    """The owner dies as soon as its entry has left; the standby finds the order and closes the position."""
    world.deploy(SHARE)
    await world.until(lambda: bool(world.site.venue.engine.accounts["AB1234"].orders), ENTERED_S)
    for process in world.desks():
        if process.session is not None:
            process.kill()
    await asyncio.sleep(6.5)
    _exit(world)
    await world.until(lambda: world.held() == 0, FLAT_WITHIN_S)


async def kill_switch(world: World) -> None:
    """The switch is pulled and released while a second entry waits to be sent; then all is closed."""
    await enter(world)
    world.deploy("INFY")
    world.on_commit.append(_pull_at_entry(world, "INFY"))
    await world.until(lambda: not world.on_commit, 30.0)
    await asyncio.sleep(2.0)
    _pull(world, engaged=True)
    world.ask("exit_all", {"book": "live"}, "close")
    for symbol in (SHARE, "INFY"):
        world.judge.must_be_flat(symbol, FLAT_WITHIN_S)
    await world.until(lambda: world.held() == 0 and world.held("INFY") == 0, FLAT_WITHIN_S)


async def rush(world: World) -> None:
    """An exit is asked for while the entries of several strategies wait for a scant order budget; then all is closed.

    The strategies are stopped before all is closed: what one of them decides afterwards, nobody asked to exit.
    """
    await enter(world)
    names = ("INFY", "TCS")
    world.deploy(*names, *names)
    seen: list[object] = []

    def close_now(group: list[Any]) -> None:
        intents = [r.payload["intent"] for w in group for r in w.batch.records if r.kind == "intent"]
        fresh = [intent for intent in intents if intent["instrument"].removeprefix("NSE:") in names]
        if fresh and not seen:
            seen.extend(fresh)
            _exit(world)

    world.on_commit.append(close_now)
    await world.until(lambda: bool(seen), RUSHED_S)
    await world.until(lambda: world.held() == 0, FLAT_WITHIN_S)
    await asyncio.sleep(0.9)
    _stop(world)
    await asyncio.sleep(0.1)
    world.ask("exit_all", {"book": "live"}, "close-the-rest")
    for name in names:
        world.judge.must_be_flat(name, FLAT_WITHIN_S)
    await world.until(lambda: not any(world.held(name) for name in names), FLAT_WITHIN_S)


async def stopped(world: World) -> None:
    """A strategy is stopped while its entry rests; nothing of it may stay at work."""
    world.market.offered = 0
    world.deploy(SHARE)
    await world.until(lambda: world.resting() > 0, ENTERED_S)
    _stop(world)
    await world.until(lambda: world.resting() == 0, FLAT_WITHIN_S)
    world.market.offered = None
    await asyncio.sleep(2.0)


async def guardian(world: World) -> None:
    """Both desks die and stay dead while a losing position stands and an entry rests: the guardian acts for them."""
    world.watch_from_outside()
    world.limit_loss(300)
    await enter(world)
    world.market.offered = 0
    world.deploy("INFY")
    await world.until(lambda: world.resting() > 0, ENTERED_S)
    world.send_desks_away()
    world.market.turn(0.03)
    world.judge.must_be_flat(SHARE, GUARDED_WITHIN_S)
    world.judge.must_not_rest(GUARDED_WITHIN_S)
    await world.until(lambda: world.held() == 0 and world.resting() == 0, GUARDED_WITHIN_S + 1.0)
    world.call_desks_back()


async def square_off(world: World) -> None:
    """The day ends: the broker closes one position while no desk is there, the desk the other at its own hour."""
    world.deploy(SHARE, "INFY")
    await world.until(lambda: world.held() > 0 and world.held("INFY") > 0, 15.0)
    await asyncio.sleep(1.0)
    world.send_desks_away()
    await asyncio.sleep(0.5)
    world.broker_closes("INFY")
    world.skip_to(SHORTLY_BEFORE)
    world.call_desks_back()
    for symbol in (SHARE, "INFY"):
        world.judge.must_be_flat(symbol, FLAT_WITHIN_S)
    await world.until(lambda: world.held() == 0 and world.held("INFY") == 0, FLAT_WITHIN_S)


async def perpetual(world: World) -> None:
    """A perpetual contract is entered on a Saturday, its strategy is stopped, and the position is closed."""
    world.deploy(SYMBOL)
    await world.until(lambda: world.held(SYMBOL) > 0, ENTERED_S)
    await asyncio.sleep(1.0)
    _stop(world)
    await asyncio.sleep(0.5)
    _exit(world, SYMBOL)
    await world.until(lambda: world.held(SYMBOL) == 0, FLAT_WITHIN_S)


async def liquidated(world: World) -> None:
    """The exchange closes a position by its own hand: its strategy halts, and nothing is bought again."""
    world.deploy(SYMBOL)
    await world.until(lambda: world.held(SYMBOL) > 0 and world.resting() == 0, ENTERED_S)
    await asyncio.sleep(1.0)
    if not world.held(SYMBOL):
        return  # two crashes took longer than an entry may: there is nothing to close
    world.side.site.strike(fault_from({"kind": "liquidate", "venue": "aster"}))
    world.foreign |= {order.order_id for order in world.side.orders() if order.tag.startswith("autoclose-")}
    if not await world.until(lambda: _is_halted(world), SETTLED_S):
        world.judge.object(Breach.NAKED, "a strategy went on after the exchange had closed its position")
    await asyncio.sleep(5.0)
    if world.held(SYMBOL):
        world.judge.object(Breach.DOUBLED, "something was bought again after the exchange had closed the position")


def _is_halted(world: World) -> bool:
    return Deployment.objects.filter(account=world.account, state=DeploymentState.HALTED).exists()


SCENARIOS: Mapping[str, Script] = {
    "held-exit": held_exit,
    "exit": exit_position,
    "cancel-race": cancel_race,
    "partial-fill": partial_fill,
    "takeover": takeover,
    "kill-switch": kill_switch,
    "rush": rush,
    "stopped": stopped,
    "guardian": guardian,
    "square-off": square_off,
    "perpetual": perpetual,
    "liquidated": liquidated,
    "basket": baskets.basket,
    "basket-held": baskets.basket_held,
}
PERPETUALS = Setting(allowance=ASTER_ALLOWANCE, side=lambda world, _start: AsterSide(world))
# where a scenario needs more than an ordinary morning: its hour, or a venue that allows little
SETTINGS: Mapping[str, Setting] = {
    "square-off": Setting(start=time(14, 40)),
    "rush": Setting(allowance=SCANT),
    "perpetual": PERPETUALS,
    "liquidated": PERPETUALS,
}


async def play(world: World, script: Script) -> None:
    """Run a scenario to its settled end, and judge it in that very moment."""
    world.begin()
    await script(world)
    await asyncio.sleep(0.5)
    # the second time for a fault that struck while the first one was believed
    for pause_s in (2.2, 0.0):
        if not await world.until(world.judge.settled, SETTLED_S):
            world.judge.object(Breach.UNSETTLED, f"it did not settle within {SETTLED_S:g} s: {_why(world)}")
        if pause_s:
            await asyncio.sleep(pause_s)
    pronounce(world)


def _why(world: World) -> str:
    sessions = world.sessions()
    if len(sessions) != 1:
        return f"{len(sessions)} desks host the account"
    state = sessions[0].engine.state
    orders = [(o.client_id, str(o.status), o.writing) for o in state.open_orders()]
    return f"orders {orders}, discrepancies {list(state.discrepancies)}, held {world.held()}"


def _stop(world: World) -> None:
    """Want the strategy no more, as its page does: the row first, then the command."""
    wanted = Deployment.objects.filter(account=world.account)
    world.insist(lambda: wanted.update(is_enabled=False) and None)
    for deployment in wanted:
        world.ask("deployment_stop", {"deployment_id": str(deployment.pk)}, f"stop-{deployment.pk}")


def _exit(world: World, symbol: str = SHARE) -> None:
    key = f"{world.side.market}:{symbol}"
    row = PositionRow.objects.filter(account=world.account, instrument=key).exclude(quantity=0).first()
    if row is None:
        world.ask("exit_all", {"book": "live"}, f"close-all-{symbol}")
    else:
        payload = {
            "book": "live",
            "instrument": row.instrument,
            "product": str(row.product),
            "strategy_key": row.strategy_key,
        }
        world.ask("exit_position", payload, f"close-{symbol}")
    world.judge.must_be_flat(symbol, FLAT_WITHIN_S)


def _pull(world: World, *, engaged: bool) -> None:
    kill_switch_set(scope="account", target=world.account, engaged=engaged, reason="enough", by=None, at=world.now())
    world.ring()


def _pull_at_entry(world: World, symbol: str) -> Callable[[list[Any]], None]:
    """Return a listener that pulls and releases the switch as soon as an entry is durable."""

    def hear(group: list[Any]) -> None:
        records = [record for waiting in group for record in waiting.batch.records if record.kind == "intent"]
        if any(record.payload["intent"]["instrument"] == f"NSE:{symbol}" for record in records):
            world.on_commit.clear()
            _pull(world, engaged=True)
            _pull(world, engaged=False)

    return hear
