"""What the worker does for this room."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from strategies.backtests import BACKTEST_TASK, backtest_run


@shared_task(name=BACKTEST_TASK, ignore_result=True)
def backtest_run_task(*, run_id: str, **_: object) -> None:
    """Carry out a backtest that somebody asked for."""
    backtest_run(run_id=UUID(run_id))
