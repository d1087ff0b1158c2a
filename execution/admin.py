"""The operator's view of the journal and what is projected from it: to read, never to write."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from execution.basket_models import Basket
from execution.models import Command, Discrepancy, EquityPoint, Fill, JournalEvent, Lease, Order, PositionRow


@admin.register(JournalEvent)
class JournalEventAdmin(ReadOnlyAdmin):
    list_display = ["seq", "at", "kind", "account", "lease_token"]
    list_filter = ["kind"]
    show_full_result_count = False


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = [
        "created_at",
        "client_id",
        "instrument",
        "side",
        "quantity",
        "filled_quantity",
        "status",
        "book",
        "origin",
    ]
    list_filter = ["status", "book", "origin", "venue_day"]
    search_fields = ["client_id", "venue_order_id", "instrument"]


@admin.register(Basket)
class BasketAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "name", "account", "book", "policy", "state", "reason"]
    list_filter = ["state", "book", "policy"]


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    list_display = ["filled_at", "instrument", "side", "quantity", "price", "book", "trade_id"]
    list_filter = ["book", "venue_day"]


@admin.register(PositionRow)
class PositionRowAdmin(ReadOnlyAdmin):
    list_display = ["instrument", "book", "product", "quantity", "average_price", "realised_today_quote", "updated_at"]
    list_filter = ["book"]


@admin.register(EquityPoint)
class EquityPointAdmin(ReadOnlyAdmin):
    list_display = ["market_at", "account", "book", "net_quote"]


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    list_display = ["requested_at", "kind", "state", "outcome", "account", "requested_by"]
    list_filter = ["state", "kind"]


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyAdmin):
    list_display = ["found_at", "kind", "subject", "sentence", "resolved_at", "resolution"]
    list_filter = ["kind"]


@admin.register(Lease)
class LeaseAdmin(ReadOnlyAdmin):
    list_display = ["account", "owner", "token", "wants_to_run", "renewed_at"]
