"""A person's own API keys over the API: listed and revoked; they are made on the page, where a person is."""

from __future__ import annotations

from typing import Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.selectors import api_key_of, api_keys_listed
from accounts.services import api_key_revoke


class RevokeBody(serializers.Serializer[Any]):
    """Which key."""

    id = serializers.UUIDField()


class Keys(APIView):
    """`GET /api/account/keys`."""

    # one's own, whatever one's role on a desk
    permission_classes = [IsAuthenticated]

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """List one's own keys, those that are over too; no key's text is kept."""
        rows = api_keys_listed(cast("User", request.user), at=timezone.now())
        return Response({"results": rows, "count": len(rows)})


class KeyRevoke(APIView):
    """`POST /api/account/keys/revoke`."""

    permission_classes = [IsAuthenticated]

    @extend_schema(request=RevokeBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        """Cut one of one's own keys off; one that is off stays off."""
        body = RevokeBody(data=request.data)
        body.is_valid(raise_exception=True)
        user = cast("User", request.user)
        key = api_key_of(user, body.validated_data["id"])
        if key is None:
            raise NotFound("There is no such key.", code="key.unknown")
        api_key_revoke(key=key, at=timezone.now(), by=user)
        return Response({"id": str(key.pk), "state": "revoked"})
