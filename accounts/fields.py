"""A column that holds sealed secrets and refuses anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models

from accounts import vault

if TYPE_CHECKING:
    Text = models.TextField[str, str]
else:
    Text = models.TextField


class SecretField(Text):
    """Text sealed by `accounts.vault`; reading the row gives the sealed form, `vault.reveal` opens it."""

    description = "a sealed secret"

    def get_prep_value(self, value: Any) -> Any:
        """Let only sealed text reach the database, so that no caller can store a secret in the clear."""
        if value and not vault.is_sealed(value):
            raise ValidationError("A secret must be sealed before it is stored.", code="secret.unsealed")
        return super().get_prep_value(value)
