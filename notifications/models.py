"""What was told to whom, so that nothing is told twice."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Letter(models.Model):
    """One letter about one occasion; the key names the occasion."""

    key = models.CharField(max_length=120, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.subject}"
