"""The operator's hand on the market's facts: each change is noted on the audit chain and reaches every desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin import AnyAdmin, ReadOnlyAdmin
from brokers.market_life_load import fact_noted
from brokers.market_models import (
    ContractTerm,
    CurrencyRate,
    InstrumentChange,
    InstrumentList,
    MarketDay,
    MarketYear,
    SessionHours,
    TradingRestriction,
)

if TYPE_CHECKING:
    from accounts.models import User


class FactAdmin(AnyAdmin):
    """Rows that the gate and the calendar read."""

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Keep the row, and let the desks know."""
        super().save_model(request, obj, form, change)
        fact_noted(row=obj, action="change" if change else "enter", by=_by(request), at=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Take the row away, and let the desks know."""
        fact_noted(row=obj, action="delete", by=_by(request), at=timezone.now())
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        """Take rows away one by one, so that each is noted."""
        for row in queryset:
            self.delete_model(request, row)


@admin.register(TradingRestriction)
class TradingRestrictionAdmin(FactAdmin):
    list_display = ["symbol", "exchange", "kind", "since", "until", "source", "note"]
    list_filter = ["kind", "exchange"]
    search_fields = ["symbol"]
    date_hierarchy = "since"


@admin.register(ContractTerm)
class ContractTermAdmin(FactAdmin):
    list_display = ["exchange", "underlying", "effective_from", "freeze_quantity", "lot_size", "source"]
    list_filter = ["exchange"]
    search_fields = ["underlying"]


@admin.register(MarketDay)
class MarketDayAdmin(FactAdmin):
    list_display = ["day", "is_open", "note", "source"]
    date_hierarchy = "day"


@admin.register(MarketYear)
class MarketYearAdmin(FactAdmin):
    list_display = ["year", "source"]


@admin.register(CurrencyRate)
class CurrencyRateAdmin(FactAdmin):
    list_display = ["base", "quote", "rate", "source", "at"]
    list_filter = ["base", "quote"]
    date_hierarchy = "at"


@admin.register(SessionHours)
class SessionHoursAdmin(FactAdmin):
    list_display = [
        "segment",
        "effective_from",
        "continuous_end",
        "entry_cutoff",
        "square_off",
        "is_confirmed",
        "source",
    ]
    list_filter = ["segment", "is_confirmed"]


@admin.register(InstrumentList)
class InstrumentListAdmin(ReadOnlyAdmin):
    list_display = ["venue", "listed", "loaded_at", "refused_at", "refused_reason"]


@admin.register(InstrumentChange)
class InstrumentChangeAdmin(ReadOnlyAdmin):
    list_display = ["changed_on", "venue", "exchange", "symbol", "kind", "before", "after"]
    list_filter = ["kind", "exchange"]
    search_fields = ["symbol"]
    show_full_result_count = False


def _by(request: HttpRequest) -> User | None:
    return request.user if request.user.is_authenticated else None
