"""What the agents room keeps: what the agents watch for whom, every decision's record, and every vote's outcome."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from options.models import LicensedManager

MOST_WATCHED = 12


def a_share(default: float) -> models.FloatField[float, float]:
    """Return the field of a figure in [0, 1]."""
    return models.FloatField(default=default, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])


class AgentWatch(models.Model):
    """The agents at work on some instruments, with the data of one account's session."""

    desk_path = "account__desk"
    owner_path = "account__owner"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.OneToOneField("brokers.TradingAccount", on_delete=models.CASCADE, related_name="agent_watch")
    instruments = models.JSONField()
    bar_minutes = models.PositiveSmallIntegerField(default=5)
    every_s = models.PositiveIntegerField(default=60)
    is_running = models.BooleanField(default=False)
    # keys of agents that are not asked
    stopped = models.JSONField(default=list)
    participation = a_share(0.6)
    threshold = a_share(0.2)
    agreement = a_share(0.7)
    # of a round trip, as a fraction of its value: fees, charges and slippage
    cost_fraction = models.FloatField(default=0.001, validators=[MinValueValidator(0.0), MaxValueValidator(0.1)])
    begun_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    regime = models.JSONField(default=dict)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()

    objects = LicensedManager()

    def __str__(self) -> str:
        return f"agents on {', '.join(self.instruments)}"


class AgentDecision(models.Model):
    """One cycle on one instrument: the record is whole in itself, the columns beside it are for finding it."""

    desk_path = "watch__account__desk"
    owner_path = "watch__account__owner"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    watch = models.ForeignKey(AgentWatch, on_delete=models.CASCADE, related_name="decisions")
    instrument = models.CharField(max_length=64)
    # the market's time, and this machine's
    as_of = models.DateTimeField()
    made_at = models.DateTimeField()
    digest = models.CharField(max_length=64)
    score = models.FloatField()
    side = models.SmallIntegerField()
    guard = models.CharField(max_length=16)
    regime = models.CharField(max_length=16)
    record = models.BinaryField()

    objects = LicensedManager()

    class Meta:
        indexes = [models.Index(fields=["watch", "instrument", "-as_of"]), models.Index(fields=["made_at"])]
        constraints = [
            models.UniqueConstraint(fields=["watch", "instrument", "as_of"], name="one_decision_per_moment"),
            models.CheckConstraint(condition=models.Q(side__in=[-1, 0, 1]), name="a_decision_is_a_side_and_no_size"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} at {self.as_of:%H:%M:%S}: {self.score:+.2f}"


class AgentOutcome(models.Model):
    """A vote that waits for its horizon, and then what came; `agent` is an agent's key, or panel for the consensus."""

    desk_path = "watch__account__desk"
    owner_path = "watch__account__owner"

    watch = models.ForeignKey(AgentWatch, on_delete=models.CASCADE, related_name="outcomes")
    decision = models.ForeignKey(AgentDecision, on_delete=models.SET_NULL, null=True, related_name="outcomes")
    agent = models.CharField(max_length=16)
    instrument = models.CharField(max_length=64)
    at = models.DateTimeField()
    horizon_s = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    score = models.FloatField()
    base = models.FloatField()
    price = models.FloatField()
    cost = models.FloatField()
    # of the consensus: what kept it from acting
    guard = models.CharField(max_length=16, blank=True)
    gross_return = models.FloatField(null=True)

    objects = LicensedManager()

    class Meta:
        indexes = [
            models.Index(fields=["watch", "agent", "at"]),
            models.Index(fields=["due_at"], condition=models.Q(gross_return=None), name="outcomes_that_wait"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} on {self.instrument}"
