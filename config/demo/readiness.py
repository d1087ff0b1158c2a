"""Is the desk up? Asked the way a visitor would: over HTTP, on the loopback address."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from brokers.domain.login_advice import WAITS_FOR_A_PERSON
from config.demo.errors import SetupError
from config.demo.supervisor import Supervisor

READY_WITHIN_S = 120.0
POLL_S = 0.1
ANSWER_WITHIN_S = 2.0


def wait_for(supervisor: Supervisor, what: str, ready: Callable[[], bool]) -> None:
    """Wait until the condition holds, while every process is being watched."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not ready():
        if time.monotonic() > deadline:
            raise SetupError(
                f"{what[0].upper()}{what[1:]} did not come up within {READY_WITHIN_S:g} s; the logs are in {supervisor.state.logs}."
            )
        supervisor.pause(POLL_S)


def healthy(base: str) -> bool:
    """Tell whether the pages are served and find all they depend on."""
    status, _ = fetch(f"{base}/health")
    return status == 200


def feed_live(base: str, key: str) -> bool:
    """Tell whether any account's feed is connected and fresh."""
    status, answer = fetch(f"{base}/api/status", key=key)
    return status == 200 and any(_fresh(feed) for feed in answer.get("feeds", []))


def needs_login(base: str, key: str) -> bool:
    """Tell whether an account lost a session that a login opens; one that a person logged out waits for that person."""
    status, answer = fetch(f"{base}/api/status", key=key)
    return status == 200 and any(
        account.get("venue") == "kite"
        and account.get("state") == "needs_login"
        and account.get("reason") not in WAITS_FOR_A_PERSON
        for account in answer.get("accounts", [])
    )


def fetch(url: str, *, key: str | None = None) -> tuple[int, dict[str, Any]]:
    """Get a JSON document; status 0 when nothing answers."""
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - always our own loopback address
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWER_WITHIN_S) as reply:
            return reply.status, _document(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, {}
    except OSError:
        return 0, {}


def _fresh(feed: dict[str, Any]) -> bool:
    return feed.get("age_s") is not None and not feed.get("stale")


def _document(body: bytes) -> dict[str, Any]:
    parsed = json.loads(body)
    return parsed if isinstance(parsed, dict) else {}
