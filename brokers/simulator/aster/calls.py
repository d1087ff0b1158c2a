"""What every route of the simulated Aster is made of: a read request, a handler, what it costs and asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from brokers.simulator.aster.accounts import PerpetualAccount
from brokers.simulator.aster.contracts import Contract
from brokers.simulator.aster.requests import Fields
from brokers.simulator.aster.security import Security
from brokers.simulator.aster.site import AsterSite

EITHER = ("v1", "v3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that was let in: by whom, in which generation, with which fields."""

    site: AsterSite
    fields: Fields
    is_v3: bool
    user: str

    @property
    def account(self) -> PerpetualAccount:
        return self.site.account(self.user)

    def contract(self) -> Contract:
        """Return the contract that is named; raises `AsterRefusal`."""
        return self.site.venue.engine.contract(self.fields.need("symbol"))

    def row(self, name: str = "symbol") -> int:
        """Return the row of the contract that is named; raises `AsterRefusal`."""
        engine = self.site.venue.engine
        return engine.row_of[engine.contract(self.fields.need(name)).symbol]

    def rows(self) -> list[int]:
        """Return the row of the contract that is named, or all rows."""
        if self.fields.get("symbol"):
            return [self.row()]
        return list(range(len(self.site.venue.market.contracts)))


Weight = Callable[[Fields], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and name with its handler; ``orders`` counts against the account's orders."""

    method: str
    name: str
    handler: Callable[[Call], object]
    weight: Weight
    security: Security
    versions: tuple[str, ...]
    orders: int = 0
    writes_orders: bool = False


def route(
    method: str,
    name: str,
    handler: Callable[[Call], object],
    weight: int | Weight = 1,
    *,
    security: Security = Security.SIGNED,
    versions: tuple[str, ...] = EITHER,
    orders: int = 0,
    writes_orders: bool = False,
) -> Route:
    """Return a route; a weight is a number or depends on what is asked."""
    return Route(
        method=method,
        name=name,
        handler=handler,
        weight=weight if callable(weight) else lambda _: weight,
        security=security,
        versions=versions,
        orders=orders,
        writes_orders=writes_orders,
    )


def by_symbol(with_one: int, without: int) -> Weight:
    """Return a weight that is higher where no symbol is named."""
    return lambda fields: with_one if fields.get("symbol") else without


def by_limit(steps: tuple[tuple[int, int], ...], default: int) -> Weight:
    """Return a weight that grows with the limit: each step is the highest limit and its weight."""

    def weight(fields: Fields) -> int:
        text = fields.get("limit", str(default))
        limit = int(text) if text.isdigit() and len(text) < 9 else default
        return next((cost for most, cost in steps if limit <= most), steps[-1][1])

    return weight
