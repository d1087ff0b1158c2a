"""Limits and switches; both outlive every process."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager
from risk import liveness_models  # noqa: F401 - its models belong to this app


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
    # what follows bounds nothing while it is empty
    max_net_exposure_quote = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    max_underlying_value_quote = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    max_order_quantity = models.DecimalField(max_digits=24, decimal_places=8, null=True, blank=True)
    max_position_quantity = models.DecimalField(max_digits=24, decimal_places=8, null=True, blank=True)
    max_orders_per_minute = models.PositiveIntegerField(null=True, blank=True)
    max_open_orders = models.PositiveIntegerField(null=True, blank=True)
    max_trades_per_day = models.PositiveIntegerField(null=True, blank=True)
    max_spread_fraction = models.DecimalField(max_digits=6, decimal_places=4, null=True, blank=True)
    min_hold_s = models.PositiveIntegerField(null=True, blank=True)
    reentry_cooldown_s = models.PositiveIntegerField(null=True, blank=True)
    # from the peak of the unit's value, and of the gross exposure over the equity
    max_drawdown_fraction = models.DecimalField(max_digits=6, decimal_places=4, null=True, blank=True)
    max_leverage = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    # a list of windows as 09:20-14:45, times of day in India
    entry_windows_ist = models.JSONField(null=True, blank=True)
    # a list of keys as NSE:RELIANCE
    instruments_allowed = models.JSONField(null=True, blank=True)
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


class LimitLevel(models.TextChoices):
    DESK = "desk", "Desk"
    USER = "user", "User"
    ACCOUNT = "account", "Account"
    STRATEGY = "strategy", "Strategy"
    INSTRUMENT = "instrument", "Instrument"


class LevelLimit(models.Model):
    """One limit that a desk, a user, a strategy or an instrument adds to those of its accounts."""

    desk_path = "desk"

    desk = models.ForeignKey("accounts.Desk", on_delete=models.CASCADE, related_name="level_limits")
    level = models.CharField(max_length=16, choices=LimitLevel.choices)
    # the desk's, user's or deployment's id, or the instrument's key
    target = models.CharField(max_length=80)
    name = models.CharField(max_length=40)
    # text, or a list of texts
    figure = models.JSONField()
    # of money: accounts of this currency are bound; empty for what is no money
    currency = models.CharField(max_length=8, blank=True)
    changed_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["desk", "level", "target", "name", "currency"], name="one_limit_per_level"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.level} {self.target}: {self.figure}"


class LimitChange(models.Model):
    """A loosening that waits for its time, took effect, or was taken back by a later decision."""

    desk_path = "desk"

    desk = models.ForeignKey("accounts.Desk", on_delete=models.CASCADE, related_name="limit_changes")
    # where the level is an account
    account = models.ForeignKey(
        "brokers.TradingAccount", on_delete=models.CASCADE, null=True, related_name="limit_changes"
    )
    level = models.CharField(max_length=16, choices=LimitLevel.choices)
    target = models.CharField(max_length=80)
    name = models.CharField(max_length=40)
    currency = models.CharField(max_length=8, blank=True)
    # null for no limit
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    applied_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = OwnedManager()

    class Meta:
        indexes = [models.Index(fields=["desk", "effective_at"], name="limit_changes_by_time")]

    def __str__(self) -> str:
        return f"{self.name} of {self.level} {self.target} to {self.after} from {self.effective_at}"


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
