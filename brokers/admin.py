"""The operator's view of trading accounts, their sessions and the instruments."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import AnyAdmin, ReadOnlyAdmin
from brokers import market_admin  # noqa: F401 - registers the tables of the market
from brokers.models import ListedInstrument, TradingAccount, VenueLogin


@admin.register(TradingAccount)
class TradingAccountAdmin(AnyAdmin):
    list_display = ["label", "venue", "venue_user_id", "desk", "owner", "is_simulated", "is_live", "is_enabled"]
    list_filter = ["venue", "is_simulated", "is_live", "is_enabled"]
    search_fields = ["label", "venue_user_id"]
    # A secret is sealed by the service that takes it; nobody types ciphertext.
    exclude = ["api_secret"]
    # What real money passes is changed by the services behind the Accounts page alone, which test and audit it.
    readonly_fields = [
        "venue",
        "venue_user_id",
        "auth_scheme",
        "api_key",
        "is_testnet",
        "countdown_s",
        "currency",
        "is_simulated",
        "is_live",
        "is_enabled",
        "relation",
        "egress_address",
        "created_at",
    ]


@admin.register(VenueLogin)
class VenueLoginAdmin(ReadOnlyAdmin):
    list_display = ["account", "state", "login_at", "expires_at", "reason"]
    exclude = ["access_token"]


@admin.register(ListedInstrument)
class ListedInstrumentAdmin(ReadOnlyAdmin):
    list_display = ["symbol", "exchange", "kind", "name", "expiry", "strike", "lot_size", "tick_size", "listed_on"]
    list_filter = ["exchange", "kind"]
    search_fields = ["symbol", "name"]
    show_full_result_count = False
