"""Fetching daily candles from a venue as rows: who asked, how far it is, and what the venue had nothing for."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager


class FetchState(models.TextChoices):
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


FETCHING = (FetchState.QUEUED, FetchState.RUNNING)


class CandleFetch(models.Model):
    """One fetch through one account's session; what it stored stays, so the next one goes on from there."""

    desk_path = "account__desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="candle_fetches")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    universe = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=FetchState.choices, default=FetchState.QUEUED)
    is_unwanted = models.BooleanField(default=False)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    requested_at = models.DateTimeField()
    # a worker that dies leaves a fetch that is touched no more
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    # instruments that were left out, each with its reason
    left_out = models.JSONField(default=list)
    then_scans = models.BooleanField(default=False)

    objects = OwnedManager()

    class Meta:
        constraints = [
            # the venue's pace is the account's: two fetches would only wait for each other
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(state__in=["queued", "running"]),
                name="one_active_fetch_per_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.universe}: {self.state}"


class CandlelessDays(models.Model):
    """Days for which a venue was asked and had no candle, so that it is not asked for them again."""

    instrument = models.CharField(max_length=64, unique=True)
    days = models.JSONField(default=list, help_text="days since 1970-01-01")

    def __str__(self) -> str:
        return f"{self.instrument}: {len(self.days)} days"
