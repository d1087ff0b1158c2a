"""Who trades at the simulated Aster: a wallet with its agent (V3), an older key with its secret (V1), some money."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
KEY = re.compile(r"[0-9A-Za-z]{16,128}")
FIELDS = ("user", "agent", "key", "secret", "usdt", "maker", "taker", "withdraw")


class TraderInvalid(Exception):
    """An account of the simulated Aster was described wrongly; the message is one plain sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """One account: its wallet is its name; fees are fractions, a negative one is a rebate."""

    user: str
    agent: str
    api_key: str
    api_secret: str
    usdt: Decimal = Decimal(100_000)
    maker_fee: Decimal = Decimal("0.0001")
    taker_fee: Decimal = Decimal("0.00035")
    # what a careful desk refuses to work with
    may_withdraw: bool = False

    def __repr__(self) -> str:
        return f"Trader({self.user})"


# The desk's demo signs with this key of the agent below; like every secret here it opens nothing but this simulator.
DEMO_AGENT_KEY = "0x2d7ae3e10171af89349ceb0e1d0ba0686f8778d1cedc35ea2a6b06112366cf16"
DEMO_TRADER = Trader(
    user="0x02a81ADD4642Fa9Cd8ef04e9674E10abBa79014D",
    agent="0xeE35aCf99E890EeA91Fa2279110D9244048941Bd",
    api_key="simulatedasterkey0001simulatedasterkey0001",
    api_secret="simulatedastersecret0001simulatedastersecret0001",  # noqa: S106 -- the public secret of the demo account
)
# Another person's account, which nobody has connected: to try the wizard with.
SPARE_AGENT_KEY = "0xefb21d50ee292f2e990576aa7e3ea1cbcf3bbf24fe3a552058e4ce5624d3e13a"
SPARE_TRADER = Trader(
    user="0x5694e4c7af57BE59BFF606210c227003E16f4dBC",
    agent="0x6B2450187E8dCE0959C51d042b80eD155BeB8308",
    api_key="simulatedasterkey0002simulatedasterkey0002",
    api_secret="simulatedastersecret0002simulatedastersecret0002",  # noqa: S106 -- as public as the first
    usdt=Decimal(50_000),
)

_DEFAULTS = {"usdt": DEMO_TRADER.usdt, "maker": DEMO_TRADER.maker_fee, "taker": DEMO_TRADER.taker_fee}


def trader_from_text(text: str) -> Trader:
    """Return the account in ``user=0x…,agent=0x…,key=…,secret=…`` with ``usdt=``, ``maker=``, ``taker=`` if wanted."""
    given = dict(part.partition("=")[::2] for part in text.split(",") if part)
    unknown = [name for name in given if name not in FIELDS]
    if unknown:
        raise TraderInvalid(f"An Aster account has no field {unknown[0]!r}; it has {', '.join(FIELDS)}.")
    user, agent = given.get("user", ""), given.get("agent", "")
    key, secret = given.get("key", ""), given.get("secret", "")
    if not (ADDRESS.fullmatch(user) and ADDRESS.fullmatch(agent)):
        raise TraderInvalid("An Aster account needs user= and agent=, each 0x and forty hexadecimal digits.")
    if not (KEY.fullmatch(key) and KEY.fullmatch(secret)):
        raise TraderInvalid("An Aster account needs key= and secret=, each 16 letters and digits or more.")
    return Trader(
        user=user,
        agent=agent,
        api_key=key,
        api_secret=secret,
        usdt=_number(given, "usdt"),
        maker_fee=_number(given, "maker"),
        taker_fee=_number(given, "taker"),
        may_withdraw=given.get("withdraw", "no") == "yes",
    )


def text_of_trader(trader: Trader) -> str:
    """Return an account as `trader_from_text` reads it."""
    return (
        f"user={trader.user},agent={trader.agent},key={trader.api_key},secret={trader.api_secret},"
        f"usdt={trader.usdt},maker={trader.maker_fee},taker={trader.taker_fee},"
        f"withdraw={'yes' if trader.may_withdraw else 'no'}"
    )


def _number(given: dict[str, str], name: str) -> Decimal:
    try:
        number = Decimal(given[name]) if name in given else _DEFAULTS[name]
    except InvalidOperation:
        raise TraderInvalid(f"{name}={given[name]} of an Aster account is not a number.") from None
    if not number.is_finite() or (name == "usdt" and number < 0):
        raise TraderInvalid(f"{name}={given[name]} of an Aster account is not a usable number.")
    return number
