"""One run's world: an exchange, a database, a disk, two desks that may host the account, and faults."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from brokers import hub
from brokers.domain.allowance import KITE_ALLOWANCE, OrderShare, VenueAllowance
from brokers.ports import Credentials, VenueUrls
from brokers.registry import feed_for, venue_for
from brokers.simulator.kite_sessions import DEMO_APP
from brokers.simulator.orders import OrderRequest
from execution import anchors, threads
from execution.chain import Tip
from execution.journal import StaleToken, _Waiting
from execution.runtime import guardian as guardian_module
from execution.runtime import hosting
from execution.runtime import lease as lease_module
from execution.runtime import session as session_module
from execution.runtime.desk import Desk
from execution.runtime.guardian import Guardian, GuardianTerms
from execution.runtime.lease import LeaseTerms
from execution.runtime.machine import Machine, VenueLink
from execution.runtime.store import AccountFacts
from execution.services import command_request
from risk.models import LimitSet
from strategies.models import Deployment
from tests.simulation import exchange, storage
from tests.simulation.answers import Answers
from tests.simulation.clockwork import CURRENT, WORLD, Process, ProcessDied, VirtualClock, VirtualLoop
from tests.simulation.doubles import Bell, Bus, NoRedis, WatchedBudget
from tests.simulation.faults import Fault, Ports, Strike
from tests.simulation.judge import Breach, Judge
from tests.simulation.sides import LOGIN_S, KiteSide, Side

RESTART_S = 3.0
OUTAGE_S = 20.0
BUS_S = 1.0
URLS = VenueUrls(api="http://127.0.0.1:9", stream="ws://127.0.0.1:9", login="http://127.0.0.1:9")
MEMORY_DISK = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a scenario's world is like before anything happens in it."""

    start: time = time(11, 0)
    allowance: VenueAllowance = KITE_ALLOWANCE
    side: Callable[[World, time], Side] = KiteSide


class World:
    """Everything one run consists of; `hosted` makes the product see it."""

    def __init__(self, *, seed: int, strikes: tuple[Strike, ...], folder: Path, setting: Setting) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.loop = VirtualLoop(random.Random(seed + 1))
        self.clock = VirtualClock(self.loop)
        self.folder = folder
        self.side = setting.side(self, setting.start)
        self.site = self.side.site
        self.ports = Ports(self, strikes)
        self.judge = Judge(self)
        self.answers = Answers(self)
        self.processes: list[Process] = []
        self.is_over = False
        self.boot = 1
        self.dark_s = 0.0
        self.allowance = setting.allowance
        self._desks_are_wanted = asyncio.Event()
        self._desks_are_wanted.set()
        self.foreign: set[str] = set()  # the venue's ids of orders that somebody else placed
        self.bells: set[asyncio.Future[None]] = set()
        self.on_commit: list[Callable[[list[_Waiting]], None]] = []
        self._keeps_images = any(strike.fault is Fault.POWER for strike in strikes)
        self._durable = b""
        self._acts: list[Callable[[], None]] = []
        self._has_forgotten = False
        self.account = self.side.account()

    @property
    def market(self) -> exchange.SmallMarket:
        return self.site.venue.market  # type: ignore[return-value]

    @property
    def account_id(self) -> str:
        return str(self.account.pk)

    def now(self) -> Any:
        return self.clock.now()

    def variant(self, kinds: int) -> int:
        """Choose how a call fails: by the seed and the call, so that a sweep meets every way."""
        return (self.seed + len(self.ports.calls)) % kinds

    # --- processes

    def begin(self) -> None:
        """Start the exchange and two desks, and keep both running."""
        self.committed([], [])
        self.loop.spawn(WORLD, self.side.drive())
        for name, after_s in (("desk1", 0.0), ("desk2", 0.7)):
            self.loop.spawn(WORLD, self._supervise(name, self._desk, after_s))

    def watch_from_outside(self) -> None:
        """Start a guardian, and keep it running."""
        self.loop.spawn(WORLD, self._supervise("guardian", self._guardian, 0.0))

    def send_desks_away(self) -> None:
        """Let both desks die and stay dead until they are called back."""
        self._desks_are_wanted.clear()
        for process in self.desks():
            process.kill()

    def call_desks_back(self) -> None:
        self._desks_are_wanted.set()

    def desks(self) -> list[Process]:
        return [process for process in self.processes if process.name != "guardian"]

    async def _supervise(self, name: str, program: Callable[[Process], Awaitable[None]], after_s: float) -> None:
        await asyncio.sleep(after_s)
        while not self.is_over:
            process = Process(name)
            self.processes.append(process)
            ended = self.loop.create_future()
            process.on_death.append(lambda ended=ended: ended.done() or ended.set_result(None))
            self.loop.spawn(process, self._program(process, program))
            await ended
            self.processes.remove(process)
            await asyncio.sleep(OUTAGE_S if self._is_dark() else RESTART_S)
            if program == self._desk:
                await self._desks_are_wanted.wait()

    def _is_dark(self) -> bool:
        return bool(self.ports.struck) and self.ports.struck[-1][1] is Fault.POWER

    async def _program(self, process: Process, program: Callable[[Process], Awaitable[None]]) -> None:
        try:
            await program(process)
        except Exception as error:  # noqa: BLE001 - whatever ends a process is what the judge looks for
            self.judge.object(Breach.UNSETTLED, f"{process.name} ended: {error!r}")
            process.kill()

    async def _desk(self, process: Process) -> None:
        machine, lease = self._machine(process, self.allowance.desk)
        await Desk(machine, lease, threads=()).run()

    async def _guardian(self, process: Process) -> None:
        machine, lease = self._machine(process, self.allowance.guardian)
        await Guardian(machine, lease, terms=GuardianTerms(), threads=(), redis_url="").run()

    def _machine(self, process: Process, share: OrderShare) -> tuple[Machine, storage.SimulatedLease]:
        """Return the product's machine over this process's simulated ports."""
        lease = storage.SimulatedLease(
            self,
            process,
            owner=f"{process.name}-{len(self.ports.calls)}",
            terms=LeaseTerms(),
            clock=self.clock,
            thread=storage.SimulatedThread(self, process, "lease"),
        )
        process.journal = storage.SimulatedJournal(self, process, self.folder / "tips.jsonl")
        machine = Machine(
            clock=self.clock,
            journal=process.journal,
            reader=storage.SimulatedReader(self, process, "reader"),
            lease=lease,
            publisher=Bus(self),
            doorbell=Bell(self),
            connect=partial(self._connect, process, share),
            send_log_folder=self.folder / "sendlog",
            boot_id=self.boot_id(),
            share=share,
        )
        return machine, lease

    def _connect(
        self, process: Process, share: OrderShare, facts: AccountFacts, credentials: Credentials, urls: VenueUrls
    ) -> VenueLink:
        jitter = random.Random(self.seed + 3).random
        net = self.side.net(process, random.Random(self.rng.random()))
        budget = WatchedBudget(self, share)
        parts: dict[str, Any] = {"net": net, "credentials": credentials, "clock": self.clock, "urls": urls}
        venue = venue_for(facts.venue, budget=budget, jitter=jitter, **parts)
        return VenueLink(
            venue=venue,
            feed=feed_for(facts.venue, jitter=jitter, **self.side.feed_parts(venue), **parts),
            budget=budget,
            net=net,
        )

    def lose_power(self) -> None:
        """Let the host die: every process, every unsynced byte, and the boot's own clock."""
        for process in list(self.processes):
            process.kill()
        storage.lay_out(self._durable)
        storage.forget_unsynced(self.folder / "sendlog")
        self.boot += 1
        self.clock.reboot()
        self._has_forgotten = True
        self.dark_s += OUTAGE_S + RESTART_S

    def end_login(self) -> None:
        """Let the venue's session die, where one can; a person logs in again a while later."""
        if self.side.end_login():
            self.dark_s += LOGIN_S + RESTART_S

    def boot_id(self) -> str:
        return f"boot-{self.boot}"

    def committed(self, group: list[_Waiting], outcomes: list[Tip | StaleToken]) -> None:
        """Note a durable point."""
        if self._keeps_images:
            self._durable = storage.raw().serialize()
        taken = [waiting for waiting, outcome in zip(group, outcomes, strict=True) if isinstance(outcome, Tip)]
        for hear in self.on_commit:
            hear(taken)

    # --- what people do

    def deploy(self, *names: str) -> None:
        """Want the moving-average strategy on some shares."""
        for name in names:
            self.insist(partial(self._deploy, uuid.UUID(int=self.rng.getrandbits(128), version=4), name))

    def _deploy(self, key: uuid.UUID, name: str) -> None:
        wanted = {
            "account": self.account,
            "strategy": "ema-crossover",
            "instruments": [f"{self.side.market}:{name}"],
            "params": {"fast": 2, "slow": 3},
            "mode": "live",
            "is_enabled": True,
            "created_by": self.account.owner,
        }
        Deployment.objects.get_or_create(pk=key, defaults=wanted)

    def ask(self, kind: str, payload: Mapping[str, object], key: str) -> None:
        """Write a command as a page does."""

        def write() -> None:
            command_request(
                account=self.account, kind=kind, payload=payload, by=None, idempotency_key=key, at=self.now()
            )

        self.insist(write)
        self.ring()

    def insist(self, act: Callable[[], None]) -> None:
        """Do something, and again where a power loss took it back, as a person would."""
        self._acts.append(act)
        act()

    def ring(self, _account_id: str = "") -> bool:
        bells, self.bells = self.bells, set()
        for bell in bells:
            if not bell.done():
                bell.set_result(None)
        return True

    def limit_loss(self, most: int) -> None:
        """Lower the daily loss limit, as the limits' page does."""
        row = LimitSet.objects.filter(account=self.account)
        self.insist(lambda: row.update(max_daily_loss_quote=Decimal(most)) and None)

    def skip_to(self, at: time) -> None:
        """Let the market's time jump on."""
        self.market.skip_to(at)
        self.site.pace.restart(self.market.now_ns, self.loop.wall_ns())

    def broker_closes(self, symbol: str) -> None:
        """Let the broker square a position off by an order of its own, which bears no tag."""
        held = self.held(symbol)
        if held > 0:
            wanted = OrderRequest(
                exchange="NSE",
                symbol=symbol,
                side="SELL",
                quantity=int(held),
                product="MIS",
                order_type="LIMIT",
                price=int(exchange.PRICES[symbol] * 0.98) // 100 * 100,
            )
            order = self.site.venue.engine.place(DEMO_APP.user_id, wanted, self.site.moment())
            self.foreign.add(order.order_id)
            self.site.announce()

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for something the exchange or the database shows; answer False when it does not come."""
        deadline = self.loop.time() + seconds
        while not condition():
            if self.loop.time() >= deadline:
                return False
            await asyncio.sleep(0.1)
            if self._has_forgotten:
                self._has_forgotten = False
                for act in self._acts:
                    act()
        return True

    def held(self, symbol: str = "RELIANCE") -> Decimal:
        """Return what the exchange's ledger says is held."""
        fills = (f for f in self.side.fills() if f.symbol == symbol)
        return sum((f.quantity * (1 if f.side == "BUY" else -1) for f in fills), Decimal(0))

    def resting(self) -> int:
        return sum(1 for order in self.side.orders() if order.remaining > 0)

    def is_anything_under_way(self) -> bool:
        """Tell whether a process stands still that will go on, or a journal has something to write."""
        frozen = any(process.thaws_at > self.loop.time() for process in self.processes)
        return frozen or any(process.journal.is_at_work for process in self.processes if process.journal)

    def sessions(self) -> list[Any]:
        """Return the sessions that run now."""
        return [p.session for p in self.processes if p.session is not None and not p.session._is_over]


@contextmanager
def hosted(world: World) -> Iterator[World]:
    """Bind the product's few direct uses of the machine to this world, and clean up after it."""
    storage.SimulatedSendLog.world = world
    open_session = hosting.open_session

    async def watched(machine: Machine, grant: Any, **options: Any) -> Any:
        session = await open_session(machine, grant, **options)
        CURRENT.get().session = session
        return session

    fake_time = SimpleNamespace(sleep=world.loop.block, monotonic=world.loop.time)
    with ExitStack() as stack:
        for target, name, value in (
            (session_module, "SendLog", storage.SimulatedSendLog),
            (session_module, "evidence", storage.evidence),
            (session_module, "discard_before", storage.discard_before),
            (hosting, "open_session", watched),
            (guardian_module, "open_session", watched),
            (guardian_module, "timezone", SimpleNamespace(now=world.now)),
            (hub, "async_redis", lambda *_, **__: NoRedis()),
            (hub, "sync_redis", NoRedis),
            (lease_module, "boot_id", world.boot_id),
            (threads, "time", fake_time),
            (anchors, "time", fake_time),
            (hub, "ring", world.ring),
            *world.answers.patches(),
        ):
            stack.enter_context(mock.patch.object(target, name, value))
        try:
            yield world
        finally:
            world.is_over = True
            for process in list(world.processes):
                process.kill()
            world.loop.close()


@contextmanager
def disk() -> Iterator[Path]:
    """A folder in memory, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="windhover-chaos-", dir=MEMORY_DISK))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


__all__ = ["ProcessDied", "World", "disk", "hosted"]
