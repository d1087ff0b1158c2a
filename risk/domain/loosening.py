"""When a change of limits takes effect: tightening at once, loosening after a delay in which it can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from risk.domain.levels import Figure, is_tighter

# Long enough for a loss to have been slept over for a moment, short enough for a day's plan to change.
LOOSENING_DELAY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One limit's old and new figure, None for none, and from when the new one holds."""

    name: str
    before: Figure | None
    after: Figure | None
    effective_at: datetime
    is_loosening: bool


def plan(
    before: Mapping[str, Figure | None],
    after: Mapping[str, Figure | None],
    *,
    at: datetime,
    delay: timedelta = LOOSENING_DELAY,
) -> tuple[Change, ...]:
    """Return what changes and from when, by the names in `after`; what stays as it is makes no change.

    A list or a set of windows that allows anything it did not allow before is looser, whatever else it takes away.
    """
    changes = []
    for name, figure in after.items():
        known = before.get(name)
        if figure == known:
            continue
        is_loosening = is_tighter(name, known, figure)
        changes.append(
            Change(
                name=name,
                before=known,
                after=figure,
                effective_at=at + delay if is_loosening else at,
                is_loosening=is_loosening,
            )
        )
    return tuple(changes)
