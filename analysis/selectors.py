"""What is known of a person's scans."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from analysis.models import ListMember
from analysis.scan_models import ACTIVE, ScanRun, ScanState

EVERYTHING = "all"


def universes() -> list[str]:
    """Return the names of the lists that can be scanned; everything that has candles is always one."""
    return [*ListMember.objects.order_by("universe").values_list("universe", flat=True).distinct(), EVERYTHING]


def scan_status(user: User) -> dict[str, Any]:
    """Return whether a scan of the user's desks is under way, how far, and when the last one ended."""
    runs = ScanRun.objects.visible_to(user)
    active = (
        runs.filter(state__in=ACTIVE)
        .order_by("requested_at")
        .values("id", "universe", "state", "done", "total")
        .first()
    )
    ended = runs.exclude(state__in=ACTIVE).order_by("-finished_at").values("state", "problem", "finished_at").first()
    done = runs.filter(state=ScanState.DONE).order_by("-finished_at").values_list("finished_at", flat=True).first()
    return {
        "scanning": active is not None,
        "progress": None if active is None else {**active, "id": str(active["id"])},
        "last_scan_at": done,
        "problem": ended["problem"] if ended and ended["state"] == ScanState.FAILED else None,
        "universes": universes(),
    }


def scan_results(user: User, *, universe: str | None = None) -> dict[str, Any]:
    """Return the rows of the newest finished scan that the user may see, of one list or of any."""
    runs = ScanRun.objects.visible_to(user).filter(state=ScanState.DONE)
    if universe is not None:
        runs = runs.filter(universe=universe)
    run = runs.order_by("-finished_at").first()
    if run is None:
        return {
            "id": None,
            "universe": universe,
            "on": None,
            "finished_at": None,
            "caveat": "",
            "remarks": [],
            "results": [],
            "count": 0,
        }
    return {
        "id": str(run.id),
        "universe": run.universe,
        "on": run.on,
        "finished_at": run.finished_at,
        "caveat": run.caveat,
        "remarks": run.remarks,
        "results": run.results,
        "count": len(run.results),
    }
