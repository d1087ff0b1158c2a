"""What is known of a person's scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.fetch_models import FETCHING, CandleFetch, FetchState
from analysis.models import CandleYear, ListMember
from analysis.own_models import Watchlist
from analysis.scan_models import ACTIVE, ScanRun, ScanState
from analysis.subjects import EVERYTHING, STORED, derived_lists, list_keys, require_known, watchlist_key

if TYPE_CHECKING:
    from accounts.models import User


def scan_status(user: User) -> dict[str, Any]:
    """Return whether a scan of the user's desks is under way, how far, and when the last one ended."""
    runs = ScanRun.objects.visible_to(user)
    active = (
        runs.filter(state__in=ACTIVE)
        .order_by("requested_at")
        .values("id", "universe", "state", "done", "total", "requested_at")
        .first()
    )
    ended = runs.exclude(state__in=ACTIVE).order_by("-finished_at").values("state", "problem", "finished_at").first()
    done = runs.filter(state=ScanState.DONE).order_by("-finished_at").values_list("finished_at", flat=True).first()
    return {
        "scanning": active is not None,
        "progress": None if active is None else {**active, "id": str(active["id"])},
        "last_scan_at": done,
        "problem": ended["problem"] if ended and ended["state"] == ScanState.FAILED else None,
        "universes": list_keys(Watchlist.objects.visible_to(user)),
        "candles": fetch_status(user),
    }


def fetch_status(user: User) -> dict[str, Any]:
    """Return whether candles are being fetched through an account of the user's desks, and how far that is."""
    fetches = CandleFetch.objects.visible_to(user)
    active = fetches.filter(state__in=FETCHING).order_by("requested_at").first()
    ended = fetches.exclude(state__in=FETCHING).order_by("-finished_at").first()
    return {
        "fetching": active is not None,
        "progress": None if active is None else _progress(active),
        "last_fetch_at": ended.finished_at if ended else None,
        "problem": ended.problem if ended and ended.state == FetchState.FAILED else None,
        "left_out": ended.left_out if ended else [],
    }


def _progress(fetch: CandleFetch) -> dict[str, Any]:
    ending = ", ending" if fetch.is_unwanted else ""
    return {
        "id": str(fetch.id),
        "universe": fetch.universe,
        "state": fetch.state,
        "done": fetch.done,
        "total": fetch.total,
        "requested_at": fetch.requested_at,
        "text": f"{fetch.done} of {fetch.total} calls, {fetch.added} days stored{ending}",
    }


def universes_listed(user: User) -> list[dict[str, Any]]:
    """Return the lists that the user can scan, with how many of their members have candles."""
    stored = set(CandleYear.objects.values_list("instrument", flat=True).distinct())
    lists: dict[str, tuple[str, str, list[str]]] = {}
    for name, instrument in ListMember.objects.order_by("universe").values_list("universe", "instrument"):
        lists.setdefault(name, (name, "index", []))[2].append(instrument)
    lists |= {key: (key, "derived", members) for key, members in derived_lists().items()}
    for row in Watchlist.objects.visible_to(user).order_by("name"):
        lists[watchlist_key(row.id)] = (row.name, "own", row.instruments)
    lists[EVERYTHING] = ("Everything with candles", "all", sorted(stored))
    scanned = dict(
        ScanRun.objects.visible_to(user)
        .filter(state=ScanState.DONE)
        .order_by("finished_at")
        .values_list("universe", "finished_at")
    )
    return [
        {
            "key": key,
            "name": name,
            "kind": kind,
            "members": len(set(members)),
            "with_candles": len(stored & set(members)),
            "scanned_at": scanned.get(key),
        }
        for key, (name, kind, members) in lists.items()
    ]


def newest_scan(user: User, universe: str | None = None) -> ScanRun | None:
    """Return the newest finished scan that the user may see, of one list or of any.

    Raises
    ------
    NotFound
        For a list that does not exist, or is another's.
    """
    runs = ScanRun.objects.visible_to(user).filter(state=ScanState.DONE)
    if universe:
        runs = runs.filter(universe=require_known(universe, Watchlist.objects.visible_to(user)))
    found: ScanRun | None = runs.order_by("-finished_at").first()
    return found


def scan_head(run: ScanRun | None, universe: str | None) -> dict[str, Any]:
    """Return what every answer out of a scan begins with; who could not be judged stands in its remarks."""
    if run is None:
        return {
            "id": None,
            "universe": universe,
            "on": None,
            "finished_at": None,
            "caveat": "",
            "source": STORED,
            "remarks": [],
        }
    return {
        "id": str(run.id),
        "universe": run.universe,
        "on": run.on,
        "finished_at": run.finished_at,
        "caveat": run.caveat,
        "source": run.source or STORED,
        "remarks": run.remarks,
    }


def scan_results(user: User, *, universe: str | None = None) -> dict[str, Any]:
    """Return the rows of the newest finished scan that the user may see, of one list or of any."""
    run = newest_scan(user, universe)
    rows = run.results if run is not None else []
    return {**scan_head(run, universe), "results": rows, "count": len(rows)}
