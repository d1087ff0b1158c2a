"""The agents over the API: each view makes one call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.api.idempotency import once
from brokers.api.lookup import NotYours, account_of, accounts_to_act_on, caller, check_may_write, row_of
from brokers.api.queries import NoQuery, StrictBoolean, StrictSerializer, body_of, query_of
from brokers.domain.errors import NotFound
from brokers.models import TradingAccount
from strategies.agent_models import MOST_WATCHED, AgentWatch
from strategies.agent_selectors import agents_board, decision_whole, decisions_listed
from strategies.agent_services import BAR_MINUTES, agent_toggle, round_ask, watch_set, watch_toggle

LONGEST_KEY = 64
MOST_DECISIONS = 200


class DecisionsQuery(NoQuery):
    """`?instrument=` keeps one instrument's decisions."""

    instrument = serializers.CharField(required=False, max_length=LONGEST_KEY)
    limit = serializers.IntegerField(required=False, default=50, min_value=1, max_value=MOST_DECISIONS)


class SetBody(StrictSerializer):
    """What the agents watch, through which of the caller's own accounts; without one the first."""

    instruments = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_KEY), min_length=1, max_length=MOST_WATCHED
    )
    bar_minutes = serializers.ChoiceField(choices=list(BAR_MINUTES), required=False, default=5)
    account = serializers.UUIDField(required=False)


class ToggleBody(StrictSerializer):
    """Which watch, whether it runs; with `agent` that agent alone."""

    id = serializers.UUIDField()
    running = StrictBoolean()
    agent = serializers.CharField(required=False, max_length=LONGEST_KEY)


class Agents(APIView):
    """`GET /api/agents`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """Return the agents at work with their newest votes, the consensus and the records."""
        query_of(request, NoQuery)
        return Response(agents_board(caller(request)))


class AgentDecisions(APIView):
    """`GET /api/agents/decisions`."""

    @extend_schema(parameters=[DecisionsQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List decisions, the newest first."""
        query = query_of(request, DecisionsQuery)
        found = decisions_listed(caller(request), instrument=query.get("instrument"), limit=query["limit"])
        return Response(found)


class AgentDecisionWhole(APIView):
    """`GET /api/agents/decisions/<id>`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request, decision_id: UUID) -> Response:
        """Return a decision's whole record, replayed."""
        query_of(request, NoQuery)
        found = decision_whole(caller(request), decision_id)
        if found is None:
            raise NotFound("there is no such decision", code="decision.unknown", field="id")
        return Response(found)


class AgentsSet(APIView):
    """`POST /api/agents/set`."""

    @extend_schema(request=SetBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Set the agents on instruments and let them run."""
        body = body_of(request, SetBody)
        account = _own_account(request, body.pop("account", None))
        check_may_write(request, account.desk_id)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            watch = watch_set(account=account, by=caller(request), at=timezone.now(), **body)
            transaction.on_commit(lambda: round_ask(watch=watch))
            return 202, _answer(watch)

        return once(request, act)


class AgentsToggle(APIView):
    """`POST /api/agents/toggle`."""

    @extend_schema(request=ToggleBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Start or stop the agents of one account, or one of them."""
        body = body_of(request, ToggleBody)
        row: AgentWatch = row_of(AgentWatch.objects.all(), request=request, id=body["id"], word="watch", field="id")
        check_may_write(request, row.account.desk_id)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            given: dict[str, Any] = {"running": body["running"], "by": caller(request), "at": timezone.now()}
            agent = body.get("agent")
            watch = agent_toggle(watch=row, agent=agent, **given) if agent else watch_toggle(watch=row, **given)
            return 202, _answer(watch)

        return once(request, act)


def _own_account(request: Request, wanted: UUID | None) -> TradingAccount:
    """Find the caller's own account; a colleague's does not exist here, for its prices come by its owner's licence."""
    account = account_of(request, wanted)
    if account is None:
        mine = (one for one in accounts_to_act_on(caller(request)) if one.owner_id == caller(request).pk)
        account = next(mine, None)
        if account is None:
            raise PermissionDenied("No desk on which you may act has an account of yours.", code="role.insufficient")
    if account.owner_id != caller(request).pk:
        said, details = f"There is no account {account.pk}.", {"id": str(account.pk)}
        raise NotYours(said, code="account.unknown", field="account", details=details)
    return account


def _answer(watch: AgentWatch) -> dict[str, Any]:
    return {"id": str(watch.pk), "state": "running" if watch.is_running else "stopped", "stopped": watch.stopped}
