"""What the streams ask of the client, and how a failing answer is told from a dead session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from brokers.adapters.aster.market import DepthSnapshot
from brokers.domain.orders import UnreadableRow, VenueOrder, VenuePosition
from brokers.domain.perpetual_terms import VenueFunding

# the code of a refusal to extend a stream's key: it has died, and another must be made
DEAD_KEY = "aster.stream_key"


class StreamCalls(Protocol):
    """One account's calls; each takes its own budget, and raises Retryable, Rejected, NeedsLogin or DataError."""

    async def stream_key(self) -> str: ...

    async def extend_stream_key(self, key: str) -> None: ...

    async def depth(self, symbol: str) -> DepthSnapshot: ...

    async def orders(self) -> Sequence[VenueOrder | UnreadableRow]: ...

    async def positions(self) -> Sequence[VenuePosition | UnreadableRow]: ...

    async def funding(self, since: datetime) -> Sequence[VenueFunding]: ...

    def doubt(self) -> None: ...
