"""What people change while an account is hosted: commands, limits, switches, deployments."""

from __future__ import annotations

import uuid

from brokers.domain.errors import WindhoverError
from brokers.domain.instruments import split_key
from brokers.domain.market import NANOSECONDS
from execution.domain.commands import Json
from execution.domain.events import Act, LimitsChanged, OperatorAct, ReleaseChanged
from execution.runtime import store
from execution.runtime.market_watch import MarketWatch
from execution.runtime.postbacks import Postbacks
from execution.runtime.session import Session
from risk.domain.switch import Switches, SwitchState

POLL_S = 1.0
START_AGAIN_NS = 30 * NANOSECONDS


class Inbox:
    """Reads a hosted account's commands and settings, by doorbell and every second."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._market = MarketWatch(session)
        self._taken: set[str] = set()
        self._not_before_ns: dict[str, int] = {}
        self._postbacks = Postbacks(session)

    async def begin(self) -> None:
        """Take what was written while no desk was there."""
        await self.poll()
        await self._stop_unwished()

    async def run(self) -> None:
        """Take what waits, for ever."""
        while True:
            await self._follow_wishes()
            await self._session.machine.doorbell.wait(self._session.facts.account_id, POLL_S)
            await self.poll()
            await self._postbacks.heed()

    async def poll(self) -> None:
        """Take what changed since the last look."""
        facts = self._session.facts
        settings = await self._session.machine.read(lambda: store.settings_of(facts.account_id, facts.desk_id))
        self._session.live.heed_login(settings.login_epoch, settings.login_reason)
        if settings.limits != self._session.limits:
            self._session.limits = settings.limits
            self._session.take(LimitsChanged(at=self._session.machine.clock.now(), limits=settings.limits))
        if settings.is_released != self._session.is_released:
            self._session.is_released = settings.is_released
            now = self._session.machine.clock.now()
            self._session.take(ReleaseChanged(at=now, is_released=settings.is_released))
        self._session.countdown_s = settings.countdown_s
        await self._market.look()
        waiting = await self._session.machine.read(lambda: store.waiting_commands(facts.account_id))
        fresh = [command for command in waiting if command.command_id not in self._taken]
        for switch in settings.switches:
            # a switch comes with its command; only one whose command this desk never sees is taken from its row
            if not any(_speaks_of(command, switch) for command in fresh):
                self._take_switch(switch)
        for command in fresh:
            self._taken.add(command.command_id)
            await self._take_command(command)

    async def _take_command(self, command: store.Waiting) -> None:
        try:
            await self._session.learn_instruments(_instruments_in(command.payload))
            self._act(command.command_id, command.kind, command.payload)
        except WindhoverError as error:
            self._session.log.warning("command_refused", command=command.command_id, error=error.message)
            at, outcome = self._session.machine.clock.now(), error.message
            await self._session.machine.read(lambda: store.command_refuse(command.command_id, outcome=outcome, at=at))

    def _take_switch(self, switch: store.SwitchFacts) -> None:
        known = _known_switch(self._session.engine.state.switches, switch)
        if switch.epoch <= known.epoch:
            return
        payload: dict[str, Json] = {
            "scope": switch.scope,
            "target_id": switch.target_id,
            "reason": switch.reason,
            "epoch": switch.epoch,
        }
        self._act(uuid.uuid4().hex, Act.KILL if switch.is_engaged else Act.UNKILL, payload)

    async def _follow_wishes(self) -> None:
        """Start what its row wants running and this desk does not know: rows may come without a command."""
        facts, now_ns = self._session.facts, self._session.machine.clock.boot_ns()
        for wish in await self._session.machine.read(lambda: store.wishes_of(facts.account_id)):
            deployment_id = wish.spec.deployment_id
            known = self._session.engine.state.deployments.get(deployment_id)
            if known is None and wish.is_enabled and now_ns >= self._not_before_ns.get(deployment_id, 0):
                self._not_before_ns[deployment_id] = now_ns + START_AGAIN_NS
                await self._session.learn_instruments(wish.spec.instruments)
                self._act(uuid.uuid4().hex, Act.DEPLOYMENT_START, store.start_payload(wish.spec))

    async def _stop_unwished(self) -> None:
        """Stop, after a start of the desk, what was disabled while no desk was there."""
        facts = self._session.facts
        for wish in await self._session.machine.read(lambda: store.wishes_of(facts.account_id)):
            known = self._session.engine.state.deployments.get(wish.spec.deployment_id)
            if known is not None and known.is_running and not wish.is_enabled:
                self._act(uuid.uuid4().hex, Act.DEPLOYMENT_STOP, {"deployment_id": wish.spec.deployment_id})

    def _act(self, command_id: str, kind: str, payload: dict[str, Json]) -> None:
        at = self._session.machine.clock.now()
        self._session.take(OperatorAct(at=at, command_id=command_id, kind=kind, payload=payload))


def _speaks_of(command: store.Waiting, switch: store.SwitchFacts) -> bool:
    is_switching = command.kind in (Act.KILL, Act.UNKILL)
    return is_switching and (command.payload.get("target_id"), command.payload.get("epoch")) == (
        switch.target_id,
        switch.epoch,
    )


def _known_switch(switches: Switches, wanted: store.SwitchFacts) -> SwitchState:
    if wanted.scope == "desk":
        return switches.desk
    if wanted.scope == "account":
        return switches.account
    return switches.deployments.get(wanted.target_id, SwitchState())


def _instruments_in(payload: dict[str, Json]) -> list[str]:
    specs = [payload, *_list(payload.get("deployments"))]
    names = [name for spec in specs if isinstance(spec, dict) for name in _list(spec.get("instruments"))]
    alone = payload.get("instrument")
    found = [str(name) for name in (*names, *([alone] if isinstance(alone, str) else []))]
    for name in found:
        split_key(name)
    return found


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
