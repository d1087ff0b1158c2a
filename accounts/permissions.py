"""What a caller may do, before anything is looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission

from accounts.models import ApiKey
from accounts.selectors import writes_anywhere

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class MayCall(BasePermission):
    """Reads need a signed-in caller; writes a role that may write and, for a key, the scope to trade."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Let the call through, or raise PermissionDenied with the reason's code."""
        if not request.user.is_authenticated:
            return False
        if request.method in SAFE_METHODS:
            return True
        if isinstance(request.auth, ApiKey) and not request.auth.may_trade:
            raise PermissionDenied("This API key may only read.", code="scope.insufficient")
        if not writes_anywhere(request.user):
            raise PermissionDenied("Your role may look but not act.", code="role.insufficient")
        return True
