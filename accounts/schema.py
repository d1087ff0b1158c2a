"""How the API's schema names what the rooms describe, and describes the two ways of being known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

if TYPE_CHECKING:
    from rest_framework.serializers import Serializer


class RoomSchema(AutoSchema):
    """Names bodies by their room, and operations by their whole address, so that no two share a name."""

    def get_serializer_name(self, serializer: Serializer[Any], direction: Any) -> str:
        """Put the room before the name: OptionsAlertBody and AnalysisAlertBody are two."""
        room = type(serializer).__module__.partition(".")[0]
        return f"{room.title()}{super().get_serializer_name(serializer, direction)}"

    def get_operation_id(self) -> str:
        """Name the method and the address, its parts included."""
        parts = [part.strip("{}").replace("-", "_") for part in self.path.split("/") if part not in {"", "api"}]
        return "_".join([self.method.lower(), *parts])


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = "api key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Describe `Authorization: Bearer KEY`."""
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.BrowserSessionAuthentication"
    name = "browser session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Describe the browser's cookie."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
