"""A simulated Kite in this process: a made market with a hand-driven clock, called through ASGI."""

import argparse
import hashlib

import httpx

from brokers.simulator.kite_server import KiteApplication
from brokers.simulator.options import add_arguments, build_site

KEY, SECRET = "simulatedkey0001", "simulatedsecret0001"
BASE = "http://127.0.0.1:7070"
SECOND = 10**9


class HandClock:
    """Wall and monotonic time that move only when told to."""

    def __init__(self):
        self.ns = 1_795_150_000 * SECOND

    def __call__(self):
        return self.ns

    def move(self, seconds):
        self.ns += int(seconds * SECOND)


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def a_site(*arguments):
    """A site at 09:16 of 2026-11-20 with faults allowed; its clock is ``site.clock``."""
    clock = HandClock()
    defaults = () if "--replay" in arguments else ("--start", "2026-11-20T09:16:00")
    site = build_site(options("--faults", *defaults, *arguments), wall_ns=clock, monotonic_ns=clock)
    return site, clock


def a_client(site, *, signed_in=True, user=(KEY, SECRET)):
    """An HTTP client of the site, with a live session unless told otherwise."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(KiteApplication(site)), base_url=BASE)
    if signed_in:
        key, secret = user
        app = site.sessions.app(key)
        token = site.sessions.begin(app, site.wall_ns())
        _, access = site.sessions.exchange(key, token, checksum(key, token, secret), site.wall_ns())
        client.headers["Authorization"] = f"token {key}:{access}"
    return client


def checksum(key, token, secret):
    return hashlib.sha256(f"{key}{token}{secret}".encode()).hexdigest()


def access_token(client):
    return client.headers["Authorization"].split(":")[1]


def an_order(**changes):
    """The form of a limit order to buy one RELIANCE far above the market."""
    form = {
        "exchange": "NSE",
        "tradingsymbol": "RELIANCE",
        "transaction_type": "BUY",
        "quantity": "10",
        "product": "MIS",
        "order_type": "LIMIT",
        "price": "1520",
        "validity": "DAY",
    }
    return {name: value for name, value in {**form, **changes}.items() if value is not None}
