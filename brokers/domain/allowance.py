"""How many calls a venue allows, and how a desk divides them: its own share, the guardian's, a reserve for exits."""

from __future__ import annotations

from dataclasses import dataclass, fields

from brokers.domain.errors import Invalid

# of every limit, so that calls a quarter of a second late still fall into a second that has room for them
PACE_FRACTION = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShare:
    """What one owner of an account may send: places, changes and cancels by second and minute, places by day.

    Entries end at the lower numbers; what is between these and the upper ones is kept for exits and cancels.
    """

    per_second: int
    per_minute: int
    entries_per_minute: int
    per_day: int
    entries_per_day: int
    venue_per_day: int
    modifications_per_order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAllowance:
    """A venue's limits and the desk's division of them; the defaults are Kite's.

    Zerodha counts orders per account by the second of its own clock (10), the minute (400) and the day (5,000, on all
    platforms, refused ones included), and 25 modifications of one order; at the day's end of them even exits are
    refused (kite.trade/docs, "Exceptions and errors", 2026-07).
    """

    orders_per_second: int = 10
    orders_per_minute: int = 400
    orders_per_day: int = 5_000
    entries_per_day: int = 4_500
    exits_per_minute_reserved: int = 40
    modifications_per_order: int = 25
    guardian_orders_per_second: int = 2
    guardian_orders_per_minute: int = 40
    guardian_orders_per_day: int = 50
    quotes_per_second: float = 1.0
    history_per_second: float = 3.0
    reads_per_second: float = 10.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise Invalid(f"{field.name} must be above 0", code="allowance.not_positive", field=field.name)
        self._require_room("guardian_orders_per_second", self.orders_per_second)
        self._require_room("guardian_orders_per_day", self.orders_per_day)
        reserved = self.guardian_orders_per_minute + self.exits_per_minute_reserved
        if reserved >= self.orders_per_minute:
            raise Invalid(
                f"the guardian and the exits are kept {reserved} of {self.orders_per_minute} orders a minute: "
                "nothing is left for entries",
                code="allowance.no_room",
                field="orders_per_minute",
            )
        if self.entries_per_day > self.orders_per_day - self.guardian_orders_per_day:
            raise Invalid(
                f"entries end at {self.entries_per_day} orders, of {self.orders_per_day} a day "
                f"{self.guardian_orders_per_day} are the guardian's",
                code="allowance.no_room",
                field="entries_per_day",
            )

    @property
    def desk(self) -> OrderShare:
        """What the desk may send: all but the guardian's share."""
        per_minute = self.orders_per_minute - self.guardian_orders_per_minute
        return OrderShare(
            per_second=self.orders_per_second - self.guardian_orders_per_second,
            per_minute=per_minute,
            entries_per_minute=per_minute - self.exits_per_minute_reserved,
            per_day=self.orders_per_day - self.guardian_orders_per_day,
            entries_per_day=self.entries_per_day,
            venue_per_day=self.orders_per_day,
            modifications_per_order=self.modifications_per_order,
        )

    @property
    def guardian(self) -> OrderShare:
        """What the guardian may send; it enters nothing, and its minute and day begin where the desk's end.

        It counts what the desk sent before it: of the whole minute at least its own part is then left.
        """
        return OrderShare(
            per_second=self.guardian_orders_per_second,
            per_minute=self.orders_per_minute,
            entries_per_minute=0,
            per_day=self.orders_per_day,
            entries_per_day=0,
            venue_per_day=self.orders_per_day,
            modifications_per_order=self.modifications_per_order,
        )

    def reads(self) -> dict[str, float]:
        """Return how many calls of each kind that reads go out in a second, evenly spaced."""
        return {
            "read": self.reads_per_second * PACE_FRACTION,
            "quote": self.quotes_per_second * PACE_FRACTION,
            "history": self.history_per_second * PACE_FRACTION,
        }

    def most_reads(self) -> dict[str, int]:
        """Return how many calls of each kind the venue may get in any one second."""
        return {
            "read": max(int(self.reads_per_second), 1),
            "quote": max(int(self.quotes_per_second), 1),
            "history": max(int(self.history_per_second), 1),
        }

    def _require_room(self, name: str, whole: int) -> None:
        if getattr(self, name) >= whole:
            raise Invalid(f"{name} must be below {whole}", code="allowance.no_room", field=name)


KITE_ALLOWANCE = VenueAllowance()
# Aster counts orders per account by ten seconds (300) and by the minute (1,200), never by the day; a day of full
# minutes stands for its end. One order may be changed 10,000 times (exchangeInfo and the V3 document, 2026-06).
ASTER_ALLOWANCE = VenueAllowance(
    orders_per_second=28,
    orders_per_minute=1_140,
    orders_per_day=1_640_000,
    entries_per_day=1_500_000,
    exits_per_minute_reserved=200,
    modifications_per_order=10_000,
    guardian_orders_per_second=4,
    guardian_orders_per_minute=100,
    guardian_orders_per_day=100_000,
)
