"""Who opens a websocket: a browser by its session, from one of our pages, or a program by its key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http.request import split_domain_port, validate_host
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.authentication import bearer_text
from accounts.middleware import BINDING, is_bound
from accounts.models import User
from accounts.selectors import api_key_find

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

Application = Callable[[dict[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[Any]]


class SocketGate:
    """Marks a websocket's scope with `is_ours`: the host is ours, and so is the page it comes from.

    A program with a key sends no origin and no cookie; a browser always sends the one with the other.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = _headers(scope)
        has_key = bearer_text(headers.get("authorization", "")) is not None
        fits = _is_our_host(headers.get("host", ""))
        if not has_key or "origin" in headers:
            fits = fits and _is_our_origin(headers.get("origin", ""), headers.get("host", ""))
        return await self.application({**scope, "is_ours": fits}, receive, send)


def caller_of(scope: Mapping[str, Any]) -> User | None:
    """Find the active user behind a websocket as the database knows them now."""
    headers = _headers(scope)
    if (text := bearer_text(headers.get("authorization", ""))) is not None:
        key = api_key_find(key=text, at=timezone.now())
        return key.user if key else None
    return _user_of_session(_cookie(headers.get("cookie", "")))


def _user_of_session(session_key: str) -> User | None:
    if not session_key:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore
    session: SessionBase = store(session_key)
    user_id = session.get(SESSION_KEY)
    if user_id is None or session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not is_bound(session.get(BINDING), user):
        return None
    # A changed password ends every session opened with the old one.
    proof = session.get(HASH_SESSION_KEY, "")
    return user if constant_time_compare(proof, user.get_session_auth_hash()) else None


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}


def _cookie(header: str) -> str:
    try:
        cookie = SimpleCookie(header).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def _is_our_host(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _is_our_origin(origin: str, host: str) -> bool:
    parts = urlsplit(origin)
    return origin in settings.CSRF_TRUSTED_ORIGINS or (parts.scheme in {"http", "https"} and parts.netloc == host)
