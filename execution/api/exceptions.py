"""The exceptions inbox: listed with its evidence, and settled by a person."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import second_factor
from brokers.api.idempotency import once
from brokers.api.lookup import caller, check_may_write, row_of
from brokers.api.queries import ListQuery, StrictSerializer, body_of
from execution.api.bodies import REASON_LENGTH
from execution.api.reads import ListOfRows
from execution.api.writes import Answer, accepted, moves_real_money, refuse_loosening
from execution.domain.choices import Choice
from execution.exception_settling import exception_settle
from execution.exceptions import exception_rows
from execution.models import Discrepancy

LIST = (
    "What the desk found different and did not repair: `sentence` says what, `found_at` since when, `order`, `positions` and "
    "`journal_seq` are the evidence, `choices` what can be done, each with its consequence. `?state=settled` lists what was "
    "settled, with `resolution`."
)
SETTLE = (
    "Settles an entry: `accept` and `adopt` with a reason, `not_placed` (a person's proof, with a reason), `cancel` the order, "
    "`flatten` the positions by the desk's own exits. `adopt` is offered where the venue alone holds something, and takes the "
    "`quantity` of its choice; another than the entry shows is refused. The desk carries it out once and journals it with the caller's name."
)
REDUCING = (Choice.FLATTEN, Choice.CANCEL)


class ExceptionQuery(ListQuery):
    """`?account=`, `?limit=`, and `?state=` open or settled."""

    state = serializers.ChoiceField(choices=["open", "settled"], required=False, default="open")


class SettleBody(StrictSerializer):
    """An entry, what to do about it, and why."""

    id = serializers.UUIDField()
    choice = serializers.ChoiceField(choices=[choice.value for choice in Choice])
    reason = serializers.CharField(max_length=REASON_LENGTH, required=False, allow_blank=True, default="")
    quantity = serializers.DecimalField(max_digits=24, decimal_places=8, required=False, allow_null=True, default=None)


@extend_schema(parameters=[ExceptionQuery], responses={200: dict}, description=LIST)
class Exceptions(ListOfRows):
    """`GET /api/exceptions`."""

    query = ExceptionQuery
    rows = staticmethod(exception_rows)


class ExceptionSettle(APIView):
    """`POST /api/exceptions/settle`."""

    @extend_schema(request=SettleBody, responses={202: dict}, description=SETTLE)
    def post(self, request: Request) -> Response:
        """Ask the desk for what was chosen."""
        body = body_of(request, SettleBody)
        rows = Discrepancy.objects.select_related("account")
        row: Discrepancy = row_of(rows, request=request, id=body["id"], word="exception", field="id")
        check_may_write(request, row.account.desk_id)
        if body["choice"] not in REDUCING and moves_real_money(row.account):
            refuse_loosening(request, "An exception of real money is settled on the page, not by an API key.")
            second_factor.require(request)

        def act(key: str) -> Answer:
            commands = exception_settle(
                discrepancy=row,
                choice=body["choice"],
                reason=body["reason"],
                quantity=body["quantity"],
                by=caller(request),
                key=key,
                at=timezone.now(),
            )
            return accepted(commands)

        return once(request, act)
