"""Baskets as their pages read them, projected from the journal."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager
from brokers.domain.orders import Book
from execution.domain.baskets import BasketPolicy, BasketState


class Basket(models.Model):
    """A basket of legs chosen by hand; its id is that of the command that asked for it."""

    desk_path = "account__desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.PROTECT, related_name="baskets")
    name = models.CharField(max_length=60)
    policy = models.CharField(max_length=8, choices=[(policy.value, policy.value) for policy in BasketPolicy])
    book = models.CharField(max_length=8, choices=[(book.value, book.value) for book in Book])
    state = models.CharField(max_length=12, choices=[(state.value, state.value) for state in BasketState])
    reason = models.CharField(max_length=300, blank=True)
    # each leg with what has become of it, as the API shows it
    legs = models.JSONField(default=list)
    deadline_at = models.DateTimeField()
    # who asked is nobody where the row was made again from the journal alone
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        app_label = "execution"
        indexes = [models.Index(fields=["account", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"
