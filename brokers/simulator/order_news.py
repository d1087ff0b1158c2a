"""News of orders on its way to the users' sockets: on time, or late, twice, or in the wrong order."""

from collections.abc import Callable
from typing import Any

from brokers.simulator.fault_rules import FaultKind
from brokers.simulator.faults import KITE, FaultScript

Payload = dict[str, Any]
Deliver = Callable[[str, Payload], None]


class OrderNews:
    """Hands order payloads to ``deliver`` under the fault script; time is the wall's monotonic clock."""

    def __init__(
        self, *, faults: FaultScript, deliver: Deliver, monotonic_ns: Callable[[], int], venue: str = KITE
    ) -> None:
        self._faults = faults
        self._venue = venue
        self._deliver = deliver
        self._monotonic_ns = monotonic_ns
        self._late: list[tuple[int, str, Payload]] = []
        self._overtaken: list[tuple[int, str, Payload]] = []

    def put(self, user_id: str, payload: Payload) -> None:
        """Deliver one payload, or do to it what the script says."""
        for kind, waiting in ((FaultKind.LATE_FRAMES, self._late), (FaultKind.REORDER_FRAMES, self._overtaken)):
            if fault := self._faults.take(kind, account=user_id, venue=self._venue):
                waiting.append((self._monotonic_ns() + int(fault.seconds * 1e9), user_id, payload))
                return
        self._deliver(user_id, payload)
        if self._faults.take(FaultKind.DUPLICATE_FRAMES, account=user_id, venue=self._venue):
            self._deliver(user_id, payload)
        self._release_overtaken(user_id)

    def deliver_due(self) -> None:
        """Deliver what was held back long enough."""
        now_ns = self._monotonic_ns()
        for waiting in (self._late, self._overtaken):
            due = [entry for entry in waiting if entry[0] <= now_ns]
            waiting[:] = [entry for entry in waiting if entry[0] > now_ns]
            for _, user_id, payload in due:
                self._deliver(user_id, payload)

    def _release_overtaken(self, user_id: str) -> None:
        due = [entry for entry in self._overtaken if entry[1] == user_id]
        self._overtaken[:] = [entry for entry in self._overtaken if entry[1] != user_id]
        for _, _, payload in reversed(due):
            self._deliver(user_id, payload)
