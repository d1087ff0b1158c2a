"""What a venue told: typed fields, and beside them whatever it told that nobody here has a name for yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRecord:
    """A row of a venue; `extra` keeps its unknown fields, which count for no comparison and show in no log.

    Words of a venue (a status, an exchange, a product) stay text: a new one must not stop a reader.
    """

    extra: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)
