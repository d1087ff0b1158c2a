"""Answers to requests that reach no view, or whose view failed."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist

from brokers.api.errors import body


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:  # noqa: ARG001 - Django's signature
    """Answer a request that Django itself found wrong."""
    return _answer(request, 400, "request.invalid", "The request cannot be read.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:  # noqa: ARG001 - Django's signature
    """Answer a request that is not allowed."""
    return _answer(request, 403, "role.insufficient", "This is not open to you.")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:  # noqa: ARG001 - Django's signature
    """Answer a request for an address that does not exist."""
    return _answer(request, 404, "not_found", "There is nothing at this address.")


def failed(request: HttpRequest) -> HttpResponseBase:
    """Answer a request whose view failed; the log has the reason."""
    return _answer(request, 500, "internal", "The desk failed to answer; its log has the reason.")


def forbidden_by_csrf(request: HttpRequest, reason: str = "") -> HttpResponseBase:  # noqa: ARG001 - Django's signature
    """Answer a form whose token is missing or old."""
    return _answer(request, 403, "csrf.failed", "The page is older than your session: reload it and try again.")


def _answer(request: HttpRequest, status: int, code: str, message: str) -> HttpResponseBase:
    if request.path.startswith("/api/"):
        return JsonResponse(body(code, message), status=status)
    try:
        return render(request, "error.html", {"status": status, "code": code, "message": message}, status=status)
    except TemplateDoesNotExist:
        return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")


def nothing_here(request: HttpRequest, rest: str) -> HttpResponseBase:  # noqa: ARG001 - the address's own part
    """Answer for an API address that does not exist, the same for everybody."""
    return not_found(request)
