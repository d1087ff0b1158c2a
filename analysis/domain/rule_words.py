"""Rules in words, and everything that a rule may be made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.domain.operands import LONGEST_WINDOW, OPERANDS
from analysis.domain.rules import Comparison, Condition, Group, Join
from analysis.domain.timeframes import Timeframe

_JOINED: Mapping[Join, str] = {Join.ALL: " and ", Join.ANY: " or "}


def rule_text(rule: Group) -> str:
    """Return a rule as one sentence part; groups inside it stand in brackets."""
    return _JOINED[rule.join].join(_member(member) for member in rule.members)


def offered() -> dict[str, Any]:
    """Return what a rule may be made of: indicators with their parameters and defaults, comparisons, timeframes."""
    return {
        "operands": [
            {"name": one.name, "text": one.text, "parameters": dict(one.defaults)} for one in OPERANDS.values()
        ],
        "comparisons": [{"name": one.value, "text": one.replace("_", " ")} for one in Comparison],
        "timeframes": [one.value for one in Timeframe],
        "longest_window": LONGEST_WINDOW,
    }


def _member(member: Condition | Group) -> str:
    return f"({rule_text(member)})" if isinstance(member, Group) else str(member)
