"""The operator's view of people, desks and keys; what is append-only can only be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.db.models import Model
from django.http import HttpRequest

from accounts.models import ApiKey, AuditEvent, Desk, KeptAnswer, Membership, Outbox, SignIn, User

if TYPE_CHECKING:
    AnyAdmin = admin.ModelAdmin[Any]
    AnyInline = admin.TabularInline[Any, Any]
    AnyUserAdmin = StockUserAdmin[User]
else:
    AnyAdmin, AnyInline, AnyUserAdmin = admin.ModelAdmin, admin.TabularInline, StockUserAdmin


class ReadOnlyAdmin(AnyAdmin):
    """Shows rows that only the desk's own services may write."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse."""
        return False


class MembershipInline(AnyInline):
    model = Membership
    extra = 0


@admin.register(User)
class UserAdmin(AnyUserAdmin):
    ordering = ["email"]
    list_display = ["email", "name", "zerodha_id", "is_active", "is_staff"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["email", "name", "zerodha_id"]
    readonly_fields = ["joined_at", "last_login"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Person", {"fields": ["name", "zerodha_id"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Times", {"fields": ["last_login", "joined_at"]}),
    ]
    add_fieldsets = [
        (None, {"classes": ["wide"], "fields": ["email", "zerodha_id", "usable_password", "password1", "password2"]})
    ]


@admin.register(Desk)
class DeskAdmin(AnyAdmin):
    list_display = ["name", "created_at"]
    inlines = [MembershipInline]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ["label", "prefix", "user", "scopes", "expires_at", "revoked_at", "last_used_at"]
    search_fields = ["label", "prefix", "user__email"]
    exclude = ["digest"]


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    list_display = ["at", "user", "outcome", "way", "address", "ended_at"]
    list_filter = ["outcome"]
    search_fields = ["user__email", "address"]
    # whoever knows a session's key is signed in by it
    exclude = ["session_key", "device"]


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "action", "actor", "through", "subject", "chain", "seq"]
    list_filter = ["action"]
    search_fields = ["subject", "chain"]
    date_hierarchy = "at"


@admin.register(KeptAnswer)
class KeptAnswerAdmin(ReadOnlyAdmin):
    list_display = ["key", "user", "status", "created_at"]


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "task", "queue", "state", "attempts", "sent_at", "finished_at"]
    list_filter = ["state", "task"]
