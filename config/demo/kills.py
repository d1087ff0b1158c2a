"""`./run chaos --kills N`: the demo's own processes, struck N times, and held to the exchange's ledger after each.

The desk that holds the lease is killed outright, or frozen until another has taken over and then wakes; most of these
strikes fall just after the exchange lost the reply to an order, failed behind it, or hid it for 90 seconds. Valkey is
killed, or emptied while it runs. On PostgreSQL every connection is cut, or the server itself crashes and recovers.
"""

import argparse
import math
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.demo.desk import brought_up, say
from config.demo.errors import SetupError
from config.demo.options import DemoOptions, any_free_port
from config.demo.scene import Scene
from config.demo.supervisor import ChildDied, StopRequested

TAKEOVER_GOAL_S = 6.0
UNKNOWNS_END_WITHIN_S = 180.0
MOST_ROUNDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for."""

    rounds: int
    seed: int
    speed: float


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the rounds have shown so far."""

    takeovers: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    last: dict[str, Any] = field(default_factory=dict)
    met: dict[str, int] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> int:
    """Strike and judge; 0 when every invariant held, 1 when one did not, 2 for a wrong command line."""
    parser = argparse.ArgumentParser(prog="./run chaos")
    parser.add_argument("--kills", type=int, required=True, metavar="N", help="how many strikes")
    parser.add_argument("--seed", type=int, help="reproduces the order and the moments of the strikes")
    parser.add_argument("--speed", type=float, default=20.0, help="market seconds per second (default 20)")
    values = parser.parse_args(arguments)
    if not 1 <= values.kills <= MOST_ROUNDS:
        print(f"--kills must be between 1 and {MOST_ROUNDS}, not {values.kills}.", file=sys.stderr)
        return 2
    if not 0 < values.speed <= 100:
        print(f"--speed must be above 0 and at most 100, not {values.speed:g}.", file=sys.stderr)
        return 2
    seed = secrets.randbelow(1_000_000) if values.seed is None else values.seed
    plan = Plan(rounds=values.kills, seed=seed, speed=values.speed)
    folder = Path(tempfile.mkdtemp(prefix="windhover-chaos-"))
    try:
        findings = _run(plan, folder)
    except (SetupError, ChildDied, StopRequested) as error:
        print(
            f"The rounds ended early: {str(error) or 'stopped'} (seed {seed}, logs {folder / 'logs'}).", file=sys.stderr
        )
        return 1
    return _report(plan, findings, folder)


def _run(plan: Plan, folder: Path) -> Findings:
    options = DemoOptions(port=any_free_port(), state=folder, replay=None, speed=plan.speed, seconds=None)
    findings = Findings()
    say(f"chaos: {plan.rounds} strikes, seed {plan.seed}")
    with brought_up(options) as (demo, sign_in):
        scene = Scene(demo=demo, sign_in=sign_in, random=random.Random(plan.seed))  # noqa: S311 - to be reproduced
        scene.watch()
        for number, (kind, fault) in zip(range(1, plan.rounds + 1), scene.kinds(), strict=False):
            scene.calm()
            demo.supervisor.pause(scene.random.uniform(0.5, 4.0))
            findings.last, took_s = _round(scene, kind, fault)
            _note(findings, number, f"{fault}, {kind}" if fault else kind, took_s)
        scene.calm()
        _await_unknowns(scene, findings)
        findings.met = dict(scene.met)
    return findings


def _round(scene: Scene, kind: str, fault: str) -> tuple[dict[str, Any], float | None]:
    took_s = scene.strike(kind, fault)
    scene.calm()
    return scene.judge(), took_s


def _note(findings: Findings, number: int, kind: str, took_s: float | None) -> None:
    found = findings.last
    findings.problems += [f"round {number} ({kind}): {problem}" for problem in found["problems"]]
    if took_s is not None:
        findings.takeovers.append(took_s)
    took = "" if took_s is None else f"taken over in {took_s:.2f} s, "
    say(
        f"round {number} {kind}: {took}{found['trades']} trades, {found['orders']} orders, {found['unknown']} unknown, "
        f"journal of {found['journal']} rows: {'; '.join(found['problems']) or 'agree'}"
    )


def _await_unknowns(scene: Scene, findings: Findings) -> None:
    """Give what a strike left in doubt the time that evidence takes."""
    deadline = time.monotonic() + UNKNOWNS_END_WITHIN_S
    while findings.last.get("unknown") and time.monotonic() < deadline:
        scene.demo.supervisor.pause(10.0)
        findings.last = scene.judge()
    if findings.last.get("unknown"):
        findings.problems.append(f"{findings.last['unknown']} orders are still unknown")
    findings.problems += [f"at the end: {problem}" for problem in findings.last.get("problems", [])]


def _report(plan: Plan, findings: Findings, folder: Path) -> int:
    times = sorted(findings.takeovers)
    if times:
        p50, p95 = _percentile(times, 50), _percentile(times, 95)
        say(f"takeovers: {len(times)}, p50 {p50:.2f} s, p95 {p95:.2f} s, longest {times[-1]:.2f} s")
        if p95 >= TAKEOVER_GOAL_S:
            findings.problems.append(f"the takeover's p95 of {p95:.2f} s is not under {TAKEOVER_GOAL_S:g} s")
    for problem in findings.problems:
        say(problem)
    if findings.met:
        met = ", ".join(f"{name} {times}" for name, times in sorted(findings.met.items()))
        say(f"orders that the exchange treated badly just before a strike: {met}")
    held = "held: 0 lost, 0 doubled, 0 EXTERNAL, positions and holdings agree, journal verified"
    say(f"{'FAILED' if findings.problems else held}: {plan.rounds} strikes, {findings.last.get('trades', 0)} trades")
    say(f"again: ./run chaos --kills {plan.rounds} --seed {plan.seed} --speed {plan.speed:g}")
    if findings.problems:
        say(f"logs and database: {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest rank: always a time that was measured."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
