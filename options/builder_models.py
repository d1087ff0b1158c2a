"""Combinations that somebody saved in the builder, as rows of their desk."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager


class Combination(models.Model):
    """A named combination of options; `legs` are rows of instrument, side and lots, prices are the market's to say."""

    desk_path = "desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    desk = models.ForeignKey("accounts.Desk", on_delete=models.CASCADE, related_name="combinations")
    saved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=60)
    underlying = models.CharField(max_length=64)
    legs = models.JSONField(default=list)
    saved_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["desk", "name"], name="one_combination_per_name"),
            models.CheckConstraint(condition=~models.Q(name=""), name="a_combination_has_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.underlying}"
