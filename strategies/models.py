"""Deployments: a strategy with parameters, on instruments, in one account's book."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager
from brokers.domain.orders import Book
from strategies import agent_models, backtest_models  # noqa: F401 - tables of this app too


class DeploymentState(models.TextChoices):
    STOPPED = "stopped", "Stopped"
    STARTING = "starting", "Starting"
    RUNNING = "running", "Running"
    HALTED = "halted", "Halted"
    REMOVED = "removed", "Removed"


class Deployment(models.Model):
    """What the desk should run; `is_enabled` is the wish, `state` what the desk reports."""

    desk_path = "account__desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.PROTECT, related_name="deployments")
    strategy = models.SlugField(max_length=60)
    instruments = models.JSONField()
    params = models.JSONField(default=dict)
    mode = models.CharField(max_length=8, choices=[(b.value, b.value) for b in Book])
    is_enabled = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=DeploymentState.choices, default=DeploymentState.STOPPED)
    last_reason = models.CharField(max_length=300, blank=True)
    last_reason_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)

    objects = OwnedManager()

    class Meta:
        indexes = [models.Index(fields=["account", "state"])]

    def __str__(self) -> str:
        return f"{self.strategy} on {', '.join(self.instruments)}"
