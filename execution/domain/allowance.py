"""The venue's day of orders: how many of ours and of others it has seen, and where entries and exits end.

The count is the journal's: whoever takes the account over knows it after the replay. Orders placed elsewhere count from
the read of the book that shows them; what was never sent does not count. What the venue refused without a row does.
"""

from __future__ import annotations

from brokers.domain.figures import in_words
from brokers.domain.orders import Book
from execution.domain.commands import Level
from execution.domain.desk import Desk

SOFT_STOP, CAP = "order_soft_stop", "order_cap"
SUBJECT = "orders today"
# Kite's words for a used-up day (support.zerodha.com, "order limits", 2026-07)
_REFUSED_AT_THE_CAP = "maximum allowed order requests"


def used(desk: Desk) -> int:
    """Return how many orders the venue counts today, as far as this desk has seen them."""
    return desk.state.venue_orders.get(desk.venue_day, 0)


def why_no_entry(desk: Desk, book: Book) -> str | None:
    """Return why the venue's day has no room for an entry; paper has no such day."""
    share = desk.config.order_share
    if book is Book.PAPER or used(desk) < share.entries_per_day:
        return None
    return (
        f"{in_words(used(desk))} of the venue's {in_words(share.venue_per_day)} orders a day are used, "
        f"entries end at {in_words(share.entries_per_day)} so that exits still go"
    )


def why_no_exit(desk: Desk, book: Book) -> str | None:
    """Return why not even an exit can be placed any more; cancels and changes do not count and still go."""
    share = desk.config.order_share
    if book is Book.PAPER or used(desk) < share.per_day:
        return None
    kept = share.venue_per_day - share.per_day
    return _call_the_broker(
        f"{in_words(used(desk))} of the venue's {in_words(share.venue_per_day)} orders a day are used, "
        f"and the last {in_words(kept)} are the guardian's, for when no desk is left"
    )


def tell(desk: Desk) -> None:
    """Put the soft stop and the cap into the inbox as they are reached, and take them out on a new day."""
    share = desk.config.order_share
    entry, exit_ = why_no_entry(desk, Book.LIVE), why_no_exit(desk, Book.LIVE)
    if entry is not None and share.entries_per_day:
        desk.discrepancy(SOFT_STOP, SUBJECT, entry)
    if exit_ is not None:
        desk.discrepancy(CAP, SUBJECT, exit_, Level.URGENT)
    if used(desk) == 0:
        for kind in (SOFT_STOP, CAP):
            desk.resolve(kind, SUBJECT, "a new day of orders has begun")


def hear_refusal(desk: Desk, message: str) -> None:
    """Alarm when the venue says that the day is used up, whatever our own count is."""
    if _REFUSED_AT_THE_CAP in message.lower():
        said = f"the venue takes no more orders today (“{message}”, {in_words(used(desk))} counted here)"
        desk.discrepancy(CAP, SUBJECT, _call_the_broker(said), Level.URGENT)


def _call_the_broker(what: str) -> str:
    return f"{what}: nothing more is placed today, exits included. Call the broker to close positions"
