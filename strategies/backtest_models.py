"""Backtests as rows: who asked for which, how far it is, what came of it, and what it takes to repeat it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager


class BacktestState(models.TextChoices):
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNDER_WAY = (BacktestState.QUEUED, BacktestState.RUNNING)
# how many one person may have under way at once; each takes one of so many places
PLACES = 3


class BacktestRun(models.Model):
    """One backtest of a strategy on one instrument; `result` is what its reader sees.

    A run under way holds one of its owner's places, and the database lets nobody hold a place twice.
    """

    desk_path = "desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    desk = models.ForeignKey("accounts.Desk", on_delete=models.CASCADE, related_name="backtests")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    place = models.PositiveSmallIntegerField()
    strategy = models.SlugField(max_length=60)
    instrument = models.CharField(max_length=64)
    params = models.JSONField()
    # money, costs, stops and the days asked for, as they were checked
    terms = models.JSONField()
    state = models.CharField(max_length=10, choices=BacktestState.choices, default=BacktestState.QUEUED)
    is_unwanted = models.BooleanField(default=False)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    stage = models.CharField(max_length=80, blank=True)
    requested_at = models.DateTimeField()
    # a worker that dies leaves a run that is touched no more
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    # equal fingerprints and versions, equal results
    data_fingerprint = models.CharField(max_length=64, blank=True)
    code_version = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=40, blank=True)
    # what a list shows, without reading the whole result
    summary = models.JSONField(default=dict)
    result = models.JSONField(default=dict)

    objects = OwnedManager()

    class Meta:
        indexes = [models.Index(fields=["desk", "-requested_at"], name="backtests_of_a_desk")]
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "place"],
                condition=models.Q(state__in=["queued", "running"]),
                name="one_backtest_under_way_per_place",
            ),
            models.CheckConstraint(condition=models.Q(place__lt=PLACES), name="a_place_is_one_of_few"),
        ]

    def __str__(self) -> str:
        return f"{self.strategy} on {self.instrument}: {self.state}"
