"""The pages of an order's life and of the exceptions inbox. Their figures come from the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.selectors import may_write, writes_anywhere
from execution.models import Order
from execution.rows import order_row

if TYPE_CHECKING:
    from accounts.models import User


@require_safe
@ensure_csrf_cookie
@login_required
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Show one order from its signal to its last fill; another desk's does not exist."""
    user = cast("User", request.user)
    rows = Order.objects.visible_to(user).select_related("account", "deployment", "basket")
    found = rows.filter(pk=order_id).first()
    if found is None:
        raise Http404("There is no such order.")
    data = {"id": str(found.pk), "may_act": may_write(user, found.account.desk_id), "order": order_row(found)}
    return _page(request, "orders/order.html", {"order_data": data})


@require_safe
@ensure_csrf_cookie
@login_required
def exceptions(request: HttpRequest) -> HttpResponse:
    """Show what the desk found different and did not repair, with what can be done about each."""
    data = {"may_act": writes_anywhere(cast("User", request.user))}
    return _page(request, "orders/exceptions.html", {"exceptions_data": data})


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    response = render(request, template, context)
    patch_cache_control(response, private=True, no_store=True)
    return response
