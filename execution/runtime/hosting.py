"""From a claimed lease to a running session: what is loaded, what is restored, which tasks run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from brokers.domain.allowance import OrderShare
from brokers.domain.clock import venue_day_of, zone_of
from brokers.domain.india import CHARGES
from brokers.domain.instruments import Instrument
from brokers.market_life import MarketLife, market_life
from brokers.ports import LeaseGrant
from execution.domain.desk import EngineConfig
from execution.domain.engine import Engine
from execution.runtime import store
from execution.runtime.alert_watch import AlertWatch
from execution.runtime.chains import ChainDesk
from execution.runtime.ending import ended
from execution.runtime.machine import Machine
from execution.runtime.polling import Inbox
from execution.runtime.publisher import Broadcast
from execution.runtime.session import LeaseLost, Session
from strategies.registry import strategy_for

log = structlog.get_logger(__name__)
CODE_LENGTH = 4
SHOW_AGAIN_S = 2.0
LISTED_LOOKS = 60
LOOK_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    facts: store.AccountFacts
    settings: store.Settings
    instruments: dict[str, Instrument]
    followed: dict[str, Instrument]
    life: MarketLife


def account_code(venue_user_id: str) -> str:
    """Return the four letters and digits that stand for an account inside its client ids."""
    letters = "".join(letter for letter in venue_user_id.upper() if letter.isascii() and letter.isalnum())
    return letters[-CODE_LENGTH:].rjust(CODE_LENGTH, "0")


async def host(machine: Machine, grant: LeaseGrant, drain: asyncio.Event) -> None:
    """Host an account until the process drains; raise LeaseLost, or what broke."""
    session = await open_session(machine, grant)
    keeper = asyncio.create_task(keep_lease(session))
    tasks: list[asyncio.Task[None]] = [keeper]
    try:
        session.take_over()
        inbox = Inbox(session)
        await inbox.begin()  # a switch pulled while no desk was there is known before a price is
        broadcast = Broadcast(session)
        for work in (session.live.run(), inbox.run()):
            session.spawn(work)
        session.alert_watch = AlertWatch(session)
        shows = [session.live.tell_account, broadcast.run, session.alert_watch.run, session.alert_watch.follow_candles]
        if machine.chains is not None:
            session.chains = ChainDesk(session, machine.chains)
            shows.append(session.chains.run)
        for show in shows:
            session.spawn(_never_in_the_way(session, show))
        tasks += [asyncio.create_task(session.until_ended()), asyncio.create_task(_until(drain))]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await session.finish(gently=drain.is_set())
        await ended(tasks)


async def open_session(machine: Machine, grant: LeaseGrant, *, runs_strategies: bool = True) -> Session:
    """Return an account's session, restored from its journal, before anything runs in it.

    The lease is renewed meanwhile: a long journal takes longer to read than a lease lasts. Without
    `runs_strategies` the session exits and cancels, and decides nothing.
    """
    holder = _Holder(machine, grant)
    keeping, opening = (
        asyncio.create_task(holder.run()),
        asyncio.create_task(_opened(machine, grant, runs_strategies=runs_strategies)),
    )
    try:
        await asyncio.wait([keeping, opening], return_when=asyncio.FIRST_COMPLETED)
        if keeping.done():
            await keeping
        loaded, engine = await opening
    finally:
        for task in (keeping, opening):
            task.cancel()
        await asyncio.gather(keeping, opening, return_exceptions=True)
    return Session(
        machine=machine,
        facts=loaded.facts,
        grant=holder.grant,
        engine=engine,
        instruments=loaded.instruments,
        limits=loaded.settings.limits,
        is_released=loaded.settings.is_released,
        countdown_s=loaded.settings.countdown_s,
        followed=frozenset(loaded.followed),
        calendar=loaded.life.calendar,
    )


class _Holder:
    """Keeps a lease whose account is still being read; `grant` is the newest one."""

    def __init__(self, machine: Machine, grant: LeaseGrant) -> None:
        self._machine = machine
        self.grant = grant

    async def run(self) -> None:
        """Renew until cancelled; raise LeaseLost once the lease is another's."""
        while True:
            await self._machine.clock.sleep(self._machine.renew_s)
            grant = await self._machine.lease.renew(self.grant)
            if grant is None:
                raise LeaseLost("the lease was lost while the journal was read")
            self.grant = grant


async def keep_lease(session: Session) -> None:
    """Renew every second; raise LeaseLost once the lease is another's, or may be."""
    machine = session.machine
    while True:
        await machine.clock.sleep(machine.renew_s)
        try:
            grant = await machine.lease.renew(session.grant)
        except Exception as error:
            session.log.warning("lease_not_renewed", error=repr(error))
            if session.permit.is_held:
                continue
            raise LeaseLost("the lease could not be renewed in time") from error
        if grant is None:
            session.permit.withdraw()
            raise LeaseLost("another owner holds the lease, or it is no longer wanted")
        session.grant = grant
        session.permit.renew(grant)


async def _never_in_the_way(session: Session, show: Callable[[], Awaitable[None]]) -> None:
    """Run what only shows; its errors are logged and it begins again, while trading goes on."""
    while True:
        try:
            await show()
        except Exception:
            session.log.exception("showing_failed", task=getattr(show, "__qualname__", ""))
        await session.machine.clock.sleep(SHOW_AGAIN_S)


async def _until(drain: asyncio.Event) -> None:
    await drain.wait()


def _load(account_id: str, follow: int, now: datetime) -> _Loaded:
    facts = store.account_facts(account_id)
    day = venue_day_of(now, zone_of(facts.venue))
    used = store.instruments_in_use(account_id, facts.venue)
    followed = store.instruments_followed(facts.venue, follow)
    return _Loaded(
        facts=facts,
        settings=store.settings_of(account_id, facts.desk_id),
        instruments=followed | used,
        followed={name: instrument for name, instrument in followed.items() if name not in used},
        life=market_life(facts.venue, day=day, is_simulated=facts.is_simulated),
    )


async def _opened(machine: Machine, grant: LeaseGrant, *, runs_strategies: bool) -> tuple[_Loaded, Engine]:
    follow, now = machine.follow.count if runs_strategies else 0, machine.clock.now()
    loaded = await machine.read(lambda: _load(grant.account_id, follow, now))
    for _ in range(LISTED_LOOKS):
        if not follow or loaded.followed:
            break
        # on a new installation the day's list may still be on its way
        await machine.clock.sleep(LOOK_AGAIN_S)
        loaded = await machine.read(lambda: _load(grant.account_id, follow, now))
    engine = _engine(loaded, grant, share=machine.share_of(loaded.facts.venue), runs_strategies=runs_strategies)
    await _restore(machine, engine, grant.account_id)
    return loaded, engine


async def _restore(machine: Machine, engine: Engine, account_id: str) -> None:
    """Replay the journal part by part, so that neither the loop nor the reader is kept from other accounts."""
    records, last = await machine.read(partial(store.journal_part, account_id, 0))
    while records:
        engine.restore(records)
        records, last = await machine.read(partial(store.journal_part, account_id, last))


def _engine(loaded: _Loaded, grant: LeaseGrant, *, share: OrderShare, runs_strategies: bool) -> Engine:
    facts = loaded.facts
    return Engine(
        EngineConfig(
            account_id=facts.account_id,
            account_code=account_code(facts.venue_user_id),
            desk_id=facts.desk_id,
            venue=facts.venue,
            instruments=loaded.instruments,
            calendar=loaded.life.calendar,
            rules=loaded.life.rules,
            charges=CHARGES,
            limits=loaded.settings.limits,
            is_released=loaded.settings.is_released,
            strategy_for=strategy_for,
            incarnation=grant.incarnation,
            runs_strategies=runs_strategies,
            order_share=share,
            currency=facts.currency,
            follow=tuple(loaded.followed),
            is_real_market=not facts.is_simulated,
        )
    )
