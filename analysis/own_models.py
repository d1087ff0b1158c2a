"""What a desk's people keep for themselves: lists, rules and notes."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager


class Watchlist(models.Model):
    """A desk's own list of instruments; it can be scanned and tried like any other."""

    desk_path = "desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    desk = models.ForeignKey("accounts.Desk", on_delete=models.CASCADE, related_name="watchlists")
    name = models.CharField(max_length=60)
    instruments = models.JSONField(default=list)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["desk", "name"], name="one_watchlist_of_a_name")]

    def __str__(self) -> str:
        return self.name


class SavedRule(models.Model):
    """A rule of a desk, as the document it was written in."""

    desk_path = "desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    desk = models.ForeignKey("accounts.Desk", on_delete=models.CASCADE, related_name="rules")
    name = models.CharField(max_length=60)
    universe = models.CharField(max_length=40, blank=True)
    document = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["desk", "name"], name="one_rule_of_a_name")]

    def __str__(self) -> str:
        return self.name


class StockNote(models.Model):
    """What somebody of a desk wrote down about an instrument."""

    desk_path = "desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    desk = models.ForeignKey("accounts.Desk", on_delete=models.CASCADE, related_name="stock_notes")
    instrument = models.CharField(max_length=64)
    text = models.CharField(max_length=2000)
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    written_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        indexes = [models.Index(fields=["desk", "instrument", "-written_at"], name="notes_of_an_instrument")]

    def __str__(self) -> str:
        return f"{self.instrument}: {self.text[:40]}"
