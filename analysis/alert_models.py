"""Alerts on live figures as rows, and the log of their firings."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager
from analysis.domain.alerts import Direction
from analysis.domain.live_figures import LONGEST_NAME


class AlertState(models.TextChoices):
    ACTIVE = "active", "Active"
    FIRED = "fired", "Fired"
    REMOVED = "removed", "Removed"


class PriceAlert(models.Model):
    """One alert; the desk that hosts its account decides, tick by tick, when it fires."""

    desk_path = "account__desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # whose ticks it is watched on: one account, so that one process alone fires it
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="price_alerts")
    instrument = models.CharField(max_length=64)
    figure = models.CharField(max_length=LONGEST_NAME, default="last_price")
    direction = models.CharField(max_length=6, choices=[(one.value, one.value) for one in Direction])
    level = models.DecimalField(max_digits=24, decimal_places=8)
    hysteresis = models.DecimalField(max_digits=24, decimal_places=8, default=0)
    is_recurring = models.BooleanField(default=False)
    waits_for_cross = models.BooleanField(default=True)
    note = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=8, choices=AlertState.choices, default=AlertState.ACTIVE)
    # the other side was seen: without it, a takeover would forget and a level passed meanwhile would be missed
    is_armed = models.BooleanField(default=False)
    fired_count = models.PositiveIntegerField(default=0)
    last_fired_at = models.DateTimeField(null=True)
    last_value = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    objects = OwnedManager()

    class Meta:
        indexes = [models.Index(fields=["account", "state"], name="alerts_to_watch")]
        constraints = [
            models.CheckConstraint(condition=models.Q(hysteresis__gte=0), name="a_hysteresis_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.figure} {self.direction} {self.level:f}"


class AlertFiring(models.Model):
    """One firing of an alert: the value, and the exchange's time of the tick."""

    desk_path = "alert__account__desk"

    alert = models.ForeignKey(PriceAlert, on_delete=models.CASCADE, related_name="firings")
    value = models.DecimalField(max_digits=24, decimal_places=8)
    exchange_at = models.DateTimeField()
    noted_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        indexes = [
            models.Index(fields=["alert", "-noted_at"], name="firings_of_an_alert"),
            models.Index(fields=["noted_at"], name="firings_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} at {self.value:f}"
