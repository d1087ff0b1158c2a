"""`./run bench TOPIC`: measure, show a table, and write the figures where asked."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from bench.measure import Case, Topic


def main(arguments: Sequence[str]) -> int:
    """Measure one topic."""
    parser = argparse.ArgumentParser(prog="./run bench")
    parser.add_argument("topic")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    values = parser.parse_args(arguments)
    problem = _unwritable(values.json)
    if problem:
        print(problem, file=sys.stderr)
        return 1

    topic: Topic = importlib.import_module(f"bench.{values.topic}").measure()
    # Standard output belongs to the JSON when it was asked for there.
    _show(topic, sys.stderr if values.json == "-" else sys.stdout)
    if values.json is not None:
        document = json.dumps(topic.document(), indent=2) + "\n"
        if values.json == "-":
            sys.stdout.write(document)
        else:
            Path(values.json).write_text(document, encoding="utf-8")
    return 0


def _unwritable(file: str | None) -> str | None:
    """Object before minutes of measuring, not after."""
    if file is None or file == "-":
        return None
    try:
        Path(file).touch()
    except OSError as error:
        return f"The figures cannot be written to {file}: {error.strerror}."
    return None


def _show(topic: Topic, stream: TextIO) -> None:
    for case in topic.cases:
        peers = ", ".join(f"{name} {value:,.0f}" for name, value in case.peers.items())
        ratio = "" if case.ratio is None else f"{case.ratio:.1f}x"
        # a rate has no use for digits behind the point, a few microseconds have
        digits = 0 if case.ours >= 1_000 else 2
        shown = f"{case.name:<34} ours {case.ours:>14,.{digits}f} {case.unit}   {peers}   {ratio}".rstrip()
        print(f"{shown}{_verdict(case)}", file=stream)


def _verdict(case: Case) -> str:
    if case.goal is None:
        return ""
    bound = "at least" if case.higher_is_better else "at most"
    return f"   goal {bound} {case.goal:,g} {case.unit}: {'met' if case.is_met else 'MISSED'}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
