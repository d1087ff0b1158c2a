"""A change of wanted exposure, with its reason in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from brokers.domain.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a deployment wants to hold from now on.

    `exposure` is signed, in [-1, 1]: a share of the deployment's full position.
    """

    deployment_id: str
    instrument: str
    exposure: float
    previous_exposure: float
    reason: str
    bar_end_at: datetime
    decided_at: datetime

    def __post_init__(self) -> None:
        if not -1.0 <= self.exposure <= 1.0:
            raise Invalid(f"exposure must lie in [-1, 1], not {self.exposure}", code="signal.exposure")

    @property
    def is_exit(self) -> bool:
        """Tell whether it wants to be flat."""
        return self.exposure == 0.0
