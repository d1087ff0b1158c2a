"""The Operations page of the demo: how the desk's processes are, and the simulated exchange's faults.

Its addresses exist in the demo alone. To whom no desk belongs and who is no staff, they do not exist either.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Membership, Role
from brokers.api.errors import body
from config import exchange_faults, operations_state
from config.exchange_faults import ExchangeAway, FaultRefused

if TYPE_CHECKING:
    from accounts.models import User

logger = logging.getLogger(__name__)


@require_safe
@ensure_csrf_cookie
@login_required
def page(request: HttpRequest) -> HttpResponse:
    """Show the page; its figures come from `state`."""
    _check_may_see(request)
    response = render(request, "operations.html")
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_safe
@never_cache
@login_required
def state(request: HttpRequest) -> JsonResponse:
    """Answer with everything the page shows, as it is now."""
    _check_may_see(request)
    return JsonResponse(operations_state.state(cast("User", request.user), now=timezone.now()))


@require_POST
@login_required
def switch(request: HttpRequest) -> JsonResponse:
    """Switch one fault on or off at the simulated exchange, and answer with what it says."""
    _check_may_see(request)
    try:
        asked = _asked(request)
        answer = exchange_faults.switch(kind=asked["kind"], is_on=asked["on"], fields=asked["fields"])
    except FaultRefused as refused:
        details = {"allowed": refused.allowed} if refused.allowed else None
        return JsonResponse(body("fault.refused", refused.message, field=refused.field, details=details), status=400)
    except ExchangeAway as away:
        return JsonResponse(body("exchange.away", str(away)), status=503)
    logger.info("fault_switched", extra={"kind": asked["kind"], "on": asked["on"], "by": str(request.user.pk)})
    return JsonResponse(answer)


def _asked(request: HttpRequest) -> dict[str, Any]:
    try:
        asked = json.loads(request.body)
    except ValueError:
        asked = None
    if not isinstance(asked, Mapping) or not isinstance(asked.get("on"), bool):
        raise FaultRefused("Say which fault, and whether it shall be on.", field="on", allowed="true or false")
    fields = asked.get("fields") or {}
    if not isinstance(fields, Mapping):
        raise FaultRefused("The fields of a fault are an object.", field="fields", allowed="an object")
    return {"kind": str(asked.get("kind", "")), "on": asked["on"], "fields": dict(fields)}


def _check_may_see(request: HttpRequest) -> None:
    user = request.user
    owns = Membership.objects.filter(user=user.pk, role=Role.OWNER, is_active=True).exists()
    if not (getattr(user, "is_staff", False) or owns):
        raise Http404
