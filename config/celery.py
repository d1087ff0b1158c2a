"""The Celery application: the workers' queues, and the desk host where a process is a desk."""

from __future__ import annotations

import os
import threading

from celery import Celery
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

from django.conf import settings

# until a machine that starts everything at once has come up
WARM_AFTER_S = 10.0

app = Celery("windhover")
app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    result_backend=None,
    task_ignore_result=True,
    # Queues are made as they are named (default, research, minds, notify, desk), each with its own routing key.
    task_default_queue="default",
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    timezone=settings.TIME_ZONE,
    enable_utc=True,
    # Acknowledged before the work: with acks_late a lost Redis connection kills the worker (kombu 5.7.0).
    # What a killed worker held is dispatched again from the database's state.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    # A visibility timeout shorter than a task starts a second copy of it.
    broker_transport_options={"visibility_timeout": 43_200, "socket_timeout": 30, "socket_connect_timeout": 5},
    broker_connection_retry_on_startup=True,
    # A desk trades on while Redis is away, however long: the default of 100 tries would end its worker.
    broker_connection_max_retries=None,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    beat_scheduler="django_celery_beat.schedulers:DatabaseScheduler",
    beat_max_loop_interval=30,
)
app.autodiscover_tasks()


def warm_kernels() -> None:
    """Compile what scans and streams run, or load it from disk: in a worker's idle time, never in a request."""
    from analysis.domain import streaming, supertrend_kernel  # noqa: F401 - importing it loads the compiled loop

    streaming.warm_kernels()


def warm_later(**_: object) -> None:
    """Warm a worker's kernels a little after its start, beside whatever it does then."""
    timer = threading.Timer(WARM_AFTER_S, warm_kernels)
    timer.daemon = True
    timer.start()


if os.environ.get("WINDHOVER_ROLE") == "desk":
    from config.deskhost import DeskHost

    app.steps["worker"].add(DeskHost)
else:
    # a desk loads what its strategies compute with itself, before it holds an account
    worker_ready.connect(warm_later, weak=False, dispatch_uid="config.warm_kernels")
