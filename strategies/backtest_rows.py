"""Reads of backtests, and what a new one may be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Max, Min, Sum

from accounts.selectors import desks_to_act_on
from analysis.models import CandleYear
from strategies.backtest_models import PLACES, UNDER_WAY, BacktestRun
from strategies.backtests import EXCHANGES
from strategies.domain import SignalStrategy, schema_for
from strategies.registry import strategies_all

if TYPE_CHECKING:
    from accounts.models import User

# the desk's own affair: a backtest over days sizes by its equity and holds overnight
_NOT_ASKED = ("bar_minutes", "order_value_quote", "lots", "product", "direction", "quiet_minutes")
_LATEST = 500


def backtests_listed(
    user: User, *, strategy: str | None = None, instrument: str | None = None, limit: int = 100
) -> dict[str, Any]:
    """Return the backtests that a user may see, the newest first, without their curves."""
    rows = BacktestRun.objects.visible_to(user).defer("result").select_related("requested_by")
    if strategy:
        rows = rows.filter(strategy=strategy)
    if instrument:
        rows = rows.filter(instrument=instrument)
    found = [backtest_row(row) for row in rows.order_by("-requested_at", "pk")[:limit]]
    return {"results": found, "count": len(found)}


def backtest_row(row: BacktestRun) -> dict[str, Any]:
    """Return one run as a list shows it."""
    return {
        "id": str(row.id),
        "strategy": row.strategy,
        "title": _titles().get(row.strategy, row.strategy),
        "instrument": row.instrument,
        "params": row.params,
        "terms": row.terms,
        "state": row.state,
        "stage": row.stage,
        "done": row.done,
        "total": row.total,
        "problem": row.problem,
        "by": row.requested_by.get_full_name() if row.requested_by else "",
        "requested_at": row.requested_at,
        "finished_at": row.finished_at,
        "data_fingerprint": row.data_fingerprint,
        "code_version": row.code_version,
        "source": row.source,
        "summary": row.summary,
    }


def backtest_document(row: BacktestRun) -> dict[str, Any]:
    """Return one run with its result; `result` is empty until it is done."""
    return {**backtest_row(row), "result": row.result}


def backtests_offered(user: User) -> dict[str, Any]:
    """Return what a backtest may be made of: strategies with their parameters on days, and who has candles."""
    rows = (
        CandleYear.objects.values("instrument")
        .annotate(first_year=Min("year"), last_day=Max("last_day"), count=Sum("days"))
        .order_by("instrument")
    )
    under_way = BacktestRun.objects.visible_to(user).filter(requested_by=user, state__in=UNDER_WAY).count()
    return {
        "strategies": [_offered(cls) for cls in strategies_all()],
        "instruments": [
            {"key": row["instrument"], "since": row["first_year"], "last_day": row["last_day"], "days": row["count"]}
            for row in rows
            if row["instrument"].split(":")[0] in EXCHANGES
        ],
        "desks": [{"id": str(desk.pk), "name": desk.name} for desk in desks_to_act_on(user)],
        "places": {"taken": under_way, "total": PLACES},
    }


def evidence_rows(user: User) -> list[dict[str, Any]]:
    """Return the catalogue: each strategy with its parameters, and what its newest backtests came to."""
    newest = BacktestRun.objects.visible_to(user).defer("result").filter(state="done").order_by("-requested_at")
    found: dict[str, list[BacktestRun]] = {}
    for row in newest[:_LATEST]:
        found.setdefault(row.strategy, []).append(row)
    return [
        {**_offered(cls), "backtests": len(own := found.get(cls.slug, [])), "newest": _head(own[0]) if own else None}
        for cls in strategies_all()
    ]


def _head(row: BacktestRun) -> dict[str, Any]:
    return {"id": str(row.id), "instrument": row.instrument, "finished_at": row.finished_at, **row.summary}


def _offered(cls: type[SignalStrategy]) -> dict[str, Any]:
    schema, usual = schema_for(cls), cls.on_days
    asked = [{**one, "default": (usual or {}).get(one["name"], one["default"])} for one in schema["params"]]
    return {
        **schema,
        "params": [one for one in asked if usual is None or one["name"] not in _NOT_ASKED],
        "about": about(cls),
        "is_testable": usual is not None,
        "reason": "" if usual is not None else "It counts by the minute of the day, so daily candles cannot test it.",
    }


def about(cls: type[SignalStrategy]) -> list[str]:
    """Return what a strategy does, in its author's paragraphs."""
    parts = (cls.__doc__ or "").strip().split("\n\n")
    return [" ".join(part.split()) for part in parts]


def _titles() -> dict[str, str]:
    return {cls.slug: cls.title for cls in strategies_all()}
