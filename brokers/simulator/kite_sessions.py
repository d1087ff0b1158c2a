"""Who may talk to the simulated Kite: apps, request tokens, access tokens, and the request budgets."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from brokers.simulator.orders import Refusal

REQUEST_TOKEN_LIFE_NS = 5 * 60 * 1_000_000_000
BUDGETS = {"order": 10, "quote": 1, "historical": 3, "other": 10}


class AccountInvalid(Exception):
    """An account was described wrongly on the command line or in the accounts file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One user's Kite Connect app and the money the user starts with, in paise."""

    user_id: str
    api_key: str
    api_secret: str
    redirect_url: str
    cash: int


DEMO_APP = App(
    user_id="AB1234",
    api_key="simulatedkey0001",
    api_secret="simulatedsecret0001",  # noqa: S106 -- the public secret of the simulator's demo account
    redirect_url="http://localhost:8000/brokers/kite/callback",
    cash=100_000_000,
)


def app_from_text(text: str) -> App:
    """Return the app in ``user_id:api_key:api_secret:redirect_url:cash``; the address may hold colons."""
    head, _, cash = text.rpartition(":")
    parts = head.split(":", 3)
    if len(parts) != 4:
        raise AccountInvalid(f"The account {text!r} is not user_id:api_key:api_secret:redirect_url:cash.")
    return _app(*parts, cash=cash)


def apps_from_file(path: Path) -> list[App]:
    """Return the apps in a JSON list of objects with the fields of `App`, cash in rupees."""
    try:
        rows = json.loads(path.read_text())
        return [
            _app(row["user_id"], row["api_key"], row["api_secret"], row["redirect_url"], cash=str(row["cash"]))
            for row in rows
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AccountInvalid(f"The accounts file {path} cannot be used: {error!r}.") from error


def _app(user_id: str, api_key: str, api_secret: str, redirect_url: str, *, cash: str) -> App:
    try:
        paise = round(float(cash) * 100)
    except ValueError:
        raise AccountInvalid(f"The cash {cash!r} of account {user_id!r} is not a number of rupees.") from None
    if not (user_id and api_key and api_secret and redirect_url.startswith(("http://", "https://"))):
        raise AccountInvalid(f"The account {user_id!r} needs an id, a key, a secret and an http address.")
    return App(user_id=user_id, api_key=api_key, api_secret=api_secret, redirect_url=redirect_url, cash=paise)


class Sessions:
    """Apps by key, tokens by life; a new login ends the user's earlier session."""

    def __init__(self, apps: Iterable[App]) -> None:
        self.apps = {app.api_key: app for app in apps}
        self._requests: dict[str, tuple[App, int]] = {}
        self._tokens: dict[str, str] = {}

    def app(self, api_key: str) -> App:
        """Return the app of a key; raises `Refusal` when there is none."""
        app = self.apps.get(api_key)
        if app is None:
            raise Refusal("Invalid `api_key`.", "InputException")
        return app

    def begin(self, app: App, wall_ns: int) -> str:
        """Return a one-time request token, as a finished login gives."""
        token = secrets.token_hex(16)
        self._requests[token] = (app, wall_ns + REQUEST_TOKEN_LIFE_NS)
        return token

    def exchange(self, api_key: str, request_token: str, checksum: str, wall_ns: int) -> tuple[App, str]:
        """Return the app and a new access token; raises `Refusal` for anything stale or wrong."""
        app, expires_ns = self._requests.get(request_token, (None, 0))
        wanted = session_checksum(api_key, request_token, app.api_secret) if app else ""
        valid = app is not None and app.api_key == api_key and wall_ns < expires_ns
        if app is None or not valid or not hmac.compare_digest(wanted.encode(), checksum.encode()):
            raise Refusal("Token is invalid or has expired.", "TokenException", 403)
        del self._requests[request_token]
        self._tokens[app.user_id] = secrets.token_hex(16)
        return app, self._tokens[app.user_id]

    def user(self, api_key: str, access_token: str) -> App:
        """Return whose live session this is; raises `Refusal` (403) when it is dead or unknown."""
        app = self.apps.get(api_key)
        live = self._tokens.get(app.user_id, "") if app else ""
        if app is None or not live or not hmac.compare_digest(live.encode(), access_token.encode()):
            raise Refusal("Incorrect `api_key` or `access_token`.", "TokenException", 403)
        return app

    def user_of_header(self, authorization: str) -> App:
        """Return whose session an ``Authorization: token key:token`` header names."""
        scheme, _, pair = authorization.partition(" ")
        api_key, _, access_token = pair.partition(":")
        if scheme != "token":
            raise Refusal("Incorrect `api_key` or `access_token`.", "TokenException", 403)
        return self.user(api_key, access_token)

    def kill(self, user_id: str) -> None:
        """End a user's session, as a master logout does."""
        self._tokens.pop(user_id, None)


class Budgets:
    """Kite's request budgets by calendar second of the wall clock; off unless asked for."""

    def __init__(self, *, enforced: bool) -> None:
        self.enforced = enforced
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}

    def spend(self, kind: str, scope: str, wall_ns: int) -> None:
        """Count one request; raises `Refusal` (429) beyond the second's budget."""
        if not self.enforced:
            return
        second = wall_ns // 1_000_000_000
        counted, used = self._counts.get((kind, scope), (second, 0))
        used = used + 1 if counted == second else 1
        self._counts[kind, scope] = (second, used)
        if used > BUDGETS[kind]:
            raise Refusal("Too many requests", "NetworkException", 429)


def session_checksum(api_key: str, request_token: str, api_secret: str) -> str:
    """Return hex(sha256(api_key + request_token + api_secret))."""
    return hashlib.sha256(f"{api_key}{request_token}{api_secret}".encode()).hexdigest()
