"""Repeats a poll's answer while nothing it depends on has changed: most of a run's polls find nothing new."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from execution.runtime import lease as lease_module
from execution.runtime import store
from tests.simulation import storage

if TYPE_CHECKING:
    from tests.simulation.world import World

POLLS = ("settings_of", "wishes_of", "waiting_commands", "login_facts")


class Answers:
    """The polls of one world; a renewal of the lease changes nothing that they read, but for who may claim it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[object, tuple[int, Any]] = {}
        self._renewals = 0
        self._free_from_ns = 0
        self._candidates_at = -1
        self._polled = {name: getattr(store, name) for name in POLLS}
        self._candidates = lease_module._candidates

    def patches(self) -> list[tuple[object, str, object]]:
        """Return what the product calls instead of its own functions."""
        polls = [(store, name, self._remembering(name)) for name in POLLS]
        return [*polls, (lease_module, "_candidates", self._claimable)]

    def renewing(self, renew: Callable[[], Any]) -> Any:
        """Renew a lease, which is no reason to ask anything anew."""
        before = storage.raw().total_changes
        try:
            return renew()
        finally:
            self._renewals += storage.raw().total_changes - before

    def _changes(self) -> int:
        return storage.raw().total_changes - self._renewals

    def _remembering(self, name: str) -> Callable[..., Any]:
        read = self._polled[name]

        def answer(*arguments: Any) -> Any:
            changes, key = self._changes(), (name, self._world.boot, arguments)
            known = self._known.get(key)
            if known is None or known[0] != changes:
                known = self._known[key] = (self._changes(), read(*arguments))
            return known[1]

        return answer

    def _claimable(self, boot_ns: int) -> list[str]:
        changes = self._changes()
        if changes == self._candidates_at and boot_ns < self._free_from_ns:
            return []
        found = self._candidates(boot_ns)
        held = "SELECT min(expires_ns) FROM execution_lease WHERE owner != '' AND boot_id = ?"
        expiry = storage.raw().execute(held, (self._world.boot_id(),)).fetchone()[0]
        self._candidates_at = self._changes() if not found and expiry is not None else -1
        self._free_from_ns = expiry or 0
        return found
