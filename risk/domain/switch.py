"""Kill switches: entries stop while one is engaged, exits never do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchState:
    """One switch; the epoch grows by one with every change and voids what was approved before."""

    is_engaged: bool = False
    reason: str = ""
    epoch: int = 0


RELEASED = SwitchState()


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """The switches above one account: its desk's, its own, and its deployments' by id."""

    desk: SwitchState = RELEASED
    account: SwitchState = RELEASED
    deployments: Mapping[str, SwitchState] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Return the sum of all epochs: it differs after any change of any switch."""
        return self.desk.epoch + self.account.epoch + sum(s.epoch for s in self.deployments.values())

    def objection(self, deployment_id: str | None) -> str | None:
        """Object to entries of a deployment, naming the widest switch that is engaged."""
        own = self.deployments.get(deployment_id or "", RELEASED)
        for name, switch in (("desk", self.desk), ("account", self.account), ("strategy", own)):
            if switch.is_engaged:
                because = f": {switch.reason}" if switch.reason else ""
                return f"the {name}'s kill switch is engaged{because}"
        return None
