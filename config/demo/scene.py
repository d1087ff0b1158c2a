"""A running demo with somebody who strikes it and somebody who watches."""

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from config.demo import readiness, witness
from config.demo.children import Child
from config.demo.desk import Demo, keep_signed_in
from config.demo.errors import SetupError
from config.demo.jobs import SignIn
from config.demo.processes import Process

KILL, FREEZE = "kill", "freeze"
KILL_VALKEY, EMPTY_VALKEY = "kill valkey", "empty valkey"
CUT_DATABASE, CRASH_DATABASE = "cut database", "crash database"
# What the exchange does to an order just before its desk is struck; an empty one leaves the order alone.
ORDER_FAULTS = ("", "lose_reply", "delay_visibility", "http_5xx_after", "order_timed_out")
INVISIBLE_S = 90.0
ORDER_WITHIN_S = 40.0
FREEZES_TRIED = 5
TAKEN_WITHIN_S = 60.0
CALM_WITHIN_S = 90.0
# how long a desk stays frozen after another has taken over
FROZEN_ON_S = 1.5
POLL_S = 0.1
DESKS = ("desk1", "desk2")


@dataclass(slots=True, kw_only=True)
class Scene:
    """Who is there, how to strike them, and when everything is as it was."""

    demo: Demo
    sign_in: SignIn
    random: random.Random
    # where in a killed desk's log its next life begins
    lives: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    # how often each fault of the exchange's met an order
    met: Counter[str] = field(default_factory=Counter)
    # until when an order that the exchange hides may be in doubt, through whatever strikes follow
    hidden_until: float = 0.0

    @property
    def sightings(self) -> Path:
        return self.demo.state.folder / "sightings.jsonl"

    def watch(self) -> None:
        """Start the witness and wait for its first sight of a lease."""
        self.sightings.write_text("")
        self.demo.supervisor.start(Process(name="witness", run=lambda: witness.watch(self.sightings)))
        self._until("the witness", lambda: bool(self._seen()), TAKEN_WITHIN_S)

    def kinds(self) -> Iterator[tuple[str, str]]:
        """Deal the strikes in shuffled hands, the desk's twice and each with a fault of the exchange's."""
        hand = [KILL, KILL, FREEZE]
        if self._child("valkey") is not None:
            hand += [KILL_VALKEY, EMPTY_VALKEY]
        if self._is_postgresql:
            hand += [CUT_DATABASE, *([CRASH_DATABASE] if self._can_crash() else [])]
        faults = self._faults()
        while True:
            for kind in self.random.sample(hand, len(hand)):
                yield kind, next(faults) if kind in (KILL, FREEZE) else ""

    def strike(self, kind: str, fault: str = "") -> float | None:
        """Carry out a strike; return the seconds until another desk had taken over, if one had to."""
        if fault:
            self._await_order(fault)
        match kind:
            case "kill":
                return self._kill()
            case "freeze":
                return self._freeze()
            case "kill valkey":
                self._killed("valkey")
            case "empty valkey":
                self._run("empty", witness.empty_redis)
            case "crash database":
                self._run("crash", witness.crash_database)
            case _:
                self._run("cut", witness.cut_connections)
        return None

    def calm(self) -> None:
        """Wait until the page, a signed-in feed, the lease and both desks are as before the strike."""
        self._until("the web server", lambda: readiness.healthy(self.demo.base), CALM_WITHIN_S)
        keep_signed_in(self.demo, self.sign_in)
        feed = lambda: readiness.feed_live(self.demo.base, self.sign_in.key)  # noqa: E731
        self._until("the market feed", feed, CALM_WITHIN_S)
        self._until("the standby desk", self._both_up, CALM_WITHIN_S)
        self._until("the lease", self._is_held, CALM_WITHIN_S)

    def judge(self) -> dict[str, Any]:
        """Compare the books with the exchange's ledger, in a process of its own."""
        patience_s = max(self.hidden_until - time.monotonic(), 0.0)
        found = self._run("judge", lambda: witness.judge(patience_s))
        broken = sum(self._required(name).log.read_bytes().count(b"session_broke") for name in DESKS)
        if broken > self.broken:
            found["problems"].append(f"broken: {broken - self.broken} sessions ended on an error nobody foresaw")
            self.broken = broken
        return found

    def _faults(self) -> Iterator[str]:
        while True:
            yield from self.random.sample(ORDER_FAULTS, len(ORDER_FAULTS))

    def _await_order(self, fault: str) -> None:
        """Let a fault wait for the next order and come back as soon as it has met one, or none has come."""
        before = self._struck(fault)
        seconds = {"seconds": INVISIBLE_S} if fault == "delay_visibility" else {}
        asked = {"kind": fault, "method": "POST", "path": "/orders", **seconds}
        httpx.post(self._faults_url, json=asked, timeout=10, trust_env=False).raise_for_status()
        deadline = time.monotonic() + ORDER_WITHIN_S
        while self._struck(fault) == before and time.monotonic() < deadline:
            self.demo.supervisor.pause(POLL_S)
        has_met = self._struck(fault) > before
        self.met[fault] += has_met
        if has_met and fault == "delay_visibility":
            self.hidden_until = time.monotonic() + INVISIBLE_S
        httpx.delete(self._faults_url, timeout=10, trust_env=False).raise_for_status()

    def _struck(self, fault: str) -> int:
        known = httpx.get(self._faults_url, timeout=10, trust_env=False).json()["kinds"]
        return int(next(row["struck"] for row in known if row["kind"] == fault))

    @property
    def _faults_url(self) -> str:
        return f"{self.demo.simulator_url}/sim/faults"

    def _can_crash(self) -> bool:
        return bool(self._run("can crash", witness.tell_whether_it_can_crash)["can_crash"])

    def _run(self, name: str, work: Callable[[], None]) -> dict[str, Any]:
        """Run a piece of work in a process of its own; return the JSON that it printed, if any."""
        printed = self.demo.supervisor.run(Process(name=name, run=work))
        found: dict[str, Any] = json.loads(
            next((line for line in reversed(printed.splitlines()) if line[:1] == "{"), "{}")
        )
        return found

    def _kill(self) -> float:
        token, name = self._holder()
        struck_at = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._killed(name)
        return self._taken_over(token) - struck_at

    def _freeze(self) -> float:
        token, name = self._holder()
        child = self._required(name)
        struck_at = self._stopped(child)
        try:
            took_s = self._taken_over(token) - struck_at
            self.demo.supervisor.pause(FROZEN_ON_S)
        finally:
            child.signal(signal.SIGCONT)
        return took_s

    def _stopped(self, child: Child) -> float:
        """Freeze a desk, though never within a commit on SQLite: no other could write until it went on."""
        for _ in range(FREEZES_TRIED):
            struck_at = time.clock_gettime(time.CLOCK_BOOTTIME)
            child.signal(signal.SIGSTOP)
            if self._is_postgresql or self._run("free", witness.tell_whether_it_is_free)["is_free"]:
                break
            child.signal(signal.SIGCONT)
            self.demo.supervisor.pause(POLL_S)
        return struck_at

    @property
    def _is_postgresql(self) -> bool:
        return os.environ["DATABASE_URL"].startswith("postgres")

    def _killed(self, name: str) -> None:
        child = self._required(name)
        self.lives[name] = child.log.stat().st_size
        child.signal(signal.SIGKILL)
        # It did nothing to deserve a longer pause before its next start.
        child.restarts = 0

    def _holder(self) -> tuple[int, str]:
        seen = self._seen()[-1]
        return seen["token"], seen["owner"]

    def _taken_over(self, token: int) -> float:
        """Wait for the takeover in the journal of a younger token; return when it was first seen."""
        self._until("the takeover", lambda: self._seen()[-1]["taken_over"] > token, TAKEN_WITHIN_S)
        return float(next(row["at"] for row in self._seen() if row["taken_over"] > token))

    def _is_held(self) -> bool:
        last = self._seen()[-1]
        return last["owner"] in DESKS and last["taken_over"] == last["token"]

    def _both_up(self) -> bool:
        return all(self._is_up(name) for name in DESKS)

    def _is_up(self, name: str) -> bool:
        child = self._required(name)
        said = child.log.read_bytes()[self.lives.get(name, 0) :]
        return child.pid is not None and b"desk_started" in said

    def _seen(self) -> list[dict[str, Any]]:
        whole, _, _ = self.sightings.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def _child(self, name: str) -> Child | None:
        return next((child for child in self.demo.supervisor.children if child.name == name), None)

    def _required(self, name: str) -> Child:
        child = self._child(name)
        if child is None:
            raise SetupError(f"{name or 'nobody'} holds the lease, which is none of this demo's processes")
        return child

    def _until(self, what: str, holds: Callable[[], bool], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                raise SetupError(f"{what} was not there within {within_s:g} s of a strike")
            self.demo.supervisor.pause(POLL_S)
