"""What the options room keeps: which chains are followed for whom, and what each minute of them came to."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from accounts.ownership import OwnedQuerySet
from options import builder_models  # noqa: F401 - tables of this app too
from options.domain.alerts import Measure

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from accounts.models import User

FEWEST_EXPIRIES, MOST_EXPIRIES = 1, 6


class LicensedQuerySet(OwnedQuerySet):
    """Rows of market data: a venue licenses it to the one on whose key it came, so only that member sees them."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Keep the rows of `user`'s own accounts, on desks of which they are an active member."""
        return super().visible_to(user).filter(**{self.model.owner_path: user.pk})


LicensedManager = models.Manager.from_queryset(LicensedQuerySet)


class TrackedUnderlying(models.Model):
    """An underlying whose option chains the desk of one account follows."""

    desk_path = "account__desk"
    owner_path = "owner"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # by whose stream it is fed
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="tracked_underlyings")
    underlying = models.CharField(max_length=64)
    # how many of the nearest
    expiries = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(FEWEST_EXPIRIES), MaxValueValidator(MOST_EXPIRIES)]
    )
    is_tracked = models.BooleanField(default=True)
    asked_at = models.DateTimeField()

    objects = LicensedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "underlying"], name="one_row_per_owner_and_underlying"),
            models.CheckConstraint(
                condition=models.Q(expiries__gte=FEWEST_EXPIRIES, expiries__lte=MOST_EXPIRIES),
                name="a_chain_has_one_to_six_expiries",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.underlying}: {self.expiries} expiries"


class ChainMinute(models.Model):
    """What one expiry came to at one minute of the market; figures that were not there are null."""

    desk_path = "tracked__account__desk"
    owner_path = "tracked__owner"

    tracked = models.ForeignKey(TrackedUnderlying, on_delete=models.CASCADE, related_name="minutes")
    day = models.DateField()
    expiry = models.DateField()
    at = models.DateTimeField()
    spot = models.FloatField(null=True)
    forward = models.FloatField(null=True)
    atm_iv = models.FloatField(null=True)
    pcr_oi = models.FloatField(null=True)
    max_pain = models.FloatField(null=True)
    call_oi = models.FloatField()
    put_oi = models.FloatField()
    straddle = models.FloatField(null=True)
    # what its two legs traded in the minute, in units
    straddle_volume = models.FloatField(null=True)

    objects = LicensedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tracked", "expiry", "at"], name="one_row_per_expiry_and_minute"),
        ]
        indexes = [models.Index(fields=["tracked", "day", "expiry"], name="minutes_of_a_day")]

    def __str__(self) -> str:
        return f"{self.expiry} at {self.at}"


class ChainDay(models.Model):
    """The last 30-day volatility at the money that a day has shown: its close, once the day is over."""

    desk_path = "tracked__account__desk"
    owner_path = "tracked__owner"

    tracked = models.ForeignKey(TrackedUnderlying, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    at = models.DateTimeField()
    iv_30d = models.FloatField()

    objects = LicensedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tracked", "day"], name="one_volatility_per_day"),
            models.CheckConstraint(condition=models.Q(iv_30d__gt=0), name="a_volatility_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.iv_30d:.4f}"


class ChainAlert(models.Model):
    """A wish to be told when open interest or volatility of a tracked underlying moves."""

    desk_path = "tracked__account__desk"
    owner_path = "tracked__owner"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tracked = models.ForeignKey(TrackedUnderlying, on_delete=models.CASCADE, related_name="alerts")
    measure = models.CharField(max_length=16, choices=[(measure.value, measure.value) for measure in Measure])
    level = models.FloatField()
    is_on = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects = LicensedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tracked", "measure", "level"], name="one_alert_per_level"),
            models.CheckConstraint(condition=models.Q(level__gt=0), name="an_alert_has_a_positive_level"),
        ]

    def __str__(self) -> str:
        return f"{self.measure} at {self.level:g}"


class ChainAlertFired(models.Model):
    """One alert that was told, with its sentence."""

    desk_path = "tracked__account__desk"
    owner_path = "tracked__owner"

    tracked = models.ForeignKey(TrackedUnderlying, on_delete=models.CASCADE, related_name="fired")
    measure = models.CharField(max_length=16, choices=[(measure.value, measure.value) for measure in Measure])
    expiry = models.DateField()
    at = models.DateTimeField()
    text = models.CharField(max_length=200)

    objects = LicensedManager()

    class Meta:
        indexes = [models.Index(fields=["tracked", "-at"], name="newest_fired_first")]

    def __str__(self) -> str:
        return self.text
