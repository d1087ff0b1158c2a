"""From where an account's orders leave: what may be declared, and who may share it.

Exchanges take API orders from an address that is registered for the account, and let people share one within a
family that has declared itself (NSE/INVG/67858 of 2025-05-05).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from brokers.domain.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another account whose orders leave from the same address."""

    owner_id: str
    label: str


def egress_of(text: str, *, proxies: Collection[str]) -> str:
    """Return an egress address in its one spelling, empty for none; raise Invalid for one that cannot be meant."""
    text = text.strip().rstrip("/")
    if not text:
        return ""
    if "://" in text:
        if text not in {proxy.rstrip("/") for proxy in proxies}:
            raise _invalid(f"{text} is not among the proxies that this desk's operator allows")
        return text
    try:
        address = ip_address(text)
    except ValueError:
        raise _invalid(f"{text} is no address: give one of this machine, such as 203.0.113.7") from None
    if address.is_unspecified or address.is_multicast:
        raise _invalid(f"{text} is no address that orders can leave from")
    return str(address)


def sharing_objection(
    egress: str, *, owner_id: str, neighbours: Iterable[Neighbour], family: Collection[str]
) -> str | None:
    """Object to an address that somebody outside the owner's declared family uses as well."""
    if any(neighbour.owner_id not in {owner_id, *family} for neighbour in neighbours):
        return (
            f"Orders of another person's account leave from {egress} too. The exchanges allow that within a declared "
            "family alone: declare the relation, or give this account an address of its own."
        )
    return None


def is_public(text: str) -> bool:
    """Tell whether an address is one that the world sees, and not one behind a router."""
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


def _invalid(sentence: str) -> Invalid:
    return Invalid(sentence, code="account.egress", field="egress_address")
