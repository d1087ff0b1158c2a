"""What a caller may do, before anything is looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission

from accounts.selectors import writes_anywhere

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class MayCall(BasePermission):
    """Reads need a signed-in caller, writes a role that may write; a key's scopes were judged when it was recognised."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Let the call through, or raise PermissionDenied with the reason's code."""
        if not request.user.is_authenticated:
            return False
        if request.method in SAFE_METHODS:
            return True
        if not writes_anywhere(request.user):
            raise PermissionDenied("Your role may look but not act.", code="role.insufficient")
        return True
