"""The builder over the API: each view makes one call."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.selectors import desks_to_act_on
from brokers.api.idempotency import once
from brokers.api.lookup import account_of, caller, check_may_write, row_of
from brokers.api.queries import NoQuery, body_of, query_of
from brokers.domain.orders import Product
from options.api.builder_bodies import EvaluateBody, IdQuery, LegsBody, MarginBody, SaveBody, UnderlyingQuery
from options.builder import evaluate
from options.builder_margin import margin_answer
from options.builder_models import Combination
from options.builder_pricing import priced
from options.builder_saved import combination_remove, combination_row, combination_save, combinations_rows
from options.builder_templates import legs_answer, template_legs, templates_answer

EVALUATE = (
    "Profit and loss now, at the what-if's date and at the first expiry, over levels of the underlying: `curve.now`, "
    "`curve.then`, `curve.expiry`, each after the charges of entering. `before_charges` and `after_charges` hold the bounds "
    "and breakevens apart. A bound that is none has `amount` null and says so in words. Each leg is priced at the side that it "
    "trades; one without a sound quote there is refused as `leg.unpriced`. Amounts are text, figures numbers or null."
)


class BuilderTemplates(APIView):
    """`GET /api/options/builder/templates`."""

    @extend_schema(parameters=[UnderlyingQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the templates, and the expiries of an underlying on which they can be built."""
        return Response(templates_answer(caller(request), **query_of(request, UnderlyingQuery)))


class BuilderLegs(APIView):
    """`POST /api/options/builder/legs`."""

    # a question that is too long for an address: who may look may ask it
    permission_classes = [IsAuthenticated]

    @extend_schema(request=LegsBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        """Turn a template into legs, or price legs, at what is bid and asked now."""
        body = body_of(request, LegsBody)
        if ("template" in body) == ("legs" in body):
            message = "Either a template or legs are needed; allowed: one of the two"
            raise ValidationError({"template": [ErrorDetail(message, code="legs.either")]})
        if "legs" in body:
            return Response(legs_answer(caller(request), underlying=body["underlying"], legs=body["legs"]))
        width = body.get("width")
        answer = template_legs(
            caller(request),
            underlying=body["underlying"],
            template=body["template"],
            expiry=body.get("expiry"),
            width=None if width is None else float(width),
            lots=body["lots"],
        )
        return Response(answer)


class BuilderEvaluate(APIView):
    """`POST /api/options/builder/evaluate`."""

    # a question that is too long for an address: who may look may ask it
    permission_classes = [IsAuthenticated]

    @extend_schema(request=EvaluateBody, responses={200: dict}, description=EVALUATE)
    def post(self, request: Request) -> Response:
        """Say what legs come to."""
        body = body_of(request, EvaluateBody)
        answer = evaluate(
            caller(request),
            underlying=body["underlying"],
            legs=body["legs"],
            what_if=body.get("what_if"),
            product=Product(body["product"]),
        )
        return Response(answer)


class BuilderMargin(APIView):
    """`POST /api/options/builder/margin`."""

    @extend_schema(request=MarginBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        """Say what legs would block: by the venue's calculator where it answers, else by an own estimate."""
        body = body_of(request, MarginBody)
        account = account_of(request, body.get("account"))
        product = Product(body["product"])
        found = priced(caller(request), underlying=body["underlying"], legs=body["legs"], product=product)
        return Response(margin_answer(caller(request), found, account=account, product=product))


class BuilderSaved(APIView):
    """`GET`, `POST` and `DELETE /api/options/builder/saved`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """List what the caller's desks have saved."""
        query_of(request, NoQuery)
        rows = combinations_rows(caller(request))
        return Response({"results": rows, "count": len(rows)})

    @extend_schema(request=SaveBody, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Save a combination under a name."""
        body = body_of(request, SaveBody)
        desks = desks_to_act_on(caller(request))
        if not desks:
            raise PermissionDenied("Your role may look but not act.", code="role.insufficient")

        def act(_: str) -> tuple[int, dict[str, Any]]:
            saved = combination_save(
                desk=desks[0],
                name=body["name"],
                underlying=body["underlying"],
                legs=body["legs"],
                may_replace=body["replace"],
                by=caller(request),
                at=timezone.now(),
            )
            row = combination_row(saved)
            return 201, {**row, "saved_at": row["saved_at"].isoformat()}

        return once(request, act)

    @extend_schema(parameters=[IdQuery], responses={200: dict})
    def delete(self, request: Request) -> Response:
        """Take a saved combination away."""
        asked = query_of(request, IdQuery)["id"]
        row = row_of(Combination.objects.all(), request=request, id=asked, word="combination", field="id")
        check_may_write(request, row.desk_id)
        combination_remove(combination=row)
        return Response({"id": str(asked), "state": "deleted"})
