"""Orders that a fault keeps from trading in full: in pieces, or resting at their protection price."""

from typing import Protocol

from brokers.simulator.fault_rules import FaultKind
from brokers.simulator.faults import KITE, FaultScript
from brokers.simulator.listings import Listing
from brokers.simulator.orders import Moment


class Pieced(Protocol):
    """What is kept of an order that may trade in pieces alone."""

    account: str
    listing: Listing
    tags: tuple[str, ...]
    held: int
    piece: int
    pause_ns: int
    piece_due_ns: int

    @property
    def remaining(self) -> int:
        """Return the quantity neither filled nor cancelled."""
        ...

    @property
    def tradable(self) -> int:
        """Return the quantity that may trade now."""
        ...


def hold_back(order: Pieced, faults: FaultScript, at: Moment, *, venue: str = KITE) -> None:
    """Keep a part of an order that enters the book from trading, where the script says so."""
    is_protected = "mktp" in order.tags
    if is_protected and (fault := faults.take(FaultKind.PROTECTION_RESTS, account=order.account)):
        order.held = order.remaining - _share(order, fault.fraction)
    elif fault := faults.take(FaultKind.PARTIAL_FILLS, account=order.account, venue=venue):
        order.piece = max(_share(order, fault.fraction), order.listing.lot or 1)
        order.held = max(order.remaining - order.piece, 0)
        order.pause_ns = int(fault.seconds * 1e9)
        order.piece_due_ns = at.wall_ns + order.pause_ns


def next_piece(order: Pieced, at: Moment) -> None:
    """Let the next piece go once its pause is over and the last one has traded."""
    if order.piece and order.held and order.tradable == 0 and at.wall_ns >= order.piece_due_ns:
        order.held = max(order.held - order.piece, 0)
        order.piece_due_ns = at.wall_ns + order.pause_ns


def _share(order: Pieced, fraction: float) -> int:
    lot = order.listing.lot or 1
    return int(order.remaining * fraction) // lot * lot
