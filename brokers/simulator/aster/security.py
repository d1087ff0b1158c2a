"""Who calls: both of the venue's signatures verified over the very bytes that were sent, times and nonces held to its rules.

The two digests are the shared pure functions of `brokers.adapters.aster.signing`; which text was signed, the
windows and the nonces are read here, from the request alone.
"""

from __future__ import annotations

import hmac
import re
from bisect import insort
from collections.abc import Iterable
from enum import StrEnum

from brokers.adapters.aster.signing import hmac_hex, recovered_address
from brokers.domain.errors import Invalid
from brokers.simulator.aster.orders import AsterRefusal
from brokers.simulator.aster.traders import Trader
from brokers.simulator.kite_requests import Request

AHEAD_MS, DEFAULT_WINDOW_MS, MOST_WINDOW_MS = 1_000, 5_000, 60_000
NONCE_WINDOW_US = 10_000_000
KEPT_NONCES = 100
OUTSIDE = "Timestamp for this request is outside of the recvWindow."
NONCE_EXPIRED = "Nonce Expired"
_SIGNATURE = re.compile(r"&?signature=[^&]*")


class Security(StrEnum):
    """What an endpoint asks of its caller."""

    OPEN = "open"
    KEYED = "keyed"  # V1: the key's header alone; V3: nothing
    STREAM = "stream"  # V1: the key's header alone; V3: signed
    SIGNED = "signed"


class Doorkeeper:
    """Knows the traders by key and by agent, and which nonces were used."""

    def __init__(self, traders: Iterable[Trader], *, chain_id: int) -> None:
        self.traders = {trader.user.lower(): trader for trader in traders}
        self._by_key = {trader.api_key: trader for trader in self.traders.values()}
        self._chain_id = chain_id
        self._nonces: dict[str, list[int]] = {}

    def admit(self, request: Request, security: Security, *, is_v3: bool, wall_ns: int) -> Trader | None:
        """Return whose request this is, None where nobody asks; raises `AsterRefusal`."""
        if security is Security.OPEN or (security is Security.KEYED and is_v3):
            return None
        if is_v3:
            return self._agent(request, wall_ns // 1_000)
        trader = self._keyed(request)
        if security is Security.SIGNED:
            self._check_time(request, wall_ns // 1_000_000)
            self._check_hmac(request, trader)
        return trader

    # V1 -------------------------------------------------------------------------------------

    def _keyed(self, request: Request) -> Trader:
        key = request.headers.get("x-mbx-apikey", "")
        if not key:
            raise AsterRefusal(-2014, "API-key format invalid.", http=401)
        trader = self._by_key.get(key)
        if trader is None:
            raise _stranger(request)
        return trader

    @staticmethod
    def _check_time(request: Request, now_ms: int) -> None:
        window = _number(request, "recvWindow", DEFAULT_WINDOW_MS)
        timestamp = _number(request, "timestamp", None)
        if not 0 < window <= MOST_WINDOW_MS:
            raise AsterRefusal(-1130, "Data sent for parameter 'recvWindow' is not valid.")
        if timestamp >= now_ms + AHEAD_MS:
            ahead = timestamp - now_ms
            raise AsterRefusal(-1021, f"Timestamp for this request was {ahead}ms ahead of the server's time.")
        if now_ms - timestamp > window:
            raise AsterRefusal(-1021, OUTSIDE)

    @staticmethod
    def _check_hmac(request: Request, trader: Trader) -> None:
        wanted = hmac_hex(trader.api_secret.encode(), signed_text(request))
        if not hmac.compare_digest(wanted, _signature(request).lower()):
            raise AsterRefusal(-1022, "Signature for this request is not valid.")

    # V3 -------------------------------------------------------------------------------------

    def _agent(self, request: Request, now_us: int) -> Trader:
        nonce = _number(request, "nonce", None)
        signer, user = request.get("signer").lower(), request.get("user").lower()
        by_agent = (trader for trader in self.traders.values() if trader.agent.lower() == signer)
        # older callers leave the user out: an agent belongs to one wallet
        trader = self.traders.get(user) if user else next(by_agent, None)
        try:
            recovered = recovered_address(_signature(request), signed_text(request), self._chain_id)
        except Invalid:
            raise AsterRefusal(-1022, "Signature for this request is not valid.") from None
        if recovered.lower() != signer:
            raise AsterRefusal(-1022, "Signature for this request is not valid.")
        if trader is None or trader.agent.lower() != signer:
            raise _stranger(request)
        self._use(trader.user, nonce, now_us)
        return trader

    def _use(self, user: str, nonce: int, now_us: int) -> None:
        """Keep the last hundred nonces of a user: one that is among them, or below them all, has expired."""
        kept = self._nonces.setdefault(user, [])
        is_late = len(kept) >= KEPT_NONCES and nonce < kept[0]
        if abs(nonce - now_us) > NONCE_WINDOW_US or is_late or nonce in kept:
            raise AsterRefusal(-4225, NONCE_EXPIRED)
        insort(kept, nonce)
        del kept[:-KEPT_NONCES]


def signed_text(request: Request) -> str:
    """Return what the caller signed: query and body as sent, without a separator, without the signature."""
    body = request.body.decode("utf-8", "replace") if request.form else ""
    return "".join(_SIGNATURE.sub("", part).removeprefix("&") for part in (request.query_text, body))


def _signature(request: Request) -> str:
    signature = request.get("signature")
    if not signature:
        raise AsterRefusal(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
    return signature


def _number(request: Request, name: str, default: int | None) -> int:
    text = request.get(name)
    if not text and default is not None:
        return default
    if not re.fullmatch("[0-9]{1,18}", text):
        raise AsterRefusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return int(text)


def _stranger(request: Request) -> AsterRefusal:
    text = f"Invalid API-key, IP, or permissions for action, request ip: {request.client}"
    return AsterRefusal(-2015, text, http=401)
