"""What a venue says of an account, as its desk last published it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.api.lookup import account_of, caller
from brokers.api.queries import AccountQuery, ListQuery, query_of
from brokers.hub import snapshots, topic_of
from brokers.models import TradingAccount

TOPIC = "venue"
SOURCE = "desk"


class Profile(APIView):
    """`GET /api/profile`."""

    @extend_schema(parameters=[AccountQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List each account's profile at its venue, null while its desk has not read it."""
        rows = [
            {**_head(account), "profile": said.get("profile"), **_age(said)}
            for account, said in _published(request, AccountQuery)
        ]
        return Response(_listed(rows))


class Margins(APIView):
    """`GET /api/margins`."""

    @extend_schema(parameters=[AccountQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List each account's margins by segment."""
        rows = [
            {**_head(account), "segments": _segments(account, said), **_age(said)}
            for account, said in _published(request, AccountQuery)
        ]
        return Response(_listed(rows))


class Holdings(APIView):
    """`GET /api/holdings`."""

    @extend_schema(parameters=[ListQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List what the accounts hold beyond the day."""
        limit = query_of(request, ListQuery)["limit"]
        rows = [
            {**_holding(account, row), **_age(said)}
            for account, said in _published(request, ListQuery)
            for row in said.get("holdings") or []
        ]
        return Response(_listed(rows[:limit]))


def _published(request: Request, query: type[AccountQuery]) -> list[tuple[TradingAccount, dict[str, Any]]]:
    """Pair each account the caller asks for with what its desk published, nothing when it has not."""
    only = account_of(request, query_of(request, query).get("account"))
    rows = TradingAccount.objects.visible_to(caller(request)).select_related("login").order_by("created_at")
    accounts = list(rows.filter(pk=only.pk) if only else rows)
    frames = snapshots([topic_of(str(account.id), TOPIC) for account in accounts])
    found = []
    for account in accounts:
        frame = frames.get(topic_of(str(account.id), TOPIC), {})
        found.append((account, {**frame.get("data", {}), "at": frame.get("at")}))
    return found


def _head(account: TradingAccount) -> dict[str, Any]:
    login = getattr(account, "login", None)
    return {
        "account": str(account.id),
        "venue": account.venue,
        "label": account.label,
        "venue_user_id": account.venue_user_id,
        "state": login.state if login else "needs_login",
    }


def _segments(account: TradingAccount, said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        row["segment"]: {
            **{name: f"{Decimal(row[name]):f}" for name in ("available", "used", "net")},
            "currency": account.currency,
        }
        for row in said.get("margins") or []
    }


def _holding(account: TradingAccount, row: Mapping[str, Any]) -> dict[str, Any]:
    """Name a holding in our words; figures that the venue does not give are null."""
    figures = {
        "quantity": "quantity",
        "unsettled_quantity": "t1_quantity",
        "average_price": "average_price",
        "last_price": "last_price",
        "pnl_unrealised": "pnl",
    }
    return {
        "account": str(account.id),
        "venue": account.venue,
        "symbol": f"{row.get('exchange', '')}:{row.get('tradingsymbol', '')}",
        **{ours: None if row.get(theirs) is None else str(row[theirs]) for ours, theirs in figures.items()},
        "currency": account.currency,
    }


def _age(said: dict[str, Any]) -> dict[str, Any]:
    return {"as_of": said.get("as_of") or said["at"], "source": said.get("source") or SOURCE}


def _listed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"results": list(rows), "count": len(rows)}
