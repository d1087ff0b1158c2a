"""How far this machine's clock is from a venue's, as far as the `Date` of an answer tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# A Date header names whole seconds: what it says happened in the second that begins there.
HALF_A_SECOND = timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """Seconds by which the venue's clock is ahead of ours, and how much of that may be the way there."""

    ahead_s: float
    doubt_s: float

    def exceeds(self, tolerance_s: float) -> bool:
        """Tell whether the clocks are further apart than tolerated, whatever the doubt."""
        return abs(self.ahead_s) - self.doubt_s > tolerance_s

    @property
    def sentence(self) -> str:
        """Say which clock is where and what to do about it."""
        where = "behind" if self.ahead_s > 0 else "ahead of"
        return (
            f"This machine's clock is {abs(self.ahead_s):.0f} s {where} the broker's. Sessions, square-offs and the life of "
            "a login go by it: set it by a time server (timedatectl set-ntp true), then test again."
        )


def skew_of(*, said_at: datetime, asked_at: datetime, answered_at: datetime) -> Skew:
    """Compare the `Date` of an answer with the middle of its way there and back."""
    exact = skew_between(said_at=said_at + HALF_A_SECOND, asked_at=asked_at, answered_at=answered_at)
    return Skew(ahead_s=exact.ahead_s, doubt_s=exact.doubt_s + HALF_A_SECOND.total_seconds())


def skew_between(*, said_at: datetime, asked_at: datetime, answered_at: datetime) -> Skew:
    """Compare an exact time in an answer with the middle of its way there and back."""
    on_the_way = answered_at - asked_at
    ahead = said_at - (asked_at + on_the_way / 2)
    return Skew(ahead_s=ahead.total_seconds(), doubt_s=on_the_way.total_seconds() / 2)
