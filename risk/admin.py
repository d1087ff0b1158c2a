"""The operator's view of limits, switches and breaches."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin import AnyAdmin, ReadOnlyAdmin
from risk.domain.loosening import LOOSENING_DELAY
from risk.models import Breach, KillSwitch, LevelLimit, LimitChange, LimitSet
from risk.services import limits_set


@admin.register(LimitSet)
class LimitSetAdmin(AnyAdmin):
    list_display = [
        "account",
        "max_daily_loss_quote",
        "max_gross_exposure_quote",
        "max_orders_per_second",
        "changed_at",
    ]

    def save_model(self, request: HttpRequest, obj: LimitSet, form: Any, change: bool) -> None:
        """Change limits through their service: what tightens holds at once, what loosens waits and is told."""
        values = {name: value for name, value in form.cleaned_data.items() if name != "account"}
        by = request.user if request.user.is_authenticated else None
        limits_set(account=obj.account, values=values, by=by, at=timezone.now())
        waiting = obj.account.limit_changes.filter(applied_at=None, withdrawn_at=None).values_list("name", flat=True)
        if waiting:
            minutes = round(LOOSENING_DELAY.total_seconds() / 60)
            self.message_user(request, f"Looser in {minutes} minutes, as it was until then: {', '.join(waiting)}.")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse: an account without limits may not trade."""
        return False


@admin.register(KillSwitch)
class KillSwitchAdmin(ReadOnlyAdmin):
    list_display = ["scope", "target_id", "desk", "is_engaged", "reason", "changed_by", "changed_at", "epoch"]
    list_filter = ["scope", "is_engaged"]


@admin.register(Breach)
class BreachAdmin(ReadOnlyAdmin):
    list_display = ["fired_at", "account", "rule", "instrument", "reason"]
    list_filter = ["rule"]


@admin.register(LevelLimit)
class LevelLimitAdmin(ReadOnlyAdmin):
    list_display = ["level", "target", "name", "figure", "currency", "changed_at"]
    list_filter = ["level", "name"]


@admin.register(LimitChange)
class LimitChangeAdmin(ReadOnlyAdmin):
    list_display = [
        "name",
        "level",
        "target",
        "before",
        "after",
        "asked_by",
        "effective_at",
        "applied_at",
        "withdrawn_at",
    ]
    list_filter = ["level", "name"]
