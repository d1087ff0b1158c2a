"""Limits and switches; both outlive every process."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager


class LimitSet(models.Model):
    """The limits of one trading account, units in the names; quote is the account's currency."""

    desk_path = "account__desk"

    account = models.OneToOneField(
        "brokers.TradingAccount", on_delete=models.CASCADE, related_name="limits", primary_key=True
    )
    max_daily_loss_quote = models.DecimalField(max_digits=18, decimal_places=2)
    max_order_value_quote = models.DecimalField(max_digits=18, decimal_places=2)
    max_gross_exposure_quote = models.DecimalField(max_digits=18, decimal_places=2)
    max_position_value_quote = models.DecimalField(max_digits=18, decimal_places=2)
    max_orders_per_second = models.PositiveIntegerField()
    max_orders_per_day = models.PositiveIntegerField()
    # distance from the last price, as a fraction: 0.03 is three per cent
    price_band_fraction = models.DecimalField(max_digits=6, decimal_places=4)
    max_quote_age_s = models.DecimalField(max_digits=6, decimal_places=1)
    changed_at = models.DateTimeField(auto_now=True)

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(max_daily_loss_quote__gt=0), name="daily_loss_above_zero"),
            models.CheckConstraint(
                condition=models.Q(price_band_fraction__gt=0) & models.Q(price_band_fraction__lt=1),
                name="price_band_is_a_fraction",
            ),
        ]

    def __str__(self) -> str:
        return f"limits of {self.account}"


class SwitchScope(models.TextChoices):
    DESK = "desk", "Desk"
    ACCOUNT = "account", "Account"
    DEPLOYMENT = "deployment", "Strategy"


class KillSwitch(models.Model):
    """A switch that refuses entries while engaged; its epoch voids permits given before."""

    desk_path = "desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    desk = models.ForeignKey("accounts.Desk", on_delete=models.CASCADE, related_name="switches")
    scope = models.CharField(max_length=16, choices=SwitchScope.choices)
    # the desk's, account's or deployment's own id
    target_id = models.UUIDField()
    is_engaged = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    changed_at = models.DateTimeField()
    epoch = models.PositiveIntegerField(default=0)

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "target_id"], name="one_switch_per_target"),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.target_id}: {'engaged' if self.is_engaged else 'released'}"


class Breach(models.Model):
    """A limit that refused an order: which, when, and both numbers in a sentence."""

    desk_path = "account__desk"

    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="breaches")
    rule = models.CharField(max_length=40)
    reason = models.CharField(max_length=300)
    instrument = models.CharField(max_length=80, blank=True)
    fired_at = models.DateTimeField()
    # by the market's own clock, which in a replay runs apart from the desk's
    market_at = models.DateTimeField(null=True)

    objects = OwnedManager()

    class Meta:
        indexes = [models.Index(fields=["account", "-fired_at"])]

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"
