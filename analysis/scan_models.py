"""Scans as rows: who asked for which, how far it is, what it found."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager


class ScanState(models.TextChoices):
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


ACTIVE = (ScanState.QUEUED, ScanState.RUNNING)


class ScanRun(models.Model):
    """One scan of a list on one day, for one desk; `results` is what its reader sees."""

    desk_path = "desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    desk = models.ForeignKey("accounts.Desk", on_delete=models.CASCADE, related_name="scans")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    # the key of the list: a stored list's name, or what stands for a person's own
    universe = models.CharField(max_length=40)
    on = models.DateField(null=True)
    state = models.CharField(max_length=10, choices=ScanState.choices, default=ScanState.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    requested_at = models.DateTimeField()
    # a worker that dies leaves a run that is touched no more
    touched_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    caveat = models.CharField(max_length=400, blank=True)
    results = models.JSONField(default=list)
    remarks = models.JSONField(default=list)
    # breadth, sectors, stages and grades of the results, counted once
    summary = models.JSONField(default=dict)
    source = models.CharField(max_length=40, blank=True)

    objects = OwnedManager()

    class Meta:
        indexes = [models.Index(fields=["desk", "-requested_at"], name="scans_of_a_desk")]
        constraints = [
            models.UniqueConstraint(
                fields=["desk", "universe"],
                condition=models.Q(state__in=["queued", "running"]),
                name="one_active_scan_per_list",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.universe}: {self.state}"
