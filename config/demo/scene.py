"""A running demo with somebody who strikes it and somebody who watches."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.demo import readiness, witness
from config.demo.children import Child
from config.demo.desk import Demo, keep_signed_in
from config.demo.errors import SetupError
from config.demo.jobs import SignIn
from config.demo.processes import Process

KILL, FREEZE, EMPTY_VALKEY, CUT_DATABASE = "kill", "freeze", "empty valkey", "cut database"
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

    @property
    def sightings(self) -> Path:
        return self.demo.state.folder / "sightings.jsonl"

    def watch(self) -> None:
        """Start the witness and wait for its first sight of a lease."""
        self.sightings.write_text("")
        self.demo.supervisor.start(Process(name="witness", run=lambda: witness.watch(self.sightings)))
        self._until("the witness", lambda: bool(self._seen()), TAKEN_WITHIN_S)

    def kinds(self) -> Iterator[str]:
        """Deal the strikes in shuffled hands: the desk is struck twice for every other thing."""
        hand = [KILL, KILL, FREEZE]
        if self._child("valkey") is not None:
            hand.append(EMPTY_VALKEY)
        if os.environ["DATABASE_URL"].startswith("postgres"):
            hand.append(CUT_DATABASE)
        while True:
            yield from self.random.sample(hand, len(hand))

    def strike(self, kind: str) -> float | None:
        """Carry out a strike; return the seconds until another desk had taken over, if one had to."""
        match kind:
            case "kill":
                return self._kill()
            case "freeze":
                return self._freeze()
            case "empty valkey":
                self._killed("valkey")
            case _:
                self.demo.supervisor.run(Process(name="cut", run=witness.cut_connections))
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
        printed = self.demo.supervisor.run(Process(name="judge", run=witness.judge))
        found: dict[str, Any] = json.loads(next(line for line in reversed(printed.splitlines()) if line[:1] == "{"))
        broken = sum(self._required(name).log.read_bytes().count(b"session_broke") for name in DESKS)
        if broken > self.broken:
            found["problems"].append(f"broken: {broken - self.broken} sessions ended on an error nobody foresaw")
            self.broken = broken
        return found

    def _kill(self) -> float:
        token, name = self._holder()
        struck_at = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._killed(name)
        return self._taken_over(token) - struck_at

    def _freeze(self) -> float:
        token, name = self._holder()
        child = self._required(name)
        struck_at = time.clock_gettime(time.CLOCK_BOOTTIME)
        child.signal(signal.SIGSTOP)
        try:
            took_s = self._taken_over(token) - struck_at
            self.demo.supervisor.pause(FROZEN_ON_S)
        finally:
            child.signal(signal.SIGCONT)
        return took_s

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
