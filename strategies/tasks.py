"""What the worker does for this room."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from strategies.agent_cycle import ROUND_QUEUE, ROUND_TASK, records_clear, round_run, watches_due
from strategies.backtests import BACKTEST_TASK, backtest_run


@shared_task(name=BACKTEST_TASK, ignore_result=True)
def backtest_run_task(*, run_id: str, **_: object) -> None:
    """Carry out a backtest that somebody asked for."""
    backtest_run(run_id=UUID(run_id))


@shared_task(name="strategies.agents_due", ignore_result=True)
def agents_due_task(**_: object) -> None:
    """Let every watch of the agents that is due have its round, each as a task of its own."""
    now = timezone.now()
    for watch_id in watches_due(now):
        agents_round_task.apply_async(kwargs={"watch_id": str(watch_id)}, queue=ROUND_QUEUE, retry=False)
    if now.minute == 0:
        records_clear(now)


@shared_task(name=ROUND_TASK, ignore_result=True)
def agents_round_task(*, watch_id: str, **_: object) -> None:
    """Carry out one round of a watch, where it is due."""
    round_run(watch_id=UUID(watch_id), at=timezone.now())
