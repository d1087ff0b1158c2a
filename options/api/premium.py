"""The combined premium of chosen legs over the API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.api.lookup import caller
from brokers.api.queries import query_of
from options.api.views import UnderlyingQuery
from options.premium import premium


class PremiumQuery(UnderlyingQuery):
    """`?legs=` are SIDE:instrument:lots with commas between them; without `?day=` the newest that is kept."""

    legs = serializers.CharField(max_length=1024)
    day = serializers.DateField(required=False)


class PremiumView(APIView):
    """`GET /api/options/premium`."""

    @extend_schema(parameters=[PremiumQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Give what the legs cost together through a kept day."""
        return Response(premium(caller(request), **query_of(request, PremiumQuery)))
