"""The operator's view of deployments."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from strategies.models import Deployment


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    list_display = ["strategy", "account", "mode", "state", "is_enabled", "last_reason", "last_reason_at"]
    list_filter = ["strategy", "mode", "state"]
