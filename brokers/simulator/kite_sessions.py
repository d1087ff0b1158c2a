"""Who may talk to the simulated Kite: apps, request tokens, access tokens.

An access token lives until 06:00 Indian time of the market's next day, or until the next login.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path

from brokers.simulator.orders import Refusal
from brokers.simulator.sessions import SECOND_NS, epoch_s, ist

DEAD = "Incorrect `api_key` or `access_token`."
SPENT = "Token is invalid or has expired."
NOT_BOUND = "That API call is not allowed for the authenticated user"
DAWN = time(6, 0)
REQUEST_TOKEN_LIFE_NS = 5 * 60 * 1_000_000_000


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
# Another person's app, which nobody has connected: the demo's second account to try the wizard with.
SPARE_APP = App(
    user_id="CD5678",
    api_key="simulatedkey0002",
    api_secret="simulatedsecret0002",  # noqa: S106 -- as public as the first
    redirect_url=DEMO_APP.redirect_url,
    cash=50_000_000,
)


def text_of_app(app: App) -> str:
    """Return an app as `app_from_text` reads it, cash in rupees."""
    return f"{app.user_id}:{app.api_key}:{app.api_secret}:{app.redirect_url}:{app.cash / 100:g}"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A finished login that waits for its exchange: for which app, by whom, until when."""

    app: App
    user_id: str
    expires_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A live session: its token and the market time at which it dies."""

    access_token: str
    dies_ns: int


class Sessions:
    """Apps by key, tokens by life; a new login ends the user's earlier session."""

    def __init__(self, apps: Iterable[App], *, endless: bool = False, renewable: bool = False) -> None:
        self.apps = {app.api_key: app for app in apps}
        self.endless = endless
        # Approved platforms alone get refresh tokens.
        self.renewable = renewable
        self.market_ns: Callable[[], int] = lambda: 0
        self._logins: dict[str, Login] = {}
        self._live: dict[str, Session] = {}
        self._refresh: dict[str, App] = {}

    def app(self, api_key: str) -> App:
        """Return the app of a key; raises `Refusal` when there is none."""
        app = self.apps.get(api_key)
        if app is None:
            raise Refusal("Invalid `api_key`.", "InputException")
        return app

    def begin(self, app: App, wall_ns: int, user_id: str = "") -> str:
        """Return a one-time request token, as a finished login gives; the user is the app's own unless named."""
        token = secrets.token_hex(16)
        self._logins[token] = Login(app=app, user_id=user_id or app.user_id, expires_ns=wall_ns + REQUEST_TOKEN_LIFE_NS)
        return token

    def exchange(self, api_key: str, request_token: str, checksum: str, wall_ns: int) -> tuple[App, str]:
        """Return the app and a new access token; raises `Refusal` for anything stale, wrong or somebody else's."""
        login = self._logins.get(request_token)
        if login is None or login.app.api_key != api_key or wall_ns >= login.expires_ns:
            raise Refusal(SPENT, "TokenException", 403)
        wanted = session_checksum(api_key, request_token, login.app.api_secret)
        if not hmac.compare_digest(wanted.encode(), checksum.encode()):
            raise Refusal(SPENT, "TokenException", 403)
        del self._logins[request_token]
        if login.user_id != login.app.user_id:
            raise Refusal(NOT_BOUND, "PermissionException", 403)
        access_token = secrets.token_hex(16)
        self.open(login.app.user_id, access_token)
        return login.app, access_token

    def refresh_token(self, app: App) -> str:
        """Return a new refresh token, or nothing where the platform is not approved for it."""
        if not self.renewable:
            return ""
        token = secrets.token_hex(16)
        self._refresh[token] = app
        return token

    def renew(self, api_key: str, refresh_token: str, checksum: str) -> tuple[App, str]:
        """Return the app and a new access token for a refresh token, which serves once; raises `Refusal`."""
        app = self._refresh.get(refresh_token)
        wanted = session_checksum(api_key, refresh_token, app.api_secret) if app else ""
        known = app is not None and app.api_key == api_key
        if app is None or not known or not hmac.compare_digest(wanted.encode(), checksum.encode()):
            raise Refusal(SPENT, "TokenException", 403)
        del self._refresh[refresh_token]
        access_token = secrets.token_hex(16)
        self.open(app.user_id, access_token)
        return app, access_token

    def revoke(self, api_key: str, refresh_token: str) -> None:
        """Forget a refresh token; raises `Refusal` when it is not the app's."""
        app = self._refresh.get(refresh_token)
        if app is None or app.api_key != api_key:
            raise Refusal(SPENT, "TokenException", 403)
        del self._refresh[refresh_token]

    def open(self, user_id: str, access_token: str) -> None:
        """Let a token be the user's live session until the market's next 06:00."""
        self._live[user_id] = Session(access_token=access_token, dies_ns=next_dawn_ns(self.market_ns()))

    def user(self, api_key: str, access_token: str) -> App:
        """Return whose live session this is; raises `Refusal` (403) when it is dead or unknown."""
        app = self.apps.get(api_key)
        live = self._live.get(app.user_id) if app else None
        alive = live is not None and (self.endless or self.market_ns() < live.dies_ns)
        if app is None or live is None or not alive:
            raise Refusal(DEAD, "TokenException", 403)
        if not hmac.compare_digest(live.access_token.encode(), access_token.encode()):
            raise Refusal(DEAD, "TokenException", 403)
        return app

    def user_of_header(self, authorization: str) -> App:
        """Return whose session an ``Authorization: token key:token`` header names."""
        scheme, _, pair = authorization.partition(" ")
        api_key, _, access_token = pair.partition(":")
        if scheme != "token":
            raise Refusal(DEAD, "TokenException", 403)
        return self.user(api_key, access_token)

    def dead_by(self, market_ns: int) -> list[str]:
        """Return the users whose sessions have reached their end but were not ended yet."""
        return [] if self.endless else [user for user, live in self._live.items() if live.dies_ns <= market_ns]

    def kill(self, user_id: str) -> bool:
        """End a user's session, as a master logout does; False when there was none."""
        return self._live.pop(user_id, None) is not None


def next_dawn_ns(market_ns: int) -> int:
    """Return the first 06:00 Indian time after an instant."""
    at = ist(market_ns)
    day = at.date() if at.time() < DAWN else at.date() + timedelta(days=1)
    return epoch_s(day, DAWN) * SECOND_NS


def session_checksum(api_key: str, request_token: str, api_secret: str) -> str:
    """Return hex(sha256(api_key + request_token + api_secret))."""
    return hashlib.sha256(f"{api_key}{request_token}{api_secret}".encode()).hexdigest()
