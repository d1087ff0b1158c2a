"""What a scan's rows show when they are put in order: movers, triggers, breadth."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from analysis.domain.checks import GRADES
from analysis.domain.movers import Span
from analysis.domain.trigger_words import TRIGGER_WORDS
from analysis.selectors import newest_scan, scan_head

if TYPE_CHECKING:
    from accounts.models import User

SPANS = {
    "1": Span.DAY_1,
    "5": Span.DAYS_5,
    "20": Span.DAYS_20,
    "60": Span.DAYS_60,
    "250": Span.DAYS_250,
    "week": Span.WEEK,
    "month": Span.MONTH,
}
_OF_A_MOVE = ("symbol", "sector", "close", "volume", "grade")


def movers_board(user: User, *, span: Span, universe: str | None = None, count: int = 10) -> dict[str, Any]:
    """Return the furthest gainers and losers of the newest scan; who is too young for the span is named."""
    run = newest_scan(user, universe)
    rows = run.results if run is not None else []
    moves = [(row["moves"][span.value], row) for row in rows if row.get("moves", {}).get(span.value) is not None]
    moves.sort(key=lambda pair: (-pair[0], pair[1]["symbol"]))
    known = {row["symbol"] for _, row in moves}
    return {
        **scan_head(run, universe),
        "span": span.value,
        "gainers": [_move(change, row) for change, row in moves if change > 0.0][:count],
        "losers": [_move(change, row) for change, row in reversed(moves) if change < 0.0][:count],
        "too_short": sorted(row["symbol"] for row in rows if row["symbol"] not in known),
    }


def triggers_board(
    user: User, *, universe: str | None = None, name: str | None = None, side: str | None = None
) -> dict[str, Any]:
    """Return every trigger of the newest scan, the strongest first, and how often each fired."""
    run = newest_scan(user, universe)
    every = [_fired(trigger, row) for row in (run.results if run is not None else []) for trigger in row["triggers"]]
    counts = Counter((one["name"], one["side"]) for one in every)
    chosen = [one for one in every if name in (None, one["name"]) and side in (None, one["side"])]
    chosen.sort(key=lambda one: (-one["strength"], one["symbol"], one["name"]))
    return {
        **scan_head(run, universe),
        "names": [
            {"name": fired, "text": TRIGGER_WORDS[fired], "side": of, "count": number}
            for (fired, of), number in sorted(counts.items())
        ],
        "results": chosen,
        "count": len(chosen),
    }


def breadth_board(user: User, *, universe: str | None = None) -> dict[str, Any]:
    """Return how many of the newest scan's stocks take part, as a whole and sector by sector."""
    run = newest_scan(user, universe)
    summary = run.summary if run is not None else {}
    grades = summary.get("grades", {})
    return {
        **scan_head(run, universe),
        "breadth": summary.get("breadth"),
        "sectors": summary.get("sectors", []),
        "stages": summary.get("stages", {}),
        # a database may keep the names of a document in an order of its own
        "grades": {name: grades[name] for name in (*GRADES, "none") if name in grades},
    }


def _move(change: float, row: dict[str, Any]) -> dict[str, Any]:
    return {**{name: row[name] for name in _OF_A_MOVE}, "change": change}


def _fired(trigger: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    return {
        "symbol": row["symbol"],
        "sector": row.get("sector", ""),
        **trigger,
        "text": TRIGGER_WORDS[trigger["name"]],
        "close": row["close"],
        "change": row["change"],
        "score": row["score"],
        "grade": row["grade"],
    }
