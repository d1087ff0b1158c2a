"""Fair timing: contenders take turns in one process, medians are compared, and results are compared first."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROUNDS = 15
SECONDS_PER_TURN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that we and our peers all do, and the rate at which each does it."""

    name: str
    unit: str
    ours: float
    peers: Mapping[str, float]
    higher_is_better: bool = True
    # what was promised: at most, or at least where higher is better; None where nothing was
    goal: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.ours >= self.goal if self.higher_is_better else self.ours <= self.goal

    @property
    def ratio(self) -> float | None:
        """How many times better ours is than the best peer; None where there is none to compare with."""
        if not self.peers:
            return None
        if self.higher_is_better:
            return self.ours / max(self.peers.values())
        return min(self.peers.values()) / self.ours

    def document(self) -> dict[str, Any]:
        """Give the case as JSON values."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": self.ours,
            "peers": dict(self.peers),
            "ratio": self.ratio,
            "higher_is_better": self.higher_is_better,
            "goal": self.goal,
            "is_met": self.is_met,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What a benchmark reports."""

    name: str
    cases: Sequence[Case]
    packages: Sequence[str] = field(default_factory=tuple)

    def document(self) -> dict[str, Any]:
        """Give the topic as JSON values, with the machine and the versions it ran on."""
        return {
            "topic": self.name,
            "machine": machine(),
            "versions": {"python": platform.python_version()}
            | {name: importlib.metadata.version(name) for name in self.packages},
            "cases": [case.document() for case in self.cases],
        }


def seconds_per_call(contenders: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Time the contenders in turns and return each one's median seconds per call."""
    repeats = {name: _repeats(call) for name, call in contenders.items()}
    turns: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, call in contenders.items():
            turns[name].append(_timed(call, repeats[name]))
    return {name: statistics.median(times) for name, times in turns.items()}


def machine() -> dict[str, Any]:
    """Describe the machine as far as a reader of the figures needs it."""
    cpu_info = Path("/proc/cpuinfo")
    lines = cpu_info.read_text().splitlines() if cpu_info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {"cpu": model or platform.processor(), "cpus": os.cpu_count(), "system": platform.platform()}


def _repeats(call: Callable[[], object]) -> int:
    call()
    return max(1, int(SECONDS_PER_TURN / max(_timed(call, 1), 1e-9)))


def _timed(call: Callable[[], object], repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - started) / repeats
